/**
 * What an OTLP receiver has received, in the terms of the conformance suite.
 *
 * @module
 */

import type { ObservabilityLevel } from "@haiway/otel";
import type { Seen, SeenMetric } from "../conformance.ts";
import type { OtlpReceiver, ReceivedPoint, ReceivedSpan } from "./receiver.ts";

const STATUS = ["unset", "ok", "error"] as const;
const LEVEL: Readonly<Record<string, ObservabilityLevel>> = {
  DEBUG: "debug",
  INFO: "info",
  WARN: "warning",
  ERROR: "error",
};
const KIND = { sum: "counter", gauge: "gauge", histogram: "histogram" } as const;

/** Everything received so far, as plain data. */
export function seenBy(receiver: Pick<OtlpReceiver, "spans" | "logs" | "points">): Seen {
  const names = new Map(receiver.spans.map((span) => [span.spanId, span.name]));
  const logs = receiver.logs.filter(({ eventName }) => eventName === undefined);
  const events = receiver.logs.filter(({ eventName }) => eventName !== undefined);
  return {
    scopes: receiver.spans.map((span) => ({
      name: span.name,
      traceId: span.traceId,
      parent: span.parentSpanId === undefined ? undefined : names.get(span.parentSpanId) ?? "(not received)",
      status: STATUS[span.status.code],
      message: span.status.message,
      attributes: without(span.attributes, "error.type"),
      exceptions: exceptionsOf(span),
    })),
    logs: logs.map((log) => ({
      traceId: log.traceId,
      scope: names.get(log.spanId) ?? "(not received)",
      level: LEVEL[log.severityText],
      message: String(log.body),
      attributes: without(log.attributes, "exception."),
      exception: exceptionOf(log.attributes),
    })),
    events: events.map((log) => ({
      traceId: log.traceId,
      scope: names.get(log.spanId) ?? "(not received)",
      name: log.eventName ?? "",
      attributes: log.attributes,
    })),
    metrics: latest(receiver.points),
  };
}

function exceptionsOf(span: ReceivedSpan): { type: string; message: string }[] {
  return span.events.filter(({ name, attributes }) => name === "exception" && "exception.type" in attributes)
    .flatMap(({ attributes }) => exceptionOf(attributes) ?? []);
}

function exceptionOf(attributes: Record<string, unknown>): { type: string; message: string } | undefined {
  if (!("exception.type" in attributes)) return undefined;
  return { type: String(attributes["exception.type"]), message: String(attributes["exception.message"]) };
}

function without(attributes: Record<string, unknown>, prefix: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.startsWith(prefix)));
}

/** The last point of each stream: the sums are cumulative. */
function latest(points: readonly ReceivedPoint[]): SeenMetric[] {
  const streams = new Map<string, SeenMetric>();
  for (const { metric, kind, unit, attributes, value, sum, count } of points) {
    streams.set(JSON.stringify([metric, kind, unit, attributes]), {
      name: metric,
      kind: KIND[kind],
      unit,
      attributes,
      value: value ?? sum ?? NaN,
      count,
    });
  }
  return [...streams.values()];
}
