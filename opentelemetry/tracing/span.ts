import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import {
  AddAttributeDecision,
  cleanSimpleAttributes,
  hrTimeDuration,
  isTimeInput,
  maybeAddAttribute,
} from "@opentelemetry/core";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { describeException } from "../../ctx/errors.ts";
import { currentScope } from "../../ctx/scope.ts";
import { now } from "../clock.ts";
import { hrTimeOf, instantOf, isBefore } from "../instant.ts";
import type { BareSpan } from "./bare_span.ts";
import { Extras, ScopeEvent } from "./extras.ts";
import type { Group, LiveSpan } from "./live_spans.ts";
import type { ScopeTracer } from "./tracer.ts";

const NO_EVENTS: TimedEvent[] = [];
const NO_LINKS: Link[] = [];
/** The attributes of a span that has none so far. */
export const NO_ATTRIBUTES: Attributes = Object.freeze({});
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const OK: SpanStatus = { code: SpanStatusCode.OK };

/**
 * A span of the API that is also the readable span of the SDK's processors and exporters, and nothing besides:
 * one object, one clock reading for each edge, conversions left to the export.
 */
export class ScopeSpan implements Span, ReadableSpan, LiveSpan {
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext: SpanContext | undefined;
  attributes: Attributes;
  status: SpanStatus = UNSET;
  ended = false;
  group: Group | undefined = undefined;
  readonly #tracer: ScopeTracer;
  /** What is left of it when it has ended. */
  readonly identity: BareSpan;
  readonly #start: number | HrTime;
  #end: number | HrTime = 0;
  #attributesCount: number;
  #extras: Extras | undefined = undefined;

  /** The attributes are the span's from now on: clean, within the limits, and nobody else's. */
  constructor(
    tracer: ScopeTracer,
    name: string,
    kind: SpanKind,
    identity: BareSpan,
    parent: SpanContext | undefined,
    attributes: Attributes,
    attributesCount: number,
    start: number | HrTime,
    dropped: number,
  ) {
    this.#tracer = tracer;
    this.name = name;
    this.kind = kind;
    this.identity = identity;
    this.parentSpanContext = parent;
    this.attributes = attributes;
    this.#attributesCount = attributesCount;
    this.#start = start;
    if (dropped > 0) this.#more.droppedAttributes = dropped;
  }

  get resource(): ReadableSpan["resource"] {
    return this.#tracer.shared.resource;
  }

  get instrumentationScope(): ReadableSpan["instrumentationScope"] {
    return this.#tracer.instrumentationScope;
  }

  get events(): TimedEvent[] {
    return this.#extras?.events ?? NO_EVENTS;
  }

  get links(): Link[] {
    return this.#extras?.links ?? NO_LINKS;
  }

  get droppedAttributesCount(): number {
    return this.#extras?.droppedAttributes ?? 0;
  }

  get droppedEventsCount(): number {
    return this.#extras?.droppedEvents ?? 0;
  }

  get droppedLinksCount(): number {
    return this.#extras?.droppedLinks ?? 0;
  }

  get startTime(): HrTime {
    return hrTimeOf(this.#start);
  }

  get endTime(): HrTime {
    return hrTimeOf(this.#end);
  }

  get duration(): HrTime {
    return hrTimeDuration(this.startTime, this.endTime);
  }

  spanContext(): SpanContext {
    return this.identity;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.ended) return this;
    if (this.attributes === NO_ATTRIBUTES) this.attributes = {};
    try {
      const decision = maybeAddAttribute({
        key,
        value,
        attributes: this.attributes,
        limits: this.#tracer.shared.limits,
        currentAttributesCount: this.#attributesCount,
      });
      if (decision === AddAttributeDecision.ADD_NEW) this.#attributesCount++;
      else if (decision === AddAttributeDecision.DROP_LIMIT_REACHED) this.#more.droppedAttributes++;
    } catch (error) {
      diagnoseFailure("set an attribute of a span", error);
    }
    return this;
  }

  setAttributes(attributes: Attributes): this {
    try {
      for (const key in attributes) {
        if (Object.hasOwn(attributes, key)) this.setAttribute(key, attributes[key] as AttributeValue);
      }
    } catch (error) {
      diagnoseFailure("read the attributes of a span", error);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.ended) return this;
    try {
      const { attributePerEventCountLimit, attributeValueLengthLimit } = this.#tracer.shared.limits;
      const isTime = isTimeInput(attributesOrTime);
      const { attributes, droppedAttributesCount } = cleanSimpleAttributes(
        isTime ? undefined : attributesOrTime,
        {
          attributeCountLimit: attributePerEventCountLimit,
          attributeValueLengthLimit,
        },
      );
      const given = isTime && !isTimeInput(time) ? attributesOrTime : time;
      const at = given === undefined ? now() : instantOf(given);
      this.#addEvent(new ScopeEvent(name, at, attributes, droppedAttributesCount));
    } catch (error) {
      diagnoseFailure("add an event to a span", error);
    }
    return this;
  }

  /** Adds an event with attributes that are clean, and the event's own from now on. */
  addCleanEvent(name: string, attributes: Attributes): void {
    if (this.ended) return;
    const { attributePerEventCountLimit, attributeValueLengthLimit } = this.#tracer.shared.limits;
    let count = 0;
    for (const _ in attributes) count++;
    if (count > attributePerEventCountLimit || attributeValueLengthLimit !== Infinity) {
      this.addEvent(name, attributes);
    } else this.#addEvent(new ScopeEvent(name, now(), attributes, undefined));
  }

  #addEvent(event: TimedEvent): void {
    this.#more.addEvent(event, this.#tracer.shared.limits);
  }

  get #more(): Extras {
    return this.#extras ??= new Extras();
  }

  addLink(link: Link): this {
    if (this.ended) return this;
    try {
      this.#more.addLink(link, this.#tracer.shared.limits);
    } catch (error) {
      diagnoseFailure("add a link to a span", error);
    }
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** As the specification has it: OK is final, UNSET is ignored, only an ERROR has a description. */
  setStatus(status: SpanStatus): this {
    if (this.ended || status.code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) {
      return this;
    }
    const { code, message } = status;
    const described = code === SpanStatusCode.ERROR && typeof message === "string";
    this.status = code === SpanStatusCode.OK ? OK : described ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    if (this.ended) return;
    // When the scope fails with it as well, it is not recorded again.
    currentScope()?.failure(exception);
    const { type, message, stacktrace } = describeException(exception);
    const attributes: Attributes = { "exception.type": type, "exception.message": message };
    if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
    this.addEvent("exception", attributes, time);
  }

  /** Ends it as the process ends, with a mark that no limit keeps away; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void {
    this.attributes = { ...this.attributes, "haiway.scope.interrupted": true };
    if (cause !== undefined) this.status = { code: SpanStatusCode.ERROR, message: cause };
    this.end();
  }

  end(time?: TimeInput): void {
    if (this.ended) return;
    const end = time === undefined ? now() : instantOf(time);
    this.#end = isBefore(end, this.#start) ? this.#start : end;
    const { processors, live } = this.#tracer.shared;
    live?.close(this);
    for (const processor of processors) if (processor.onEnding !== undefined) processor.onEnding(this);
    this.ended = true;
    for (const processor of processors) processor.onEnd(this);
  }
}
