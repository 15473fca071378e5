import type { CleanAttributes } from "./attributes.ts";
import type { Exception } from "./errors.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import type { MetricKind, ScopeKind } from "./observability.ts";
import type { Recorded, RecordedIn, RecordedMetric, RecordedScope } from "./recorded.ts";

/**
 * A scope and what is in it as a plain object for `assertEquals` and snapshots: without ids, times and stack
 * traces, which differ from run to run, and without what is empty.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type ScopeTree } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.scope("payment", () => {}));
 *
 * const expected: ScopeTree[] = [{
 *   name: "checkout",
 *   status: "ok",
 *   children: [{ name: "payment", status: "ok" }],
 * }];
 * assertEquals(observability.tree(), expected);
 * ```
 */
export interface ScopeTree {
  /** The name of the scope. */
  readonly name: string;
  /** The kind of its span; missing for `"internal"`. */
  readonly kind?: ScopeKind;
  /** How it ended, if it did. */
  readonly status: "open" | "ok" | "error";
  /** What the error said. */
  readonly message?: string;
  /** Its attributes, sorted by name. */
  readonly attributes?: CleanAttributes;
  /** The exceptions recorded on it, as `"TypeError: it failed"`. */
  readonly exceptions?: readonly string[];
  /** Its logs, in order. */
  readonly logs?: readonly {
    /** The level of the log. */
    readonly level: ObservabilityLevel;
    /** Its message. */
    readonly message: string;
    /** Its attributes, sorted by name. */
    readonly attributes?: CleanAttributes;
    /** The exception that it is about, as `"TypeError: it failed"`. */
    readonly exception?: string;
  }[];
  /** Its events, in order. */
  readonly events?: readonly {
    /** The name of the event. */
    readonly name: string;
    /** Its attributes, sorted by name. */
    readonly attributes?: CleanAttributes;
  }[];
  /** The scopes opened in it, in order. */
  readonly children?: readonly ScopeTree[];
}

/**
 * The measurements of one metric with the same attributes, summed.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type MetricTotal } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => {
 *   ctx.recordMetric("orders", { value: 1, kind: "counter" });
 *   ctx.recordMetric("orders", { value: 2, kind: "counter" });
 * });
 *
 * const total: MetricTotal = observability.totals("orders")[0];
 * assertEquals([total.count, total.value], [2, 3]);
 * ```
 */
export interface MetricTotal {
  /** The name of the metric. */
  readonly name: string;
  /** The instrument. */
  readonly kind: MetricKind;
  /** The unit, if one was given. */
  readonly unit?: string;
  /** The dimensions, sorted by name. */
  readonly attributes: CleanAttributes;
  /** How many measurements there were. */
  readonly count: number;
  /** Their sum; of a gauge the last one. */
  readonly value: number;
}

/**
 * What a scope has to be like to be the one that is looked for; what is left out does not matter.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { type ExpectedScope, MemoryObservability } from "@haiway/otel/testing";
 * import { assertThrows } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * const fail = () => {
 *   throw new RangeError("out of stock");
 * };
 * assertThrows(() => ctx.scope("checkout", { observability }, fail), RangeError);
 *
 * const expected: ExpectedScope = { status: "error", message: /stock/, exception: "RangeError" };
 * observability.assertScope("checkout", expected);
 * ```
 */
export interface ExpectedScope {
  /** How it ended. */
  readonly status?: "open" | "ok" | "error";
  /** The kind of its span. */
  readonly kind?: ScopeKind;
  /** What the error says, or a pattern for it. */
  readonly message?: string | RegExp;
  /** The attributes that it has to have; it may have others. */
  readonly attributes?: CleanAttributes;
  /** The class of an exception that was recorded on it, such as `"TypeError"`. */
  readonly exception?: string;
}

/** The scopes with a name, or at the end of a path of names such as `"application/request"`. */
export function findScopes(scopes: readonly RecordedScope[], path: string): RecordedScope[] {
  const bySpan = new Map(scopes.map((scope) => [scope.spanId, scope]));
  return scopes.filter((scope) => {
    // Names may hold slashes themselves, so that only whole names are compared.
    let tail = scope.name;
    let at: RecordedScope | undefined = scope;
    while (tail !== path && tail.length < path.length) {
      at = at.parentSpanId === undefined ? undefined : bySpan.get(at.parentSpanId);
      if (at === undefined) return false;
      tail = `${at.name}/${tail}`;
    }
    return tail === path;
  });
}

