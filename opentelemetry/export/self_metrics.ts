import type { Meter, ObservableResult } from "@opentelemetry/api";
import type { Sources } from "./statistics.ts";

/** What the semantic conventions call the items of a signal, and their unit. */
const ITEM = {
  traces: { name: "span", unit: "{span}" },
  logs: { name: "log", unit: "{log_record}" },
  metrics: { name: "metric_data_point", unit: "{data_point}" },
} as const;
/** Exports take from milliseconds to the minutes of an outage. */
const SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/**
 * The `otel.sdk.*` metrics of the semantic conventions. All but the duration of an export are observed: counters
 * that are there anyway are read once for each export, and nothing is measured twice.
 */
export function observeSelf(meter: Meter, { spans, logs, deliveries }: Sources): void {
  const counter = (name: string, unit: string, observe: (result: ObservableResult) => void) =>
    meter.createObservableCounter(name, { unit }).addCallback(observe);
  const level = (name: string, unit: string, observe: (result: ObservableResult) => void) =>
    meter.createObservableUpDownCounter(name, { unit }).addCallback(observe);

  if (spans !== undefined) {
    const sampled = { "otel.span.sampling_result": "RECORD_AND_SAMPLE" };
    counter("otel.sdk.span.started", "{span}", (result) => result.observe(spans.started, sampled));
    level("otel.sdk.span.live", "{span}", (result) => result.observe(spans.started - spans.ended, sampled));
  }
  if (logs !== undefined) {
    counter("otel.sdk.log.created", "{log_record}", (result) => result.observe(logs.batches.created));
  }
  for (const { signal, counts } of deliveries) {
    const queue = { traces: spans, logs, metrics: undefined }[signal]?.batches;
    if (queue === undefined) continue;
    const { name, unit } = ITEM[signal];
    const type = `batching_${name}_processor`;
    const component = { "otel.component.type": type, "otel.component.name": `${type}/0` };
    level(`otel.sdk.processor.${name}.queue.size`, unit, (result) => result.observe(queue.queued, component));
    level(
      `otel.sdk.processor.${name}.queue.capacity`,
      unit,
      (result) => result.observe(queue.capacity, component),
    );
    counter(`otel.sdk.processor.${name}.processed`, unit, (result) => {
      const lost = counts.drops.get("queue_full") ?? 0;
      result.observe(queue.created - queue.queued - lost, component);
      if (lost > 0) result.observe(lost, { ...component, "error.type": "queue_full" });
    });
  }
  observeDeliveries(meter, deliveries, counter, level);
}

type Observe = (name: string, unit: string, observe: (result: ObservableResult) => void) => void;

function observeDeliveries(
  meter: Meter,
  deliveries: Sources["deliveries"],
  counter: Observe,
  level: Observe,
): void {
  const duration = meter.createHistogram("otel.sdk.exporter.operation.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: SECONDS },
  });
  for (const delivery of deliveries) {
    const { signal, counts, component } = delivery;
    const { name, unit } = ITEM[signal];
    level(`otel.sdk.exporter.${name}.inflight`, unit, (result) => result.observe(delivery.queued, component));
    counter(`otel.sdk.exporter.${name}.exported`, unit, (result) => {
      result.observe(counts.delivered, component);
      for (const [reason, items] of counts.drops) {
        if (reason !== "queue_full") result.observe(items, { ...component, "error.type": reason });
      }
    });
    counts.onExport = (seconds, error) =>
      duration.record(seconds, error === undefined ? component : { ...component, "error.type": error });
  }
}
