import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import { describeException } from "../ctx/errors.ts";

/** Attributes as a span of somebody else takes them best. */
export type Adapt = (attributes: Attributes) => Attributes;

/**
 * A span of an engine that lets nobody read what was set on it: status and attributes are
 * kept until the end, so that each is written once, however often it was set.
 */
export class TrackedSpan implements Span {
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  readonly #span: Span;
  readonly #identity: SpanContext;
  readonly #adapt: Adapt;
  readonly #attributes: Attributes;
  #ended = false;

  /** The attributes are the span's from now on. */
  constructor(span: Span, identity: SpanContext, attributes: Attributes, adapt: Adapt) {
    this.#span = span;
    this.#identity = identity;
    this.#attributes = attributes;
    this.#adapt = adapt;
  }

  spanContext(): SpanContext {
    return this.#identity;
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.#ended) this.#attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (!this.#ended) Object.assign(this.#attributes, attributes);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended) return this;
    const isTime = typeof attributesOrTime !== "object" || Array.isArray(attributesOrTime) ||
      attributesOrTime instanceof Date;
    const attributes = isTime ? attributesOrTime as TimeInput | undefined : this.#adapt(attributesOrTime);
    this.#span.addEvent(name, attributes, time);
    return this;
  }

  addLink({ context, attributes = {}, ...link }: Link): this {
    if (!this.#ended) this.#span.addLink({ ...link, context, attributes: this.#adapt(attributes) });
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** As the specification has it: OK is final, UNSET is ignored, only an ERROR has a description. */
  setStatus({ code, message }: SpanStatus): this {
    if (this.#ended || code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this;
    this.status = code === SpanStatusCode.ERROR && message !== undefined ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.#ended) this.#span.updateName(name);
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { type, message, stacktrace } = describeException(exception);
    const attributes: Attributes = { "exception.type": type, "exception.message": message };
    if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
    this.addEvent("exception", attributes, time);
  }

  end(time?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#span.setAttributes(this.#adapt(this.#attributes));
    if (this.status.code !== SpanStatusCode.UNSET) this.#span.setStatus(this.status);
    this.#span.end(time);
  }
}
