import { assert, assertEquals, assertGreater } from "@std/assert";
import { type ConfigureOptions, ctx, OpenTelemetry } from "@haiway/otel";
import { startReceiver } from "../support/receiver.ts";

function configure(otlpEndpoint: string, options: Partial<ConfigureOptions> = {}): void {
  OpenTelemetry.configure({ service: "stats", version: "1", environment: "test", otlpEndpoint, ...options });
}

Deno.test("OpenTelemetry.stats() counts what is created, exported, queued and dropped, of each signal", async () => {
  await using receiver = startReceiver();
  configure(receiver.endpoint);
  const work = () => {
    ctx.logInfo("log");
    ctx.recordMetric("works", { value: 1, kind: "counter" });
  };
  for (let index = 0; index < 3; index++) ctx.scope("work", work);
  const before = OpenTelemetry.stats();
  assertEquals([before.traces.created, before.traces.queued, before.traces.exported], [3, 3, 0]);
  await OpenTelemetry.forceFlush();
  receiver.fault = () => new Response(null, { status: 400 });
  ctx.scope("work", work);
  await OpenTelemetry.shutdown();
  const { traces, logs, metrics } = OpenTelemetry.stats();
  for (const signal of [traces, logs]) {
    const { created, exported, queued, spooled, dropped, failures, exports } = signal;
    assertEquals({ created, exported, queued, spooled, dropped, failures, exports }, {
      created: 4,
      exported: 3,
      queued: 0,
      spooled: 0,
      dropped: { refused: 1 },
      failures: 1,
      exports: 2,
    });
    assertGreater(signal.exportMillis, -1);
  }
  assertEquals([metrics.created, metrics.exported, metrics.dropped], [2, 1, { refused: 1 }]);
});

Deno.test("selfMetrics exports what the semantic conventions say of an SDK, and nothing without it", async () => {
  await using receiver = startReceiver();
  configure(receiver.endpoint, { selfMetrics: true });
  ctx.scope("outer", () => {
    ctx.scope("inner", () => ctx.logInfo("log"));
  });
  await OpenTelemetry.forceFlush();
  receiver.fault = (_, path) => path === "/v1/traces" ? new Response(null, { status: 400 }) : undefined;
  await ctx.scope("late", async () => {
    await OpenTelemetry.forceFlush();
    assertEquals(receiver.latest("otel.sdk.span.live")?.value, 1);
  });
  await OpenTelemetry.forceFlush();
  await OpenTelemetry.shutdown();

  const value = (metric: string) => receiver.latest(metric)?.value;
  assertEquals(receiver.latest("otel.sdk.span.started")?.attributes, {
    "otel.span.sampling_result": "RECORD_AND_SAMPLE",
  });
  assertEquals(value("otel.sdk.span.started"), 3);
  assertEquals(value("otel.sdk.span.live"), 0);
  assertEquals(value("otel.sdk.log.created"), 1);
  assertEquals(value("otel.sdk.processor.span.queue.size"), 0);
  assertEquals(value("otel.sdk.processor.span.queue.capacity"), 2048);
  assertEquals(value("otel.sdk.processor.span.processed"), 3);
  const component = {
    "otel.component.type": "otlp_http_json_exporter",
    "otel.component.name": "otlp_http_json_exporter/traces",
    "server.address": "127.0.0.1",
    "server.port": receiver.port,
  };
  assertEquals(receiver.latest("otel.sdk.exporter.span.exported", component)?.value, 2);
  assertEquals(
    receiver.latest("otel.sdk.exporter.span.exported", { ...component, "error.type": "refused" })?.value,
    1,
  );
  assertEquals(receiver.latest("otel.sdk.exporter.span.inflight", component)?.value, 0);
  const duration = receiver.latest("otel.sdk.exporter.operation.duration", component);
  assertEquals([duration?.unit, duration?.count], ["s", 1]);

  receiver.metrics.length = 0;
  configure(receiver.endpoint);
  ctx.scope("work", () => ctx.recordMetric("works", { value: 1, kind: "counter" }));
  await OpenTelemetry.shutdown();
  assert(receiver.metrics.length > 0);
  assertEquals(receiver.metrics.filter(({ metric }) => metric.startsWith("otel.")), []);
});
