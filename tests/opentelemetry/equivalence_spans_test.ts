import { assert, assertEquals, assertLess } from "@std/assert";
import {
  type Attributes,
  createContextKey,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { hrTimeToMilliseconds, TraceState } from "@opentelemetry/core";
import type { SpanLimits } from "@opentelemetry/sdk-trace";
import { assertSameSpans, ended, ours, theirs } from "../support/spans.ts";

const LIMITS: Readonly<Record<string, SpanLimits>> = {
  "the defaults": {},
  "limits": {
    attributeCountLimit: 4,
    attributeValueLengthLimit: 20,
    eventCountLimit: 2,
    linkCountLimit: 2,
    attributePerEventCountLimit: 2,
    attributePerLinkCountLimit: 1,
  },
  "a limit of texts alone": { attributeValueLengthLimit: 5 },
  "limits of 0": {
    attributeCountLimit: 0,
    attributeValueLengthLimit: 0,
    eventCountLimit: 0,
    linkCountLimit: 0,
    attributePerEventCountLimit: 0,
    attributePerLinkCountLimit: 0,
  },
};
const remote = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
  isRemote: true,
  traceState: new TraceState("a=1,b=2"),
};
const START = 1_700_000_000_000;
const attributes: Attributes = {
  text: "a text that is longer than the limit",
  count: 3,
  share: 0.5,
  flag: true,
  list: ["a", "b", "a text that is longer than the limit"],
  numbers: [1, 2.5],
};
const link: Link = { context: remote, attributes: { why: "retry", again: 2 } };
const under = trace.setSpanContext(ROOT_CONTEXT, remote);

