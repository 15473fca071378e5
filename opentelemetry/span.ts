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
  cleanAttributes,
  cleanSimpleAttributes,
  hrTimeToMilliseconds,
  isTimeInput,
  maybeAddAttribute,
} from "@opentelemetry/core";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";
import { describeException } from "../ctx/errors.ts";
import { now } from "./clock.ts";
import type { ScopeTracer } from "./tracer.ts";

const NO_EVENTS: TimedEvent[] = [];
const NO_LINKS: Link[] = [];
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const OK: SpanStatus = { code: SpanStatusCode.OK };

/**
 * A span of the API that is also the readable span of the SDK's processors and exporters, and nothing besides:
 * one object, one clock reading for each edge, conversions left to the export.
 */
export class ScopeSpan implements Span, ReadableSpan {
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  attributes: Attributes;
  status: SpanStatus = UNSET;
  ended = false;
  /** Its neighbours among the open spans: see {@linkcode LiveSpans}, whose they are. */
  older: ScopeSpan | undefined = undefined;
  newer: ScopeSpan | undefined = undefined;
  droppedAttributesCount = 0;
  droppedEventsCount = 0;
  droppedLinksCount = 0;
  readonly #tracer: ScopeTracer;
  readonly #context: SpanContext;
  readonly #start: number | HrTime;
  #end: number | HrTime = 0;
  #attributesCount: number;
  #events: TimedEvent[] | undefined = undefined;
  #links: Link[] | undefined = undefined;

  /** The attributes are the span's from now on: clean, within the limits, and nobody else's. */
  constructor(
    tracer: ScopeTracer,
    name: string,
    kind: SpanKind,
    context: SpanContext,
    parent: SpanContext | undefined,
    attributes: Attributes,
    attributesCount: number,
    start: number | HrTime,
  ) {
    this.#tracer = tracer;
    this.name = name;
    this.kind = kind;
    this.#context = context;
    if (parent !== undefined) this.parentSpanContext = parent;
    this.attributes = attributes;
    this.#attributesCount = attributesCount;
    this.#start = start;
  }

  get resource(): ReadableSpan["resource"] {
    return this.#tracer.shared.resource;
  }

  get instrumentationScope(): ReadableSpan["instrumentationScope"] {
    return this.#tracer.instrumentationScope;
  }

  get events(): TimedEvent[] {
    return this.#events ?? NO_EVENTS;
  }

  get links(): Link[] {
    return this.#links ?? NO_LINKS;
  }

  get startTime(): HrTime {
    return hrTimeOf(this.#start);
  }

  get endTime(): HrTime {
    return hrTimeOf(this.#end);
  }

  get duration(): HrTime {
    return toHrTime(millisecondsOf(this.#end) - millisecondsOf(this.#start));
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.ended) return this;
    const decision = maybeAddAttribute({
      key,
      value,
      attributes: this.attributes,
      limits: this.#tracer.shared.limits,
      currentAttributesCount: this.#attributesCount,
    });
    if (decision === AddAttributeDecision.ADD_NEW) this.#attributesCount++;
    else if (decision === AddAttributeDecision.DROP_LIMIT_REACHED) this.droppedAttributesCount++;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) {
      if (Object.hasOwn(attributes, key)) this.setAttribute(key, attributes[key] as AttributeValue);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.ended) return this;
    const { eventCountLimit, attributePerEventCountLimit, attributeValueLengthLimit } =
      this.#tracer.shared.limits;
    const events = this.#events ??= [];
    if (eventCountLimit === 0) {
      this.droppedEventsCount++;
      return this;
    }
    if (events.length >= eventCountLimit) {
      events.shift();
      this.droppedEventsCount++;
    }
    const isTime = isTimeInput(attributesOrTime);
    events.push({
      name,
      time: timeOf(isTime && time === undefined ? attributesOrTime : time),
      ...cleanSimpleAttributes(isTime ? undefined : attributesOrTime, {
        attributeCountLimit: attributePerEventCountLimit,
        attributeValueLengthLimit,
      }),
    });
    return this;
  }

  addLink(link: Link): this {
    if (this.ended) return this;
    const { linkCountLimit, attributePerLinkCountLimit, attributeValueLengthLimit } =
      this.#tracer.shared.limits;
    const links = this.#links ??= [];
    if (linkCountLimit === 0) {
      this.droppedLinksCount++;
      return this;
    }
    if (links.length >= linkCountLimit) {
      links.shift();
      this.droppedLinksCount++;
    }
    links.push({
      context: link.context,
      ...cleanAttributes(link.attributes, {
        attributeCountLimit: attributePerLinkCountLimit,
        attributeValueLengthLimit,
      }),
    });
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
    if (status.code === SpanStatusCode.OK) this.status = OK;
    else if (typeof status.message === "string") this.status = { code: status.code, message: status.message };
    else this.status = { code: status.code };
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { type, message, stacktrace } = describeException(exception);
    const attributes: Attributes = { "exception.type": type, "exception.message": message };
    if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
    this.addEvent("exception", attributes, time);
  }

  /** Ends it as the process ends, with a mark that no limit keeps away; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void {
    this.attributes["haiway.scope.interrupted"] = true;
    if (cause !== undefined) this.status = { code: SpanStatusCode.ERROR, message: cause };
    this.end();
  }

  end(time?: TimeInput): void {
    if (this.ended) return;
    const end = time === undefined ? now() : instantOf(time);
    this.#end = millisecondsOf(end) < millisecondsOf(this.#start) ? this.#start : end;
    const { processors, live } = this.#tracer.shared;
    live?.close(this);
    for (const processor of processors) processor.onEnding?.(this);
    this.ended = true;
    for (const processor of processors) processor.onEnd(this);
  }
}

/** A time as callers of the API give it: kept exact, or in milliseconds since the epoch. */
export function instantOf(time: TimeInput): number | HrTime {
  if (Array.isArray(time)) return time;
  if (time instanceof Date) return time.getTime();
  return time <= performance.now() ? time + performance.timeOrigin : time;
}

function timeOf(time: TimeInput | undefined): HrTime {
  return hrTimeOf(time === undefined ? now() : instantOf(time));
}

function millisecondsOf(time: number | HrTime): number {
  return typeof time === "number" ? time : hrTimeToMilliseconds(time);
}

function hrTimeOf(time: number | HrTime): HrTime {
  return typeof time === "number" ? toHrTime(time) : time;
}

/** Milliseconds as seconds and nanoseconds. */
export function toHrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.round((milliseconds - seconds * 1000) * 1e6);
  return nanoseconds === 1e9 ? [seconds + 1, 0] : [seconds, nanoseconds];
}
