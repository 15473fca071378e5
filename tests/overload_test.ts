import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertMatch } from "@std/assert";
import { hang } from "./support/front.ts";
import { startReceiver } from "./support/receiver.ts";
import { testRows } from "./support/rows.ts";
import { run } from "./support/subprocess.ts";

/** What a program under load says of itself. */
interface Said {
  /** Memory beyond that of the idle program, in MB. */
  readonly memory: number;
  readonly stats: { created: number; exported: number; queued: number; dropped: Record<string, number> };
  /** What else the load has found. */
  readonly extra?: number;
}

/** Runs a program under load; `rest` comes after the load, and before the shutdown. */
async function load(
  endpoint: string,
  body: string,
  { rest = "", env = {}, environment = "test", flags = [] as string[], options = {} } = {},
): Promise<Said & { stderr: string }> {
  // A machine that is busy with other tests must not make a loss of what is only slow.
  const limits = { shutdownTimeoutMillis: 200_000, exportTimeoutMillis: 200_000 };
  const given = { service: "load", version: "1", environment, otlpEndpoint: endpoint, ...limits, ...options };
  const source = `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure(${JSON.stringify(given)});
    const rss = () => Deno.memoryUsage().rss / 1e6;
    const before = rss();
    const said = {};
    ${body}
    said.memory = rss() - before;
    ${rest}
    await OpenTelemetry.shutdown();
    said.stats = OpenTelemetry.stats().traces;
    console.log(JSON.stringify(said));`;
  const ran = await run(source, {
    flags: ["--allow-all", "--no-check", ...flags],
    env,
    timeoutMillis: 240_000,
  });
  assertEquals([ran.code, ran.signal], [0, null], ran.stderr);
  return { ...JSON.parse(ran.stdout), stderr: ran.stderr };
}

function sum(dropped: Record<string, number>): number {
  return Object.values(dropped).reduce((sum, items) => sum + items, 0);
}

