import type { ObservabilityLevel } from "../ctx/level.ts";
import type { Observability } from "../ctx/observability.ts";
import type { Carrier, TraceContext } from "./carrier.ts";
import type { AutoconfigureOptions, ConfigureOptions } from "./options.ts";
import type { RemoteTrace } from "./propagation.ts";

/** How a back end of `OpenTelemetry.observability` behaves. */
export interface ObservabilityOptions extends RemoteTrace {
  /** Logs below it are left out. Default: the level given to `configure`. */
  readonly level?: ObservabilityLevel;
}

/** The calls that set OpenTelemetry up: see {@linkcode OpenTelemetry}. */
export interface OpenTelemetryFacade {
  /**
   * Installs the providers of all three signals, the context manager and the W3C propagators, and makes
   * OpenTelemetry the back end of root scopes that name none. Once per process, unless `shutdown` came between.
   *
   * Throws a `TypeError`, a `RangeError` or a {@linkcode ConfigurationError} that names the option, the rule and
   * the value.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * ctx.scope("startup", () => ctx.logInfo("Ready"));
   * await OpenTelemetry.shutdown();
   * ```
   */
  configure(options: ConfigureOptions): OpenTelemetryFacade;
  /**
   * Records through providers that something else has registered: Deno's built-in OpenTelemetry (`OTEL_DENO=true`,
   * Deno Deploy), the Node SDK, a vendor's distribution. Registers nothing that is there already, and ends nothing
   * that is not its own: `shutdown` flushes what the providers let it. Once per process, in place of `configure`.
   *
   * Under Deno's built-in OpenTelemetry, which takes no log records, logs and events go to the same collector by a
   * way of their own; where there is none that can be reached, as on Deno Deploy, they go to the console, which
   * Deno exports. Where nothing is registered a line on standard error says so.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   *
   * OpenTelemetry.autoconfigure({ service: "shop" });
   * ctx.scope("startup", () => ctx.logInfo("Ready"));
   * await OpenTelemetry.shutdown();
   * ```
   */
  autoconfigure(options?: AutoconfigureOptions): OpenTelemetryFacade;
  /**
   * A back end for `ctx.scope`: made once and shared by any number of concurrent root scopes, or made for each
   * request with the trace that came along. Throws a {@linkcode ConfigurationError} before `configure`.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * const headers = new Headers({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
   * const observability = OpenTelemetry.observability({ traceparent: headers.get("traceparent") });
   * ctx.scope("request", { observability }, (scope) => {
   *   assertEquals(scope.traceId, "0af7651916cd43dd8448eb211c80319c");
   * });
   * await OpenTelemetry.shutdown();
   * ```
   */
  observability(options?: ObservabilityOptions): Observability;
  /**
   * Writes the trace of the current scope into the headers of a request, or into a plain record: `traceparent`,
   * `tracestate` and `baggage`, as `OTEL_PROPAGATORS` has them. Returns what it was given; outside of a trace it
   * writes nothing. A message to a `Worker` or to a queue is such a record.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * ctx.scope("call", (scope) => {
   *   const headers = OpenTelemetry.inject(new Headers({ accept: "application/json" }));
   *   assertEquals(headers.get("traceparent"), scope.traceparent);
   *
   *   const message: Record<string, unknown> = OpenTelemetry.inject({ job: 7 });
   *   assertEquals(message, { job: 7, traceparent: scope.traceparent });
   * });
   * ```
   */
  inject<C extends Carrier>(carrier: C): C;
  /**
   * Reads what {@linkcode OpenTelemetryFacade.inject} wrote, for `OpenTelemetry.observability`: from headers, from
   * a record with names in any case, or, left out, from the environment variables `TRACEPARENT`, `TRACESTATE` and
   * `BAGGAGE` that this process was started with, if it may read them. Never throws, and gives `{}` for anything
   * that carries no trace. It judges nothing: what is malformed is reported and ignored by `observability`.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * const request = new Request("http://localhost/", {
   *   headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", baggage: "user=7" },
   * });
   * const observability = OpenTelemetry.observability(OpenTelemetry.extract(request.headers));
   * ctx.scope("request", { observability }, (scope) => {
   *   assertEquals(scope.traceId, "0af7651916cd43dd8448eb211c80319c");
   *   assertEquals(OpenTelemetry.inject(new Headers()).get("baggage"), "user=7");
   * });
   * await OpenTelemetry.shutdown();
   * ```
   */
  extract(carrier?: unknown): TraceContext;
  /**
   * The trace of the current scope as environment variables for a child process: `TRACEPARENT`, `TRACESTATE` and
   * `BAGGAGE`, which `OpenTelemetry.extract()` reads there. Outside of a trace it is empty, and a child inherits
   * what this process was given. Within one, an inherited variable that the scope has no value for is set empty.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * await ctx.scope("build", async (scope) => {
   *   const child = new Deno.Command(Deno.execPath(), {
   *     args: ["eval", "console.log(Deno.env.get('TRACEPARENT'))"],
   *     env: OpenTelemetry.environment(),
   *   });
   *   const { stdout } = await child.output();
   *   assertEquals(new TextDecoder().decode(stdout).trim(), scope.traceparent);
   * });
   * ```
   */
  environment(): Record<string, string>;
  /** Exports what was recorded so far; resolves when it has arrived, or the export time limit is over. */
  forceFlush(): Promise<void>;
  /**
   * Exports what was recorded, for at most 5 seconds, and ends the pipeline; `configure` may be called again
   * afterwards. Scopes that are still open go on, unrecorded.
   */
  shutdown(): Promise<void>;
}
