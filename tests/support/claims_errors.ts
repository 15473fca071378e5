/**
 * What the conformance suite claims of scopes whose body fails.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ctx, type Scope } from "@haiway/otel";
import type { Claim, Subject } from "../conformance.ts";
import { throwables } from "./hostile.ts";
import { readTrace } from "./trace.ts";

/** Scopes whose body fails. */
export const ERROR_CLAIMS: readonly Claim[] = [
  {
    name: "a synchronous body that throws: the same error is rethrown, the status is ERROR with its message",
    async check(subject) {
      const error = new TypeError("sync failure");
      const traceId = failing(subject, error, () => {
        throw error;
      });
      const root = (await readTrace(subject, traceId)).scope("root");
      assertEquals([root.status, root.message], ["error", "sync failure"]);
      assertEquals(root.exceptions ?? [plain(error)], [plain(error)]);
    },
  },
  {
    name: "an asynchronous body that rejects: the same error is rejected with, the status is ERROR",
    async check(subject) {
      const error = new TypeError("async failure");
      let traceId = "";
      const promise = ctx.scope("root", { observability: subject.observability }, async (root) => {
        traceId = root.traceId;
        await Promise.resolve();
        throw error;
      });
      assertStrictEquals(await promise.then(() => "fulfilled", (reason) => reason), error);
      const root = (await readTrace(subject, traceId)).scope("root");
      assertEquals([root.status, root.message], ["error", "async failure"]);
      assertEquals(root.exceptions ?? [plain(error)], [plain(error)]);
    },
  },
  {
    name: "whatever is thrown is rethrown as it is, and ends the scope as failed",
    async check(subject) {
      for (const [what, thrown] of Object.entries(throwables())) {
        const traceId = failing(subject, thrown, () => {
          throw thrown;
        }, what);
        const root = (await readTrace(subject, traceId)).scope("root");
        assertEquals(root.status, "error", what);
        assertEquals(root.exceptions?.length ?? 1, 1, what);
      }
    },
  },
  {
    name: "whatever is rejected with is rejected with as it is, and ends the scope as failed",
    async check(subject) {
      for (const [what, thrown] of Object.entries(throwables())) {
        let traceId = "";
        const promise = ctx.scope("root", { observability: subject.observability }, (root) => {
          traceId = root.traceId;
          return Promise.reject(thrown);
        });
        const [reason] = await promise.then(() => [], (reason) => [reason]);
        assert(Object.is(reason, thrown), what);
        assertEquals((await readTrace(subject, traceId)).scope("root").status, "error", what);
      }
    },
  },
  {
    name: "an exception that passes through scopes is recorded once, where it first escaped; all have ERROR",
    async check(subject) {
      for (const [what, thrown] of Object.entries(throwables())) {
        const traceId = failing(subject, thrown, () =>
          ctx.scope("middle", () =>
            ctx.scope("inner", () => {
              throw thrown;
            })), what);
        const trace = await readTrace(subject, traceId);
        const names = ["inner", "middle", "root"];
        assertEquals(names.map((name) => trace.scope(name).status), ["error", "error", "error"], what);
        const counts = names.map((name) => trace.scope(name).exceptions?.length);
        if (counts[0] !== undefined) assertEquals(counts, [1, 0, 0], what);
      }
    },
  },
  {
    name: "an exception that was logged is not recorded again when it escapes",
    async check(subject) {
      for (const exception of [new Error("logged"), "logged"]) {
        const traceId = failing(subject, exception, () =>
          ctx.scope("inner", () => {
            ctx.logError("about to fail", { exception });
            ctx.logError("still about to fail", { exception });
            throw exception;
          }));
        const trace = await readTrace(subject, traceId);
        assertEquals(trace.scope("inner").exceptions?.length ?? 1, 1);
        assertEquals(trace.scope("root").exceptions?.length ?? 0, 0);
        assertEquals(trace.logs.map(({ exception }) => exception?.message), ["logged", "logged"]);
      }
    },
  },
  {
    name: "one error thrown in two traces is recorded in each",
    async check(subject) {
      const error = new Error("shared");
      for (let round = 0; round < 2; round++) {
        const traceId = failing(subject, error, () => {
          throw error;
        });
        const root = (await readTrace(subject, traceId)).scope("root");
        assertEquals(root.exceptions ?? [plain(error)], [plain(error)]);
      }
    },
  },
  {
    name: "an exception that is caught inside leaves the outer scope OK",
    async check(subject) {
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        try {
          ctx.scope("inner", () => {
            throw new Error("caught");
          });
        } catch {
          // handled
        }
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      assertEquals([trace.scope("inner").status, trace.scope("root").status], ["error", "ok"]);
    },
  },
];

/** Opens a root whose body fails, and checks that what it throws comes out; gives the trace id. */
function failing(subject: Subject, thrown: unknown, body: () => unknown, what?: string): string {
  let root: Scope | undefined;
  let caught: unknown[] = [];
  try {
    ctx.scope("root", { observability: subject.observability }, (scope) => {
      root = scope;
      return body();
    });
  } catch (error) {
    caught = [error];
  }
  assert(caught.length === 1 && Object.is(caught[0], thrown), `not rethrown: ${what}`);
  return root!.traceId;
}

function plain(error: Error): { type: string; message: string } {
  return { type: error.name, message: error.message };
}
