import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FOREIGN, runForeign } from "../support/foreign.ts";
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from "../support/receiver.ts";

const HEAD = `
import { ctx, OpenTelemetry } from "@haiway/otel";
import * as api from "@opentelemetry/api";
`;

function named({ spans }: OtlpReceiver, name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  assertEquals(found.length, 1, `expected one span '${name}' among: ${spans.map(({ name }) => name)}`);
  return found[0];
}

for (const [name, setup] of Object.entries(FOREIGN)) {
  Deno.test(`autoconfigure over ${name}: all signals of scopes go through its providers`, async () => {
    await using receiver = startReceiver();
    const { code, stderr } = await runForeign(
      receiver,
      `${HEAD}${setup}
      OpenTelemetry.autoconfigure({ service: "shop" });
      try {
        await ctx.scope("outer", { attributes: { n: 1 }, kind: "server" }, async () => {
          ctx.logInfo("log", { n: 2 });
          ctx.recordMetric("metric", { value: 3, kind: "counter", attributes: { n: 4 } });
          ctx.recordEvent("event", { attributes: { n: 5 } });
          ctx.recordAttributes({ n: 6 });
          await ctx.scope("inner", () => Promise.reject(new RangeError("broken")));
        });
      } catch {}
      await OpenTelemetry.shutdown();
      ctx.scope("plain", () => ctx.logInfo("after shutdown"));
      Deno.exit();`,
    );
    assertEquals(code, 0, stderr);
    const outer = named(receiver, "outer");
    const inner = named(receiver, "inner");
    assertEquals([outer.parentSpanId, inner.parentSpanId], [undefined, outer.spanId]);
    assertEquals([outer.kind, outer.status.code, outer.attributes], [2, 2, {
      n: 6,
      "error.type": "RangeError",
    }]);
    assertEquals(outer.events.map(({ name, attributes }) => [name, attributes]), [["event", { n: 5 }]]);
    assertEquals(inner.events.map(({ attributes }) => attributes["exception.message"]), ["broken"]);
    assertEquals(receiver.logs.map(({ body, eventName, spanId }) => [body, eventName, spanId]), [
      ["log", undefined, outer.spanId],
      [undefined, "event", outer.spanId],
    ]);
    assertEquals(receiver.latest("metric", { n: 4 })?.value, 3);
    assertEquals(receiver.spans.length, 2);
  });
}

for (const name of ["SDK 2", "SDK 3", "the Node SDK"]) {
  Deno.test(`autoconfigure over ${name}: scopes and spans of the API nest in each other`, async () => {
    await using receiver = startReceiver();
    const { code, stderr, stdout } = await runForeign(
      receiver,
      `${HEAD}${FOREIGN[name]}
      OpenTelemetry.autoconfigure();
      const tracer = api.trace.getTracer("library");
      await tracer.startActiveSpan("request", async (request) => {
        ctx.logInfo("no scope yet");
        await ctx.scope("handler", async (handler) => {
          console.log(api.trace.getActiveSpan().spanContext().spanId === handler.spanId);
          const saved = api.context.active();
          await tracer.startActiveSpan("query", async (query) => {
            ctx.recordAttributes({ rows: 3 });
            await ctx.scope("mapping", () => Promise.resolve());
            api.context.with(saved, () => console.log(ctx.traceId() === handler.traceId));
            api.context.with(saved, () => ctx.scope("back in the handler", () => {}));
            query.end();
          });
          const bound = api.context.bind(api.ROOT_CONTEXT, () => ctx.scope("detached", () => {}));
          bound();
          ctx.recordAttributes({ done: true });
        });
        request.end();
      });
      await OpenTelemetry.shutdown();
      Deno.exit();`,
    );
    assertEquals([code, stdout], [0, "true\ntrue\n"], stderr);
    const parent = (name: string) => named(receiver, name).parentSpanId;
    const id = (name: string) => named(receiver, name).spanId;
    assertEquals(parent("handler"), id("request"));
    assertEquals(parent("query"), id("handler"));
    assertEquals(parent("mapping"), id("query"));
    assertEquals(parent("back in the handler"), id("handler"));
    assertEquals(parent("detached"), undefined);
    assertEquals(named(receiver, "query").attributes, { rows: 3 });
    assertEquals(named(receiver, "handler").attributes, { done: true });
    assertEquals(receiver.logs.map(({ spanId }) => spanId), [id("request")]);
  });
}

