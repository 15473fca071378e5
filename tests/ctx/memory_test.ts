import { assert, assertEquals, assertThrows } from "@std/assert";
import { ctx, type ObservabilityLevel } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { throwables, values } from "../support/hostile.ts";

Deno.test("MemoryObservability keeps scopes in the order of opening, with their parents", async () => {
  const memory = new MemoryObservability();
  await ctx.scope("root", { observability: memory, kind: "server", attributes: { a: 1 } }, async () => {
    await ctx.scope("child", async () => await Promise.resolve());
    ctx.recordAttributes({ b: 2 });
  });
  const [root, child] = memory.scopes;
  assertEquals(memory.scopes.length, 2);
  assertEquals(root, {
    name: "root",
    kind: "server",
    traceId: root.traceId,
    spanId: root.spanId,
    attributes: { a: 1, b: 2 },
    status: "ok",
    exceptions: [],
  });
  assertEquals([child.name, child.kind, child.parentSpanId], ["child", "internal", root.spanId]);
});

Deno.test("MemoryObservability says in which scope a record was made", () => {
  const memory = new MemoryObservability();
  ctx.scope("root", { observability: memory }, (root) => {
    const where = { scope: "root", traceId: root.traceId, spanId: root.spanId };
    ctx.logWarning("log", { n: 1 });
    ctx.recordEvent("event", { attributes: { n: 2 }, level: "error" });
    ctx.recordMetric("metric", { value: 3, kind: "gauge", unit: "By", description: "what it means" });
    assertEquals(memory.logs, [{ ...where, level: "warning", message: "log", attributes: { n: 1 } }]);
    assertEquals(memory.events, [{ ...where, name: "event", level: "error", attributes: { n: 2 } }]);
    assertEquals(memory.metrics, [{
      ...where,
      name: "metric",
      kind: "gauge",
      value: 3,
      unit: "By",
      description: "what it means",
      attributes: {},
    }]);
  });
});

Deno.test("MemoryObservability keeps nothing but data, whatever it was given: JSON can say it", () => {
  const memory = new MemoryObservability();
  for (const thrown of Object.values(throwables())) {
    try {
      ctx.scope("root", { observability: memory, attributes: values() as never }, () => {
        ctx.logInfo("log", values());
        ctx.recordEvent("event", { attributes: values() as never });
        throw thrown;
      });
    } catch {
      // what is thrown is not what this is about
    }
  }
  const { scopes, logs, events, metrics } = memory;
  const said = { scopes, logs, events, metrics };
  assertEquals(JSON.parse(JSON.stringify(said)), structuredClone(said));
});

Deno.test("MemoryObservability keeps everything unless it is told a level", () => {
  for (
    const [level, kept] of [[undefined, 4], ["debug", 4], ["info", 3], ["warning", 2], ["error", 1]] as const
  ) {
    const memory = new MemoryObservability({ level });
    ctx.scope("root", { observability: memory }, () => {
      ctx.logDebug("debug");
      ctx.logInfo("info");
      ctx.logWarning("warning");
      ctx.logError("error");
    });
    assertEquals(memory.logs.length, kept, level);
  }
});

Deno.test("MemoryObservability refuses a level that there is none of", () => {
  for (const level of ["loud", "", "INFO", null, 1, "toString"]) {
    const error = assertThrows(
      () => new MemoryObservability({ level: level as ObservabilityLevel }),
      TypeError,
      "Cannot create a MemoryObservability as 'level' must be 'debug', 'info', 'warning' or 'error': current value",
    );
    assert(error.message.endsWith(typeof level === "string" ? JSON.stringify(level) : String(level)));
  }
});

Deno.test("two MemoryObservability know nothing of each other, even when their scopes interleave", async () => {
  const one = async (name: string) => {
    const memory = new MemoryObservability();
    await ctx.scope(name, { observability: memory }, async () => {
      await Promise.resolve();
      ctx.logInfo(name);
    });
    return memory.logs.map(({ message }) => message);
  };
  assertEquals(await Promise.all(["a", "b", "c"].map(one)), [["a"], ["b"], ["c"]]);
});
