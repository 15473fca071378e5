import { assertEquals, assertMatch } from "@std/assert";
import { ctx, type Metric, OpenTelemetry } from "@haiway/otel";
import { environment } from "../support/environment.ts";
import { record } from "../support/record.ts";
import { run } from "../support/subprocess.ts";

const measure = (name: string, metric: Metric) => ctx.scope("root", () => ctx.recordMetric(name, metric));

Deno.test("a counter arrives as a monotonic cumulative sum, with unit, description and one point for each attributes", async () => {
  const { points } = await record({}, () => {
    const counter = { kind: "counter", unit: "{request}", description: "what came in" } as const;
    measure("requests", { ...counter, value: 2, attributes: { method: "GET" } });
    measure("requests", { ...counter, value: 3, attributes: { method: "GET" } });
    measure("requests", { ...counter, value: 0.5, attributes: { method: "PUT" } });
  });
  assertEquals(points.map(({ attributes, value }) => [attributes, value]), [
    [{ method: "GET" }, 5],
    [{ method: "PUT" }, 0.5],
  ]);
  for (const { kind, unit, description, monotonic, temporality } of points) {
    assertEquals([kind, unit, description], ["sum", "{request}", "what came in"]);
    assertEquals([monotonic, temporality], [true, 2]);
  }
});

Deno.test("a histogram arrives as a cumulative distribution", async () => {
  const { points: [point] } = await record({}, () => {
    for (const value of [0, 7, 30, 100_000]) measure("duration", { value, kind: "histogram", unit: "ms" });
  });
  assertEquals([point.kind, point.unit, point.temporality, point.count, point.sum], [
    "histogram",
    "ms",
    2,
    4,
    100_037,
  ]);
  assertEquals(point.bounds?.length, (point.bucketCounts?.length ?? 0) - 1);
  assertEquals(point.bucketCounts?.reduce((sum, count) => sum + count, 0), 4);
});

Deno.test("a gauge arrives as its last value, negative ones included", async () => {
  const { points } = await record({}, () => {
    for (const value of [42, -7.5]) measure("temperature", { value, kind: "gauge", unit: "Cel" });
  });
  assertEquals(points.map(({ kind, unit, value }) => [kind, unit, value]), [["gauge", "Cel", -7.5]]);
});

Deno.test("sums go on over several exports, and each export has all of them", async () => {
  const { points } = await record({}, async () => {
    measure("requests", { value: 1, kind: "counter" });
    await OpenTelemetry.forceFlush();
    measure("requests", { value: 1, kind: "counter" });
    await OpenTelemetry.forceFlush();
  });
  assertEquals(points.slice(0, 2).map(({ value }) => value), [1, 2]);
  assertEquals(points.at(-1)?.value, 2);
});

Deno.test("as the environment asks, sums are those since the last export", async () => {
  using _ = environment({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta" });
  const { points } = await record({}, async () => {
    for (const value of [1, 2]) {
      measure("requests", { value, kind: "counter" });
      measure("duration", { value, kind: "histogram" });
      await OpenTelemetry.forceFlush();
    }
  });
  assertEquals(points.map(({ metric, temporality, value, sum }) => [metric, temporality, value ?? sum]), [
    ["requests", 1, 1],
    ["duration", 1, 1],
    ["requests", 1, 2],
    ["duration", 1, 2],
  ]);
});

Deno.test("metrics are exported at the interval, without anybody asking", async () => {
  await record({ exportIntervalMillis: 20 }, async (receiver) => {
    measure("requests", { value: 1, kind: "counter" });
    await receiver.until(() => receiver.latest("requests")?.value === 1);
    measure("requests", { value: 1, kind: "counter" });
    await receiver.until(() => receiver.latest("requests")?.value === 2);
  });
});

Deno.test("one instrument for each name, kind and unit: a clash is recorded anyway", async () => {
  const { points } = await record({}, () => {
    measure("clash", { value: 1, kind: "counter" });
    measure("clash", { value: 2, kind: "gauge" });
    measure("clash", { value: 3, kind: "counter", unit: "By" });
    measure("clash", { value: 4, kind: "counter" });
  });
  assertEquals(points.map(({ kind, unit, value }) => [kind, unit, value]), [
    ["sum", "", 5],
    ["gauge", "", 2],
    ["sum", "By", 3],
  ]);
});

Deno.test("names in another case are one instrument, as the specification has it", async () => {
  const { points } = await record({}, () => {
    measure("Requests", { value: 1, kind: "counter" });
    measure("requests", { value: 2, kind: "counter" });
  });
  assertEquals(points.reduce((sum, { value }) => sum + (value ?? 0), 0), 3);
});

Deno.test("a clash, a negative counter, a name that is none: each is reported once", async () => {
  const { code, stderr } = await run(`
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    ctx.scope("root", () => {
      for (let round = 0; round < 3; round++) {
        ctx.recordMetric("clash", { value: 1, kind: "counter", unit: "By" });
        ctx.recordMetric("clash", { value: 1, kind: "gauge" });
        ctx.recordMetric("negative", { value: -1, kind: "counter" });
        ctx.recordMetric("1 name with spaces", { value: 1, kind: "counter" });
      }
    });
    await OpenTelemetry.shutdown();
  `);
  assertEquals(code, 0);
  const said = stderr.trimEnd().split("\n");
  assertEquals(said, [
    "[@haiway/otel] The metric 'clash' is a counter in By already, and was now recorded as a gauge: both are kept, " +
    "give one of them another name",
    "[@haiway/otel] Cannot record the metric 'negative' as 'value' must not be negative for a counter: " +
    "current value is -1",
    "[@haiway/otel] The metric name '1 name with spaces' is invalid, and is recorded as 'm1_name_with_spaces'",
  ]);
});

Deno.test("a name that is invalid is made valid rather than lost", async () => {
  const names = ["", "1st", "with space", "ünïcode", "x".repeat(300), "ok.name-with/all_of.it"];
  const { points } = await record({}, () => {
    for (const name of names) measure(name, { value: 1, kind: "counter" });
  });
  assertEquals(points.length, names.length);
  for (const { metric } of points) assertMatch(metric, /^[a-z][a-z0-9_.\-/]{0,254}$/i);
  assertEquals(points.at(-1)?.metric, "ok.name-with/all_of.it");
});

Deno.test("metrics live as long as the providers: no scope, no trace, no level loses them", async () => {
  const { points } = await record({ level: "error", sampling: 0 }, () => {
    for (let n = 0; n < 100; n++) measure("requests", { value: 1, kind: "counter" });
  });
  assertEquals(points[0].value, 100);
});
