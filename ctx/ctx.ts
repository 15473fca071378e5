import type { Ctx } from "./api.ts";
import { type Attributes, describe, type LogAttributes } from "./attributes.ts";
import { ConsoleObservability } from "./console.ts";
import { logPlainly } from "./console_format.ts";
import { setConsoleObservability } from "./default.ts";
import { diagnose, diagnoseFailure } from "./diagnostics.ts";
import { refusal } from "./errors.ts";
import { isLevel, type ObservabilityLevel, SEVERITY } from "./level.ts";
import type { EventOptions, Metric, ScopeOptions } from "./observability.ts";
import type { OpenScope, Scope } from "./open_scope.ts";
import { currentScope, NO_OPTIONS, openScope, runIn, runScope } from "./scope.ts";
import { openStream, type StreamSource } from "./stream.ts";
import { startTask, Tasks } from "./tasks.ts";

setConsoleObservability(() => new ConsoleObservability());

/**
 * The facade of the module: opens scopes, and records in the current one. No call of it throws or rejects for a
 * reason of its own.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 *
 * await ctx.scope("application", async () => {
 *   ctx.logInfo("Processing");
 *   ctx.recordMetric("jobs", { value: 1, kind: "counter" });
 *   await ctx.scope("job", async () => await Promise.resolve());
 * });
 * ```
 */
export const ctx: Ctx = {
  scope<T>(
    name: string,
    options: ScopeOptions | ((scope: Scope) => T),
    body?: (scope: Scope) => T,
  ): T {
    if (typeof options === "function") return runScope(openScope(name, NO_OPTIONS), options);
    return runScope(openScope(name, options ?? NO_OPTIONS), body!);
  },
  traceId: () => currentScope()?.traceId || undefined,
  logDebug: (message, attributes) => log("debug", message, attributes),
  logInfo: (message, attributes) => log("info", message, attributes),
  logWarning: (message, attributes) => log("warning", message, attributes),
  logError: (message, attributes) => log("error", message, attributes),
  recordMetric,
  recordEvent,
  recordAttributes,
  spawn<T>(body: () => T | PromiseLike<T>): Promise<T> {
    const task = startTask(body);
    const scope = currentScope()?.holder;
    if (scope !== undefined && !scope.closed) (scope.tasks ??= new Tasks(scope, logFailure)).add(task);
    return task;
  },
  spawnBackground(body: () => unknown): void {
    const scope = currentScope();
    startTask(body).observe(() => {}, (error) => logFailure(scope, error));
  },
  stream,
};

function stream<T>(source: ReadableStream<T>): ReadableStream<T>;
function stream<T>(source: StreamSource<T>): AsyncIterable<T>;
function stream<T>(name: string, source: ReadableStream<T>): ReadableStream<T>;
function stream<T>(name: string, source: StreamSource<T>): AsyncIterable<T>;
function stream<T>(name: string | StreamSource<T>, source?: StreamSource<T>): AsyncIterable<T> {
  return typeof name === "string" ? openStream(name, source!) : openStream("stream", name);
}

function log(level: ObservabilityLevel, message: string, attributes: LogAttributes | undefined): void {
  const scope = currentScope();
  if (scope === undefined) return logPlainly(level, message, attributes);
  if (SEVERITY[level] < scope.threshold) return;
  try {
    const exception = attributes === undefined ? undefined : exceptionOf(attributes);
    const failure = exception === undefined || exception === null ? undefined : scope.failure(exception);
    scope.recorder.log(level, message, attributes, failure);
  } catch (error) {
    diagnoseFailure("record a log", error);
  }
}

/** The exception that a log is about; attributes that cannot be read must not cost the log. */
function exceptionOf(attributes: LogAttributes): unknown {
  try {
    return attributes?.exception;
  } catch {
    return undefined;
  }
}

function logFailure(scope: OpenScope | undefined, exception: unknown): void {
  runIn(scope, () => log("error", "A task failed that nobody waits for", { exception }));
}

function recordMetric(name: string, metric: Metric): void {
  const scope = currentScope();
  if (scope === undefined) return dropped("the metric", name);
  try {
    if (typeof metric !== "object" || metric === null) return refuse(name, "metric", "be an object", metric);
    if (isBelow(metric.level, scope.threshold) || !isMeasurable(name, metric)) return;
    scope.recorder.metric(name, metric);
  } catch (error) {
    diagnoseFailure("record a metric", error);
  }
}

function recordEvent(name: string, given?: EventOptions): void {
  const scope = currentScope();
  if (scope === undefined) return dropped("the event", name);
  try {
    const event: EventOptions = given ?? NO_OPTIONS;
    if (isBelow(event.level, scope.threshold)) return;
    scope.recorder.event(name, event);
  } catch (error) {
    diagnoseFailure("record an event", error);
  }
}

function recordAttributes(attributes: Attributes): void {
  const scope = currentScope();
  if (scope === undefined) return dropped("attributes of", "no span");
  try {
    scope.attributes(attributes);
  } catch (error) {
    diagnoseFailure("record attributes", error);
  }
}

/** Only an explicit level filters a metric or an event: turning verbosity down never loses one. */
function isBelow(level: ObservabilityLevel | undefined, threshold: number): boolean {
  return level !== undefined && isLevel(level) && SEVERITY[level] < threshold;
}

function isMeasurable(name: string, { value, kind }: Metric): boolean {
  if (kind !== "counter" && kind !== "histogram" && kind !== "gauge") {
    refuse(name, "kind", "be 'counter', 'histogram' or 'gauge'", kind);
    return false;
  }
  if (!Number.isFinite(value)) {
    refuse(name, "value", "be a finite number", value);
    return false;
  }
  if (value < 0 && kind !== "gauge") {
    refuse(name, "value", `not be negative for a ${kind}`, value);
    return false;
  }
  return true;
}

function refuse(name: string, field: string, rule: string, value: unknown): void {
  diagnose(`metric:${field}`, refusal(`record the metric '${describe(name)}'`, field, rule, value));
}

function dropped(what: string, name: string): void {
  diagnose(
    `outside:${what}`,
    `Cannot record ${what} '${describe(name)}' outside of a scope: open one with ctx.scope(name, body)`,
  );
}
