import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ctx } from "@haiway/otel";
import { AssertionError, MemoryObservability } from "@haiway/otel/testing";

async function recordOrders(): Promise<MemoryObservability> {
  const memory = new MemoryObservability();
  await ctx.scope("application", { observability: memory }, async () => {
    for (const id of [1, 2]) {
      await ctx.scope("GET /orders/:id", { kind: "server", attributes: { id } }, async () => {
        ctx.logInfo("Looking up", { id });
        ctx.recordMetric("requests", { value: id, kind: "counter", attributes: { z: 1, method: "GET" } });
        await ctx.scope("lookup", async () => {
          ctx.recordEvent("cache.missed", { attributes: { key: `order-${id}` } });
          await Promise.resolve();
          if (id === 2) throw new TypeError("no such order");
        }).catch((exception) => ctx.logError("Lookup failed", { exception }));
      });
    }
    ctx.recordMetric("load", { value: 3, kind: "gauge" });
    ctx.recordMetric("load", { value: 1, kind: "gauge" });
  });
  return memory;
}

Deno.test("find() gives the scopes with a name, or at the end of a path of whole names", async () => {
  const memory = await recordOrders();
  const names = (path: string) => memory.find(path).map(({ name }) => name);
  assertEquals(names("lookup"), ["lookup", "lookup"]);
  assertEquals(names("GET /orders/:id/lookup"), ["lookup", "lookup"]);
  assertEquals(names("application/GET /orders/:id"), ["GET /orders/:id", "GET /orders/:id"]);
  assertEquals(names("orders/:id"), []);
  assertEquals(names("application/lookup"), []);
  assertEquals(names("nowhere/application"), []);
});

Deno.test("tree() is the same plain object in every run", async () => {
  const [first, second] = [await recordOrders(), await recordOrders()];
  assertEquals(first.tree(), second.tree());
  assertEquals(JSON.parse(JSON.stringify(first.tree())), first.tree());
  assertEquals(first.tree(), [{
    name: "application",
    status: "ok",
    children: [
      {
        name: "GET /orders/:id",
        kind: "server",
        status: "ok",
        attributes: { id: 1 },
        logs: [{ level: "info", message: "Looking up", attributes: { id: 1 } }],
        children: [{
          name: "lookup",
          status: "ok",
          events: [{ name: "cache.missed", attributes: { key: "order-1" } }],
        }],
      },
      {
        name: "GET /orders/:id",
        kind: "server",
        status: "ok",
        attributes: { id: 2 },
        logs: [
          { level: "info", message: "Looking up", attributes: { id: 2 } },
          { level: "error", message: "Lookup failed", exception: "TypeError: no such order" },
        ],
        children: [{
          name: "lookup",
          status: "error",
          message: "no such order",
          exceptions: ["TypeError: no such order"],
          events: [{ name: "cache.missed", attributes: { key: "order-2" } }],
        }],
      },
    ],
  }]);
});

Deno.test("tree() shares nothing with what goes on being recorded", () => {
  const memory = new MemoryObservability();
  ctx.scope("job", { observability: memory, attributes: { tags: ["a"] } }, () => {
    const [before] = memory.tree();
    ctx.recordAttributes({ later: true });
    assertEquals(before, { name: "job", status: "open", attributes: { tags: ["a"] } });
  });
});

Deno.test("assertScope() gives the first scope that is as expected", async () => {
  const memory = await recordOrders();
  const failed = memory.assertScope("lookup", {
    status: "error",
    kind: "internal",
    message: /no such/,
    exception: "TypeError",
  });
  assertEquals(failed, memory.find("lookup")[1]);
  assertEquals(memory.assertScope("GET /orders/:id", { attributes: { id: 2 } }).attributes, { id: 2 });
});

Deno.test("assertScope() says what there is instead", async () => {
  const memory = await recordOrders();
  const error = assertThrows(
    () => memory.assertScope("lookup", { status: "ok", message: "gone", attributes: { id: 3 } }),
    AssertionError,
  );
  assertEquals(error.name, "AssertionError");
  assertEquals(
    error.message,
    `Expected a scope, but no scope "lookup" is as expected:
  message is missing, not "gone"; attribute 'id' is missing, not 3
  status is "error", not "ok"; message is "no such order", not "gone"; attribute 'id' is missing, not 3
Recorded were:
  application ok
    GET /orders/:id ok {"id":1}
      lookup ok
    GET /orders/:id ok {"id":2}
      lookup error: no such order`,
  );
  assertMatch(
    assertThrows(() => memory.assertScope("checkout"), AssertionError).message,
    /^Expected a scope, but there is no scope "checkout"\. Recorded were:\n {2}application ok\n/,
  );
  assertMatch(
    assertThrows(() => new MemoryObservability().assertScope("x"), AssertionError).message,
    /nothing$/,
  );
});

Deno.test("total() and totals() sum the metrics by attributes, and take the last of a gauge", async () => {
  const memory = await recordOrders();
  assertEquals(memory.total("requests"), 3);
  assertEquals(memory.total("requests", { method: "GET" }), 3);
  assertEquals(memory.total("requests", { method: "POST" }), 0);
  assertEquals(memory.total("load"), 1);
  assertEquals(memory.totals(), [
    { name: "requests", kind: "counter", attributes: { method: "GET", z: 1 }, count: 2, value: 3 },
    { name: "load", kind: "gauge", attributes: {}, count: 2, value: 1 },
  ]);
  assertEquals(memory.totals("load").length, 1);
});

Deno.test("logsAt() gives the logs of exactly one level, and refuses what is no level", async () => {
  const memory = await recordOrders();
  assertEquals(memory.logsAt("error").map(({ message }) => message), ["Lookup failed"]);
  assertEquals(memory.logsAt("debug"), []);
  assertThrows(() => memory.logsAt("warn" as "warning"), TypeError, "warn");
});

Deno.test("a MemoryObservability is plain ordered data, forgets on clear(), and shares nothing", async () => {
  const memory = await recordOrders();
  const other = new MemoryObservability();
  assertEquals(Object.keys(memory), ["level", "scopes", "logs", "events", "metrics"]);
  assertEquals(JSON.parse(JSON.stringify(memory)).scopes.length, 5);
  assertEquals(other.scopes, []);
  memory.clear();
  assertEquals(JSON.stringify(memory), JSON.stringify(new MemoryObservability()));
});

Deno.test("a scope that was open at clear() goes on unseen", async () => {
  const memory = new MemoryObservability();
  await ctx.scope("before", { observability: memory }, async () => {
    memory.clear();
    await ctx.scope("after", () => Promise.resolve());
  });
  assertEquals(memory.scopes.map(({ name }) => name), ["after"]);
  assertEquals(memory.tree(), [{ name: "after", status: "ok" }]);
  assert(memory.find("before/after").length === 0);
});
