/**
 * A back end for tests: it keeps what was recorded as plain, ordered data, without globals, so that tests may
 * run in parallel.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.logInfo("Paid", { amount: 12 }));
 *
 * assertEquals(observability.scopes[0].status, "ok");
 * assertEquals(observability.logs[0].attributes, { amount: 12 });
 * ```
 *
 * @module
 */

import type { CleanAttributes } from "./attributes.ts";
import { refusal } from "./errors.ts";
import { newTraceId } from "./ids.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import { MemoryRecorder } from "./memory_recorder.ts";
import type { Observability, Recorder, ScopeOptions } from "./observability.ts";
import type { Recorded, RecordedEvent, RecordedLog, RecordedMetric, RecordedScope } from "./recorded.ts";
import {
  type ExpectedScope,
  findScopes,
  growTrees,
  holds,
  type MetricTotal,
  mismatches,
  outline,
  requireLevel,
  say,
  type ScopeTree,
  sumMetrics,
} from "./recorded_query.ts";

export type { Attributes, AttributeValue, CleanAttributes, CleanValue, LogAttributes } from "./attributes.ts";
export type { Exception, Failure } from "./errors.ts";
export type { ObservabilityLevel } from "./level.ts";
export type {
  EventOptions,
  Metric,
  MetricKind,
  Observability,
  Recorder,
  ScopeKind,
  ScopeOptions,
} from "./observability.ts";
export type * from "./recorded.ts";
export type { ExpectedScope, MetricTotal, ScopeTree } from "./recorded_query.ts";

/**
 * How {@linkcode MemoryObservability} behaves.
 *
 * ```ts
 * import { MemoryObservability, type MemoryObservabilityOptions } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const options: MemoryObservabilityOptions = { level: "warning" };
 * assertEquals(new MemoryObservability(options).level, "warning");
 * ```
 */
export interface MemoryObservabilityOptions {
  /** Logs below it are left out. Default `"debug"`: everything is kept. */
  readonly level?: ObservabilityLevel;
}

/**
 * A back end that keeps everything in its own properties, in the order in which it happened, as data that
 * `JSON.stringify` and a snapshot can say.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability({ level: "warning" });
 * await ctx.scope("job", { observability }, async () => {
 *   ctx.logInfo("left out");
 *   ctx.recordMetric("jobs", { value: 1, kind: "counter" });
 *   await Promise.resolve();
 * });
 *
 * assertEquals(observability.logs, []);
 * assertEquals(observability.metrics[0].name, "jobs");
 * ```
 */
export class MemoryObservability implements Observability, Recorded {
  /** Logs below it are left out. */
  readonly level: ObservabilityLevel;
  /** Every scope, in the order of opening. */
  readonly scopes: RecordedScope[] = [];
  /** Every log. */
  readonly logs: RecordedLog[] = [];
  /** Every event. */
  readonly events: RecordedEvent[] = [];
  /** Every measurement. */
  readonly metrics: RecordedMetric[] = [];

  /** Makes an empty back end. */
  constructor(options: MemoryObservabilityOptions = {}) {
    const { level = "debug" } = options;
    if (!isLevel(level)) {
      throw new TypeError(
        refusal("create a MemoryObservability", "level", "be 'debug', 'info', 'warning' or 'error'", level),
      );
    }
    this.level = level;
  }

  /** Opens a root scope. */
  open(name: string, options: ScopeOptions): Recorder {
    return new MemoryRecorder(this, name, options, newTraceId(), undefined);
  }

  /**
   * The scopes with a name, or at the end of a path of names from an enclosing scope on, in the order of opening.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { MemoryObservability } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const memory = new MemoryObservability();
   * ctx.scope("application", { observability: memory }, () => ctx.scope("request", () => {}));
   *
   * assertEquals(memory.find("request").length, 1);
   * assertEquals(memory.find("application/request")[0].name, "request");
   * ```
   */
  find(path: string): RecordedScope[] {
    return findScopes(this.scopes, path);
  }

