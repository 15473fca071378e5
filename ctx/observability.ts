import type { Attributes, LogAttributes } from "./attributes.ts";
import type { Failure } from "./errors.ts";
import type { ObservabilityLevel } from "./level.ts";

/**
 * What a scope is in a conversation between services: `"internal"` unless it receives or sends a request.
 *
 * ```ts
 * import { ctx, type ScopeKind } from "@haiway/otel";
 *
 * const kind: ScopeKind = "client";
 * await ctx.scope("database-query", { kind }, () => Promise.resolve());
 * ```
 */
export type ScopeKind = "internal" | "server" | "client" | "producer" | "consumer";

/**
 * The three instruments: a `"counter"` adds up, a `"histogram"` distributes, a `"gauge"` is the last value.
 *
 * ```ts
 * import { ctx, type MetricKind } from "@haiway/otel";
 *
 * const measure = (kind: MetricKind, value: number) => ctx.recordMetric(`job.${kind}`, { kind, value });
 * ctx.scope("job", () => {
 *   measure("counter", 1);
 *   measure("histogram", 0.25);
 *   measure("gauge", 42);
 * });
 * ```
 */
export type MetricKind = "counter" | "histogram" | "gauge";

/**
 * How a scope is opened.
 *
 * ```ts
 * import { ctx, type ScopeOptions } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * const options: ScopeOptions = { observability, attributes: { "http.route": "/users" }, kind: "server" };
 * ctx.scope("GET /users", options, () => {});
 * assertEquals(observability.scopes[0].kind, "server");
 * ```
 */
export interface ScopeOptions {
  /**
   * The back end, which makes the scope a root: a new trace, unless the observability says otherwise or a span
   * of another library is current. Left out, a nested scope has its parent's back end, and a root scope the one
   * that `OpenTelemetry.configure` or `autoconfigure` set up, or the console before either.
   */
  readonly observability?: Observability;
  /** Attributes that the span has from its start, so that a sampler sees them. */
  readonly attributes?: Attributes;
  /** The kind of the span. Default `"internal"`. */
  readonly kind?: ScopeKind;
}

/**
 * A measurement, as `ctx.recordMetric` takes it.
 *
 * ```ts
 * import { ctx, type Metric } from "@haiway/otel";
 *
 * const duration: Metric = {
 *   value: 0.15,
 *   kind: "histogram",
 *   unit: "s",
 *   description: "How long a request takes",
 *   attributes: { method: "GET" },
 * };
 * ctx.scope("request", () => ctx.recordMetric("request.duration", duration));
 * ```
 */
export interface Metric {
  /** The measured value; a counter refuses a negative one. */
  readonly value: number;
  /** The instrument that takes it. */
  readonly kind: MetricKind;
  /** The unit in UCUM, such as `"ms"`, `"s"`, `"By"` or `"{request}"`. Default none. */
  readonly unit?: string;
  /** What the metric means, for whoever reads the dashboard. The first description of a metric stays. */
  readonly description?: string;
  /** The dimensions of the measurement; keep their combinations few. */
  readonly attributes?: Attributes;
  /** Given, the metric is left out where the level is turned up beyond it. Default: always recorded. */
  readonly level?: ObservabilityLevel;
}

/**
 * What goes with an event, as `ctx.recordEvent` takes it.
 *
 * ```ts
 * import { ctx, type EventOptions } from "@haiway/otel";
 *
 * const miss: EventOptions = { attributes: { cache_key: "user:7" }, level: "debug" };
 * ctx.scope("request", () => ctx.recordEvent("cache.miss", miss));
 * ```
 */
export interface EventOptions {
  /** What happened, as data. */
  readonly attributes?: Attributes;
  /** Given, it is the severity, and the event is left out below the threshold. Default: recorded as `"info"`. */
  readonly level?: ObservabilityLevel;
}

