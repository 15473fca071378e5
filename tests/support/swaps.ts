/**
 * Pipelines in which parts of ours are replaced by those of the OpenTelemetry project that do the same.
 *
 * @module
 */

import { context, type Counter, type Gauge, type Histogram, type Meter } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@3.1.0";
import { OTLPLogExporter } from "npm:@opentelemetry/exporter-logs-otlp-http@0.301.0";
import { OTLPMetricExporter } from "npm:@opentelemetry/exporter-metrics-otlp-http@0.301.0";
import { OTLPTraceExporter } from "npm:@opentelemetry/exporter-trace-otlp-http@0.301.0";
import {
  BatchLogRecordProcessor,
  type BatchLogRecordProcessorOptions,
  LoggerProvider,
} from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, type BatchSpanProcessorOptions, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ConfigureOptions, Observability, RemoteTrace } from "@haiway/otel";
import { type Configuration, resolveConfiguration } from "../../opentelemetry/configuration/configuration.ts";
import { installPipeline } from "../../opentelemetry/installation.ts";
import { ScopeLogger } from "../../opentelemetry/logger.ts";
import { Instruments } from "../../opentelemetry/metrics/instruments.ts";
import { OpenTelemetryObservability } from "../../opentelemetry/observability.ts";
import { resolveRemote } from "../../opentelemetry/propagation/propagation.ts";
import { createPipeline, type Exporters, type Pipeline } from "../../opentelemetry/providers.ts";
import type { Engine } from "../../opentelemetry/recorder.ts";
import { NO_ATTRIBUTES } from "../../opentelemetry/tracing/span.ts";
import { ScopeTracerProvider } from "../../opentelemetry/tracing/tracer.ts";
import { NAME, VERSION } from "../../opentelemetry/version.ts";

/** The parts that can be replaced. */
export const PARTS = [
  "tracer",
  "batch processors",
  "logger",
  "instruments",
  "metric reader",
  "context manager",
] as const;

/** One of them. */
export type Part = typeof PARTS[number];

