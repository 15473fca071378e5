import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { ctx, type Observability, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { cleanAttributes } from "../ctx/attributes.ts";
import { describeException } from "../ctx/errors.ts";
import { record } from "./support/record.ts";

const anything = () =>
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    maxDepth: 4,
  });

function isData(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((one) => typeof one === typeof value[0] && isData(one));
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

Deno.test("any attributes become flat data, and are neither changed nor kept", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), anything()), (given) => {
    const before = fc.stringify(given);
    const clean = cleanAttributes(given);
    assert(Object.values(clean).every(isData));
    assertEquals(Object.getPrototypeOf(clean), Object.prototype);
    assertEquals(fc.stringify(given), before);
    assertEquals(cleanAttributes(clean), clean);
  }));
});

Deno.test("anything that is thrown has a type and a message", () => {
  fc.assert(fc.property(anything(), (thrown) => {
    const { type, message, stacktrace } = describeException(thrown);
    assert(typeof type === "string" && type !== "" && typeof message === "string");
    assert(stacktrace === undefined || typeof stacktrace === "string");
  }));
});

Deno.test("anything at all in any call of the facade: nothing is thrown, and everything that should arrive does", async () => {
  const given = fc.sample(anything(), 300) as never[];
  const { spans, logs } = await record({ level: "debug" }, () => {
    for (const value of given) {
      ctx.scope("root", { attributes: value }, () => {
        ctx.logInfo(value, value);
        ctx.logError("message", { exception: value, value });
        ctx.recordMetric(value, value);
        ctx.recordMetric("metric", { value: 1, kind: "counter", unit: value, attributes: value });
        ctx.recordEvent("event", { attributes: value, level: value });
        ctx.recordAttributes(value);
        ctx.scope("child", value, () => {});
        OpenTelemetry.observability({ traceparent: value, tracestate: value, externalTraceId: value });
      });
    }
  });
  assertEquals(spans.filter(({ name }) => name === "root").length, given.length);
  // Where the value happens to be a back end of a sort, or a body, the child is none of ours.
  assert(spans.filter(({ name }) => name === "child").length >= given.length * 0.9);
  assertEquals(logs.filter(({ eventName }) => eventName === undefined).length, 2 * given.length);
});

/** A scope that opens others, one after the other, and fails or not. */
interface Plan {
  readonly throws: boolean;
  readonly catches: boolean;
  readonly children: readonly Plan[];
}

const planOfDepth: fc.Memo<Plan> = fc.memo((depth) =>
  fc.record({
    throws: fc.boolean(),
    catches: fc.boolean(),
    children: depth <= 1 ? fc.constant([]) : fc.array(planOfDepth(depth - 1), { maxLength: 4 }),
  })
);
const plan = planOfDepth(5);

interface Expected {
  readonly name: string;
  readonly parent: string | undefined;
  status: "ok" | "error";
  exceptions: number;
}

/** What has to be seen of a plan: the same walk as the program's, without a program. Gives whether it fails. */
function foresee(plan: Plan, name: string, parent: string | undefined, seen: Expected[]): boolean {
  const scope: Expected = { name, parent, status: "ok", exceptions: 0 };
  seen.push(scope);
  const escaped = plan.children.some((child, index) =>
    foresee(child, `${name}.${index}`, name, seen) && !plan.catches
  );
  if (!escaped && plan.throws) scope.exceptions = 1;
  if (escaped || plan.throws) scope.status = "error";
  return scope.status === "error";
}

async function performAsync(plan: Plan, name: string, observability?: Observability): Promise<void> {
  await ctx.scope(name, { observability }, async () => {
    for (const [index, child] of plan.children.entries()) {
      try {
        await performAsync(child, `${name}.${index}`);
      } catch (error) {
        if (!plan.catches) throw error;
      }
    }
    await Promise.resolve();
    if (plan.throws) throw new Error(name);
  });
}

function performSync(plan: Plan, name: string, observability?: Observability): void {
  ctx.scope(name, { observability }, () => {
    for (const [index, child] of plan.children.entries()) {
      try {
        performSync(child, `${name}.${index}`);
      } catch (error) {
        if (!plan.catches) throw error;
      }
    }
    if (plan.throws) throw new Error(name);
  });
}

/** The scopes of a back end as {@linkcode foresee} has them. */
function seenBy({ scopes }: MemoryObservability): Expected[] {
  const names = new Map(scopes.map(({ spanId, name }) => [spanId, name]));
  return scopes.map(({ name, parentSpanId, status, exceptions }) => ({
    name,
    parent: names.get(parentSpanId ?? ""),
    status: status === "error" ? "error" : "ok",
    exceptions: exceptions.length,
  }));
}

Deno.test("any tree of scopes, however it fails, is seen as it was run; many at once do not mix", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 5 }), async (plans) => {
      const expected = plans.map((plan) => {
        const seen: Expected[] = [];
        foresee(plan, "root", undefined, seen);
        return seen;
      });
      const concurrent = plans.map(() => new MemoryObservability());
      await Promise.allSettled(plans.map((plan, index) => performAsync(plan, "root", concurrent[index])));
      assertEquals(concurrent.map(seenBy), expected);
      const synchronous = plans.map((plan) => {
        const memory = new MemoryObservability();
        try {
          performSync(plan, "root", memory);
        } catch {
          // foreseen
        }
        return memory;
      });
      assertEquals(synchronous.map(seenBy), expected);
    }),
    { numRuns: 100 },
  );
});

Deno.test("the same trees arrive at a receiver, all of them sharing one back end", async () => {
  const plans = fc.sample(plan, 60);
  const { spans } = await record({}, async () => {
    const observability = OpenTelemetry.observability();
    await Promise.allSettled(plans.map((plan) => performAsync(plan, "root", observability)));
  });
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  const arrived = [...Map.groupBy(spans, ({ traceId }) => traceId).values()].map((trace) =>
    trace.map(({ name, parentSpanId, status, events }): Expected => ({
      name,
      parent: names.get(parentSpanId ?? ""),
      status: status.code === 2 ? "error" : "ok",
      exceptions: events.length,
    })).sort(byName)
  );
  const expected = plans.map((plan) => {
    const seen: Expected[] = [];
    foresee(plan, "root", undefined, seen);
    return seen.sort(byName);
  });
  const order = (a: unknown, b: unknown) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
  assertEquals(arrived.sort(order), expected.sort(order));
});
