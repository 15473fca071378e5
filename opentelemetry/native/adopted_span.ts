import {
  type Attributes,
  type AttributeValue,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import { override } from "../override.ts";
import { type Tracked, TrackedSpan } from "./tracked_span.ts";

/** What `Deno.serve` has set on its span from the start: set once more, it would be there twice. */
const GIVEN = new Set(["http.request.method", "url.full", "url.path", "url.query", "url.scheme"]);

/**
 * The span that `Deno.serve` has made of a request, as the span of a scope. What Deno says of the answer is taken into
 * account: its status code as an integer, and the rest where the scope does not know better. It ends when both have
 * ended it: Deno does with the headers, the scope when the body has been sent.
 */
export class AdoptedSpan extends TrackedSpan {
  readonly #restore: readonly (() => void)[];
  #endedBy: "nobody" | "deno" | "scope" = "nobody";

  constructor(of: Tracked) {
    super(of);
    const { span, attributes } = of;
    this.updateName(of.name);
    this.#restore = [
      override(span, "setAttribute", (key: string, value: AttributeValue) => {
        if (key === "http.response.status_code") attributes[key] = Number(value);
        else attributes[key] ??= value;
        return span;
      }),
      override(span, "setStatus", (status: SpanStatus) => {
        if (this.status.code === SpanStatusCode.UNSET) this.status = status;
        return span;
      }),
      override(span, "end", () => this.#end("deno")),
    ];
  }

  override setAttribute(key: string, value: AttributeValue): this {
    return GIVEN.has(key) ? this : super.setAttribute(key, value);
  }

  override setAttributes(attributes: Attributes): this {
    for (const key in attributes) this.setAttribute(key, attributes[key] as AttributeValue);
    return this;
  }

  override end(): void {
    this.#end("scope");
  }

  #end(by: "deno" | "scope"): void {
    if (this.#endedBy === "nobody") this.#endedBy = by;
    else if (this.#endedBy !== by) this.finish();
  }

  protected override finish(time?: TimeInput): void {
    for (const restore of this.#restore) restore();
    super.finish(time);
  }
}