/** A pipeline that is installed, and what records in it. */
export interface Swapped {
  readonly pipeline: Pipeline;
  readonly observability: Observability;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What is configured in code, and what the environment alone can say. */
export type Options = Partial<ConfigureOptions & Pick<Configuration, "exceptions">>;

/** Installs a pipeline with these parts of the SDK before these exporters; ours alone where there are none. */
export function swapped(
  parts: readonly Part[],
  exporters: Exporters | undefined,
  options: Options = {},
  remote: RemoteTrace = {},
): Swapped {
  const resolved = resolveConfiguration({
    service: "swapped",
    version: "1.0.0",
    environment: "test",
    instance: "one",
    // Nothing is sent there: the exporters are given.
    otlpEndpoint: "http://127.0.0.1:1",
    exportIntervalMillis: 60_000,
    handleExit: false,
    ...options,
  });
  // What is exported is exported by a flush, however slow the machine.
  const scheduledDelayMillis = 60_000;
  const configuration: Configuration = {
    ...resolved,
    exceptions: options.exceptions ?? resolved.exceptions,
    spanBatches: { ...resolved.spanBatches, scheduledDelayMillis },
    logBatches: { ...resolved.logBatches, scheduledDelayMillis },
  };
  const foreign = parts.includes("context manager");
  if (foreign) context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  const pipeline = exporters === undefined
    ? createPipeline(configuration)
    : pipelineOf(parts, configuration, exporters);
  const { uninstall } = installPipeline(configuration, pipeline);
  return {
    pipeline,
    observability: new OpenTelemetryObservability(
      pipeline.engine,
      configuration.level,
      resolveRemote(remote),
    ),
    flush: () => pipeline.forceFlush(5000),
    async close() {
      uninstall();
      if (foreign) context.disable();
      await pipeline.shutdown(5000);
    },
  };
}

/** The exporters of the SDK. */
export function sdkExporters(endpoint: string): Exporters {
  const to = (signal: string) => ({ url: `${endpoint}/v1/${signal}` });
  return {
    traces: new OTLPTraceExporter(to("traces")),
    metrics: new OTLPMetricExporter(to("metrics")),
    logs: new OTLPLogExporter(to("logs")),
    deliveries: [],
  };
}

/** What `createPipeline` makes, but for the parts of the SDK. */
function pipelineOf(parts: readonly Part[], configuration: Configuration, exporters: Exporters): Pipeline {
  const sdk = (part: Part) => parts.includes(part);
  const ours = createPipeline(configuration, {
    traces: sdk("batch processors") ? undefined : exporters.traces,
    logs: sdk("batch processors") ? undefined : exporters.logs,
    metrics: sdk("metric reader") ? undefined : exporters.metrics,
    deliveries: exporters.deliveries,
  });
  const { startSpan, tracerProvider } = tracingOf(parts, ours, {
    exporter: exporters.traces!,
    ...configuration.spanBatches,
  });
  const { logger, loggerProvider } = loggingOf(parts, ours, {
    exporter: exporters.logs!,
    ...configuration.logBatches,
  });
  const meterProvider = sdk("metric reader")
    ? new MeterProvider({
      resource: (ours.tracerProvider as ScopeTracerProvider).shared.resource,
      readers: [new PeriodicExportingMetricReader({ exporter: exporters.metrics! })],
    })
    : ours.meterProvider as MeterProvider;
  const meter = meterProvider.getMeter(NAME, VERSION);
  const instruments = new Instruments(sdk("instruments") ? plain(meter) : meter);
  // Ours flushes the rest; twice would be two exports of the metrics.
  const providers = [tracerProvider, loggerProvider, ...sdk("metric reader") ? [meterProvider] : []];
  return {
    ...ours,
    engine: { ...ours.engine, startSpan, logger, instruments },
    tracerProvider,
    loggerProvider,
    meterProvider,
    async forceFlush(timeoutMillis) {
      await Promise.all(providers.map((provider) => provider.forceFlush()));
      await ours.forceFlush(timeoutMillis);
    },
    async shutdown(timeoutMillis) {
      await Promise.all(providers.map((provider) => provider.shutdown()));
      await ours.shutdown(timeoutMillis);
    },
  };
}

function tracingOf(parts: readonly Part[], ours: Pipeline, batching: BatchSpanProcessorOptions): {
  startSpan: Engine["startSpan"];
  tracerProvider: TracerProvider | ScopeTracerProvider;
} {
  const { shared } = ours.tracerProvider as ScopeTracerProvider;
  const processors = parts.includes("batch processors")
    ? [new BatchSpanProcessor(batching)]
    : [...shared.processors];
  if (!parts.includes("tracer")) {
    const tracerProvider = new ScopeTracerProvider({ ...shared, processors });
    const tracer = tracerProvider.getTracer(NAME, VERSION);
    const startSpan: Engine["startSpan"] = (name, kind, attributes, links, in_) =>
      tracer.open(name, kind, attributes ?? NO_ATTRIBUTES, links, in_);
    return { startSpan, tracerProvider };
  }
  const { resource, sampler, limits } = shared;
  const tracerProvider = new TracerProvider({
    resource,
    sampler,
    spanLimits: limits,
    spanProcessors: processors,
  });
  const tracer = tracerProvider.getTracer(NAME, VERSION);
  const startSpan: Engine["startSpan"] = (name, kind, attributes, links, in_) =>
    tracer.startSpan(name, { kind, attributes, links }, in_);
  return { startSpan, tracerProvider };
}

function loggingOf(parts: readonly Part[], ours: Pipeline, batching: BatchLogRecordProcessorOptions): {
  logger: Engine["logger"];
  loggerProvider: LoggerProvider;
} {
  const { shared, instrumentationScope } = ours.engine.logger as ScopeLogger;
  const processors = parts.includes("batch processors")
    ? [new BatchLogRecordProcessor(batching)]
    : [...shared.processors as BatchLogRecordProcessor[]];
  const { resource, limits } = shared;
  const loggerProvider = new LoggerProvider({ resource, logRecordLimits: limits, processors });
  const logger = parts.includes("logger")
    ? loggerProvider.getLogger(NAME, VERSION)
    : new ScopeLogger({ resource, limits, processors }, instrumentationScope);
  return { logger, loggerProvider };
}

/** A meter whose instruments show nothing of their inside, so that every measurement goes through the SDK. */
function plain(meter: Meter): Meter {
  const plainly = {
    createCounter(...given: Parameters<Meter["createCounter"]>): Counter {
      const counter = meter.createCounter(...given);
      return { add: (...measured) => counter.add(...measured) };
    },
    createHistogram(...given: Parameters<Meter["createHistogram"]>): Histogram {
      const histogram = meter.createHistogram(...given);
      return { record: (...measured) => histogram.record(...measured) };
    },
    createGauge(...given: Parameters<Meter["createGauge"]>): Gauge {
      const gauge = meter.createGauge(...given);
      return { record: (...measured) => gauge.record(...measured) };
    },
  };
  return Object.assign(Object.create(meter), plainly);
}