Deno.test("autoconfigure binds to providers that a lower API version hides, and says so once", async () => {
  await using receiver = startReceiver();
  const { stderr } = await runForeign(
    receiver,
    `${HEAD}${FOREIGN["SDK 2 under API 1.9"]}
    OpenTelemetry.autoconfigure();
    const tracer = trace.getTracer("library");
    const span = tracer.startSpan("by 1.9");
    context.with(trace.setSpan(context.active(), span), () => {
      ctx.scope("scope", () => tracer.startSpan("inner by 1.9", {}, context.active()).end());
    });
    span.end();
    await OpenTelemetry.shutdown();
    Deno.exit();`,
  );
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "@opentelemetry/api");
  assertEquals(named(receiver, "scope").parentSpanId, named(receiver, "by 1.9").spanId);
  assertEquals(named(receiver, "inner by 1.9").parentSpanId, named(receiver, "scope").spanId);
});

Deno.test("configure beside providers of somebody else exports on its own, in their traces, and says so", async () => {
  await using receiver = startReceiver();
  await using own = startReceiver();
  const { stderr, code } = await runForeign(
    receiver,
    `${HEAD}${FOREIGN["SDK 3"]}
    OpenTelemetry.configure({
      service: "shop", version: "1.0.0", environment: "test", otlpEndpoint: Deno.env.get("OWN"),
    });
    api.trace.getTracer("library").startActiveSpan("theirs", (span) => {
      ctx.scope("ours", () => {
        ctx.logInfo("ours");
        ctx.recordMetric("ours", { value: 1, kind: "counter" });
        api.trace.getTracer("library").startActiveSpan("theirs again", (inner) => inner.end());
      });
      span.end();
    });
    await OpenTelemetry.shutdown();
    await api.trace.getTracerProvider().getDelegate().forceFlush();
    Deno.exit();`,
    { env: { OWN: own.endpoint } },
  );
  assertEquals(code, 0, stderr);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "beside them");
  const ours = named(own, "ours");
  assertEquals(ours.parentSpanId, named(receiver, "theirs").spanId);
  assertEquals(named(receiver, "theirs again").parentSpanId, ours.spanId);
  assertEquals(own.logs.map(({ spanId }) => spanId), [ours.spanId]);
  assertEquals(own.latest("ours")?.value, 1);
  assertEquals([own.spans.length, receiver.spans.length], [1, 2]);
});

Deno.test("autoconfigure with a tracer provider alone installs a context manager, and logs go to the console", async () => {
  await using receiver = startReceiver();
  const { stdout, stderr } = await runForeign(
    receiver,
    `${HEAD}
    import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
    import { OTLPTraceExporter } from "npm:@opentelemetry/exporter-trace-otlp-http@0.301";
    const exporter = new OTLPTraceExporter({ url: Deno.env.get("ENDPOINT") + "/v1/traces" });
    api.trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] }),
    );
    OpenTelemetry.autoconfigure();
    await ctx.scope("scope", async () => {
      await Promise.resolve();
      api.trace.getTracer("library").startActiveSpan("library", (span) => span.end());
      ctx.logInfo("to the console", { n: 1 });
      ctx.recordMetric("nowhere", { value: 1, kind: "counter" });
    });
    await OpenTelemetry.shutdown();
    Deno.exit();`,
  );
  assertStringIncludes(stderr, "No logger provider is registered");
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stdout, "to the console");
  assertEquals(named(receiver, "library").parentSpanId, named(receiver, "scope").spanId);
});

Deno.test("a span whose status cannot be read keeps what the body has set", async () => {
  await using receiver = startReceiver();
  const { stdout, stderr } = await runForeign(
    receiver,
    `${HEAD}
    const spans = [];
    const vendorSpan = (name) => ({
      spanContext: () => ({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 }),
      isRecording: () => true,
      setStatus(status) { spans.push([name, status]); },
      setAttributes() {}, end() {},
    });
    api.trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: vendorSpan }) });
    OpenTelemetry.autoconfigure();
    ctx.scope("untouched", () => {});
    ctx.scope("set", () => api.trace.getActiveSpan().setStatus({ code: 2, message: "told" }));
    console.log(JSON.stringify(spans));`,
  );
  assert(stdout !== "", stderr);
  assertEquals(JSON.parse(stdout), [["untouched", { code: 1 }], ["set", { code: 2, message: "told" }]]);
});
