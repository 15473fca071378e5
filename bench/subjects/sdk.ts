/**
 * The OpenTelemetry API by hand over the SDK, as its documentation sets it up.
 *
 * @module
 */

import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@3.1.0";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { main } from "../measure.ts";
import { nullExporters } from "../null_exporters.ts";
import { byHand } from "./by_hand.ts";

const exporters = nullExporters();
const unsampled = Deno.args[0] === "unsampled";
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(
  new TracerProvider({
    sampler: new ParentBasedSampler({
      root: unsampled ? new TraceIdRatioBasedSampler(0) : new AlwaysOnSampler(),
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter: exporters.traces })],
  }),
);
metrics.setGlobalMeterProvider(
  new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: exporters.metrics, exportIntervalMillis: 5000 })],
  }),
);
const logs = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: exporters.logs })] });

await main(byHand(logs.getLogger("bench", "1")), exporters.exported);
