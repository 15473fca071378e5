import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type OtlpReceiver, otlpReceiver } from "@haiway/otel/testing";
import { run } from "./support/subprocess.ts";

const PROGRAM = `
import { ctx, OpenTelemetry } from "@haiway/otel";
import { metrics } from "@opentelemetry/api";

OpenTelemetry.configure({
  service: "shop",
  version: "1.0.0",
  environment: "test",
  instance: "one",
  attributes: { zones: ["a", "b"], weight: 1.5, big: -7, on: true },
});
const observability = OpenTelemetry.observability({ externalTraceId: "0af7651916cd43dd8448eb211c80319c" });
ctx.scope("checkout", { observability, kind: "server", attributes: { "näme": "ü", deep: { a: [1, 2] } } }, () => {
  ctx.logWarning("Slow", { seconds: 2.5 });
  ctx.recordEvent("paid", { attributes: { total: -1 } });
  ctx.recordMetric("orders", { value: 2, kind: "counter", description: "Orders" });
  metrics.getMeter("library").createUpDownCounter("open").add(0);
  ctx.recordMetric("load", { value: 0.5, kind: "gauge", attributes: { cpu: 1 } });
  ctx.recordMetric("took", { value: 30, kind: "histogram", unit: "ms" });
  try {
    ctx.scope("payment", () => { throw new TypeError("declined"); });
  } catch {
    // Only what was recorded of it matters.
  }
});
await OpenTelemetry.shutdown();
`;

/** What arrived, without what differs from run to run. */
function comparable({ spans, logs, metrics }: OtlpReceiver): unknown {
  const stable = (key: string, value: unknown) =>
    /UnixNano|(trace|span|Span)Id|stacktrace/.test(key)
      ? "(changes)"
      : value === undefined
      ? "(missing)"
      : typeof value === "bigint"
      ? String(value)
      : value;
  return JSON.parse(JSON.stringify({ spans, logs, metrics }, stable));
}

async function receiveFrom(protocol: string, compression: string): Promise<OtlpReceiver> {
  await using receiver = otlpReceiver();
  const { code, stderr } = await run(PROGRAM, {
    flags: ["--allow-net=127.0.0.1", "--allow-env"],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
    },
  });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return receiver;
}

Deno.test("otlpReceiver() decodes protobuf as it decodes JSON, compressed or not", async () => {
  const json = await receiveFrom("http/json", "none");
  const protobuf = await receiveFrom("http/protobuf", "gzip");
  assertEquals(json.requests[0].headers.get("content-type"), "application/json");
  assertEquals(protobuf.requests[0].headers.get("content-type"), "application/x-protobuf");
  assertEquals(protobuf.requests[0].headers.get("content-encoding"), "gzip");
  assertEquals(comparable(protobuf), comparable(json));
  const [payment, checkout] = protobuf.spans;
  assertEquals(payment.parentSpanId, checkout.spanId);
  assertEquals(payment.status, { code: 2, message: "declined" });
  assertEquals(checkout.attributes, { "näme": "ü", "deep.a": [1, 2] });
  assertEquals(checkout.links[0].traceId, "0af7651916cd43dd8448eb211c80319c");
  assert(checkout.endTimeUnixNano > 1_700_000_000_000_000_000n);
  assertEquals(checkout.resource.big, -7);
  assertEquals(protobuf.latest("open")?.monotonic, false);
  assertEquals(protobuf.latest("took")?.bucketCounts?.reduce((sum, count) => sum + count), 1);
});

Deno.test("otlpReceiver() decodes what Deno's built-in OpenTelemetry sends", async () => {
  await using receiver = otlpReceiver();
  const script = `
    import { trace } from "@opentelemetry/api";
    trace.getTracer("t").startActiveSpan("native", (span) => {
      span.setAttribute("n", 1);
      console.warn("hello");
      span.end();
    });
  `;
  const { code } = await run(script, {
    flags: ["--unstable-otel"],
    env: { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_SERVICE_NAME: "native" },
  });
  assertEquals(code, 0);
  await receiver.until(() => receiver.spans.length > 0 && receiver.logs.length > 0);
  assertEquals(receiver.spans.map(({ name, attributes }) => ({ name, attributes })), [
    { name: "native", attributes: { n: 1 } },
  ]);
  assertEquals(receiver.spans[0].resource["service.name"], "native");
  assertMatch(String(receiver.logs[0].body), /hello/);
  assertEquals(receiver.logs[0].traceId, receiver.spans[0].traceId);
});

Deno.test("otlpReceiver() refuses what is no OTLP, and answers faults as it is told", async () => {
  await using receiver = otlpReceiver();
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>, type = "application/json") => {
    const headers = { "content-type": type };
    const response = await fetch(receiver.endpoint + path, { method: "POST", body, headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await post("/v1/traces", "{"), 400);
  assertEquals(await post("/v1/logs", new Uint8Array([10, 200]), "application/x-protobuf"), 400);
  assertEquals(await post("/v1/metrics", new Uint8Array(12).fill(255), "application/x-protobuf"), 400);
  assertEquals(await post("/elsewhere", "{}"), 404);
  receiver.fault = () => new Response(null, { status: 503 });
  assertEquals(await post("/v1/traces", "{}"), 503);
  receiver.fault = undefined;
  assertEquals(await post("/v1/traces", "{}"), 200);
  assertEquals(receiver.requests.map(({ status }) => status), [400, 400, 400, 404, 503, 200]);
  assertEquals(receiver.bodies, [{ path: "/v1/traces", body: {} }]);
});

Deno.test("until() rejects after its time with what has arrived so far", async () => {
  await using receiver = otlpReceiver();
  const error = await assertRejects(() => receiver.until(() => false, 1), Error);
  assertEquals(error.message, "Not received within 1 ms; so far 0 spans, 0 logs, 0 points in 0 requests");
});
