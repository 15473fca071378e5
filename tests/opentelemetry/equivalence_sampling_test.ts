import { assert, assertEquals } from "@std/assert";
import {
  type Attributes,
  type Context,
  createContextKey,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { suppressTracing, TraceState } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import { assertSameSpans, ended, type Make, ours, theirs } from "../support/spans.ts";

const START = 1_700_000_000_000;
const remote = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isRemote: true,
  traceState: new TraceState("theirs=1"),
};

/** A sampler that always says the same. */
function saying(result: SamplingResult): Sampler {
  return { shouldSample: () => result, toString: () => "saying" };
}

const SAMPLERS: Readonly<Record<string, Sampler | undefined>> = {
  "all": new AlwaysOnSampler(),
  "none": new AlwaysOffSampler(),
  "all by trace id": new TraceIdRatioBasedSampler(1),
  "as the parent, else all": undefined,
  "as the parent, else none": new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  "recorded, not sampled": saying({ decision: SamplingDecision.RECORD }),
  "not recorded, with a trace state": saying({
    decision: SamplingDecision.NOT_RECORD,
    traceState: new TraceState("ours=2"),
  }),
  "sampled, with a trace state and attributes": saying({
    decision: SamplingDecision.RECORD_AND_SAMPLED,
    traceState: new TraceState("ours=2"),
    attributes: { given: "by the sampler", sampled: true, nothing: undefined, wrong: (() => {}) as never },
  }),
};

/** Spans under every kind of parent, and what they say of themselves. */
function family(tracer: Tracer): unknown[] {
  const said: unknown[] = [];
  const open = (name: string, context: Context, options: { root?: boolean } = {}): Span => {
    const attributes = { given: "at the start" };
    const span = tracer.startSpan(name, { ...options, attributes, startTime: START }, context);
    const { traceFlags, traceState, traceId, spanId, isRemote } = span.spanContext();
    const inherits = traceId === trace.getSpanContext(context)?.traceId;
    const valid = isSpanContextValid({ traceId, spanId, traceFlags });
    said.push([name, span.isRecording(), traceFlags, traceState?.serialize(), isRemote, inherits, valid]);
    return span;
  };
  for (const traceFlags of [undefined, TraceFlags.NONE, TraceFlags.SAMPLED]) {
    const above = traceFlags === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceFlags });
    const parent = open("parent", above);
    const within = trace.setSpan(above, parent);
    const child = open("child", within);
    const grandchild = open("grandchild", trace.setSpan(within, child).setValue(createContextKey("key"), 1));
    const root = open("root", within, { root: true });
    const suppressed = open("suppressed", suppressTracing(within));
    open("under suppressed", trace.setSpan(within, suppressed)).end(START + 1);
    for (const span of [suppressed, root, grandchild, child, parent]) span.end(START + 1);
  }
  return said;
}

for (const [name, sampler] of Object.entries(SAMPLERS)) {
  Deno.test(`a sampler decides as with the SDK's tracer: ${name}`, () => {
    assertSameSpans(family, { sampler });
    assertSameSpans(family, { sampler, limits: { attributeCountLimit: 2 } });
    const said = (make: Make) => family(make({ sampler }));
    assertEquals(said(ours), said(theirs));
  });
}

Deno.test("a sampler is asked what the SDK's tracer asks it", () => {
  const link: Link = { context: { ...remote, traceFlags: 1 }, attributes: { why: "retry" } };
  const asked = (make: Make) => {
    const questions: unknown[] = [];
    const sampler: Sampler = {
      shouldSample(context, traceId, name, kind, attributes, links) {
        const parent = trace.getSpanContext(context);
        const same = traceId === parent?.traceId;
        questions.push(structuredClone([parent?.spanId, same, name, kind, attributes, links.length]));
        return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      },
      toString: () => "asking",
    };
    const tracer = make({ sampler });
    const under = trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceFlags: 0 });
    const attributes = { text: "a", nothing: undefined, wrong: (() => {}) as never };
    tracer.startSpan("bare", {}, ROOT_CONTEXT);
    tracer.startSpan("full", { kind: SpanKind.CLIENT, attributes, links: [link] }, under);
    tracer.startSpan("root", { root: true, attributes }, under);
    return questions;
  };
  assertEquals(asked(ours), asked(theirs));
});

Deno.test("processors are called in the order, and with what, the SDK's tracer calls them", () => {
  const heard = (make: Make) => {
    const calls: unknown[] = [];
    const key = createContextKey("key");
    const processor = (name: string): Partial<SpanProcessor> => ({
      onStart(span, context) {
        const { attributes, links, ended } = span as unknown as ReadableSpan;
        calls.push([name, "start", { ...attributes }, links.length, ended, span.isRecording()]);
        calls.push([context.getValue(key), trace.getSpan(context)?.spanContext().spanId]);
        span.setAttribute(`${name} starts`, true);
      },
      onEnding(span) {
        const { ended, endTime, name: current } = span as unknown as ReadableSpan;
        calls.push([name, "ending", current, ended, span.isRecording(), endTime]);
        span.setAttribute(`${name} ends`, true).updateName(`${current}, ${name}`).addEvent(name, START);
      },
      onEnd(span) {
        calls.push([name, "end", span.name, span.ended, { ...span.attributes }, span.events.length]);
        (span as unknown as Span).setAttribute("too late", true);
      },
    });
    const link: Link = { context: { ...remote, traceFlags: 1 } };
    const context = trace.setSpanContext(ROOT_CONTEXT.setValue(key, "value"), { ...remote, traceFlags: 1 });
    const attributes: Attributes = { given: 1 };
    const spans = ended(make, (tracer) => {
      const options = { attributes, links: [link], startTime: START };
      tracer.startSpan("one", options, context).end(START + 1);
      tracer.startSpan("root", { ...options, root: true }, context).end(START + 1);
      tracer.startSpan("twice", { startTime: START }).end(START + 1);
    }, { processors: [processor("first"), { onEnd() {} }, processor("second")] });
    return [calls, spans.map(({ attributes }) => attributes)];
  };
  const calls = heard(ours);
  assert(calls[0].length > 0);
  assertEquals(calls, heard(theirs));
});
