import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { logs } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@3.1.0";
import { OTLPLogExporter } from "npm:@opentelemetry/exporter-logs-otlp-http@0.301.0";
import { OTLPMetricExporter } from "npm:@opentelemetry/exporter-metrics-otlp-http@0.301.0";
import { OTLPTraceExporter } from "npm:@opentelemetry/exporter-trace-otlp-http@0.301.0";

/** What `OpenTelemetry.configure` does, with the packages that the documentation of OpenTelemetry names. */
export function configureByHand(endpoint: string): TracerProvider {
  const resource = defaultResource().merge(resourceFromAttributes({
    "service.name": "bench",
    "service.version": "1",
    "service.instance.id": crypto.randomUUID(),
    "deployment.environment.name": "bench",
  }));
  const provider = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) }),
    ],
  });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
    exportIntervalMillis: 5000,
    exportTimeoutMillis: 5000,
  });
  const logExporter = new OTLPLogExporter({ url: `${endpoint}/v1/logs` });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  metrics.setGlobalMeterProvider(new MeterProvider({ resource, readers: [reader] }));
  logs.setGlobalLoggerProvider(
    new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: logExporter })] }),
  );
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  return provider;
}
