import { assertEquals, assertMatch } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { startReceiver } from "./support/receiver.ts";

Deno.test("the quick start arrives as one trace with its logs, event and metrics", async () => {
  await using receiver = startReceiver();
  OpenTelemetry.configure({
    service: "my-service",
    version: "1.0.0",
    environment: "test",
    otlpEndpoint: receiver.endpoint,
  });
  await ctx.scope("application", { observability: OpenTelemetry.observability() }, async () => {
    await ctx.scope("request-processing", async () => {
      ctx.logInfo("Processing batch of requests");
      ctx.recordMetric("requests.processed", { value: 10, kind: "counter" });
      ctx.recordEvent("batch.started", { attributes: { batch_size: 10, priority: "high" } });
      await ctx.scope("individual-request", async () => {
        ctx.recordAttributes({ "request.id": "req-123", "user.id": "user-456" });
        ctx.recordMetric("request.duration", { value: 100, unit: "ms", kind: "histogram" });
        await Promise.resolve();
      });
    });
  });
  await OpenTelemetry.shutdown();

  const [individual, processing, application] = receiver.spans;
  assertEquals([individual, processing, application].map((span) => span.name), [
    "individual-request",
    "request-processing",
    "application",
  ]);
  assertEquals(individual.parentSpanId, processing.spanId);
  assertEquals(processing.parentSpanId, application.spanId);
  assertEquals(application.parentSpanId, undefined);
  assertMatch(application.traceId, /^[0-9a-f]{32}$/);
  assertEquals(new Set(receiver.spans.map((span) => span.traceId)).size, 1);
  assertEquals(individual.attributes, { "request.id": "req-123", "user.id": "user-456" });
  assertEquals(processing.events[0].attributes, { batch_size: 10, priority: "high" });
  assertEquals(receiver.logs.map((log) => log.body ?? log.eventName), [
    "Processing batch of requests",
    "batch.started",
  ]);
  assertEquals(receiver.logs[0].spanId, processing.spanId);
  assertEquals(receiver.latest("requests.processed")?.value, 10);
  assertEquals(receiver.latest("request.duration")?.sum, 100);
});
