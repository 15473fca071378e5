import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ctx, noopObservability, type Observability, type Recorder } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { enterScope, storedScope } from "../../ctx/scope.ts";
import {
  refusingProxy,
  revokedProxy,
  throwables,
  throwingObservability,
  throwingRecorder,
} from "../support/hostile.ts";
import { run } from "../support/subprocess.ts";
import { recordEverything } from "../support/trace.ts";

/** Runs a function as nobody's scope. */
const outside = AsyncLocalStorage.snapshot();

Deno.test("ctx.scope() gives a value for a synchronous body, not a promise", () => {
  const observability = new MemoryObservability();
  assertEquals(ctx.scope("root", { observability }, () => 42), 42);
  assertEquals(observability.scopes[0].status, "ok");
});

Deno.test("ctx.scope() closes when the asynchronous body settles, not when it returns", async () => {
  const observability = new MemoryObservability();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = ctx.scope("root", { observability }, () => promise);
  assertEquals(observability.scopes[0].status, "open");
  resolve();
  await done;
  assertEquals(observability.scopes[0].status, "ok");
});

Deno.test("ctx.scope() waits for a thenable, whose then() runs inside of the scope", async () => {
  const observability = new MemoryObservability();
  const query = {
    then(resolve: (value: string) => void) {
      ctx.logInfo("running the query");
      resolve("rows");
    },
  };
  const rows: unknown = await ctx.scope("query", { observability }, () => query);
  assertEquals(rows, "rows");
  assertEquals(observability.logs[0].scope, "query");
});

Deno.test("ctx.scope() ends its own scope where the body returns with another one current", async () => {
  const observability = new MemoryObservability();
  await ctx.scope("outer", { observability }, async () => {
    const outer = storedScope();
    await ctx.scope("inner", () => {
      enterScope(outer);
      return Promise.resolve();
    });
    assertEquals(observability.scopes.map(({ name, status }) => [name, status]), [
      ["outer", "open"],
      ["inner", "ok"],
    ]);
  });
  assertEquals(observability.scopes[0].status, "ok");
});

Deno.test("ctx.scope() ends with a promise whose own then() calls back from outside of the scope", async () => {
  class Elsewhere<T> extends Promise<T> {
    override then<R, E>(
      ...callbacks: [((value: T) => R | PromiseLike<R>)?, ((error: unknown) => E | PromiseLike<E>)?]
    ): Promise<R | E> {
      return outside(() => super.then(...callbacks));
    }
  }
  const observability = new MemoryObservability();
  const body = () => new Elsewhere<string>((resolve) => resolve("value"));
  assertEquals(await ctx.scope("root", { observability }, body), "value");
  assertEquals(observability.scopes[0].status, "ok");
});

Deno.test("ctx.scope() ends its scope where the back end runs the body as nobody's", async () => {
  let closed = 0;
  const recorder: Recorder = {
    ...noopObservability.open("", {}),
    enter: (body) => outside(body),
    close: () => void closed++,
  };
  const observability: Observability = { level: "info", open: () => recorder };
  assertEquals(
    await ctx.scope("root", { observability }, async () => await Promise.resolve("value")),
    "value",
  );
  const error = new Error("broken");
  await assertRejects(
    () => ctx.scope("root", { observability }, () => Promise.reject(error)),
    Error,
    "broken",
  );
  assertEquals(closed, 2);
});

Deno.test("ctx.scope() returns what it cannot look into as it is", () => {
  for (const value of [refusingProxy(), revokedProxy(), Object.freeze({}), null, undefined]) {
    const observability = new MemoryObservability();
    assertStrictEquals(ctx.scope("root", { observability }, () => value), value);
    assertEquals(observability.scopes[0].status, "ok");
  }
});

Deno.test("ctx.scope() leaves the context of its caller as it was, whatever the body does", async () => {
  const observability = new MemoryObservability();
  ctx.scope("sync", { observability }, () => {});
  const pending = ctx.scope("async", { observability }, async () => await Promise.resolve());
  assertEquals(ctx.traceId(), undefined);
  await pending;
  assertEquals(ctx.traceId(), undefined);
  assertThrows(() =>
    ctx.scope("throws", { observability }, () => {
      throw new Error("expected");
    }), Error);
  assertEquals(ctx.traceId(), undefined);
});

