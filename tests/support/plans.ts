/**
 * Programs of scopes that fast-check makes up, what they do when they are played, and what a model says must come of
 * them.
 *
 * @module
 */

import fc from "fast-check";
import { ctx, type Observability } from "@haiway/otel";

/** A scope, or a stream, and what happens in it. */
export interface Plan {
  readonly kind: "sync" | "async" | "stream";
  readonly steps: readonly Step[];
  readonly throws: boolean;
}

type Step =
  | { readonly do: "log"; readonly level: "Debug" | "Info" | "Warning" | "Error" }
  | { readonly do: "fail" | "event" | "pause" }
  | { readonly do: "set"; readonly key: string; readonly value: string | number | boolean }
  /** Opens a child and waits for it; its error is caught, or goes through. */
  | { readonly do: "call"; readonly child: Plan; readonly caught: boolean }
  /** Opens a child beside what follows; its error is handled by whoever spawned it. */
  | { readonly do: "spawn"; readonly child: Plan }
  /** Pulls from a stream, and leaves it after so many items. */
  | { readonly do: "consume"; readonly child: Plan; readonly take: number; readonly caught: boolean };

/** A scope as a back end shows it. */
export interface Seen {
  readonly name: string;
  readonly parent: string | undefined;
  status: string;
  message: string | undefined;
  readonly attributes: Record<string, unknown>;
  readonly exceptions: string[];
  readonly logs: string[];
  readonly events: string[];
}

const { plan } = fc.letrec<
  { plan: Plan; sync: Plan; stream: Plan; step: Step; syncStep: Step; record: Step }
>(
  (tie) => ({
    record: fc.oneof(
      fc.record({
        do: fc.constant("log" as const),
        level: fc.constantFrom("Debug", "Info", "Warning", "Error"),
      }),
      fc.record({ do: fc.constantFrom("fail" as const, "event" as const) }),
      fc.record({
        do: fc.constant("set" as const),
        key: fc.constantFrom("a", "b", "c"),
        value: fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      }),
    ) as fc.Arbitrary<Step>,
    syncStep: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("record"),
      fc.record({ do: fc.constant("call" as const), child: tie("sync"), caught: fc.boolean() }),
    ) as fc.Arbitrary<Step>,
    step: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("record"),
      fc.constant({ do: "pause" as const }),
      fc.record({
        do: fc.constant("call" as const),
        child: fc.oneof(tie("plan"), tie("sync")),
        caught: fc.boolean(),
      }),
      fc.record({ do: fc.constant("spawn" as const), child: tie("plan") }),
      fc.record({
        do: fc.constant("consume" as const),
        child: tie("stream"),
        take: fc.integer({ min: 1, max: 4 }),
        caught: fc.boolean(),
      }),
    ) as fc.Arbitrary<Step>,
    plan: fc.record({
      kind: fc.constant("async" as const),
      steps: fc.array(tie("step"), { maxLength: 5 }),
      throws: fc.boolean(),
    }) as fc.Arbitrary<Plan>,
    sync: fc.record({
      kind: fc.constant("sync" as const),
      steps: fc.array(tie("syncStep"), { maxLength: 4 }),
      throws: fc.boolean(),
    }) as fc.Arbitrary<Plan>,
    stream: fc.record({
      kind: fc.constant("stream" as const),
      steps: fc.array(tie("record"), { maxLength: 5 }),
      throws: fc.boolean(),
    }) as fc.Arbitrary<Plan>,
  }),
);

/** Whole programs, which begin with an asynchronous scope. */
export const plans: fc.Arbitrary<Plan> = plan;

/** Plays a program; its own errors stay inside. */
export async function play(
  plan: Plan,
  observability: Observability,
  pause: () => Promise<void>,
): Promise<void> {
  const body = () => runAsync(plan, "0", pause);
  await ctx.scope("0", { observability }, body).catch(() => {});
}

async function runAsync({ steps, throws }: Plan, name: string, pause: () => Promise<void>): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const child = `${name}.${index}`;
    if (step.do === "pause") await pause();
    else if (step.do === "spawn") {
      ctx.spawn(() => ctx.scope(child, () => runAsync(step.child, child, pause))).catch(() => {});
    } else if (step.do === "consume") {
      const consuming = consume(step.child, child, step.take, pause);
      await (step.caught ? consuming.catch(() => {}) : consuming);
    } else if (step.do === "call" && step.child.kind === "async") {
      const calling = ctx.scope(child, () => runAsync(step.child, child, pause));
      await (step.caught ? calling.catch(() => {}) : calling);
    } else runSyncStep(step, child);
  }
  await pause();
  if (throws) throw new Error(`thrown in ${name}`);
}

function runSync({ steps, throws }: Plan, name: string): void {
  for (const [index, step] of steps.entries()) runSyncStep(step, `${name}.${index}`);
  if (throws) throw new Error(`thrown in ${name}`);
}

function runSyncStep(step: Step, name: string): void {
  if (step.do === "log") ctx[`log${step.level}`](name);
  else if (step.do === "fail") ctx.logError(name, { exception: new Error(`logged in ${name}`) });
  else if (step.do === "event") ctx.recordEvent(name);
  else if (step.do === "set") ctx.recordAttributes({ [step.key]: step.value });
  else if (step.do === "call") {
    try {
      ctx.scope(name, () => runSync(step.child, name));
    } catch (error) {
      if (!step.caught) throw error;
    }
  }
}

async function consume(plan: Plan, name: string, take: number, pause: () => Promise<void>): Promise<void> {
  let taken = 0;
  const source = async function* () {
    for (const [index, step] of plan.steps.entries()) {
      await pause();
      runSyncStep(step, `${name}.${index}`);
      yield index;
    }
    if (plan.throws) throw new Error(`thrown in ${name}`);
  };
  for await (const _ of ctx.stream(name, source)) if (++taken === take) break;
}

/** What has to be seen of a program, by name. */
export function modelOf(plan: Plan): Seen[] {
  const all: Seen[] = [];
  model(plan, "0", undefined, Infinity, all);
  return all.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Adds a scope to what is seen; gives the message of the error that leaves it. */
function model(
  plan: Plan,
  name: string,
  parent: string | undefined,
  take: number,
  all: Seen[],
): string | undefined {
  const seen: Seen = {
    name,
    parent,
    status: "ok",
    message: undefined,
    attributes: {},
    exceptions: [],
    logs: [],
    events: [],
  };
  all.push(seen);
  const end = (message: string | undefined) => {
    if (message !== undefined) Object.assign(seen, { status: "error", message });
    return message;
  };
  if (plan.kind === "stream") seen.attributes["stream.chunk_count"] = Math.min(take, plan.steps.length);
  for (const [index, step] of plan.steps.entries()) {
    const child = `${name}.${index}`;
    if (step.do === "log" && step.level !== "Debug") seen.logs.push(`${step.level.toLowerCase()} ${child}`);
    else if (step.do === "fail") {
      seen.logs.push(`error ${child}`);
      seen.exceptions.push(`logged in ${child}`);
    } else if (step.do === "event") seen.events.push(child);
    else if (step.do === "set") seen.attributes[step.key] = step.value;
    else if (step.do === "spawn") model(step.child, child, name, Infinity, all);
    else if (step.do === "call" || step.do === "consume") {
      const message = model(step.child, child, name, step.do === "consume" ? step.take : Infinity, all);
      if (message !== undefined && !step.caught) return end(message);
    }
    if (index + 1 === take) return undefined;
  }
  if (!plan.throws) return undefined;
  seen.exceptions.push(`thrown in ${name}`);
  return end(`thrown in ${name}`);
}