/**
 * A back end: where scopes and what they record go. It is made once and may be shared by any number of
 * concurrent root scopes.
 *
 * ```ts
 * import { ctx, type Observability, type Recorder } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const said: string[] = [];
 * const recorder: Recorder = {
 *   traceId: "0af7651916cd43dd8448eb211c80319c",
 *   spanId: "b7ad6b7169203331",
 *   traceFlags: 1,
 *   open: () => recorder,
 *   log: (level, message) => void said.push(`${level}: ${message}`),
 *   metric: () => {},
 *   event: () => {},
 *   attributes: () => {},
 *   close: () => {},
 * };
 * const observability: Observability = { level: "info", open: () => recorder };
 *
 * ctx.scope("greeting", { observability }, () => ctx.logInfo("hello"));
 * assertEquals(said, ["info: hello"]);
 * ```
 */
export interface Observability {
  /** Logs below it are left out before the back end sees them. */
  readonly level: ObservabilityLevel;
  /** Opens a root: the first scope of a trace in this process. */
  open(name: string, options: ScopeOptions): Recorder;
}

/**
 * One open scope of a back end: it opens children, records, and is closed once. What it is given belongs to the
 * caller, so it copies what it keeps. What it throws is reported and goes no further.
 *
 * ```ts
 * import { ctx, noopObservability, type Recorder } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * // A recorder that counts, and leaves the rest to one that records nothing.
 * let events = 0;
 * const recorder: Recorder = {
 *   ...noopObservability.open("", {}),
 *   open: () => recorder,
 *   event: () => void events++,
 * };
 *
 * ctx.scope("session", { observability: { level: "info", open: () => recorder } }, () => {
 *   ctx.recordEvent("user.login");
 *   ctx.scope("nested", () => ctx.recordEvent("cache.miss"));
 * });
 * assertEquals(events, 2);
 * ```
 */
export interface Recorder {
  /** The trace, as 32 lowercase hex digits; empty where the back end has none. */
  readonly traceId: string;
  /** The span, as 16 lowercase hex digits; empty where the back end has none. */
  readonly spanId: string;
  /** The flags of W3C Trace Context: 1 if the trace is sampled. */
  readonly traceFlags: number;
  /** What another context API that shares the scopes' storage finds current in this scope. */
  readonly context?: unknown;
  /** Opens a child scope. */
  open(name: string, options: ScopeOptions): Recorder;
  /** Records a log; `failure` is what the caller gave as `exception`, which `attributes` still hold. */
  log(
    level: ObservabilityLevel,
    message: string,
    attributes: LogAttributes | undefined,
    failure: Failure | undefined,
  ): void;
  /** Records a measurement. */
  metric(name: string, metric: Metric): void;
  /** Records an event. */
  event(name: string, event: EventOptions): void;
  /** Sets attributes of the scope. */
  attributes(attributes: Attributes): void;
  /**
   * Ends the scope; with `failure` its body threw. Otherwise it is OK, unless `status` says that it failed without
   * an exception, or that nobody can judge it: what a request was answered with tells.
   */
  close(failure?: Failure, status?: "error" | "unset"): void;
  /** Gives the scope another name, as that of a request is known only once its route is. */
  rename?(name: string): void;
  /** Runs the body in what else has to be current for it, such as the runtime's own trace context. */
  enter?<T>(body: () => T): T;
}

/** The recorder of a scope whose back end could not open it: nothing is recorded, nothing fails. */
export const noopRecorder: Recorder = {
  traceId: "",
  spanId: "",
  traceFlags: 0,
  open: () => noopRecorder,
  log() {},
  metric() {},
  event() {},
  attributes() {},
  close() {},
};

/**
 * A back end that records nothing, for what must not be observed: `ctx.scope("x", { observability: noop }, …)`.
 *
 * ```ts
 * import { ctx, noopObservability } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * ctx.scope("health-check", { observability: noopObservability }, (scope) => {
 *   ctx.logInfo("Nobody hears this");
 *   assertEquals(scope.traceId, "");
 * });
 * ```
 */
export const noopObservability: Observability = { level: "error", open: () => noopRecorder };
