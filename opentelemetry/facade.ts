import type { ObservabilityLevel } from "../ctx/level.ts";
import type { Observability } from "../ctx/observability.ts";
import type { Carrier, TraceContext } from "./propagation/carrier.ts";
import type { DoctorOptions, DoctorReport } from "./doctor/report.ts";
import type { FetchInit } from "./http/client.ts";
import type { HandlerOptions, HttpHandler } from "./http/server.ts";
import type { ListenerOptions } from "./propagation/messages.ts";
import type { AutoconfigureOptions, ConfigureOptions } from "./configuration/options.ts";
import type { RemoteTrace } from "./propagation/propagation.ts";
import type { Stats } from "./export/statistics.ts";

/**
 * How a back end of `OpenTelemetry.observability` behaves.
 *
 * ```ts
 * import { ctx, type ObservabilityOptions, OpenTelemetry } from "@haiway/otel";
 *
 * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
 * const options: ObservabilityOptions = {
 *   level: "warning",
 *   externalTraceId: "4bf92f3577b34da6a3ce929d0e0e4736",
 * };
 * ctx.scope("request", { observability: OpenTelemetry.observability(options) }, () => ctx.logInfo("Left out"));
 * await OpenTelemetry.shutdown();
 * ```
 */
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
   * Deno exports. Spans and metrics go when Deno sends them, at the latest as the process ends: it cannot be told
   * to flush. Where nothing is registered a line on standard error says so.
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
  /**
   * Wraps a handler of HTTP requests, for `Deno.serve` and for Deno Deploy: each request is a scope of the kind
   * `"server"`, in the trace that its headers name, after the semantic conventions for HTTP. It is named by its
   * method and route, never by its path; the route is an option, or what the handler records as `http.route`. The
   * scope lasts until the response has been sent, a streamed body included, and is ERROR from status 500 on; a
   * client that goes away is no error. What the handler throws is recorded and thrown on, so that `onError` or
   * `Deno.serve` answers 500. `http.server.request.duration` and `http.server.active_requests` are measured.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * const users = new URLPattern({ pathname: "/users/:id" });
   * const handler = OpenTelemetry.handler((request) => {
   *   const id = users.exec(request.url)?.pathname.groups.id;
   *   if (id === undefined) return new Response("Not found", { status: 404 });
   *   ctx.logInfo("Greeting", { id });
   *   return new Response(`Hello ${id}`);
   * }, { route: users });
   *
   * const server = Deno.serve({ port: 0 }, handler);
   * await (await fetch(`http://localhost:${server.addr.port}/users/7`)).text(); // the span is "GET /users/:id"
   * await server.shutdown();
   * await OpenTelemetry.shutdown();
   * ```
   */
  handler<Rest extends unknown[]>(handler: HttpHandler<Rest>, options?: HandlerOptions): HttpHandler<Rest>;
  /**
   * `fetch` in a scope of the kind `"client"`, with the trace in the headers of the request; what the caller gave
   * is not changed. The scope ends when the headers of the response have arrived, whoever reads its body, and is
   * ERROR from status 400 on. Credentials and signatures in the URL are not recorded.
   * `http.client.request.duration` is measured.
   *
   * Under Deno's built-in OpenTelemetry plain `fetch` is a span already, and carries the trace by itself, beside
   * whatever was injected: there it takes either this call or that one, but not `inject`.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * const server = Deno.serve({ port: 0 }, (request) => new Response(request.headers.get("traceparent")));
   * await ctx.scope("checkout", async (scope) => {
   *   const response = await OpenTelemetry.fetch(`http://localhost:${server.addr.port}/`);
   *   assertEquals((await response.text()).slice(3, 35), scope.traceId);
   * });
   * await server.shutdown();
   * ```
   */
  fetch(input: RequestInfo | URL, init?: FetchInit): Promise<Response>;
  /**
   * Wraps a listener to the messages of a `Worker`, a `MessagePort` or a `BroadcastChannel`: each message is a
   * scope of the kind `"consumer"`, in the trace that {@linkcode OpenTelemetryFacade.inject} wrote into its record
   * at the other end. With one at both ends the trace goes into the worker and comes back out.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   *
   * const { port1: program, port2: worker } = new MessageChannel();
   * worker.onmessage = OpenTelemetry.listener("square", ({ data }: MessageEvent<{ n: number }>) => {
   *   worker.postMessage(OpenTelemetry.inject({ square: data.n ** 2 }));
   * });
   * const answered = new Promise<void>((resolve) => {
   *   program.onmessage = OpenTelemetry.listener("answer", ({ data }: MessageEvent<{ square: number }>) => {
   *     ctx.logInfo("Squared", { square: data.square });
   *     resolve();
   *   });
   * });
   * ctx.scope("program", () => program.postMessage(OpenTelemetry.inject({ n: 7 })));
   * await answered;
   * program.close();
   * ```
   */
  listener<Message extends { readonly data: unknown }, T>(
    name: string,
    listener: (message: Message) => T,
    options?: ListenerOptions,
  ): (message: Message) => T;
  /**
   * What became of everything that was recorded: how much was exported, waits, or was given up and why. It still
   * answers after `shutdown`. Where somebody else's providers export, they alone know.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { otlpReceiver } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * await using receiver = otlpReceiver();
   * OpenTelemetry.configure({
   *   service: "shop",
   *   version: "1.0.0",
   *   environment: "development",
   *   otlpEndpoint: receiver.endpoint,
   * });
   * ctx.scope("checkout", () => {});
   * await OpenTelemetry.shutdown();
   *
   * const { created, exported, dropped } = OpenTelemetry.stats().traces;
   * assertEquals({ created, exported, dropped }, { created: 1, exported: 1, dropped: {} });
   * ```
   */
  stats(): Stats;
  /** Exports what was recorded so far; resolves when it has arrived, or the export time limit is over. */
  forceFlush(): Promise<void>;
  /**
   * Exports what was recorded, for at most `shutdownTimeoutMillis`, and ends the pipeline; `configure` may be
   * called again afterwards. Scopes that are still open go on, unrecorded.
   */
  shutdown(): Promise<void>;
  /**
   * Looks for what telemetry may be lost by: the endpoint (reachable, OTLP, gRPC, TLS, a header), misspelt and
   * conflicting variables, permissions, copies of the API, registered providers, the clock; and for what was lost
   * already. It examines what `configure` was given, or else the options and the environment; it sends no
   * telemetry, and never throws.
   *
   * ```ts
   * import { OpenTelemetry } from "@haiway/otel";
   * import { otlpReceiver } from "@haiway/otel/testing";
   * import { assertEquals } from "@std/assert";
   *
   * await using receiver = otlpReceiver();
   * const report = await OpenTelemetry.doctor({ otlpEndpoint: receiver.endpoint });
   * console.log(String(report)); // each finding, with its fix
   * assertEquals(report.findings[0].code, "endpoint-ok");
   * ```
   */
  doctor(options?: DoctorOptions): Promise<DoctorReport>;
}