const rows: Record<string, () => Promise<void>> = {
  async "a million scopes in a loop that never awaits take bounded memory, and each is accounted for"() {
    await using receiver = startReceiver();
    const said = await load(
      receiver.endpoint,
      `for (let index = 0; index < 1_000_000; index++) ctx.scope("scope", () => {});`,
    );
    assertEquals(said.stats.created, 1_000_000);
    assertEquals(receiver.spans.length + sum(said.stats.dropped), 1_000_000);
    assertGreaterOrEqual(receiver.spans.length, 50_000);
    assertLess(said.memory, 500);
    assertMatch(said.stderr, new RegExp(`Dropped ${sum(said.stats.dropped)} spans in all: `));
  },

  async "a million asynchronous scopes before a collector that hangs take bounded memory"() {
    await using receiver = startReceiver({ fault: hang });
    const said = await load(
      receiver.endpoint,
      `for (let index = 0; index < 1_000_000; index++) {
        await ctx.scope("scope", async () => {});
        if (index % 1000 === 0) await new Promise((resolve) => setTimeout(resolve));
      }`,
      { options: { shutdownTimeoutMillis: 200 } },
    );
    assertEquals([receiver.spans.length, sum(said.stats.dropped)], [0, 1_000_000]);
    assertLess(said.memory, 500);
  },

  async "a hundred thousand scopes that are open at once and end at once are one trace, and each is accounted for"() {
    await using receiver = startReceiver();
    const said = await load(
      receiver.endpoint,
      `const gate = Promise.withResolvers();
      const all = ctx.scope("root", () => Promise.all(
        Array.from({ length: 100_000 }, () => ctx.scope("scope", () => gate.promise)),
      ));
      gate.resolve();
      await all;`,
    );
    assertEquals(said.stats.created, 100_001);
    assertEquals(receiver.spans.length + sum(said.stats.dropped), 100_001);
    assertGreaterOrEqual(receiver.spans.length, 50_000);
    assertEquals(new Set(receiver.spans.map(({ traceId }) => traceId)).size, 1);
    assertLess(said.memory, 700);
  },

  async "scopes that nobody closes are let go of, but for the latest"() {
    await using receiver = startReceiver();
    const said = await load(
      receiver.endpoint,
      `let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      for (let index = 0; index < 20_000; index++) {
        const never = new Promise(() => {});
        registry.register(never);
        void ctx.scope("scope", () => never);
      }
      for (let turn = 0; turn < 50 && collected < 15_000; turn++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      registry.unregister({});
      said.extra = collected;`,
      { flags: ["--v8-flags=--expose-gc"] },
    );
    assertGreaterOrEqual(said.extra!, 15_000);
  },

  async "ten thousand sets of attributes are 2000 series, and no measurement is lost, over any number of intervals"() {
    await using receiver = startReceiver();
    const said = await load(
      receiver.endpoint,
      `for (let interval = 0; interval < 5; interval++) {
        ctx.scope("scope", () => {
          for (let index = 0; index < 10_000; index++) {
            const id = interval * 10_000 + index;
            ctx.recordMetric("ids", { value: 1, kind: "counter", attributes: { id } });
            ctx.recordMetric("slowly", { value: 1, kind: "counter", attributes: { id: id % 700 + interval * 700 } });
          }
        });
        await OpenTelemetry.forceFlush();
      }`,
    );
    for (const metric of ["ids", "slowly"]) {
      const points = receiver.points.filter((point) => point.metric === metric);
      const latest = new Map(points.map(({ attributes, value }) => [JSON.stringify(attributes), value!]));
      assertEquals([...latest.values()].reduce((sum, value) => sum + value, 0), 50_000);
      assertLess(latest.size, 2001);
      assert(latest.has('{"otel.metric.overflow":true}'));
    }
    assertMatch(said.stderr, /The metric 'ids' has 1999 sets of attributes/);
  },

  async "values of a megabyte take bounded memory, and each scope is accounted for"() {
    await using receiver = startReceiver({ fault: hang });
    const said = await load(
      receiver.endpoint,
      `for (let index = 0; index < 1000; index++) {
        ctx.scope("scope", () => {
          ctx.recordAttributes({ text: String(index).repeat(1e6).slice(0, 1e6) });
          ctx.logInfo("x".repeat(1e6));
        });
      }`,
      { options: { shutdownTimeoutMillis: 200 } },
    );
    assertEquals([said.stats.created, sum(said.stats.dropped)], [1000, 1000]);
    assertLess(said.memory, 500);
  },

  async "ten thousand attributes and long values are cut to the limits of the environment, and counted"() {
    await using receiver = startReceiver();
    await load(
      receiver.endpoint,
      `const attributes = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => ["key" + index, "x".repeat(100)]));
      ctx.scope("scope", { attributes }, () => {
        ctx.recordAttributes(attributes);
        ctx.logInfo("log", attributes);
        ctx.recordEvent("event", { attributes });
      });`,
      { env: { OTEL_ATTRIBUTE_COUNT_LIMIT: "10", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "7" } },
    );
    const [span] = receiver.spans;
    assertEquals(Object.keys(span.attributes).length, 10);
    assertEquals(span.attributes.key0, "xxxxxxx");
    assertGreaterOrEqual(span.droppedAttributesCount, 9990);
    for (const log of receiver.logs) assertEquals(Object.keys(log.attributes).length, 10);
    assertEquals(receiver.logs.length, 2);
  },
};

testRows("overload", rows);

Deno.test("in development a scope that was never closed is reported with the place where it was opened", async () => {
  await using receiver = startReceiver();
  const body = `
    function leak() { void ctx.scope("leaked", () => new Promise(() => {})); }
    for (let index = 0; index < 10; index++) leak();
    ctx.scope("closed", () => {});
    // Until it is exported, nobody could find out that it is forgotten.
    await OpenTelemetry.forceFlush();
    for (let turn = 0; turn < 20; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }`;
  const flags = ["--v8-flags=--expose-gc"];
  const development = await load(receiver.endpoint, body, { environment: "development", flags });
  assertMatch(
    development.stderr,
    /The scope 'leaked' was never closed: it was opened at leak \(.*script\.ts:\d+/,
  );
  assertEquals(development.stderr.includes("'closed'"), false);
  const production = await load(receiver.endpoint, body, { environment: "production", flags });
  assertEquals(production.stderr, "");
});
