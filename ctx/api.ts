import type { Attributes, LogAttributes } from "./attributes.ts";
import type { EventOptions, Metric, ScopeOptions } from "./observability.ts";
import type { Scope } from "./open_scope.ts";
import type { StreamSource } from "./stream.ts";

/** The calls that a program observes itself with: see {@linkcode ctx}. */
export interface Ctx {
  /**
   * Opens a scope, runs `body` in it, and returns what `body` returns: a value for a synchronous body, a promise
   * for an asynchronous one. The scope closes when the body settles: OK if it returns, ERROR with the exception
   * if it throws. The same error is thrown on.
   *
   * What is started in the body and outlives it keeps its place in the trace, but the scope does not wait for it:
   * use {@linkcode Ctx.spawn} for what it should wait for. There is no `using` form: entering a storage in an
   * async function before its first `await` leaks into the caller, even after disposal.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * const total = await ctx.scope("checkout", async (scope) => {
   *   ctx.logInfo("Counting", { traceparent: scope.traceparent });
   *   return await ctx.scope("sum", { attributes: { items: 2 } }, () => Promise.resolve(42));
   * });
   * assertEquals(total, 42);
   * ```
   */
  scope<T>(name: string, body: (scope: Scope) => T): T;
  /** Opens a scope with options: a back end, attributes from the start, the kind of the span. */
  scope<T>(name: string, options: ScopeOptions, body: (scope: Scope) => T): T;

  /**
   * The trace id of the current scope, 32 lowercase hex digits; `undefined` outside of any scope.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(ctx.traceId(), undefined);
   * ctx.scope("request", () => assertEquals(ctx.traceId()?.length, 32));
   * ```
   */
  traceId(): string | undefined;

  /** Records a log of the level `"debug"`; see {@linkcode Ctx.logInfo}. */
  logDebug(message: string, attributes?: LogAttributes): void;
  /**
   * Records a log of the level `"info"`, correlated with the span of the current scope. The attribute
   * `exception` takes the error that the log is about: the record gets `exception.type`, `exception.message` and
   * `exception.stacktrace`, and the span the exception. Outside of any scope the log goes to the console.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   *
   * ctx.scope("user-service", () => {
   *   ctx.logInfo("User fetched", { user_id: 7 });
   *   try {
   *     JSON.parse("{");
   *   } catch (exception) {
   *     ctx.logError("The profile is broken", { user_id: 7, exception });
   *   }
   * });
   * ```
   */
  logInfo(message: string, attributes?: LogAttributes): void;
  /** Records a log of the level `"warning"`; see {@linkcode Ctx.logInfo}. */
  logWarning(message: string, attributes?: LogAttributes): void;
  /** Records a log of the level `"error"`; see {@linkcode Ctx.logInfo}. */
  logError(message: string, attributes?: LogAttributes): void;

  /**
   * Records a measurement. There is one instrument for each name, kind and unit, made when it is first used.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   *
   * ctx.scope("request", () => {
   *   ctx.recordMetric("requests", { value: 1, kind: "counter", attributes: { method: "GET" } });
   *   ctx.recordMetric("request.duration", { value: 0.15, unit: "s", kind: "histogram" });
   *   ctx.recordMetric("connections", { value: 42, kind: "gauge" });
   * });
   * ```
   */
  recordMetric(name: string, metric: Metric): void;

  /**
   * Records that something happened, with what belongs to it as attributes.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   *
   * ctx.scope("checkout", () => {
   *   ctx.recordEvent("order.created", { attributes: { order_id: "ord-789", total: 99.99 } });
   * });
   * ```
   */
  recordEvent(name: string, event?: EventOptions): void;

  /**
   * Sets attributes of the span of the current scope.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   *
   * ctx.scope("request", () => ctx.recordAttributes({ "user.id": "user-456", "user.role": "admin" }));
   * ```
   */
  recordAttributes(attributes: Attributes): void;

  /**
   * Runs an asynchronous body as a task of the current scope, and returns its promise. The promise of an
   * asynchronous scope, and the span of any, wait for its tasks. A failure that nobody handles rejects the scope
   * (several: an `AggregateError`), after all tasks have settled; under a synchronous body it is logged.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * const done: string[] = [];
   * await ctx.scope("batch", async () => {
   *   for (const name of ["a", "b"]) ctx.spawn(async () => void done.push(await Promise.resolve(name)));
   *   await Promise.resolve();
   * });
   * assertEquals(done, ["a", "b"]);
   * ```
   */
  spawn<T>(body: () => T | PromiseLike<T>): Promise<T>;

  /**
   * Runs an asynchronous body that keeps its place in the trace, but that the scope does not wait for. Its failure
   * is logged in the scope, and goes no further.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   *
   * ctx.scope("request", () => {
   *   ctx.spawnBackground(async () => ctx.logInfo(await Promise.resolve("Cache warmed")));
   * });
   * ```
   */
  spawnBackground(body: () => unknown): void;

  /**
   * Wraps an async iterable or a `ReadableStream`, or a function that gives an async iterable, in a scope: a child
   * of the scope of this call that opens at the first pull and lives as long as the stream is consumed. The
   * producer runs in it, whoever pulls; nothing is pulled ahead. Exhaustion, `break` and `cancel` end it OK, an
   * error of the producer as failed; a consumer that is collected before the end takes it along. A `ReadableStream`
   * gives a `ReadableStream`, anything else an `AsyncIterable`.
   *
   * The span has `stream.chunk_count` and, in seconds, `stream.time_to_first_chunk`.
   *
   * ```ts
   * import { ctx } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * async function* tokens() {
   *   ctx.logInfo("Asking the model");
   *   yield await Promise.resolve("Hello");
   *   yield "world";
   * }
   * const received: string[] = [];
   * for await (const token of ctx.stream("completion", tokens)) received.push(token);
   * assertEquals(received, ["Hello", "world"]);
   * ```
   */
  stream<T>(source: ReadableStream<T>): ReadableStream<T>;
  /** Wraps an async iterable in a scope named `"stream"`. */
  stream<T>(source: StreamSource<T>): AsyncIterable<T>;
  /** Wraps a `ReadableStream` in a named scope. */
  stream<T>(name: string, source: ReadableStream<T>): ReadableStream<T>;
  /** Wraps an async iterable in a named scope. */
  stream<T>(name: string, source: StreamSource<T>): AsyncIterable<T>;
}
