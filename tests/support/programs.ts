/**
 * Programs that fast-check makes up of everything that can be recorded, through the scopes and through the API of
 * OpenTelemetry, and what they do when they are run.
 *
 * @module
 */

import fc from "fast-check";
import {
  type Attributes as ApiAttributes,
  context,
  type Link,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { type Attributes, ctx, type Observability, type ScopeOptions } from "@haiway/otel";
import { type Plan, plans, play } from "./plans.ts";

/** One step of a program. */
type Step =
  | {
    readonly do: "log";
    readonly level: "Debug" | "Info" | "Warning" | "Error";
    readonly attributes: Attributes;
  }
  | { readonly do: "fail"; readonly error: Thrown; readonly attributes: Attributes }
  | { readonly do: "event" | "set"; readonly name: string; readonly attributes: Attributes }
  | {
    readonly do: "metric";
    readonly name: string;
    readonly kind: Kind;
    readonly values: readonly number[];
    readonly attributes: Attributes;
  }
  // What follows is done to the current span, whosever it is.
  | { readonly do: "status"; readonly code: SpanStatusCode; readonly message: string | undefined }
  | { readonly do: "name"; readonly name: string }
  | { readonly do: "link"; readonly link: Link }
  | { readonly do: "attributes"; readonly attributes: ApiAttributes }
  | {
    readonly do: "add event";
    readonly name: string;
    readonly attributes: ApiAttributes;
    readonly time: number | undefined;
  }
  | { readonly do: "record"; readonly error: Thrown }
  // What follows is done within.
  | {
    readonly do: "scope";
    readonly options: ScopeOptions;
    readonly body: readonly Step[];
    readonly ends: Thrown | undefined;
    readonly caught: boolean;
  }
  | {
    readonly do: "span";
    readonly options: SpanOptions;
    readonly body: readonly Step[];
    readonly end: number | undefined;
  }
  | { readonly do: "suppress"; readonly body: readonly Step[] }
  | { readonly do: "play"; readonly plan: Plan };

type Kind = "counter" | "histogram" | "gauge";

/** What is thrown is made when it is. */
type Thrown = keyof typeof THROWN;

const THROWN = {
  error: () => new TypeError("wrong"),
  "with a cause": () => new Error("outer", { cause: new RangeError("inner") }),
  aborted: () => new DOMException("cancelled", "AbortError"),
  several: () => new AggregateError([new Error("one"), "two"], "both"),
};

const START = 1_700_000_000_000;
const remote = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const name = fc.oneof(fc.constantFrom("a", "b", "c"), fc.string({ maxLength: 8 }));
const primitive = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
);
const value = fc.oneof(
  primitive,
  fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.constantFrom(null, undefined, 1n, NaN, [1, "a"]),
  fc.dictionary(name, primitive, { maxKeys: 2 }),
);
const attributes = fc.dictionary(fc.oneof(fc.constantFrom("a", "b", "c"), name), value, { maxKeys: 4 });
const time = fc.option(fc.integer({ min: START, max: START + 1000 }), { nil: undefined });
const thrown = fc.constantFrom(...Object.keys(THROWN) as Thrown[]);
const kind = fc.constantFrom("internal", "server", "client", "producer", "consumer");
const link = fc.record({
  context: fc.constant(remote),
  attributes: fc.option(attributes, { nil: undefined }),
});

const often = <T>(arbitrary: fc.Arbitrary<T>) => ({ arbitrary, weight: 4 });