/** What a program may do with a span of either tracer. */
const PROGRAMS: Readonly<Record<string, (tracer: Tracer) => void>> = {
  "a bare span": (tracer) => {
    tracer.startSpan("bare", { startTime: START }).end(START + 1.5);
    tracer.startSpan("timed by the clock").end();
  },
  "kinds": (tracer) => {
    const { SERVER, CLIENT, PRODUCER, CONSUMER } = SpanKind;
    for (const kind of [undefined, SERVER, CLIENT, PRODUCER, CONSUMER]) {
      tracer.startSpan("kind", { kind, startTime: START }).end(START + 1);
    }
  },
  "attributes at the start and later, beyond the limits": (tracer) => {
    const span = tracer.startSpan("attributes", { attributes, startTime: START });
    span.setAttribute("late", 1).setAttributes({ text: "again", more: "x", nothing: undefined });
    span.end(START + 1);
  },
  "attributes later only, and the same again": (tracer) => {
    const span = tracer.startSpan("attributes", { startTime: START });
    span.setAttributes(attributes).setAttributes(attributes).setAttribute("count", 4).end(START + 1);
  },
  "events, with and without attributes, beyond the limits": (tracer) => {
    const span = tracer.startSpan("events", { startTime: START });
    span.addEvent("first", START + 1);
    span.addEvent("second", { a: 1, b: "two, and longer than the limit", c: false }, START + 2);
    span.addEvent("third", {}, new Date(START + 3));
    span.addEvent("fourth", [1_700_000_000, 7]);
    span.addEvent("fifth", START + 4, START + 5);
    span.addEvent("timed by the clock", { a: 1 }).addEvent("bare");
    span.end([1_700_000_001, 5]);
  },
  "links at the start and later, beyond the limits": (tracer) => {
    const span = tracer.startSpan("links", { links: [link], startTime: START });
    span.addLink(link).addLinks([{ context: remote }, { context: remote, attributes: {} }]).end(START + 1);
    const many = [1, 2, 3, 4].map((nth): Link => ({ context: remote, attributes: { nth } }));
    tracer.startSpan("many links", { links: many, startTime: START }).end(START + 1);
  },
  "every order of three statuses": (tracer) => {
    const { UNSET, OK, ERROR } = SpanStatusCode;
    const statuses = [
      { code: UNSET, message: "no" },
      { code: OK, message: "fine" },
      { code: ERROR },
      { code: ERROR, message: "failed" },
    ];
    for (const first of statuses) {
      for (const second of statuses) {
        for (const third of statuses) {
          const span = tracer.startSpan("status", { startTime: START });
          span.setStatus(first).setStatus(second).setStatus(third).end(START + 1);
        }
      }
    }
  },
  "times in every form": (tracer) => {
    tracer.startSpan("a date", { startTime: new Date(START) }).end(new Date(START + 1));
    tracer.startSpan("exact", { startTime: [1_700_000_000, 1] }).end([1_700_000_000, 3]);
    tracer.startSpan("mixed", { startTime: [1_700_000_000, 999_999_999] }).end(new Date(START + 2000));
    tracer.startSpan("before 1970", { startTime: new Date(0) }).end(START);
  },
  "an end before the start": (tracer) => {
    tracer.startSpan("back", { startTime: START }).end(START - 5);
    tracer.startSpan("exactly", { startTime: [1_700_000_000, 5] }).end([1_700_000_000, 4]);
    tracer.startSpan("at once", { startTime: START }).end(START);
  },
  "a remote parent with a trace state": (tracer) => {
    tracer.startSpan("child", { startTime: START }, under).end(START + 1);
    tracer.startSpan("root", { startTime: START, root: true }, under).end(START + 1);
  },
  "a local parent": (tracer) => {
    const parent = tracer.startSpan("parent", { startTime: START }, under);
    tracer.startSpan("child", { startTime: START }, trace.setSpan(ROOT_CONTEXT, parent)).end(START + 1);
    const unrelated = trace.setSpan(ROOT_CONTEXT, parent).setValue(createContextKey("other"), 1);
    tracer.startSpan("child", { startTime: START }, unrelated).end(START + 1);
    parent.end(START + 2);
    tracer.startSpan("late", { startTime: START }, trace.setSpan(ROOT_CONTEXT, parent)).end(START + 3);
  },
  "a parent that is none": (tracer) => {
    for (const wrong of [{ traceId: "0".repeat(32) }, { spanId: "" }, { traceId: "abc" }]) {
      const context = trace.setSpanContext(ROOT_CONTEXT, { ...remote, ...wrong });
      tracer.startSpan("root", { startTime: START }, context).end(START + 1);
    }
  },
  "a name that is changed, and calls after the end": (tracer) => {
    const span = tracer.startSpan("first", { startTime: START, attributes: { kept: 1 } }).updateName(
      "second",
    );
    assert(span.isRecording());
    span.end(START + 1);
    assert(!span.isRecording());
    span.updateName("third").setAttribute("late", 1).setAttributes({ kept: 2 }).addEvent("late");
    span.setStatus({ code: 2 }).addLink(link).addLinks([link]).recordException(new Error("late"));
    span.end(START + 2);
  },
  "active spans, in all three forms": (tracer) => {
    tracer.startActiveSpan("one", (span) => span.end());
    tracer.startActiveSpan("two", { startTime: START, attributes }, (span) => span.end(START + 1));
    tracer.startActiveSpan("three", { startTime: START }, under, (span) => span.end(START + 1));
    // As programs in JavaScript have it.
    const nothing = undefined as never;
    tracer.startActiveSpan("nothing", nothing, nothing, (span) => span.end());
    assertEquals(tracer.startActiveSpan("value", (span) => (span.end(), 7)), 7);
  },
};

for (const [name, limits] of Object.entries(LIMITS)) {
  for (const [program, run] of Object.entries(PROGRAMS)) {
    Deno.test(`a span of the scopes' tracer is exported as the SDK's, with ${name}: ${program}`, () => {
      assertSameSpans(run, { limits });
    });
  }
}

Deno.test("a time of performance.now() is the wall clock's, as with the SDK's span", () => {
  const startTime = performance.now();
  const at = [ours, theirs].map((make) => {
    const [span] = ended(make, (tracer) => {
      tracer.startSpan("span", { startTime }).addEvent("event", startTime).end(startTime);
    });
    const times = [span.startTime, span.events[0].time, span.endTime].map(hrTimeToMilliseconds);
    assertEquals(new Set(times).size, 1);
    return times[0];
  });
  // The SDK's is rounded to the millisecond.
  assertLess(Math.abs(at[0] - at[1]), 25);
});

Deno.test("a span that has ended is read as the SDK's", () => {
  const read = (make: typeof ours) =>
    ended(
      make,
      (tracer) => tracer.startSpan("span", { startTime: START }).setStatus({ code: 1 }).end(START + 1.5),
    )
      .map(({ startTime, endTime, duration, ended, status, parentSpanContext }) => ({
        startTime,
        endTime,
        duration,
        ended,
        status,
        parentSpanContext,
      }));
  assertEquals(read(ours), read(theirs));
});
