import { assert, assertEquals } from "@std/assert";
import { startReceiver } from "../support/receiver.ts";
import { run } from "../support/subprocess.ts";

/** What a storage is asked and told in each of the cases; a root looks for the span of a library besides. */
const STORAGES = {
  "Deno's contexts": {
    inside: true,
    root: { getAsyncContext: 3, setAsyncContext: 2 },
    child: { getAsyncContext: 2, setAsyncContext: 2 },
    record: { getAsyncContext: 1 },
  },
  AsyncLocalStorage: {
    inside: false,
    root: { run: 1, getStore: 2 },
    child: { run: 1, getStore: 1 },
    record: { getStore: 1 },
  },
};

for (const [name, { inside, root, child, record }] of Object.entries(STORAGES)) {
  Deno.test(`with ${name}, opening a scope enters the one storage once, reads it once, and draws no UUID`, async () => {
    await using receiver = startReceiver();
    const { code, stdout, stderr } = await run(
      `
      import { AsyncLocalStorage } from "node:async_hooks";
      const internals = Deno[Deno.internal];
      const { core } = internals;
      const counts = {};
      const count = (object, name) => {
        const original = object[name];
        object[name] = function (...args) {
          counts[name] = (counts[name] ?? 0) + 1;
          return original.apply(this, args);
        };
      };
      const counted = { ...core };
      if (${inside}) internals.core = counted;
      else delete internals.core;
      for (const name of ["getAsyncContext", "setAsyncContext"]) count(counted, name);
      for (const name of ["run", "getStore", "enterWith", "exit"]) count(AsyncLocalStorage.prototype, name);
      count(crypto, "randomUUID");
      const { ctx, OpenTelemetry } = await import("@haiway/otel");
      OpenTelemetry.configure({
        service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
      });
      const observability = OpenTelemetry.observability();
      const during = (body) => {
        for (const name of Object.keys(counts)) delete counts[name];
        body();
        return { ...counts };
      };
      const seen = {};
      // The first record of a signal starts its batch, outside of any scope.
      ctx.scope("first", { observability }, () => {
        ctx.logInfo("first");
        ctx.recordMetric("metric", { value: 1, kind: "counter" });
      });
      seen.root = during(() => ctx.scope("root", { observability }, () => {}));
      ctx.scope("around", { observability }, () => {
        seen.child = during(() => ctx.scope("child", () => {}));
        seen.filtered = during(() => ctx.logDebug("filtered"));
        seen.log = during(() => ctx.logInfo("log"));
        seen.metric = during(() => ctx.recordMetric("metric", { value: 1, kind: "counter" }));
      });
      console.log(JSON.stringify(seen));
      Deno.exit(0);
      `,
      { flags: ["--allow-net=127.0.0.1", "--allow-env"] },
    );
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), {
      root,
      child,
      filtered: record,
      log: record,
      metric: record,
    });
  });
}

Deno.test("an endless succession of scopes keeps nothing of those that have ended", async () => {
  await using receiver = startReceiver();
  for (const backend of ["OpenTelemetry.observability()", "new ConsoleObservability({ write() {} })"]) {
    const { code, stdout, stderr } = await run(
      `
      import { ConsoleObservability, ctx, OpenTelemetry } from "@haiway/otel";
      import { context, createContextKey } from "@opentelemetry/api";
      OpenTelemetry.configure({
        service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
      });
      const key = createContextKey("key");
      let opened = 0;
      let alive = 0;
      // Each scope is opened within the one before, which has ended by then.
      const chain = (fails, follow) => new Promise((resolve) => {
        const ended = [];
        // Counted while the last one is current, as whoever comes next would find it.
        const count = () => {
          gc();
          opened += ended.length;
          alive += ended.filter((ref) => ref.deref() !== undefined).length;
          resolve();
        };
        const step = (n) => {
          try {
            ctx.scope("n" + n, (scope) => {
              ended.push(new WeakRef(scope));
              ctx.logInfo("log");
              setTimeout(() => n === 200 ? count() : follow(step, n + 1));
              if (fails) throw new Error("fails");
            });
          } catch {}
        };
        step(1);
      });
      const observability = ${backend};
      await ctx.scope("plain", { observability }, () => chain(false, (step, n) => step(n)));
      await ctx.scope("failing", { observability }, () => chain(true, (step, n) => step(n)));
      await ctx.scope("with a value", { observability }, () => chain(false, (step, n) =>
        context.with(context.active().setValue(key, n), step, undefined, n)
      ));
      console.log(opened, alive);
      Deno.exit(0);
      `,
      { flags: ["--allow-net=127.0.0.1", "--allow-env", "--v8-flags=--expose-gc"] },
    );
    assertEquals([code, stderr], [0, ""]);
    const [opened, alive] = stdout.trim().split(" ").map(Number);
    assertEquals(opened, 600);
    assert(alive < 20, `${backend}: ${alive} of ${opened} scopes are still held`);
  }
});
