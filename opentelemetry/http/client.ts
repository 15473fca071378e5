import { ctx } from "../../ctx/ctx.ts";
import { describeException, type Failure } from "../../ctx/errors.ts";
import type { CleanAttributes } from "../../ctx/attributes.ts";
import { OpenScope } from "../../ctx/open_scope.ts";
import { openScope, runIn, runScope } from "../../ctx/scope.ts";
import { inject } from "../propagation/carrier.ts";
import { clientAttributes, methodOf } from "./attributes.ts";
import type { HttpSettings } from "./server.ts";
import { isNative, registered } from "../native/registered.ts";
import { redactText } from "../export/redact_url.ts";

/**
 * How `OpenTelemetry.fetch` sends a request: as `fetch` does.
 *
 * ```ts
 * import { type FetchInit, OpenTelemetry } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const server = Deno.serve({ port: 0 }, (request) => new Response(request.method));
 * using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
 * const init: FetchInit = { method: "POST", client };
 * const response = await OpenTelemetry.fetch(`http://localhost:${server.addr.port}/`, init);
 * assertEquals(await response.text(), "POST");
 * await server.shutdown();
 * ```
 */
export type FetchInit = RequestInit & {
  /** The connections to send it by, as `Deno.createHttpClient` makes them. */
  readonly client?: Deno.HttpClient;
};

/** Sends a request in a client scope, which lasts until the headers of the response are there. */
export async function observedFetch(
  input: RequestInfo | URL,
  init: FetchInit | undefined,
  { propagators, knownMethods }: HttpSettings,
): Promise<Response> {
  // One of our own, so that nothing of the caller's is changed; what cannot be a request is never sent.
  const request = new Request(input, init);
  const method = methodOf(request.method, knownMethods);
  const address = clientAttributes(new URL(request.url));
  const attributes = { ...address, ...method.attributes };
  const dimensions: CleanAttributes = { ...address, "http.request.method": method.name };
  delete dimensions["url.full"];
  const scope = openScope(
    method.label,
    { kind: "client", attributes },
    (...given) => new FetchScope(dimensions, ...given),
  );
  return await runScope(scope, async () => {
    inject(request.headers, propagators);
    if (isNative(registered())) leaveToNative(request.headers);
    const response = await fetch(request);
    scope.status = response.status;
    return response;
  });
}

/** Deno's own `fetch` adds these, to those that are there already: two of them are none. It forgets `tracestate`. */
function leaveToNative(headers: Headers): void {
  for (const field of ["traceparent", "baggage"]) headers.delete(field);
}

/** The scope of one request to another service. */
class FetchScope extends OpenScope {
  status: number | undefined;
  readonly #dimensions: CleanAttributes;
  readonly #startedAt: number = performance.now();

  constructor(dimensions: CleanAttributes, ...given: ConstructorParameters<typeof OpenScope>) {
    super(...given);
    this.#dimensions = dimensions;
  }

  override close(): void {
    const failed = this.status !== undefined && this.status >= 400;
    this.#record(failed ? String(this.status) : undefined);
    super.close(failed ? "error" : "unset");
  }

  override fail(error: unknown): void {
    this.#record(describeException(error).type);
    super.fail(error);
  }

  /** The runtime says the whole URL where a request fails: recorded is a copy of the error without its secrets. */
  override failure(error: unknown): Failure {
    const { first } = super.failure(error);
    const { type, message, stacktrace } = describeException(error);
    const copy = new Error(redactText(message));
    copy.name = type;
    copy.stack = stacktrace && redactText(stacktrace);
    return { error: copy, first };
  }

  #record(errorType: string | undefined): void {
    const outcome = { "http.response.status_code": this.status, "error.type": errorType };
    runIn(this, () => {
      ctx.recordAttributes(outcome);
      ctx.recordMetric("http.client.request.duration", {
        value: (performance.now() - this.#startedAt) / 1000,
        kind: "histogram",
        unit: "s",
        description: "Duration of HTTP client requests.",
        attributes: { ...this.#dimensions, ...outcome },
      });
    });
  }
}
