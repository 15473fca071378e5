/**
 * Prints what a receiver has received, as a person would want to see it.
 *
 * @module
 */

import type { Attributes, ReceivedSpan, Receiver } from "./receiver.ts";

/** Prints each trace as a tree, then the metrics, then the logs. */
export function show({ resource, spans, metrics, logs }: Receiver): void {
  for (const root of spans.filter((span) => span.parentSpanId === undefined)) {
    console.log(`\nTrace ${root.traceId} of ${resource["service.name"]}`);
    console.log(tree(root, spans).join("\n"));
  }

  console.log("\nMetrics");
  for (const { name, kind, points } of metrics.values()) {
    for (const { value, attributes } of points) {
      console.log(line(name.padEnd(20), kind.padEnd(9), value, text(attributes)));
    }
  }

  console.log("\nLogs");
  for (const { severity, text: message, traceId, spanId, attributes } of logs) {
    console.log(line(severity.padEnd(5), message, `trace=${traceId} span=${spanId}`, text(attributes)));
  }
}

/** A span, and under it its events and its children. */
function tree(span: ReceivedSpan, spans: ReceivedSpan[]): string[] {
  const below = [
    ...span.events.map((event) => [line("•", event.name, text(event.attributes))]),
    ...spans.filter((child) => child.parentSpanId === span.spanId).map((child) => tree(child, spans)),
  ];
  return [
    line(span.name, `${span.durationMillis.toFixed(1)} ms`, span.status, text(span.attributes)),
    ...below.flatMap(([first, ...rest], index) => {
      const last = index === below.length - 1;
      return [`${last ? "└─" : "├─"} ${first}`, ...rest.map((inner) => `${last ? "  " : "│ "} ${inner}`)];
    }),
  ];
}

function text(attributes: Attributes): string {
  return Object.entries(attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ");
}

function line(...parts: string[]): string {
  return parts.filter((part) => part !== "").join("  ");
}
