import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Ran, run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** Runs a body in console mode, with no permission at all. */
async function show(body: string, options = "", env: Record<string, string> = {}): Promise<Ran> {
  const ran = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    import { context, logs, trace } from "@opentelemetry/api";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test", ${options} });
    const observability = OpenTelemetry.observability();
    ${body}
    await OpenTelemetry.shutdown();
    `,
    { env, flags: Object.keys(env).length === 0 ? [] : ["--allow-env"] },
  );
  assertEquals(ran.code, 0, ran.stderr);
  return ran;
}

/** The names in the tree, with the branches before them. */
function namesIn(stdout: string): string[] {
  return stdout.trimEnd().split("\n").map((line) => /^[├└│ ─]*(?:• )?\S+/.exec(line)?.[0] ?? "");
}

Deno.test("without an endpoint a finished root is a tree, with statuses and the exception's message", async () => {
  const { stdout } = await show(`
    try {
      await ctx.scope("root", { observability }, async () => {
        await ctx.scope("first", async () => { ctx.scope("leaf", () => {}); await Promise.resolve(); });
        ctx.scope("second", () => { throw new TypeError("declined"); });
      });
    } catch {}
  `);
  const names = namesIn(stdout);
  assertEquals(names.filter((name) => /root|first|leaf|second/.test(name)), [
    "root",
    "├─ first",
    "│  └─ leaf",
    "└─ second",
  ]);
  assertMatch(stdout, /^root .* error/m);
  assertMatch(stdout, /TypeError: declined/);
  assertMatch(stdout, /first .* ok/);
  assertMatch(stdout, /trace=[0-9a-f]{32}/);
});

Deno.test("a span that another library makes through the API is in the tree", async () => {
  const { stdout } = await show(`
    ctx.scope("root", { observability }, () => {
      trace.getTracer("library").startActiveSpan("foreign", (span) => {
        ctx.scope("inside", () => {});
        span.end();
      });
    });
  `);
  assertEquals(namesIn(stdout).filter((name) => /root|foreign|inside/.test(name)), [
    "root",
    "└─ foreign",
    "   └─ inside",
  ]);
});

Deno.test("a given traceparent sets the trace id, and a link is shown", async () => {
  const { stdout } = await show(`
    const traceparent = "00-${TRACE}-b7ad6b7169203331-01";
    ctx.scope("child", { observability: OpenTelemetry.observability({ traceparent }) }, () => {});
    ctx.scope("linked", { observability: OpenTelemetry.observability({ externalTraceId: "${TRACE}" }) }, () => {});
  `);
  assertMatch(stdout, new RegExp(`^child .*trace=${TRACE}|^child[^]*?trace=${TRACE}[^]*linked`, "m"));
  assertMatch(stdout.slice(stdout.indexOf("linked")), new RegExp(`↗ trace=${TRACE}`));
});

Deno.test("logs are lines as they happen, before the tree; debug ones are left out", async () => {
  const { stdout, stderr } = await show(`
    ctx.scope("root", { observability }, () => {
      ctx.logDebug("hidden");
      ctx.logInfo("shown", { n: 1 });
      ctx.logError("failed", { exception: new RangeError("too far") });
    });
  `);
  assertMatch(stdout.split("\n")[0], /^\d\d:\d\d:\d\d\.\d{3} INFO {2}shown n=1 \[root [0-9a-f]{8}\]$/);
  assert(!stdout.includes("hidden"));
  assertMatch(stderr, /ERROR failed \[root [0-9a-f]{8}\]\n {2}RangeError: too far/);
});

Deno.test("metrics are a table, at the latest at shutdown", async () => {
  const { stdout } = await show(`
    ctx.scope("root", { observability }, () => {
      ctx.recordMetric("requests", { value: 2, kind: "counter", unit: "{request}", attributes: { method: "GET" } });
      ctx.recordMetric("requests", { value: 3, kind: "counter", unit: "{request}", attributes: { method: "GET" } });
    });
  `);
  assertMatch(stdout, /^metric +kind +value/m);
  assertMatch(stdout, /^requests +counter +5 request.* method="GET"$/m);
});

Deno.test("metrics are a table at each interval", async () => {
  const { stdout } = await show(
    `
    ctx.scope("root", { observability }, () => ctx.recordMetric("requests", { value: 1, kind: "counter" }));
    const { promise, resolve } = Promise.withResolvers();
    const info = console.info;
    console.info = (line) => { info(line); if (line.includes("requests")) resolve(); };
    await promise;
    info("seen without a flush");
    `,
    "exportIntervalMillis: 20",
  );
  assertMatch(stdout, /^requests +counter +1\b[^]*seen without a flush/m);
});

Deno.test("an event is shown once, wherever 'events' sends it, sampled or not", async () => {
  for (const options of ["", `events: "span"`, `events: "log"`, "sampling: 0"]) {
    const { stdout } = await show(
      `ctx.scope("root", { observability }, () => ctx.recordEvent("order.created", { attributes: { id: 7 } }));`,
      options,
    );
    const shown = stdout.split("\n").filter((line) => line.includes("order.created"));
    assertEquals(
      shown.length,
      options === `events: "span"` && stdout === "" ? 0 : 1,
      `${options}: ${stdout}`,
    );
    assertMatch(shown[0], /order\.created.*id=7/);
  }
});

Deno.test("a log record that another library emits is shown, named ones as well", async () => {
  const { stdout } = await show(`
    const logger = logs.getLogger("library");
    ctx.scope("root", { observability }, () => {
      logger.emit({ body: "from a library" });
      logger.emit({ eventName: "library.event", attributes: { n: 1 } });
    });
  `);
  assertMatch(stdout, /INFO {2}from a library/);
  assertMatch(stdout, /library\.event n=1/);
});

Deno.test("one signal may go to the console by the environment, and another nowhere", async () => {
  const { stdout } = await show(
    `ctx.scope("root", { observability }, () => {
      ctx.logInfo("shown");
      ctx.recordMetric("hidden.metric", { value: 1, kind: "counter" });
    });`,
    "",
    { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" },
  );
  assertEquals(stdout.trimEnd().split("\n").length, 1);
  assertMatch(stdout, /INFO {2}shown/);
});
