import { ctx } from "../../ctx/ctx.ts";
import type { Attributes } from "../../ctx/attributes.ts";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { describeException } from "../../ctx/errors.ts";
import type { Recorder } from "../../ctx/observability.ts";
import { OpenScope } from "../../ctx/open_scope.ts";
import { runIn, runWithin } from "../../ctx/scope.ts";
import { AdoptedSpan } from "../native/adopted_span.ts";
import type { Method } from "./attributes.ts";
import { observeStream, streamOf } from "./body.ts";
import { OpenTelemetryRecorder } from "../recorder.ts";
import { ScopeSpan } from "../tracing/span.ts";
import { TrackedSpan } from "../native/tracked_span.ts";

/** A request as it came in. */
export interface Received {
  readonly request: Request;
  readonly method: Method;
  readonly scheme: string;
  readonly route: string | undefined;
}

const IN_FLIGHT = { unit: "{request}", description: "Number of active HTTP server requests." };

/**
 * The scope of one request. It lasts until the response has been sent, not only made, and is named by its route,
 * which may be known late.
 */
export class RequestScope extends OpenScope {
  readonly #method: Method;
  readonly #scheme: string;
  /** Let go at the end, which tasks that live longer outlive in their context. */
  #request: Request | undefined;
  readonly #startedAt: number = performance.now();
  #route: string | undefined;
  #status: number | undefined;
  /** Whether a body is being sent, and whether everything else is done. */
  #sending = false;
  #settled = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(received: Received, ...given: ConstructorParameters<typeof OpenScope>) {
    super(...given);
    this.#method = received.method;
    this.#scheme = received.scheme;
    this.#request = received.request;
    this.#route = received.route;
    this.#move(1);
  }

  /** An `http.route` that is recorded in the handler names the scope too. */
  override attributes(attributes: Attributes): void {
    super.attributes(attributes);
    this.#name(attributes?.["http.route"]);
  }

  #name(route: unknown): void {
    if (typeof route !== "string" || route === "" || route === this.#route) return;
    this.#route = route;
    this.recorder.rename?.(`${this.#method.label} ${route}`);
  }

  /** Takes note of the response, and returns it: itself, unless its body is a stream, which has to be watched. */
  answer(response: Response, { completed }: { readonly completed?: Promise<void> }): Response {
    const valid = response instanceof Response && response.type !== "error";
    // Anything else is refused by the server, which answers 500.
    this.#status = valid ? response.status : 500;
    // The answer to a HEAD request is sent without its body, which nobody reads.
    const stream = valid && this.#request?.method !== "HEAD" ? streamOf(response) : undefined;
    if (stream === undefined) return response;
    this.#sending = true;
    const watched = observeStream(stream, {
      run: (produce) => runWithin(this, produce),
      ended: () => this.#sent(),
      failed: (error) => this.#sent({ error }),
    });
    // A response that another one replaced is never read.
    if (completed instanceof Promise) completed.then(() => this.#sent(), () => this.#sent());
    return new Response(watched, response);
  }

  override close(): void {
    this.#settled = true;
    if (!this.#sending) this.#end();
  }

  override fail(error: unknown): void {
    this.#failure = { error };
    this.#status = this.#isAbort(error) ? undefined : 500;
    this.#end();
  }

  #sent(failure?: { readonly error: unknown }): void {
    if (!this.#sending) return;
    this.#sending = false;
    this.#failure = failure;
    if (!this.#settled) return;
    if (this.tasks === undefined) this.#end();
    else this.tasks.whenSettled(() => this.#end());
  }

  #end(): void {
    const failure = this.#failure !== undefined && this.#isAbort(this.#failure.error)
      ? undefined
      : this.#failure;
    const status = this.#status;
    const failed = status !== undefined && status >= 500;
    const type = failure === undefined
      ? failed ? String(status) : undefined
      : describeException(failure.error).type;
    const outcome = { "http.response.status_code": status, "error.type": type };
    runIn(this, () => {
      // A framework may have set it on the span itself, through the API.
      this.#name(attributesOf(this.recorder)["http.route"]);
      ctx.recordAttributes(outcome);
      if (this.#adopted) return;
      ctx.recordMetric("http.server.request.duration", {
        value: (performance.now() - this.#startedAt) / 1000,
        kind: "histogram",
        unit: "s",
        description: "Duration of HTTP server requests.",
        attributes: {
          "http.request.method": this.#method.name,
          "url.scheme": this.#scheme,
          "http.route": this.#route,
          ...outcome,
        },
      });
    });
    this.#move(-1);
    this.#request = undefined;
    if (failure !== undefined) super.fail(failure.error);
    else super.close(failed ? "error" : "unset");
  }

  /** That the client went away is no failure of the server, even where the handler passes it on. */
  #isAbort(error: unknown): boolean {
    // Who only asks for the signal of a request makes Deno warn of it.
    if (!(error instanceof DOMException) || error.name !== "AbortError") return false;
    const signal = this.#request?.signal;
    return signal !== undefined && signal.aborted && error === signal.reason;
  }

  /** Whether the request is the runtime's to measure, as the span is. */
  get #adopted(): boolean {
    const { recorder } = this;
    return recorder instanceof OpenTelemetryRecorder && recorder.span instanceof AdoptedSpan;
  }

  #move(by: 1 | -1): void {
    const { recorder } = this;
    if (!(recorder instanceof OpenTelemetryRecorder) || this.#adopted) return;
    const attributes = { "http.request.method": this.#method.name, "url.scheme": this.#scheme };
    try {
      recorder.engine.instruments.move(
        "http.server.active_requests",
        by,
        IN_FLIGHT,
        attributes,
        recorder.context,
      );
    } catch (error) {
      diagnoseFailure("count the requests in flight", error);
    }
  }
}

function attributesOf(recorder: Recorder): TrackedSpan["attributes"] {
  const span = recorder instanceof OpenTelemetryRecorder ? recorder.span : undefined;
  return span instanceof ScopeSpan || span instanceof TrackedSpan ? span.attributes : {};
}
