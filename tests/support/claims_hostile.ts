/**
 * What the conformance suite claims of input of every kind that is wrong.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ctx, type LogAttributes } from "@haiway/otel";
import type { Claim, Subject } from "../conformance.ts";
import { attributeBags, values } from "./hostile.ts";
import { readTrace, unique } from "./trace.ts";

/** Input of every kind that is wrong. */
export const HOSTILE_CLAIMS: readonly Claim[] = [
  {
    name: "no value of an attribute throws, or costs the attributes beside it",
    async check(subject) {
      for (const [what, value] of Object.entries(values())) {
        const recorded = recordWith(subject, { before: 1, hostile: value, after: 2 });
        await expectRecorded(subject, recorded, what, (attributes) => {
          assertEquals([attributes.before, attributes.after], [1, 2], what);
          assert(Object.values(attributes).every(isData), what);
        });
      }
    },
  },
  {
    name: "nothing passed where attributes belong throws, or costs the record that it belongs to",
    async check(subject) {
      for (const [what, bag] of Object.entries(attributeBags())) {
        const recorded = recordWith(subject, bag as LogAttributes);
        await expectRecorded(subject, recorded, what, (attributes) => {
          assert(Object.values(attributes).every(isData), what);
          assertEquals(Object.getPrototypeOf(attributes), Object.prototype, what);
        });
      }
      assertEquals(Object.hasOwn(Object.prototype, "polluted"), false);
    },
  },
  {
    name: "a key __proto__, as JSON.parse makes it, arrives under another name, and changes no prototype",
    async check(subject) {
      const recorded = recordWith(subject, JSON.parse('{ "__proto__": ["a", "b"], "kept": 1 }'));
      await expectRecorded(subject, recorded, "__proto__", (attributes) => {
        assertEquals(attributes, { "[__proto__]": ["a", "b"], kept: 1 });
      });
    },
  },
  {
    name: "values become what a reader expects",
    async check(subject) {
      const given = {
        text: "a",
        float: 1.5,
        yes: true,
        list: [1, 2],
        safe: 12n,
        unsafe: 2n ** 64n,
        date: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)),
        missing: undefined,
        nothing: null,
        deep: { er: { x: 1 }, list: ["a"] },
        gaps: ["a", null, undefined, "b"],
      };
      const expected = {
        text: "a",
        float: 1.5,
        yes: true,
        list: [1, 2],
        safe: 12,
        unsafe: "18446744073709551616",
        date: "2026-01-02T03:04:05.000Z",
        "deep.er.x": 1,
        "deep.list": ["a"],
        gaps: ["a", "b"],
      };
      const recorded = recordWith(subject, given);
      await expectRecorded(subject, recorded, "data", (attributes) => assertEquals(attributes, expected));
    },
  },
  {
    name: "what the caller passed is neither changed nor kept",
    async check(subject) {
      const list = ["a"];
      const inner = { x: 1 };
      const attributes: Record<string, unknown> = { text: "before", list, inner };
      const before = structuredClone(attributes);
      const recorded = recordWith(subject, attributes, () => {
        assertEquals(attributes, before);
        attributes.text = "after";
        attributes.added = true;
        list.push("b");
        inner.x = 2;
      });
      const expected = { text: "before", list: ["a"], "inner.x": 1 };
      await expectRecorded(subject, recorded, "mutable", (seen) => assertEquals(seen, expected));
    },
  },
  {
    name: "names and messages that are no strings, or forge lines, do no harm",
    async check(subject) {
      for (const [what, value] of Object.entries(values())) {
        const name = value as string;
        const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
          ctx.scope(name, () => {});
          ctx.logInfo(name);
          // The wire cannot tell an event without a name from a log.
          if (name !== "") ctx.recordEvent(name);
          ctx.recordMetric(name, { value: 1, kind: "gauge", unit: name, description: name });
          ctx.recordAttributes({ kept: 1 });
          return root.traceId;
        });
        const trace = await readTrace(subject, traceId);
        assertEquals(trace.scope("root").attributes, { kept: 1 }, what);
        assertEquals([trace.scopes.length, trace.logs.length], [2, 1], what);
      }
    },
  },
  {
    name: "options that cannot be read cost the options, not the call",
    async check(subject) {
      for (const [what, options] of Object.entries(values())) {
        if (typeof options === "function") continue;
        const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
          ctx.scope("child", options as Record<never, never>, () => ctx.logInfo("inside"));
          ctx.recordEvent("event", options as Record<never, never>);
          ctx.recordMetric("metric", options as { value: number; kind: "counter" });
          return root.traceId;
        });
        const trace = await readTrace(subject, traceId);
        assertEquals(trace.scope("child").status, "ok", what);
        assertEquals(trace.logs.length, 1, what);
      }
    },
  },
];

interface Recorded {
  readonly traceId: string;
  readonly metric: string;
}

/** Passes attributes to every recording call; gives the trace id and the name of the metric. */
function recordWith(subject: Subject, given: LogAttributes, after = () => {}): Recorded {
  const attributes = given as Record<string, never>;
  const options = { observability: subject.observability, attributes };
  const metric = unique("hostile");
  const traceId = ctx.scope("root", options, (root) => {
    ctx.scope("set later", () => ctx.recordAttributes(attributes));
    ctx.logInfo("log", attributes);
    ctx.recordEvent("event", { attributes });
    ctx.recordMetric(metric, { value: 1, kind: "counter", attributes });
    after();
    return root.traceId;
  });
  return { traceId, metric };
}

/** Checks the attributes of every record that {@linkcode recordWith} made. */
async function expectRecorded(
  subject: Subject,
  { traceId, metric }: Recorded,
  what: string,
  check: (attributes: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const trace = await readTrace(subject, traceId);
  assertEquals([trace.logs.length, trace.events.length], [1, 1], what);
  const metrics = trace.metrics.filter(({ name }) => name === metric);
  assertEquals(metrics.length, 1, what);
  check(trace.scope("root").attributes);
  check(trace.scope("set later").attributes);
  check(trace.logs[0].attributes);
  check(trace.events[0].attributes);
  check(metrics[0].attributes);
}

function isData(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.every((element) => typeof element === typeof value[0] && isData(element));
  }
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