const { body } = fc.letrec<{ body: readonly Step[]; step: Step }>((tie) => ({
  body: fc.array(tie("step"), { maxLength: 8, size: "max" }),
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({
      do: fc.constant("log"),
      level: fc.constantFrom("Debug", "Info", "Warning", "Error"),
      attributes,
    }),
    fc.record({ do: fc.constant("fail"), error: thrown, attributes }),
    fc.record({ do: fc.constantFrom("event", "set"), name, attributes }),
    fc.record({
      do: fc.constant("metric"),
      name: fc.constantFrom("one", "two"),
      kind: fc.constantFrom("counter", "histogram", "gauge"),
      values: fc.array(fc.double({ noNaN: true, min: -10, max: 1e6 }), { maxLength: 4, size: "max" }),
      attributes: fc.oneof(attributes, fc.constantFrom({}, { a: 1, b: "x" }, { b: "x", a: 1 }, { a: "1" })),
    }),
    fc.record({
      do: fc.constant("status"),
      code: fc.constantFrom(0, 1, 2),
      message: fc.option(fc.string({ maxLength: 8 }), { nil: undefined }),
    }),
    fc.record({ do: fc.constant("name"), name }),
    fc.record({ do: fc.constant("link"), link }),
    fc.record({ do: fc.constant("attributes"), attributes }),
    fc.record({ do: fc.constant("add event"), name, attributes, time }),
    // One with a code is described otherwise: see the differences.
    fc.record({ do: fc.constant("record"), error: thrown.filter((error) => error !== "aborted") }),
    often(fc.record({
      do: fc.constant("scope"),
      options: fc.record({ kind, attributes }, { requiredKeys: [] }),
      body: tie("body"),
      ends: fc.option(thrown, { nil: undefined }),
      caught: fc.boolean(),
    })),
    often(fc.record({
      do: fc.constant("span"),
      options: fc.record({
        kind: fc.integer({ min: 0, max: 4 }),
        attributes,
        links: fc.array(link, { maxLength: 3 }),
        root: fc.boolean(),
        startTime: time,
      }, { requiredKeys: [] }),
      body: tie("body"),
      end: time,
    })),
    fc.record({ do: fc.constant("suppress"), body: tie("body") }),
    fc.record({ do: fc.constant("play"), plan: plans }),
  ) as fc.Arbitrary<Step>,
}));

/** Whole programs. */
export const programs: fc.Arbitrary<readonly Step[]> = body;

/** Runs a program within a root; its own errors stay inside. */
export async function run(program: readonly Step[], observability: Observability): Promise<void> {
  await ctx.scope("root", { observability }, () => runAll(program, observability, false)).catch(() => {});
}

async function runAll(steps: readonly Step[], observability: Observability, inSpan: boolean): Promise<void> {
  for (const step of steps) {
    if (step.do === "scope") {
      const running = ctx.scope("scope", step.options, async () => {
        await runAll(step.body, observability, false);
        if (step.ends !== undefined) throw THROWN[step.ends]();
      });
      await (step.caught ? running.catch(() => {}) : running);
    } else if (step.do === "span") {
      await trace.getTracer("library", "2").startActiveSpan("span", step.options, async (span) => {
        await runAll(step.body, observability, true).finally(() => span.end(step.end));
      });
    } else if (step.do === "suppress") {
      const within = suppressTracing(context.active());
      await context.with(within, () => runAll(step.body, observability, inSpan));
    } else if (step.do === "play") await play(step.plan, observability, () => Promise.resolve());
    else runStep(step, inSpan);
    await Promise.resolve();
  }
}

function runStep(step: Step, inSpan: boolean): void {
  const span = trace.getActiveSpan();
  if (step.do === "log") ctx[`log${step.level}`](step.level, step.attributes);
  else if (step.do === "fail") {
    ctx.logError("failed", { ...step.attributes, exception: THROWN[step.error]() });
  } else if (step.do === "event") ctx.recordEvent(step.name, { attributes: step.attributes });
  else if (step.do === "set") ctx.recordAttributes(step.attributes);
  else if (step.do === "metric") {
    const { kind, attributes } = step;
    for (const value of step.values) ctx.recordMetric(`${kind} ${step.name}`, { kind, value, attributes });
  } else if (step.do === "status") {
    // A scope that fails after all has ERROR in spite of it: see the differences.
    if (inSpan || step.code !== SpanStatusCode.OK) span?.setStatus(step);
  } else if (step.do === "name") span?.updateName(step.name);
  else if (step.do === "link") span?.addLink(step.link);
  else if (step.do === "attributes") span?.setAttributes(step.attributes);
  else if (step.do === "add event") span?.addEvent(step.name, step.attributes, step.time);
  else if (step.do === "record") span?.recordException(THROWN[step.error]());
}
