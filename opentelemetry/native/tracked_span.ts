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
import { describeException } from "../../ctx/errors.ts";
import type { Group, LiveSpan, LiveSpans } from "../tracing/live_spans.ts";

/** What a tracked span is of. */
export interface Tracked {
  readonly span: Span;
  readonly name: string;
  readonly identity: SpanContext;
  /** What it has from the start: its own from now on. */
  readonly attributes: Attributes;
  /** Makes of attributes what the span takes best. */
  readonly adapt: (attributes: Attributes) => Attributes;
  /** Makes of a name or a message what the span may say. */
  readonly text: (text: string) => string;
  /** What ends it if the process ends before. */
  readonly live?: LiveSpans;
}

/**
 * A span of an engine that lets nobody read what was set on it: status and attributes are kept until the end, so that
 * each is written once, however often it was set.
 */
export class TrackedSpan implements Span, LiveSpan {
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  group: Group | undefined = undefined;
  readonly #of: Tracked;
  #ended = false;

  constructor(of: Tracked) {
    this.#of = of;
    of.live?.open(this);
  }

  get name(): string {
    return this.#of.name;
  }

  /** What was set on it so far. */
  get attributes(): Attributes {
    return this.#of.attributes;
  }

  spanContext(): SpanContext {
    return this.#of.identity;
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.#ended) this.#of.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (!this.#ended) Object.assign(this.#of.attributes, attributes);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended) return this;
    const isTime = typeof attributesOrTime !== "object" || Array.isArray(attributesOrTime) ||
      attributesOrTime instanceof Date;
    const attributes = isTime ? attributesOrTime as TimeInput | undefined : this.#of.adapt(attributesOrTime);
    this.#of.span.addEvent(this.#of.text(name), attributes, time);
    return this;
  }

  addLink({ context, attributes = {}, ...link }: Link): this {
    if (!this.#ended) this.#of.span.addLink({ ...link, context, attributes: this.#of.adapt(attributes) });
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
    if (!this.#ended) this.#of.span.updateName(this.#of.text(name));
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { type, message, stacktrace } = describeException(exception);
    const attributes: Attributes = { "exception.type": type, "exception.message": message };
    if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
    this.addEvent("exception", attributes, time);
  }

  /** With a mark, as the process ends. */
  interrupt(cause: string | undefined): void {
    this.setAttribute("haiway.scope.interrupted", true);
    if (cause !== undefined) this.status = { code: SpanStatusCode.ERROR, message: cause };
    this.finish();
  }

  end(time?: TimeInput): void {
    this.finish(time);
  }

  /** Writes what was kept, and ends the span. */
  protected finish(time?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    const { span, attributes, adapt, text, live } = this.#of;
    const { code, message } = this.status;
    live?.close(this);
    span.setAttributes(adapt(attributes));
    if (code !== SpanStatusCode.UNSET) {
      span.setStatus(message === undefined ? { code } : { code, message: text(message) });
    }
    span.end(time);
  }
}
