import { defaultObservability } from "../../ctx/default.ts";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { refusal } from "../../ctx/errors.ts";
import type { Observability } from "../../ctx/observability.ts";
import { openScope, runScope } from "../../ctx/scope.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { methodOf, serverAttributes } from "./attributes.ts";
import { RequestScope } from "./request.ts";
import { serving, within } from "../observability.ts";

/**
 * A handler of HTTP requests, as `Deno.serve`, Deno Deploy and the routers for them have it.
 *
 * ```ts
 * import { type HttpHandler, OpenTelemetry } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const hello: HttpHandler<[]> = () => new Response("Hello");
 * const observed: HttpHandler<[]> = OpenTelemetry.handler(hello, { route: "/" });
 * const response = await observed(new Request("http://localhost/"));
 * assertEquals(await response.text(), "Hello");
 * ```
 */
export type HttpHandler<Rest extends unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * How `OpenTelemetry.handler` observes a handler.
 *
 * ```ts
 * import { type HandlerOptions, OpenTelemetry } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * const options: HandlerOptions = { route: "/users/:id", observability };
 * const handler = OpenTelemetry.handler(() => new Response("Ada"), options);
 * await (await handler(new Request("http://localhost/users/7"))).text();
 * assertEquals(observability.scopes[0].name, "GET /users/:id");
 * ```
 */
export interface HandlerOptions {
  /**
   * The route of a request, such as `"/users/:id"`: it names the span, and is a dimension of the metrics, so it must
   * be a template and never the path itself. A `URLPattern`, or the first of several that matches, says it with its
   * path name. Nothing said leaves it to `ctx.recordAttributes({ "http.route": … })`.
   */
  readonly route?: string | URLPattern | readonly URLPattern[] | ((request: Request) => string | undefined);
  /** Where the scopes go. Default: what `OpenTelemetry.configure` set up, or the console before. */
  readonly observability?: Observability;
}

/** What of the configuration concerns HTTP. */
export type HttpSettings = Pick<Configuration, "propagators" | "knownMethods">;

/** Wraps a handler so that each of its requests is a server scope. */
export function observeHandler<Rest extends unknown[]>(
  handler: HttpHandler<Rest>,
  options: HandlerOptions,
  settings: () => HttpSettings,
): HttpHandler<Rest> {
  requireHandler(handler, options);
  return (request, ...rest) => {
    const info = infoOf(rest[0]);
    const scope = openRequest(request, info, options, settings());
    if (scope === undefined) return handler(request, ...rest);
    return runScope(scope, () => {
      const answer = handler(request, ...rest);
      if (answer instanceof Response) return scope.answer(answer, info);
      return Promise.resolve(answer).then((response) => scope.answer(response, info));
    });
  };
}

function requireHandler(handler: unknown, { route, observability }: HandlerOptions): void {
  const action = "wrap a handler";
  if (typeof handler !== "function") {
    throw new TypeError(refusal(action, "handler", "be a function", handler));
  }
  const isRoute = typeof route === "function" || (typeof route === "string" && route !== "") ||
    [route].flat().every((pattern) => pattern instanceof URLPattern);
  if (route !== undefined && !isRoute) {
    const rule = "be a non-empty string, a function, or one or more URLPatterns";
    throw new TypeError(refusal(action, "route", rule, route));
  }
  if (observability !== undefined && typeof observability?.open !== "function") {
    throw new TypeError(refusal(action, "observability", "be an Observability", observability));
  }
}

/** What `Deno.serve` says of a request; other callers pass something else, or nothing. */
function infoOf(given: unknown): Partial<Deno.ServeHandlerInfo> {
  return typeof given === "object" && given !== null ? given : {};
}

/** Opens the scope of a request; what only resembles a request is handled without one. */
function openRequest(
  request: Request,
  info: Partial<Deno.ServeHandlerInfo>,
  options: HandlerOptions,
  settings: HttpSettings,
): RequestScope | undefined {
  try {
    return open(request, info, options, settings);
  } catch (error) {
    return void diagnoseFailure("observe a request", error);
  }
}

function open(
  request: Request,
  info: Partial<Deno.ServeHandlerInfo>,
  options: HandlerOptions,
  { propagators, knownMethods }: HttpSettings,
): RequestScope {
  const method = methodOf(request.method, knownMethods);
  const attributes = { ...serverAttributes(request, info.remoteAddr), ...method.attributes };
  const route = routeOf(options.route, request);
  if (route !== undefined) attributes["http.route"] = route;
  const scheme = String(attributes["url.scheme"]);
  // Only who was called by the server itself has the span of the server before it.
  const root = info.completed instanceof Promise ? serving : within;
  return openScope(route === undefined ? method.label : `${method.label} ${route}`, {
    observability: root(options.observability ?? defaultObservability(), request.headers, propagators),
    attributes,
    kind: "server",
  }, (...given) => new RequestScope({ request, method, scheme, route }, ...given));
}

function routeOf(route: HandlerOptions["route"], request: Request): string | undefined {
  try {
    const told = typeof route === "function" ? route(request) : route;
    if (typeof told === "string") return told === "" ? undefined : told;
    return [told ?? []].flat().find((pattern) => pattern.test(request.url))?.pathname;
  } catch (error) {
    return void diagnoseFailure("tell the route of a request", error);
  }
}
