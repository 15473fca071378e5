/**
 * Programs that set OpenTelemetry up by themselves, with other versions than the library's, each of which registers
 * providers that export to the receiver named by `ENDPOINT`, and says nothing of this library. They run without
 * the lock, which holds one version of each package.
 *
 * @module
 */

import type { OtlpReceiver } from "./receiver.ts";
import { type Ran, type Running, start } from "./subprocess.ts";

const exporters = (version: string) => `
import { OTLPTraceExporter } from "npm:@opentelemetry/exporter-trace-otlp-http@${version}";
import { OTLPMetricExporter } from "npm:@opentelemetry/exporter-metrics-otlp-http@${version}";
import { OTLPLogExporter } from "npm:@opentelemetry/exporter-logs-otlp-http@${version}";
const endpoint = Deno.env.get("ENDPOINT");
const traceExporter = new OTLPTraceExporter({ url: endpoint + "/v1/traces" });
const metricExporter = new OTLPMetricExporter({ url: endpoint + "/v1/metrics" });
const logExporter = new OTLPLogExporter({ url: endpoint + "/v1/logs" });
`;

const sdk2 = (api: string) => `
import { context, metrics, trace } from "${api}";
import { logs } from "npm:@opentelemetry/api-logs@0.223";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@2";
import { BatchLogRecordProcessor, LoggerProvider } from "npm:@opentelemetry/sdk-logs@0.223";
import { MeterProvider, PeriodicExportingMetricReader } from "npm:@opentelemetry/sdk-metrics@2";
import { BasicTracerProvider, BatchSpanProcessor } from "npm:@opentelemetry/sdk-trace-base@2";
${exporters("0.223")}
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(traceExporter)] }),
);
metrics.setGlobalMeterProvider(
  new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] }),
);
logs.setGlobalLoggerProvider(
  new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: logExporter })] }),
);
`;

/** The programs, by what they use. */
export const FOREIGN: Readonly<Record<string, string>> = {
  "SDK 2": sdk2("@opentelemetry/api"),
  "SDK 2 under API 1.9": sdk2("npm:@opentelemetry/api@1.9"),
  "SDK 3": `
import { context, logs, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@3";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
${exporters("0.301")}
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: traceExporter })] }),
);
metrics.setGlobalMeterProvider(
  new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] }),
);
logs.setGlobalLoggerProvider(
  new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: logExporter })] }),
);
`,
  "the Node SDK": `
import { NodeSDK } from "npm:@opentelemetry/sdk-node@0.301.0";
import { BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";
${exporters("0.301")}
new NodeSDK({
  serviceName: "node",
  spanProcessors: [new BatchSpanProcessor({ exporter: traceExporter })],
  metricReaders: [new PeriodicExportingMetricReader({ exporter: metricExporter })],
  logRecordProcessors: [new BatchLogRecordProcessor({ exporter: logExporter })],
}).start();
`,
};

/** What a program may be given besides. */
export interface ForeignOptions {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program that begins with one of these set-ups. */
export function startForeign(receiver: OtlpReceiver, source: string, options: ForeignOptions = {}): Running {
  return start(source, {
    flags: ["--allow-all", "--no-lock", ...options.flags ?? []],
    env: { ENDPOINT: receiver.endpoint, OTEL_METRIC_EXPORT_INTERVAL: "60000", ...options.env },
  });
}

/** Runs a program that begins with one of these set-ups to its end. */
export async function runForeign(
  receiver: OtlpReceiver,
  source: string,
  options: ForeignOptions = {},
): Promise<Ran> {
  return await startForeign(receiver, source, options).ended;
}
