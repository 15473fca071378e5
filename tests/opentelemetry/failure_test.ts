import { assert, assertEquals, assertMatch } from "@std/assert";
import { NOBODY } from "../support/ports.ts";
import { type Fault, startReceiver } from "../support/receiver.ts";
import { type Ran, run } from "../support/subprocess.ts";

/** A program that records, flushes twice and ends without a shutdown; whatever reaches it, it prints. */
async function recordTo(endpoint: string, end = ""): Promise<Ran> {
  return await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    globalThis.addEventListener("unhandledrejection", (event) => console.log("unhandled", event.reason));
    globalThis.addEventListener("error", (event) => console.log("error", event.error));
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${endpoint}", exportTimeoutMillis: 300,
    });
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 20; n++) {
        await ctx.scope("root", async () => {
          ctx.logInfo("log");
          ctx.recordMetric("metric", { value: 1, kind: "counter" });
          await Promise.resolve();
        });
      }
      await OpenTelemetry.forceFlush();
    }
    console.log("done");
    ${end}
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"] },
  );
}

/** The program went on as if nothing was, and each kind of failure had one readable line. */
function assertUnharmed({ code, signal, stdout, stderr }: Ran, what: string): void {
  assertEquals([code, signal, stdout], [0, null, "done\n"], `${what}: ${stderr}`);
  const lines = stderr.split("\n").filter((line) => line !== "");
  assert(lines.length > 0 && lines.length <= 12, `${what}: ${stderr}`);
  for (const line of lines) assertMatch(line, /^\[@haiway\/otel\] [A-Z]/, what);
  assertEquals(lines.length, new Set(lines).size, `${what}: ${stderr}`);
}

const FAULTS: Record<string, Fault> = {
  "refuses every request": () => new Response("no", { status: 400 }),
  "fails for ever": () => new Response("later", { status: 503 }),
  "asks for an hour": () => new Response("later", { status: 429, headers: { "retry-after": "3600" } }),
  "redirects": () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
  "rejects a part": () =>
    Response.json({ partialSuccess: { rejectedSpans: 1, errorMessage: "one\nis bad" } }),
};

for (const [what, fault] of Object.entries(FAULTS)) {
  Deno.test(`a receiver that ${what} never reaches the program, nor keeps it alive`, async () => {
    await using receiver = startReceiver({ fault });
    assertUnharmed(await recordTo(receiver.endpoint), what);
  });
}

Deno.test("a receiver that never answers never reaches the program, nor keeps it alive", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using receiver = startReceiver({ fault: () => promise.then(() => new Response()) });
  try {
    assertUnharmed(await recordTo(receiver.endpoint), "never answers");
  } finally {
    // Whoever asked is gone, but the server ends only after its answers.
    resolve();
  }
});

Deno.test("a receiver that answers with garbage is taken at its status, and never reaches the program", async () => {
  for (const body of ["", "{", "null", "[]", '{"partialSuccess":7}', "\u0000".repeat(100_000)]) {
    await using receiver = startReceiver({ fault: () => new Response(body) });
    const ran = await recordTo(receiver.endpoint, "await OpenTelemetry.shutdown();");
    assertEquals([ran.code, ran.stdout, ran.stderr], [0, "done\n", ""], JSON.stringify(body.slice(0, 30)));
  }
});

Deno.test("a port where nobody listens never reaches the program, nor keeps it alive", async () => {
  for (const end of ["", "await OpenTelemetry.shutdown();"]) {
    assertUnharmed(await recordTo(NOBODY, end), end);
  }
});

Deno.test("a record that cannot be encoded costs itself, is counted, and never reaches the program", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    import { logs, trace } from "@opentelemetry/api";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
    });
    const cycle = { name: "cycle" };
    cycle.self = cycle;
    const trap = { get name() { throw new Error("trap"); } };
    const logger = logs.getLogger("library");
    for (const body of ["before", cycle, trap, "after"]) logger.emit({ body });
    for (const value of ["before", cycle, trap, "after"]) {
      const span = trace.getTracer("library").startSpan(
        typeof value === "string" ? value : "broken",
        { attributes: { value } },
      );
      span.setAttribute("value", value);
      span.setAttributes({ value, kept: true });
      span.addEvent("event", { value });
      span.addLink({ context: span.spanContext(), attributes: { value } });
      span.end();
    }
    await OpenTelemetry.shutdown();
    console.log("done");
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"] },
  );
  assertEquals([code, stdout], [0, "done\n"], stderr);
  const bodies = receiver.logs.map(({ body }) => body);
  assert(bodies.includes("before") && bodies.includes("after"), JSON.stringify(bodies));
  assertEquals(receiver.spans.map(({ name }) => name), ["before", "broken", "broken", "after"]);
  for (const line of stderr.trimEnd().split("\n")) assertMatch(line, /^\[@haiway\/otel\] /);
});

Deno.test("a processor, sampler or reader of somebody else that throws never reaches the program", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    import { metrics } from "@opentelemetry/api";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
    });
    globalThis.addEventListener("unhandledrejection", (event) => console.log("unhandled", event.reason));
    const meter = metrics.getMeter("library");
    meter.createObservableGauge("broken").addCallback(() => { throw new Error("callback"); });
    meter.createObservableGauge("rejects").addCallback(() => Promise.reject(new Error("callback")));
    meter.createObservableGauge("works").addCallback((result) => result.observe(7));
    ctx.scope("root", () => ctx.recordMetric("metric", { value: 1, kind: "counter" }));
    await OpenTelemetry.forceFlush();
    await OpenTelemetry.shutdown();
    console.log("done");
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"] },
  );
  assertEquals([code, stdout], [0, "done\n"], stderr);
  assertEquals([receiver.latest("metric")?.value, receiver.latest("works")?.value], [1, 7]);
  for (const line of stderr.trimEnd().split("\n")) assertMatch(line, /^\[@haiway\/otel\] /);
});
