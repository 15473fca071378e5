import type {
  Attributes,
  Context,
  Link,
  LoggerProvider as ApiLoggerProvider,
  MeterProvider as ApiMeterProvider,
  Span,
  SpanKind,
  TracerProvider,
} from "@opentelemetry/api";
import { LoggerProvider, type LogRecordExporter, type LogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import { diagnoseFailure } from "../ctx/diagnostics.ts";
import type { Configuration } from "./configuration/configuration.ts";
import { ConsoleLogProcessor, ConsoleMetricExporter, ConsoleSpanProcessor } from "./console.ts";
import { Delivery, within } from "./export/delivery.ts";
import { Ending, type Queue } from "./exit/ending.ts";
import type { Endpoint, Signal } from "./configuration/endpoint.ts";
import { createLogExporter, createMetricExporter, createSpanExporter } from "./export/exporter.ts";
import { Instruments } from "./metrics/instruments.ts";
import { LiveSpans } from "./tracing/live_spans.ts";
import { ScopeLogger } from "./logger.ts";
import { ScopeMetricReader } from "./metrics/metric_reader.ts";
import { LogBatchProcessor, SpanBatchProcessor } from "./export/processors.ts";
import type { Engine } from "./recorder.ts";
import { createResource } from "./resource.ts";
import { createSampler } from "./tracing/sampler.ts";
import { observeSelf } from "./export/self_metrics.ts";
import { Spool } from "./export/spool.ts";
import { readStats, type Stats } from "./export/statistics.ts";
import { NO_ATTRIBUTES } from "./tracing/span.ts";
import { ScopeTracerProvider } from "./tracing/tracer.ts";
import { Way } from "./export/way.ts";
import { NAME, VERSION } from "./version.ts";

/** The providers of all three signals, what the scopes record through, and how it all ends. */
export interface Pipeline {
  readonly engine: Engine;
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: ApiMeterProvider;
  readonly loggerProvider: ApiLoggerProvider;
  /** What became of what was recorded. */
  stats(): Stats;
  /** Hands on everything recorded so far; resolves when it is delivered or the time is over. */
  forceFlush(timeoutMillis: number): Promise<void>;
  /** What is done when the process ends without a shutdown; missing where there is nothing to deliver. */
  readonly ending?: Ending;
  /** The last flush, after which nothing is recorded any more. */
  shutdown(timeoutMillis: number): Promise<void>;
}

/** What the batches of each signal are handed to, where the signal is exported at all. */
export interface Exporters {
  readonly traces?: SpanExporter;
  readonly metrics?: PushMetricExporter;
  readonly logs?: LogRecordExporter;
  /** What the exporters hand on to, which outlives them in a flush. */
  readonly deliveries: readonly Delivery[];
  /** By which way they send. */
  readonly way?: Way;
  /** Where they keep on the disk what cannot be delivered, if anywhere. */
  readonly spool?: Spool;
}

/** Builds the pipeline that a configuration describes. */
export function createPipeline(
  configuration: Configuration,
  exporters: Exporters = createExporters(configuration),
): Pipeline {
  const { redactor } = configuration;
  const resource = createResource(configuration);
  const { deliveries, way } = exporters;
  const deliveryOf = (signal: Signal) => deliveries.find((delivery) => delivery.signal === signal);
  const { traces, logs } = configuration.outputs;
  const queues: Queue[] = [];
  let spans: SpanBatchProcessor | undefined;
  let records: LogBatchProcessor | undefined;

  const spanProcessors: SpanProcessor[] = [];
  if (traces === "console") spanProcessors.push(new ConsoleSpanProcessor(redactor));
  if (exporters.traces !== undefined) {
    const { spanBatches } = configuration;
    spans = new SpanBatchProcessor(exporters.traces, spanBatches, deliveryOf("traces"));
    spanProcessors.push(spans);
    queues.push(spans.batches);
  }

  const logProcessors: LogRecordProcessor[] = [];
  if (logs === "console") {
    const eventsInTrees = traces === "console" && configuration.events !== "log";
    logProcessors.push(new ConsoleLogProcessor(redactor, eventsInTrees));
  }
  if (exporters.logs !== undefined) {
    const { logBatches } = configuration;
    records = new LogBatchProcessor(exporters.logs, logBatches, deliveryOf("logs"));
    logProcessors.push(records);
    queues.push(records.batches);
  }

  const readers: ScopeMetricReader[] = [];
  if (exporters.metrics !== undefined) {
    const { exportIntervalMillis, exportTimeoutMillis: timeoutMillis } = configuration;
    readers.push(new ScopeMetricReader({ exporter: exporters.metrics, exportIntervalMillis, timeoutMillis }));
  }

  const { handleExit, environment } = configuration;
  const live = handleExit ? new LiveSpans(environment === "development") : undefined;
  const tracerProvider = new ScopeTracerProvider({
    resource,
    sampler: createSampler(configuration.sampling),
    parentBased: configuration.sampling.parentBased,
    limits: configuration.spanLimits,
    processors: spanProcessors,
    live,
  });
  const loggerProvider = new LoggerProvider({
    resource,
    processors: logProcessors,
    logRecordLimits: configuration.logLimits,
  });
  const meterProvider = new MeterProvider({ resource, readers });
  const tracer = tracerProvider.getTracer(NAME, VERSION);
  const sources = { spans, logs: records, deliveries };
  for (const { signal, items } of exporters.spool?.adopt() ?? []) deliveryOf(signal)?.recover(items);
  if (configuration.selfMetrics) observeSelf(meterProvider.getMeter(NAME, VERSION), sources);

  return {
    engine: {
      startSpan: (
        name: string,
        kind: SpanKind,
        attributes: Attributes | undefined,
        links: Link[] | undefined,
        context: Context,
      ): Span => tracer.open(name, kind, attributes ?? NO_ATTRIBUTES, links, context),
      logger: new ScopeLogger(
        { resource, limits: configuration.logLimits, processors: logProcessors },
        tracer.instrumentationScope,
      ),
      instruments: new Instruments(meterProvider.getMeter(NAME, VERSION)),
      events: configuration.events,
      exceptions: configuration.exceptions,
    },
    tracerProvider,
    meterProvider,
    loggerProvider,
    ending: new Ending({ queues, readers, deliveries, live, way }),
    stats: () => readStats(sources),
    async forceFlush(timeoutMillis: number): Promise<void> {
      const until = performance.now() + timeoutMillis;
      const providers = [tracerProvider, loggerProvider, meterProvider];
      await within(all("flush", providers.map((provider) => provider.forceFlush())), timeoutMillis);
      await all("flush", deliveries.map((delivery) => delivery.flush(until - performance.now())));
    },
    async shutdown(timeoutMillis: number): Promise<void> {
      const until = performance.now() + timeoutMillis;
      const providers = [tracerProvider, loggerProvider, meterProvider];
      for (const delivery of deliveries) delivery.isEnding = true;
      await within(all("shut down", providers.map((provider) => provider.shutdown())), timeoutMillis);
      await all("shut down", deliveries.map((delivery) => delivery.shutdown(until - performance.now())));
      exporters.spool?.close();
      await way?.close();
    },
  };
}

function createExporters(configuration: Configuration): Exporters {
  const { outputs, temporality, redactor, spool: directory, shutdownTimeoutMillis } = configuration;
  const { traces, metrics, logs } = outputs;
  const way = new Way(shutdownTimeoutMillis);
  const deliveries: Delivery[] = [];
  const spool = directory === undefined ? undefined : new Spool(directory);
  const deliveryTo = (signal: Signal, endpoint: Endpoint) => {
    const delivery = new Delivery(signal, endpoint, way, spool);
    deliveries.push(delivery);
    return delivery;
  };
  const isEndpoint = (output: typeof traces) => typeof output === "object";
  return {
    traces: isEndpoint(traces)
      ? createSpanExporter(traces, deliveryTo("traces", traces), redactor)
      : undefined,
    logs: isEndpoint(logs) ? createLogExporter(logs, deliveryTo("logs", logs), redactor) : undefined,
    metrics: isEndpoint(metrics)
      ? createMetricExporter(metrics, deliveryTo("metrics", metrics), temporality, redactor)
      : metrics === "console"
      ? new ConsoleMetricExporter(redactor)
      : undefined,
    deliveries,
    way,
    spool,
  };
}

/** Waits for all; a part that fails is reported, and the others go on. */
async function all(action: string, parts: Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(parts)) {
    if (result.status === "rejected") diagnoseFailure(`${action} OpenTelemetry`, result.reason);
  }
}
