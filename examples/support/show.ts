/**
 * Prints what a receiver has received, as a person would want to see it.
 *
 * @module
 */

import type { OtlpReceiver, ReceivedPoint, ReceivedSpan } from "@haiway/otel/testing";

const STATUS = ["UNSET", "OK", "ERROR"];

/** Prints each trace as a tree, then the metrics, then the logs. */
export function show({ spans, metrics, logs }: OtlpReceiver): void {
  for (const root of spans.filter((span) => span.parentSpanId === undefined)) {
    console.log(`\nTrace ${root.traceId} of ${root.resource["service.name"]}`);
    console.log(tree(root, spans).join("\n"));
  }

  console.log("\nMetrics");
  for (const { metric, kind, unit, value, count, sum, attributes } of latest(metrics)) {
    const shown = count === undefined ? value : `${count} values, in all ${sum}`;
    console.log(line(metric.padEnd(20), kind.padEnd(9), `${shown} ${unit}`.trimEnd(), text(attributes)));
  }

  console.log("\nLogs");
  for (const { severityText, body, eventName, traceId, spanId, attributes } of logs) {
    const message = body ?? `event ${eventName}`;
    console.log(
      line(severityText.padEnd(5), `${message}`, `trace=${traceId} span=${spanId}`, text(attributes)),
    );
  }
}

/** A span, and under it its events and its children. */
function tree(span: ReceivedSpan, spans: ReceivedSpan[]): string[] {
  const millis = Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6;
  const below = [
    ...span.events.map((event) => [line("•", event.name, text(event.attributes))]),
    ...spans.filter((child) => child.parentSpanId === span.spanId).map((child) => tree(child, spans)),
  ];
  return [
    line(span.name, `${millis.toFixed(1)} ms`, STATUS[span.status.code], text(span.attributes)),
    ...below.flatMap(([first, ...rest], index) => {
      const last = index === below.length - 1;
      return [`${last ? "└─" : "├─"} ${first}`, ...rest.map((inner) => `${last ? "  " : "│ "} ${inner}`)];
    }),
  ];
}

/** The last export of each combination of attributes: sums go on from one export to the next. */
function latest(points: ReceivedPoint[]): Iterable<ReceivedPoint> {
  return new Map(points.map((point) => [`${point.metric} ${text(point.attributes)}`, point])).values();
}

function text(attributes: Readonly<Record<string, unknown>>): string {
  return Object.entries(attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ");
}

function line(...parts: string[]): string {
  return parts.filter((part) => part !== "").join("  ");
}
