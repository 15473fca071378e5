import { assertEquals } from "@std/assert";
import { halve } from "../../opentelemetry/export/split.ts";
import type { Batch } from "../../opentelemetry/export/sender.ts";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { environment } from "../support/environment.ts";
import { startReceiver } from "../support/receiver.ts";

const NOBODY_KNOWS: Batch = { body: new Uint8Array([0xff, 1, 2]), items: 2, compressed: false, type: "pb" };

for (const protocol of ["http/json", "http/protobuf"]) {
  Deno.test(`metrics that are too large for the collector arrive in halves, point by point, in ${protocol}`, async () => {
    let refused = 0;
    await using receiver = startReceiver({
      fault: (_, path) =>
        path === "/v1/metrics" && refused++ === 0 ? new Response(null, { status: 413 }) : undefined,
    });
    using _ = environment({ OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol });
    OpenTelemetry.configure({
      service: "split",
      version: "1",
      environment: "test",
      otlpEndpoint: receiver.endpoint,
    });
    ctx.scope("work", () => {
      for (const name of ["a", "b", "c", "d"]) {
        const kind = name === "d" ? "histogram" : "counter";
        for (const size of [1, 2, 3]) ctx.recordMetric(name, { value: size, kind, attributes: { size } });
      }
    });
    await OpenTelemetry.shutdown();
    const arrived = receiver.metrics.map(({ metric, attributes }) => `${metric}${attributes.size}`).sort();
    assertEquals(arrived, ["a", "b", "c", "d"].flatMap((name) => [`${name}1`, `${name}2`, `${name}3`]));
    assertEquals(receiver.requests.filter(({ path }) => path === "/v1/metrics").map(({ status }) => status), [
      413,
      200,
      200,
    ]);
    const { created, exported, dropped } = OpenTelemetry.stats().metrics;
    assertEquals({ created, exported, dropped }, { created: 12, exported: 12, dropped: {} });
  });
}

Deno.test("what cannot be read is not split", async () => {
  assertEquals(await halve(NOBODY_KNOWS, "traces"), []);
  assertEquals(await halve({ ...NOBODY_KNOWS, type: "json" }, "logs"), []);
  assertEquals(await halve({ ...NOBODY_KNOWS, compressed: true }, "metrics"), []);
  assertEquals(await halve({ ...NOBODY_KNOWS, items: 1 }, "metrics"), []);
});

Deno.test("what holds one item is not split, however many points it has", async () => {
  const points = [{ asDouble: 1 }, { asDouble: 2 }];
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: points } }] }] }] };
  const body = new TextEncoder().encode(JSON.stringify(request));
  assertEquals(await halve({ body, items: 2, compressed: false, type: "json" }, "metrics"), []);
});

/** A field with a content of a length of its own. */
function field(number: number, ...content: number[]): number[] {
  return [number << 3 | 2, content.length, ...content];
}

/** One of 64 bits, and one of 32. */
const FIXED = [3 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 4 << 3 | 5, 1, 2, 3, 4];

function protobuf(bytes: number[]): Batch {
  return { body: new Uint8Array(bytes), items: 2, compressed: false, type: "pb" };
}

Deno.test("a request in protobuf is split around fields that nobody knows", async () => {
  const request = (...items: number[][]) => field(1, ...FIXED, ...field(2, ...FIXED, ...items.flat()));
  const [first, second] = [field(2, 8, 1), field(2, 8, 2)];
  const halves = await halve(protobuf(request(first, second)), "traces");
  assertEquals(halves.map(({ body, items }) => [[...body], items]), [
    [request(first), 1],
    [request(second), 1],
  ]);
});

Deno.test("a request in protobuf that is cut off, or no protobuf, is not split", async () => {
  const whole = field(1, ...field(2, ...field(2, 8, 1), ...field(2, 8, 2)));
  assertEquals((await halve(protobuf(whole), "traces")).length, 2);
  for (const added of [[0x80], [3 << 3 | 1, 1], [2 << 3 | 2, 9, 1], [3 << 3 | 3]]) {
    assertEquals(await halve(protobuf([...whole, ...added]), "traces"), [], String(added));
  }
});