  /**
   * The first scope with a name or path (see {@linkcode MemoryObservability.find}) that is as expected. Throws an
   * {@linkcode AssertionError} that says what there is instead.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { MemoryObservability } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const memory = new MemoryObservability();
   * ctx.scope("order", { observability: memory, attributes: { id: 7, paid: true } }, () => {});
   *
   * const order = memory.assertScope("order", { status: "ok", attributes: { id: 7 } });
   * assertEquals(order.attributes.paid, true);
   * ```
   */
  assertScope(path: string, expected: ExpectedScope = {}): RecordedScope {
    const found = this.find(path);
    const reasons = found.map((scope) => mismatches(scope, expected));
    const match = reasons.findIndex((differences) => differences.length === 0);
    if (match !== -1) return found[match];
    const why = found.length === 0
      ? `there is no scope ${say(path)}`
      : `no scope ${say(path)} is as expected:\n${
        reasons.map((differences) => `  ${differences.join("; ")}`)
          .join("\n")
      }\n`;
    throw new AssertionError(
      `Expected a scope, but ${why}${found.length === 0 ? ". " : ""}Recorded were:\n${outline(this)}`,
    );
  }

  /**
   * Every root scope and what is in it, as plain objects that are the same in every run: for `assertEquals`, and
   * for snapshots.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { MemoryObservability } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const memory = new MemoryObservability();
   * ctx.scope("job", { observability: memory }, () => ctx.logInfo("Done", { items: 2 }));
   *
   * assertEquals(memory.tree(), [{
   *   name: "job",
   *   status: "ok",
   *   logs: [{ level: "info", message: "Done", attributes: { items: 2 } }],
   * }]);
   * ```
   */
  tree(): ScopeTree[] {
    return growTrees(this);
  }

  /** The logs of exactly one level, in order. */
  logsAt(level: ObservabilityLevel): RecordedLog[] {
    requireLevel(level);
    return this.logs.filter((log) => log.level === level);
  }

  /**
   * The sum of what was measured for a metric, where the attributes hold those given; of a gauge, the last value.
   * `0` if nothing was measured.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { MemoryObservability } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const memory = new MemoryObservability();
   * ctx.scope("job", { observability: memory }, () => {
   *   ctx.recordMetric("requests", { value: 1, kind: "counter", attributes: { method: "GET", status: 200 } });
   *   ctx.recordMetric("requests", { value: 2, kind: "counter", attributes: { method: "GET", status: 404 } });
   * });
   *
   * assertEquals(memory.total("requests"), 3);
   * assertEquals(memory.total("requests", { status: 404 }), 2);
   * ```
   */
  total(name: string, attributes: CleanAttributes = {}): number {
    const metrics = this.metrics.filter((metric) =>
      metric.name === name && holds(metric.attributes, attributes)
    );
    const last = metrics.at(-1);
    if (last === undefined || last.kind === "gauge") return last?.value ?? 0;
    return metrics.reduce((sum, { value }) => sum + value, 0);
  }

  /** What was measured, summed for each combination of attributes; of all metrics, or of one. */
  totals(name?: string): MetricTotal[] {
    return sumMetrics(
      name === undefined ? this.metrics : this.metrics.filter((metric) => metric.name === name),
    );
  }

  /** Forgets everything; what is still open goes on unseen. */
  clear(): void {
    for (const records of [this.scopes, this.logs, this.events, this.metrics]) records.length = 0;
  }
}

/**
 * Thrown by an assertion that does not hold, with a message for whoever reads the output of the test.
 *
 * ```ts
 * import { AssertionError, MemoryObservability } from "@haiway/otel/testing";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new MemoryObservability().assertScope("checkout"), AssertionError);
 * ```
 */
export class AssertionError extends Error {
  /** The name that test runners know. */
  override readonly name = "AssertionError";
}