Deno.test("a nested scope with an observability of its own is a root of its own", () => {
  const [outer, inner] = [new MemoryObservability(), new MemoryObservability()];
  const error = new Error("in both");
  assertThrows(() =>
    ctx.scope("outer", { observability: outer }, () => {
      ctx.scope("inner", { observability: inner }, () => {
        ctx.logInfo("to the inner one");
        ctx.scope("below", () => {});
        throw error;
      });
    }), Error);
  assertEquals(outer.scopes.map(({ name }) => name), ["outer"]);
  assertEquals(inner.scopes.map(({ name }) => name), ["inner", "below"]);
  assertEquals(outer.logs.length, 0);
  assert(outer.scopes[0].traceId !== inner.scopes[0].traceId);
  assertEquals([outer.scopes[0].exceptions.length, inner.scopes[0].exceptions.length], [1, 1]);
});

Deno.test("nothing waits for, or is held back by, a child that never ends", async () => {
  const observability = new MemoryObservability();
  await ctx.scope("root", { observability }, async () => {
    ctx.scope("never", () => new Promise(() => {}));
    await Promise.resolve();
  });
  assertEquals(observability.scopes.map(({ name, status }) => [name, status]), [["root", "ok"], [
    "never",
    "open",
  ]]);
});

Deno.test("a synchronous body that throws has its error at once, and its span when its tasks have settled", async () => {
  const observability = new MemoryObservability();
  const { promise, resolve } = Promise.withResolvers<void>();
  let task = Promise.resolve();
  assertThrows(() =>
    ctx.scope("root", { observability }, () => {
      task = ctx.spawn(() => promise);
      throw new Error("at once");
    }), Error);
  assertEquals(observability.scopes[0].status, "open");
  resolve();
  await task;
  assertEquals([observability.scopes[0].status, observability.scopes[0].message], ["error", "at once"]);
});

Deno.test("an observability that throws in everything it has costs the records, never the program", async () => {
  const observability = throwingObservability();
  assertEquals(ctx.scope("root", { observability }, () => (recordEverything(), 1)), 1);
  assertEquals(await ctx.scope("root", { observability }, () => Promise.resolve(2)), 2);
  for (const [what, thrown] of Object.entries(throwables())) {
    let caught: unknown[] = [];
    try {
      ctx.scope("root", { observability }, () => {
        throw thrown;
      });
    } catch (error) {
      caught = [error];
    }
    assert(caught.length === 1 && Object.is(caught[0], thrown), what);
  }
});

Deno.test("a recorder that throws in each of its methods is asked for each, and harms nobody", async () => {
  const calls: string[] = [];
  const recorder = throwingRecorder(calls);
  const observability: Observability = { level: "debug", open: () => recorder };
  let ran = 0;
  const value = await ctx.scope("root", { observability }, async () => {
    recordEverything();
    ctx.logError("failed", { exception: new Error("logged") });
    await ctx.scope("child", async () => {
      ran++;
      recordEverything();
      await Promise.resolve();
    });
    return ++ran;
  });
  assertEquals([value, ran], [2, 2]);
  assertEquals([...new Set(calls)].sort(), [
    "attributes",
    "close",
    "enter",
    "event",
    "log",
    "metric",
    "open",
  ]);
  await assertRejects(
    () => ctx.scope("root", { observability }, () => Promise.reject(new RangeError("the body's own"))),
    RangeError,
    "the body's own",
  );
});

Deno.test("a back end that gives something else than a recorder costs the records, never the program", () => {
  for (const recorder of [undefined, null, {}, 1, "recorder", () => {}, refusingProxy(), revokedProxy()]) {
    const observability: Observability = { level: "debug", open: () => recorder as Recorder };
    const value = ctx.scope("root", { observability }, () => {
      recordEverything();
      return ctx.scope("child", () => 1);
    });
    assertEquals(value, 1);
  }
});

Deno.test("what is no back end costs the records, never the program", () => {
  for (const observability of [null, {}, 1, "console", () => {}, { level: "loud", open: 1 }]) {
    const options = { observability: observability as unknown as Observability };
    assertEquals(ctx.scope("root", options, () => (recordEverything(), 1)), 1);
  }
});

