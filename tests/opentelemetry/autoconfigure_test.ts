import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigurationError, ctx, OpenTelemetry } from "@haiway/otel";
import { run } from "../support/subprocess.ts";

const HEAD = `
import { ctx, OpenTelemetry } from "@haiway/otel";
import { trace } from "@opentelemetry/api";
`;

Deno.test("autoconfigure with nothing registered says so, breaks nothing, and shows logs on the console", async () => {
  const { code, stdout, stderr } = await run(`${HEAD}
    OpenTelemetry.autoconfigure({ service: "shop", version: "1.0.0", environment: "test" });
    const value = ctx.scope("scope", () => {
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
      ctx.recordEvent("event");
      ctx.recordAttributes({ a: 1 });
      ctx.logInfo("on the console");
      return ctx.traceId() ?? "no trace";
    });
    console.log(value);
    await OpenTelemetry.forceFlush();
    await OpenTelemetry.shutdown();`);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /on the console\nno trace\n$/);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "No provider is registered");
  assertStringIncludes(stderr, "OTEL_DENO=true");
});

Deno.test("autoconfigure installs nothing where nothing is registered, so that others still can", async () => {
  const { stdout } = await run(`${HEAD}
    import { context } from "@opentelemetry/api";
    OpenTelemetry.autoconfigure();
    const manager = { active: () => "theirs", with() {}, bind() {}, enable() {}, disable() {} };
    console.log(context.setGlobalContextManager(manager), context.active());`);
  assertEquals(stdout, "true theirs\n");
});

Deno.test("autoconfigure throws when OpenTelemetry is set up already, and may be called again after shutdown", async () => {
  OpenTelemetry.configure({ service: "first", version: "1.0.0", environment: "test" });
  try {
    const error = assertThrows(() => OpenTelemetry.autoconfigure(), ConfigurationError);
    assertStringIncludes(error.message, `'autoconfigure' must be called once per process`);
  } finally {
    await OpenTelemetry.shutdown();
  }
  const { code, stderr } = await run(`${HEAD}
    OpenTelemetry.autoconfigure();
    await OpenTelemetry.shutdown();
    OpenTelemetry.autoconfigure();
    await OpenTelemetry.shutdown();
    OpenTelemetry.configure({ service: "first", version: "1.0.0", environment: "test" });`);
  assertEquals(code, 0, stderr);
});

Deno.test("autoconfigure refuses options of the wrong type", () => {
  // @ts-expect-error: what JavaScript may pass
  const error = assertThrows(() => OpenTelemetry.autoconfigure({ service: 7 }), TypeError);
  assertStringIncludes(error.message, "'service' must be a non-empty string: current value is 7");
  // @ts-expect-error: what JavaScript may pass
  assertThrows(() => OpenTelemetry.autoconfigure(null), TypeError);
  ctx.scope("still on the console", () => {});
});

Deno.test("autoconfigure records nothing where OTEL_SDK_DISABLED is true", async () => {
  const { code, stdout, stderr } = await run(
    `${HEAD}
    OpenTelemetry.autoconfigure();
    console.log(ctx.scope("scope", () => (ctx.logInfo("hidden"), ctx.traceId())));
    await OpenTelemetry.shutdown();`,
    { flags: ["--allow-env"], env: { OTEL_SDK_DISABLED: "true" } },
  );
  assertEquals([code, stdout, stderr], [0, "undefined\n", ""]);
});

Deno.test("somebody else's logger is told when a record was made, and in which context", async () => {
  const { code, stdout, stderr } = await run(`${HEAD}
    import { logs } from "@opentelemetry/api";
    const seen = [];
    logs.setGlobalLoggerProvider({ getLogger: () => ({ emit: (record) => seen.push(record), enabled: () => true }) });
    OpenTelemetry.autoconfigure();
    const before = Date.now();
    ctx.scope("scope", () => ctx.logWarning("told", { key: 1 }));
    const [{ timestamp, context, ...rest }] = seen;
    // The clock of a record is the monotonic one, which may be a little off the other.
    console.log(Math.abs(timestamp - before) < 1000, trace.getSpan(context) !== undefined, JSON.stringify(rest));`);
  assertEquals(code, 0, stderr);
  const told = { body: "told", attributes: { key: 1 }, severityNumber: 13, severityText: "WARN" };
  assertEquals(stdout, `true true ${JSON.stringify(told)}\n`);
});
