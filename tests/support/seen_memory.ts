/**
 * What `MemoryObservability` keeps, in the terms of the conformance suite.
 *
 * @module
 */

import type { MemoryObservability } from "@haiway/otel/testing";
import type { Seen, SeenMetric } from "../conformance.ts";

/** Everything recorded so far. */
export function seenInMemory({ scopes, logs, events, metrics }: MemoryObservability): Seen {
  const names = new Map(scopes.map(({ spanId, name }) => [spanId, name]));
  return {
    scopes: scopes.filter(({ status }) => status !== "open").map((scope) => ({
      name: scope.name,
      traceId: scope.traceId,
      parent: scope.parentSpanId === undefined ? undefined : names.get(scope.parentSpanId),
      status: scope.status === "open" ? "unset" : scope.status,
      message: scope.message,
      attributes: scope.attributes,
      exceptions: scope.exceptions.map(({ type, message }) => ({ type, message })),
    })),
    logs: logs.map(({ exception, ...log }) => ({
      ...log,
      exception: exception && { type: exception.type, message: exception.message },
    })),
    events,
    metrics: aggregate(metrics),
  };
}

function aggregate(metrics: MemoryObservability["metrics"]): SeenMetric[] {
  const streams = new Map<string, SeenMetric>();
  for (const { name, kind, unit = "", attributes, value } of metrics) {
    const key = JSON.stringify([name, kind, unit, attributes]);
    const { value: sum = 0, count = 0 } = streams.get(key) ?? {};
    streams.set(key, {
      name,
      kind,
      unit,
      attributes,
      value: kind === "gauge" ? value : sum + value,
      count: count + 1,
    });
  }
  return [...streams.values()];
}
