import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "../support/subprocess.ts";

Deno.test("diagnostics go to standard error, one line per kind and minute, and say how many they kept back", async () => {
  const { code, stdout, stderr } = await run(`
    import { diagnose } from "${new URL("../../ctx/diagnostics.ts", import.meta.url)}";
    let now = 0;
    performance.now = () => now;
    for (let round = 0; round < 5; round++) diagnose("one", "first kind " + round);
    diagnose("two", "second kind");
    now = 59_999;
    diagnose("one", "too early");
    now = 60_000;
    diagnose("one", "next window");
    now = 200_000;
    diagnose("one", "and the next");
  `);
  assertEquals([code, stdout], [0, ""]);
  assertEquals(stderr.trimEnd().split("\n"), [
    "[@haiway/otel] first kind 0",
    "[@haiway/otel] second kind",
    "[@haiway/otel] next window (and 5 more like it since)",
    "[@haiway/otel] and the next",
  ]);
});

Deno.test("a diagnostic is one line of bounded length, whatever a stranger put into it", async () => {
  const { stderr } = await run(`
    import { diagnose } from "${new URL("../../ctx/diagnostics.ts", import.meta.url)}";
    diagnose("forged", "one\\r\\n[@haiway/otel] forged\\u0000\\u001b[31m\\u2028two " + "x".repeat(5000));
  `);
  assertEquals(stderr.split("\n").length, 2);
  assertMatch(stderr, /^\[@haiway\/otel\] one \[@haiway\/otel\] forged \[31m two x+\n$/);
  assert(stderr.length <= 1001);
});

Deno.test("no call writes a diagnostic for each name that it is given", async () => {
  const { code, stderr } = await run(`
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const broken = { level: "info", open: () => { throw new Error("broken") } };
    for (let n = 0; n < 50; n++) {
      ctx.scope("scope " + n, { observability: broken }, () => {});
      ctx.recordMetric("outside " + n, { value: 1, kind: "counter" });
      ctx.scope("root", () => {
        ctx.recordMetric("invalid name " + n, { value: 1, kind: "counter" });
        ctx.recordMetric("negative" + n, { value: -1, kind: "counter" });
      });
      OpenTelemetry.observability({ traceparent: "malformed " + n, externalTraceId: "malformed " + n });
    }
    await OpenTelemetry.shutdown();
  `);
  assertEquals(code, 0);
  const lines = stderr.trimEnd().split("\n").map((line) => line.replaceAll(/\d+/g, "N"));
  assertEquals(lines.length, new Set(lines).size, stderr);
  assertEquals(lines.length, 6, stderr);
});

Deno.test("a closed standard error costs the diagnostic, never the program", async () => {
  const { code, stdout } = await run(`
    import { ctx } from "@haiway/otel";
    Deno.stderr.close();
    ctx.recordEvent("outside");
    console.log("alive");
  `);
  assertEquals([code, stdout], [0, "alive\n"]);
});

Deno.test("a diagnostic about an error that cannot be read says so", async () => {
  const { code, stderr } = await run(`
    import { diagnoseFailure } from "${new URL("../../ctx/diagnostics.ts", import.meta.url)}";
    diagnoseFailure("do it", new Proxy({}, { getPrototypeOf() { throw new Error("hostile"); } }));
    diagnoseFailure("do that", undefined, "this");
  `);
  assertEquals([code, stderr.trimEnd().split("\n")], [0, [
    "[@haiway/otel] Cannot do it: the error cannot be read",
    "[@haiway/otel] Cannot do that 'this': undefined",
  ]]);
});

Deno.test("a back end that fails is reported by what it failed at, once for each", async () => {
  const { code, stderr } = await run(`
    import { ctx } from "@haiway/otel";
    const fail = (what) => () => { throw new Error(what); };
    const recorder = {
      traceId: "", spanId: "", traceFlags: 0,
      open: fail("open"), log: fail("log"), metric: fail("metric"), event: fail("event"),
      attributes: fail("attributes"), close: fail("close"), enter: fail("enter"),
    };
    for (const name of ["first", "second"]) {
      ctx.scope(name, { observability: { level: "debug", open: () => recorder } }, () => {
        ctx.logInfo("log");
        ctx.recordMetric("metric", { value: 1, kind: "counter" });
        ctx.recordMetric("metric", null);
        ctx.recordEvent("event");
        ctx.recordAttributes({ a: 1 });
        ctx.scope("child of " + name, () => {});
      });
    }
  `);
  assertEquals(code, 0);
  assertEquals(stderr.trimEnd().split("\n").map((line) => line.slice("[@haiway/otel] ".length)), [
    "Cannot enter the scope 'first': enter",
    "Cannot record a log: log",
    "Cannot record a metric: metric",
    "Cannot record the metric 'metric' as 'metric' must be an object: current value is null",
    "Cannot record an event: event",
    "Cannot record attributes: attributes",
    "Cannot open the scope 'child of first': open",
    "Cannot close the scope 'first': close",
  ]);
  const unsaid = await run(`
    import { ctx } from "@haiway/otel";
    const observability = { get level() { throw new Error("level"); }, open: () => ({ traceId: "", close() {} }) };
    ctx.scope("root", { observability }, () => {});
  `);
  assertEquals([unsaid.code, unsaid.stderr], [
    0,
    "[@haiway/otel] Cannot read the level of an observability: level\n",
  ]);
  const failing = await run(`
    import { ctx } from "@haiway/otel";
    const recorder = { traceId: "", spanId: "", traceFlags: 0, close() { throw new Error("close"); } };
    try {
      ctx.scope("root", { observability: { level: "debug", open: () => recorder } }, () => { throw new Error("own"); });
    } catch (error) {
      console.log(error.message);
    }
  `);
  assertEquals([failing.stdout, failing.stderr], [
    "own\n",
    "[@haiway/otel] Cannot close the scope 'root': close\n",
  ]);
});

Deno.test("a metric that measures nothing is refused, by what is wrong with it", async () => {
  const { code, stderr } = await run(`
    import { ctx } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const memory = new MemoryObservability();
    ctx.scope("root", { observability: memory }, () => {
      ctx.recordMetric("sum", { value: 1, kind: "sum" });
      ctx.recordMetric("load", { value: NaN, kind: "gauge" });
    });
    if (memory.metrics.length > 0) throw new Error("recorded");
  `);
  assertEquals(code, 0);
  assertEquals(stderr.trimEnd().split("\n"), [
    "[@haiway/otel] Cannot record the metric 'sum' as 'kind' must be 'counter', 'histogram' or 'gauge': " +
    'current value is "sum"',
    "[@haiway/otel] Cannot record the metric 'load' as 'value' must be a finite number: current value is NaN",
  ]);
});
