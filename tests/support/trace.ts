/**
 * Reads back what a back end has recorded, trace by trace.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ctx, type ScopeOptions } from "@haiway/otel";
import type { Seen, SeenScope, Subject } from "../conformance.ts";

/** What one trace consists of. */
export interface Trace extends Seen {
  /** The scope of a name. */
  scope(name: string): SeenScope;
}

/** Reads back what belongs to one trace. */
export async function readTrace(subject: Subject, traceId: string): Promise<Trace> {
  const seen = await subject.read();
  const mine = (record: { traceId: string }) => record.traceId !== "" && traceId.startsWith(record.traceId);
  const scopes = seen.scopes.filter(mine);
  return {
    scopes,
    logs: seen.logs.filter(mine),
    events: seen.events.filter(mine),
    metrics: seen.metrics,
    scope(name) {
      const found = scopes.filter((scope) => scope.name === name);
      assertEquals(found.length, 1, `expected one scope '${name}' among: ${scopes.map(({ name }) => name)}`);
      return found[0];
    },
  };
}

/** A name that no other claim uses. */
export function unique(name: string): string {
  return `${name}.${crypto.randomUUID().slice(0, 8)}`;
}

/** The parent of each scope of a trace, by names. */
export function parents({ scopes }: Trace): Record<string, string | undefined> {
  return Object.fromEntries(scopes.map(({ name, parent }) => [name, parent]));
}

/** One of each recording call. */
export function recordEverything(): void {
  ctx.logInfo("log");
  ctx.recordMetric("metric", { value: 1, kind: "counter" });
  ctx.recordEvent("event");
  ctx.recordAttributes({ attribute: 1 });
}

/** In which order a nested scope and its task, spawned after an `await`, come to their ends. */
export async function orderOfTask(options: ScopeOptions = {}): Promise<string[]> {
  const ended: string[] = [];
  await ctx.scope("root", options, async () => {
    await ctx.scope("batch", async () => {
      await Promise.resolve();
      ctx.spawn(async () => {
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
        ended.push("task");
      });
    });
    ended.push("batch");
  });
  return ended;
}
