import type { Attributes, HrTime, Link } from "@opentelemetry/api";
import { cleanAttributes } from "@opentelemetry/core";
import type { SpanLimits, TimedEvent } from "@opentelemetry/sdk-trace";
import { hrTimeOf } from "../instant.ts";

/** What most spans have nothing of: events, links, and records beyond the limits. */
export class Extras {
  events: TimedEvent[] | undefined = undefined;
  links: Link[] | undefined = undefined;
  droppedAttributes = 0;
  droppedEvents = 0;
  droppedLinks = 0;

  /** Adds an event; the oldest makes room for it. */
  addEvent(event: TimedEvent, { eventCountLimit }: Required<SpanLimits>): void {
    const { events } = this;
    if (events === undefined && eventCountLimit > 0) {
      // Mostly it is the only one; an empty array would make room for many.
      this.events = [event];
      return;
    }
    if (events === undefined || events.length >= eventCountLimit) {
      this.droppedEvents++;
      if (events === undefined) return;
      events.shift();
    }
    events.push(event);
  }

  /** Adds a link with a copy of its attributes; the oldest makes room for it. */
  addLink({ context, attributes }: Link, limits: Required<SpanLimits>): void {
    const { linkCountLimit, attributePerLinkCountLimit: attributeCountLimit, attributeValueLengthLimit } =
      limits;
    // One that cannot be read throws here, and costs none of the others.
    const link = {
      context,
      ...cleanAttributes(attributes, { attributeCountLimit, attributeValueLengthLimit }),
    };
    const links = this.links ??= [];
    if (links.length >= linkCountLimit) {
      this.droppedLinks++;
      if (linkCountLimit === 0) return;
      links.shift();
    }
    links.push(link);
  }
}

/** An event whose time is converted when it is exported. */
export class ScopeEvent implements TimedEvent {
  readonly #time: number | HrTime;

  constructor(
    readonly name: string,
    time: number | HrTime,
    readonly attributes: Attributes | undefined,
    readonly droppedAttributesCount: number | undefined,
  ) {
    this.#time = time;
  }

  get time(): HrTime {
    return hrTimeOf(this.#time);
  }
}