Deno.test("a recorder that runs the body twice, or not at all, is not believed", () => {
  const enters: NonNullable<Recorder["enter"]>[] = [
    (body) => (body(), body()),
    () => undefined as never,
  ];
  for (const enter of enters) {
    const recorder: Recorder = { ...noopObservability.open("x", {}), enter };
    let ran = 0;
    assertEquals(
      ctx.scope("root", { observability: { level: "info", open: () => recorder } }, () => ++ran),
      1,
    );
    assertEquals(ran, 1);
  }
});

Deno.test("what a body throws inside of what its recorder enters is thrown on, whatever the recorder makes of it", () => {
  const error = new Error("the body's own");
  const enters: NonNullable<Recorder["enter"]>[] = [
    (body) => body(),
    (body) => {
      try {
        return body();
      } catch {
        throw new Error("the recorder's");
      }
    },
  ];
  for (const enter of enters) {
    const recorder: Recorder = { ...noopObservability.open("x", {}), enter };
    let caught: unknown;
    try {
      ctx.scope("root", { observability: { level: "info", open: () => recorder } }, () => {
        throw error;
      });
    } catch (thrown) {
      caught = thrown;
    }
    assertStrictEquals(caught, error);
  }
});

Deno.test("noopObservability records nothing, and has no trace", () => {
  ctx.scope("root", { observability: noopObservability }, (scope) => {
    recordEverything();
    assertEquals([scope.name, scope.traceId, scope.spanId, scope.traceparent], ["root", "", "", ""]);
    assertEquals(ctx.traceId(), undefined);
  });
});

Deno.test("outside of any scope a log goes to the console, and the rest is dropped with one diagnostic each", async () => {
  const { code, stdout, stderr } = await run(`
    import { ctx } from "@haiway/otel";
    console.log(ctx.traceId());
    for (let round = 0; round < 3; round++) {
      ctx.logInfo("plain", { n: 1 });
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
      ctx.recordEvent("event");
      ctx.recordAttributes({ lost: true });
    }
    ctx.logError("broken", { exception: new TypeError("why") });
  `);
  assertEquals(code, 0);
  const lines = stdout.trim().split("\n");
  assertEquals(lines[0], "undefined");
  assertEquals(lines.slice(1).map((line) => line.slice(13)), Array(3).fill("INFO  plain n=1"));
  const errors = stderr.trim().split("\n");
  assertEquals(errors.filter((line) => line.startsWith("[@haiway/otel] ")), [
    "[@haiway/otel] Cannot record the metric 'metric' outside of a scope: open one with ctx.scope(name, body)",
    "[@haiway/otel] Cannot record the event 'event' outside of a scope: open one with ctx.scope(name, body)",
    "[@haiway/otel] Cannot record attributes of 'no span' outside of a scope: open one with ctx.scope(name, body)",
  ]);
  assert(errors.some((line) => line.includes("ERROR broken")));
  assert(errors.some((line) => line.includes("TypeError: why")));
});

Deno.test("enterWith before the first await leaks into the caller, which is why scopes have no `using` form", async () => {
  const storage = new AsyncLocalStorage<string>();
  class Entered implements Disposable {
    readonly #before = storage.getStore();
    constructor(name: string) {
      storage.enterWith(name);
    }
    [Symbol.dispose](): void {
      storage.enterWith(this.#before as string);
    }
  }
  async function handler(): Promise<void> {
    using _entered = new Entered("the handler's own");
    await Promise.resolve();
  }
  const leaked = await storage.run("caller", async () => {
    const pending = handler();
    const during = storage.getStore();
    await pending;
    return { during, after: storage.getStore() };
  });
  assertEquals(leaked, { during: "the handler's own", after: "the handler's own" });

  const observability = new MemoryObservability();
  await ctx.scope("caller", { observability }, async (caller) => {
    const pending = ctx.scope("handler", async () => await Promise.resolve());
    ctx.logInfo("during");
    await pending;
    ctx.logInfo("after");
    assertEquals(observability.logs.map(({ spanId }) => spanId), [caller.spanId, caller.spanId]);
  });
});
