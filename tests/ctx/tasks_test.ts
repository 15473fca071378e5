import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ctx, noopObservability } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { orderOfTask } from "../support/trace.ts";

Deno.test("the promise of an asynchronous scope waits for its tasks", async () => {
  const memory = new MemoryObservability();
  const task = Promise.withResolvers<void>();
  let settled = false;
  const scope = ctx.scope("batch", { observability: memory }, async () => {
    ctx.spawn(async () => {
      await task.promise;
      ctx.logInfo("done");
    });
    return await Promise.resolve(7);
  }).then((value) => (settled = true, value));
  await Promise.resolve().then(() => {}).then(() => {});
  assertEquals([settled, memory.scopes[0].status], [false, "open"]);
  task.resolve();
  assertEquals(await scope, 7);
  assertEquals(memory.scopes[0].status, "ok");
  assertEquals(memory.logs[0].scope, "batch");
});

Deno.test("a scope under no-op observability waits for its own tasks as any other, spawned after an await", async () => {
  assertEquals(await orderOfTask({ observability: noopObservability }), ["task", "batch"]);
});

Deno.test("a scope waits for tasks that its tasks spawn", async () => {
  const memory = new MemoryObservability();
  const done: string[] = [];
  await ctx.scope("batch", { observability: memory }, async () => {
    ctx.spawn(async () => {
      await Promise.resolve();
      ctx.spawn(async () => {
        await Promise.resolve();
        done.push("inner");
      });
      done.push("outer");
    });
    await Promise.resolve();
  });
  assertEquals(done, ["outer", "inner"]);
});

Deno.test("ctx.spawn() gives the value of the task", async () => {
  const memory = new MemoryObservability();
  const value = await ctx.scope(
    "batch",
    { observability: memory },
    () => ctx.spawn(() => Promise.resolve(42)),
  );
  assertEquals(value, 42);
});

Deno.test("a failure that nobody handles rejects the scope with the same error, after all tasks", async () => {
  const memory = new MemoryObservability();
  const broken = new Error("broken");
  const slow = Promise.withResolvers<void>();
  let finished = false;
  const scope = ctx.scope("batch", { observability: memory }, async () => {
    ctx.spawn(() => Promise.reject(broken));
    ctx.spawn(async () => {
      await slow.promise;
      finished = true;
    });
    await Promise.resolve();
  });
  slow.resolve();
  assertStrictEquals(await assertRejects(() => scope, Error), broken);
  assertEquals(finished, true);
  assertEquals(memory.scopes[0].status, "error");
  assertEquals(memory.scopes[0].exceptions.length, 1);
});

Deno.test("several failures that nobody handles reject the scope with an AggregateError", async () => {
  const memory = new MemoryObservability();
  const errors = [new Error("first"), new Error("second")];
  const thrown = await assertRejects(() =>
    ctx.scope("batch", { observability: memory }, async () => {
      for (const error of errors) ctx.spawn(() => Promise.reject(error));
      await Promise.resolve();
    }), AggregateError);
  assertEquals(thrown.errors, errors);
});

Deno.test("a failure that the caller handles leaves the scope alone", async () => {
  const memory = new MemoryObservability();
  const caught = await ctx.scope("batch", { observability: memory }, async () => {
    try {
      return await ctx.spawn(() => Promise.reject(new Error("handled")));
    } catch (error) {
      return error;
    }
  });
  assertInstanceOf(caught, Error);
  await ctx.scope("settled", { observability: memory }, async () => {
    await Promise.allSettled([ctx.spawn(() => Promise.reject(new Error("handled too")))]);
  });
  assertEquals(memory.scopes.map(({ status }) => status), ["ok", "ok"]);
});

Deno.test("a body that fails beside its tasks rejects with both errors", async () => {
  const memory = new MemoryObservability();
  const [own, other] = [new Error("body"), new Error("task")];
  const thrown = await assertRejects(() =>
    ctx.scope("batch", { observability: memory }, async () => {
      ctx.spawn(() => Promise.reject(other));
      await Promise.resolve();
      throw own;
    }), AggregateError);
  assertEquals(thrown.errors, [own, other]);
});

Deno.test("a synchronous body's value comes at once, and its span waits for the tasks", async () => {
  const memory = new MemoryObservability();
  const task = Promise.withResolvers<void>();
  const spawned: Promise<void>[] = [];
  const value = ctx.scope("batch", { observability: memory }, () => {
    spawned.push(ctx.spawn(() => task.promise));
    return "at once";
  });
  assertEquals([value, memory.scopes[0].status], ["at once", "open"]);
  task.resolve();
  await spawned[0];
  await Promise.resolve();
  assertEquals(memory.scopes[0].status, "ok");
});

Deno.test("a task's failure under a synchronous body is logged, never unhandled", async () => {
  const memory = new MemoryObservability();
  const task = Promise.withResolvers<void>();
  ctx.scope("batch", { observability: memory }, () => void ctx.spawn(() => task.promise));
  task.reject(new Error("broken"));
  while (memory.scopes[0].status === "open") await Promise.resolve();
  assertEquals(memory.logs.map(({ level, exception }) => [level, exception?.message]), [["error", "broken"]]);
  assertEquals(memory.scopes[0].exceptions.length, 1);
});

Deno.test("ctx.spawnBackground() keeps the trace, is not awaited, and logs its failure", async () => {
  const memory = new MemoryObservability();
  const task = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await ctx.scope("request", { observability: memory }, async () => {
    ctx.spawnBackground(async () => {
      await task.promise;
      ctx.logInfo("later");
      queueMicrotask(ended.resolve);
      throw new Error("broken");
    });
    await Promise.resolve();
  });
  assertEquals(memory.scopes[0].status, "ok");
  task.resolve();
  await ended.promise;
  while (memory.logs.length < 2) await Promise.resolve();
  assertEquals(memory.logs.map(({ message, traceId }) => [message, traceId === memory.scopes[0].traceId]), [
    ["later", true],
    ["A task failed that nobody waits for", true],
  ]);
});

Deno.test("a task that throws before its first await rejects like any other", async () => {
  const memory = new MemoryObservability();
  await assertRejects(
    () =>
      ctx.scope("batch", { observability: memory }, async () => {
        ctx.spawn(() => {
          throw new Error("at once");
        });
        await Promise.resolve();
      }),
    Error,
    "at once",
  );
});

Deno.test("a task outside of any scope just runs", async () => {
  assertEquals(await ctx.spawn(() => Promise.resolve("ran")), "ran");
});
