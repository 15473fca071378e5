/**
 * What the conformance suite claims of scopes: their values, their tree, their status, their concurrency.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { ctx } from "@haiway/otel";
import type { Claim } from "../conformance.ts";
import { parents, readTrace, recordEverything } from "./trace.ts";

/** Scopes: their values, their tree, their status, their concurrency. */
export const SCOPE_CLAIMS: readonly Claim[] = [
  {
    name: "a scope gives what its synchronous body returns",
    check({ observability }) {
      const value = {};
      assertStrictEquals(ctx.scope("root", { observability }, () => value), value);
    },
  },
  {
    name: "a scope gives a promise of what its asynchronous body returns",
    async check({ observability }) {
      const value = {};
      const promise = ctx.scope("root", { observability }, () => Promise.resolve(value));
      assert(promise instanceof Promise);
      assertStrictEquals(await promise, value);
    },
  },
  {
    name: "nested scopes are a tree in one trace, synchronous and asynchronous ones alike",
    async check(subject) {
      const { observability } = subject;
      let inner = "";
      const traceId = await ctx.scope("root", { observability }, async (root) => {
        await ctx.scope("first", async () => {
          await Promise.resolve();
          ctx.scope("first.inner", (scope) => inner = scope.traceId);
        });
        ctx.scope("second", () => {});
        return root.traceId;
      });
      assertEquals(inner, traceId);
      const trace = await readTrace(subject, traceId);
      assertEquals(parents(trace), {
        root: undefined,
        first: "root",
        "first.inner": "first",
        second: "root",
      });
    },
  },
  {
    name: "the scope handed to the body tells its name, trace and span",
    check({ observability }) {
      ctx.scope("root", { observability }, (root) => {
        assertEquals(root.name, "root");
        assertMatch(root.traceId, /^(?!0{32})[0-9a-f]{32}$/);
        assertMatch(root.spanId, /^(?!0{16})[0-9a-f]{16}$/);
        assertEquals(root.traceparent, `00-${root.traceId}-${root.spanId}-01`);
        assertEquals(ctx.traceId(), root.traceId);
        ctx.scope("child", (child) => {
          assertEquals(child.traceId, root.traceId);
          assert(child.spanId !== root.spanId);
        });
      });
    },
  },
  {
    name: "two roots are two traces",
    async check(subject) {
      const open = () => ctx.scope("root", { observability: subject.observability }, (root) => root.traceId);
      const [one, two] = [open(), open()];
      assert(one !== two);
      assertEquals((await readTrace(subject, one)).scopes.length, 1);
    },
  },
  {
    name: "a body that returns leaves the status OK",
    async check(subject) {
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => root.traceId);
      assertEquals((await readTrace(subject, traceId)).scope("root").status, "ok");
    },
  },
  {
    name: "a child that outlives its parent keeps its place, and does not hold the parent back",
    async check(subject) {
      const release = Promise.withResolvers<void>();
      let child = Promise.resolve();
      let late = "";
      const traceId = await ctx.scope("root", { observability: subject.observability }, (root) => {
        child = ctx.scope("child", async () => {
          await release.promise;
          ctx.scope("grandchild", (scope) => late = scope.traceId);
        });
        return Promise.resolve(root.traceId);
      });
      assertEquals((await readTrace(subject, traceId)).scope("root").status, "ok");
      release.resolve();
      await child;
      assertEquals(late, traceId);
      const trace = await readTrace(subject, traceId);
      assertEquals(trace.scope("child").parent, "root");
      // A console that has shown the tree of the root already shows this one alone.
      assertEquals(trace.scope("grandchild").parent ?? "child", "child");
    },
  },
  {
    name: "recording in a scope that has ended does no harm",
    async check({ observability }) {
      const release = Promise.withResolvers<void>();
      let late = Promise.resolve();
      ctx.scope("root", { observability }, () => {
        late = release.promise.then(recordEverything);
      });
      release.resolve();
      await late;
    },
  },
  {
    name: "fifty concurrent roots that share the back end do not mix",
    async check(subject) {
      const { observability } = subject;
      const turn = () => new Promise<void>((resolve) => setTimeout(resolve));
      const one = (index: number) =>
        ctx.scope(`root ${index}`, { observability, attributes: { index } }, async (root) => {
          await turn();
          await ctx.scope(`child ${index}`, async () => {
            ctx.logInfo(`log ${index}`);
            await turn();
            await ctx.scope(`leaf ${index}`, async () => {
              await turn();
              ctx.recordAttributes({ index });
              ctx.recordEvent(`event ${index}`);
            });
          });
          return root.traceId;
        });
      const traces = await Promise.all(Array.from({ length: 50 }, (_, index) => one(index)));
      assertEquals(new Set(traces).size, 50);
      for (const [index, traceId] of traces.entries()) {
        const trace = await readTrace(subject, traceId);
        assertEquals(parents(trace), {
          [`root ${index}`]: undefined,
          [`child ${index}`]: `root ${index}`,
          [`leaf ${index}`]: `child ${index}`,
        });
        assertEquals(trace.scope(`leaf ${index}`).attributes.index, index);
        assertEquals(trace.logs.map(({ message, scope }) => [message, scope]), [[
          `log ${index}`,
          `child ${index}`,
        ]]);
        assertEquals(trace.events.map(({ name, scope }) => [name, scope]), [[
          `event ${index}`,
          `leaf ${index}`,
        ]]);
      }
    },
  },
];
