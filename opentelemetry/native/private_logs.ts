import type { LoggerProvider as ApiLoggerProvider } from "@opentelemetry/api";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { diagnose, diagnoseFailure } from "../../ctx/diagnostics.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { ConsoleLogProcessor } from "../console.ts";
import { Delivery } from "../export/delivery.ts";
import type { Queue } from "../exit/ending.ts";
import type { Endpoint } from "../configuration/endpoint.ts";
import { Environment, granted } from "../configuration/environment.ts";
import { createLogExporter } from "../export/exporter.ts";
import { LogBatchProcessor } from "../export/processors.ts";
import { createResource } from "../resource.ts";
import { NO_STATS, readStats, type Stats } from "../export/statistics.ts";
import { Way } from "../export/way.ts";

/** A logger provider of the library's own, beside providers of somebody else who have none. */
export interface PrivateLogs {
  readonly provider: ApiLoggerProvider;
  readonly queues: readonly Queue[];
  readonly deliveries: readonly Delivery[];
  readonly way?: Way;
  stats(): Stats;
  flush(timeoutMillis: number): Promise<void>;
  shutdown(timeoutMillis: number): Promise<void>;
}

/**
 * Under Deno's built-in OpenTelemetry logs go where its spans go, as records with attributes. Where that cannot be
 * known or reached, and beside any other engine, they are lines on the console, which Deno's engine exports as text,
 * with the span they belong to.
 */
export function createPrivateLogs(configuration: Configuration, native: boolean): PrivateLogs {
  const output = native ? nativeOutput(configuration) : "console";
  const resource = createResource(configuration);
  if (output === "none") return withoutDelivery(new LoggerProvider({ resource }));
  if (output === "console") {
    return withoutDelivery(
      new LoggerProvider({ resource, processors: [new ConsoleLogProcessor(configuration.redactor)] }),
    );
  }
  const way = new Way(configuration.shutdownTimeoutMillis);
  const delivery = new Delivery("logs", output, way);
  const exporter = createLogExporter(output, delivery, configuration.redactor);
  const processor = new LogBatchProcessor(exporter, configuration.logBatches, delivery);
  const provider = new LoggerProvider({
    resource,
    processors: [processor],
    logRecordLimits: configuration.logLimits,
  });
  return {
    provider,
    queues: [processor.batches],
    deliveries: [delivery],
    way,
    stats: () => readStats({ logs: processor, deliveries: [delivery] }),
    async flush(timeoutMillis: number): Promise<void> {
      await attempt(() => provider.forceFlush());
      await delivery.flush(timeoutMillis);
    },
    async shutdown(timeoutMillis: number): Promise<void> {
      await attempt(() => provider.shutdown());
      await delivery.shutdown(timeoutMillis);
      await way.close();
    },
  };
}

function withoutDelivery(provider: LoggerProvider): PrivateLogs {
  const done = () => Promise.resolve();
  return { provider, queues: [], deliveries: [], stats: () => NO_STATS, flush: done, shutdown: done };
}

function nativeOutput({ outputs: { logs } }: Configuration): Endpoint | "console" | "none" {
  if (logs === "none") return "none";
  if (logs === "console") return "console";
  const protocol = new Environment().get("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol === "grpc" || protocol === "console") return asText(`Deno exports by '${protocol}'`);
  const { hostname, port, protocol: scheme } = new URL(logs.url);
  const host = `${hostname}:${port || (scheme === "https:" ? 443 : 80)}`;
  if (granted({ name: "net", host })) return logs;
  return asText(`the collector needs the permission --allow-net=${host}`);
}

/** Where Deno's engine exports to when nobody says anything, as far as that can be told. */
export function nativeEndpoint(environment: Environment): { readonly otlpEndpoint?: string } {
  if (environment.restricted) {
    asText("where Deno exports to is not known without the permission --allow-env=OTEL_*");
    return {};
  }
  const given = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"];
  // Deno Deploy exports to a collector of its own, which nobody else can reach.
  const deploy = ["DENO_DEPLOY", "DENO_DEPLOYMENT_ID"];
  const known = [...given, ...deploy].some((name) => environment.get(name) !== undefined);
  return known ? {} : { otlpEndpoint: "http://localhost:4318" };
}

function asText(why: string): "console" {
  diagnose(
    "native:logs",
    `Logs go to the console, for Deno's built-in OpenTelemetry to export as text: ${why}`,
  );
  return "console";
}

async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    diagnoseFailure("export logs", error);
  }
}
