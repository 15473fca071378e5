import { ExportResultCode } from "@opentelemetry/core";
import type { LogRecordExporter } from "@opentelemetry/sdk-logs";
import { AggregationTemporality, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { SpanExporter } from "@opentelemetry/sdk-trace";

/** Exporters that take a batch and forget it, and count what they took. */
export interface NullExporters {
  readonly traces: SpanExporter;
  readonly logs: LogRecordExporter;
  readonly metrics: PushMetricExporter;
  readonly exported: () => number;
}

/** The same exporters for every subject that goes through processors of the SDK. */
export function nullExporters(): NullExporters {
  let exported = 0;
  const rest = { forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
  const sink = {
    export(batch: readonly unknown[], done: (result: { code: ExportResultCode }) => void): void {
      exported += batch.length;
      done({ code: ExportResultCode.SUCCESS });
    },
    ...rest,
  };
  return {
    traces: sink,
    logs: sink,
    metrics: {
      export: (_batch, done) => done({ code: ExportResultCode.SUCCESS }),
      selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
      ...rest,
    },
    exported: () => exported,
  };
}