/** Why a scope is not the expected one; nothing if it is. */
export function mismatches(scope: RecordedScope, expected: ExpectedScope): string[] {
  const { status, kind, message, attributes = {}, exception } = expected;
  const found: string[] = [];
  const differ = (what: string, actual: unknown, wanted: unknown) =>
    found.push(`${what} is ${say(actual)}, not ${say(wanted)}`);
  if (status !== undefined && scope.status !== status) differ("status", scope.status, status);
  if (kind !== undefined && scope.kind !== kind) differ("kind", scope.kind, kind);
  const says = message instanceof RegExp ? message.test(scope.message ?? "") : scope.message === message;
  if (message !== undefined && !says) differ("message", scope.message, message);
  for (const [key, value] of Object.entries(attributes)) {
    if (!isSame(scope.attributes[key], value)) differ(`attribute '${key}'`, scope.attributes[key], value);
  }
  if (exception !== undefined && !scope.exceptions.some(({ type }) => type === exception)) {
    differ("exception", scope.exceptions.map(({ type }) => type).join(", ") || undefined, exception);
  }
  return found;
}

/** Every root with what is in it. */
export function growTrees(recorded: Recorded): ScopeTree[] {
  const logs = byScope(recorded.logs);
  const events = byScope(recorded.events);
  const children = Map.groupBy(recorded.scopes, ({ parentSpanId }) => parentSpanId);
  const grow = (scope: RecordedScope): ScopeTree => ({
    name: scope.name,
    ...(scope.kind !== "internal" && { kind: scope.kind }),
    status: scope.status,
    ...(scope.message !== undefined && { message: scope.message }),
    ...withAttributes(scope.attributes),
    ...list("exceptions", scope.exceptions.map(named)),
    ...list(
      "logs",
      logs.get(scope.spanId)?.map(({ level, message, attributes, exception }) => ({
        level,
        message,
        ...withAttributes(attributes),
        ...(exception !== undefined && { exception: named(exception) }),
      })),
    ),
    ...list(
      "events",
      events.get(scope.spanId)?.map(({ name, attributes }) => ({ name, ...withAttributes(attributes) })),
    ),
    ...list("children", children.get(scope.spanId)?.map(grow)),
  });
  // After `clear` a scope may be known whose parent is not.
  const known = new Set(recorded.scopes.map(({ spanId }) => spanId));
  const isRoot = ({ parentSpanId }: RecordedScope) => parentSpanId === undefined || !known.has(parentSpanId);
  return recorded.scopes.filter(isRoot).map(grow);
}

/** The scopes as an indented list for the messages of failed assertions. */
export function outline(recorded: Recorded): string {
  const lines = (trees: readonly ScopeTree[], indent: string): string[] =>
    trees.flatMap((tree) => [
      `${indent}${tree.name} ${tree.status}${tree.message === undefined ? "" : `: ${tree.message}`}` +
      (tree.attributes === undefined ? "" : ` ${say(tree.attributes)}`),
      ...lines(tree.children ?? [], `${indent}  `),
    ]);
  return lines(growTrees(recorded), "  ").join("\n") || "  nothing";
}

/** The measurements summed for each metric and combination of attributes, in the order of the first ones. */
export function sumMetrics(metrics: readonly RecordedMetric[]): MetricTotal[] {
  const totals = new Map<string, MetricTotal & { count: number; value: number }>();
  for (const { name, kind, unit, value, attributes } of metrics) {
    const dimensions = sorted(attributes);
    const key = JSON.stringify([name, kind, unit, dimensions]);
    const total = totals.get(key);
    if (total === undefined) {
      const given = unit === undefined ? {} : { unit };
      totals.set(key, { name, kind, ...given, attributes: dimensions, count: 1, value });
    } else {
      total.count++;
      total.value = kind === "gauge" ? value : total.value + value;
    }
  }
  return [...totals.values()];
}

/** Whether attributes hold all of the wanted ones. */
export function holds(attributes: CleanAttributes, wanted: CleanAttributes): boolean {
  return Object.entries(wanted).every(([key, value]) => isSame(attributes[key], value));
}

/** A value as a message shows it. */
export function say(value: unknown): string {
  if (value instanceof RegExp) return String(value);
  return value === undefined ? "missing" : JSON.stringify(value);
}

/** Refuses what is none of the four levels. */
export function requireLevel(level: ObservabilityLevel): void {
  if (!isLevel(level)) throw new TypeError(`There is no level ${say(level)}`);
}

function byScope<T extends RecordedIn>(records: readonly T[]): Map<string, T[]> {
  return Map.groupBy(records, ({ spanId }) => spanId);
}

function list<K extends string, T>(key: K, items: T[] | undefined): { [key in K]?: T[] } {
  return items === undefined || items.length === 0 ? {} : { [key]: items } as { [key in K]?: T[] };
}

function withAttributes(attributes: CleanAttributes): { attributes?: CleanAttributes } {
  return Object.keys(attributes).length === 0 ? {} : { attributes: sorted(attributes) };
}

function sorted(attributes: CleanAttributes): CleanAttributes {
  const entries = Object.entries(attributes).map(([key, value]) => [key, structuredClone(value)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

function named({ type, message }: Exception): string {
  return `${type}: ${message}`;
}

function isSame(actual: unknown, wanted: unknown): boolean {
  return JSON.stringify(actual) === JSON.stringify(wanted);
}
