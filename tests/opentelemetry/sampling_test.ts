import { trace } from "@opentelemetry/api";
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { record } from "../support/record.ts";
import { orderOfTask } from "../support/trace.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

Deno.test("with a ratio of 0 no span arrives; logs, events and metrics do, correlated with the trace", async () => {
  let traceparent = "";
  const { spans, logs, points } = await record({ sampling: 0 }, () =>
    ctx.scope("root", (root) => {
      traceparent = root.traceparent;
      ctx.logInfo("log");
      ctx.recordEvent("event");
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
      ctx.recordAttributes({ lost: true });
      ctx.scope("child", (child) => assertEquals(child.traceId, root.traceId));
    }));
  assertEquals(spans, []);
  assert(traceparent.endsWith("-00"));
  assertEquals(logs.map((log) => log.eventName ?? log.body), ["log", "event"]);
  for (const log of logs) assert(traceparent.includes(`${log.traceId}-${log.spanId}`));
  assertEquals(points.map(({ metric }) => metric), ["metric"]);
});

Deno.test("a scope waits for its own tasks, spawned after an await, whether its trace is sampled or not", async () => {
  for (const sampling of [0, 1]) {
    let ended: string[] = [];
    await record({ sampling }, async () => {
      ended = await orderOfTask();
    });
    assertEquals(ended, ["task", "batch"]);
  }
});

Deno.test("a failure in a trace that is not sampled is rethrown, and its log has the exception", async () => {
  const { spans, logs } = await record({ sampling: 0 }, () => {
    const error = new Error("broken");
    let caught: unknown;
    try {
      ctx.scope("root", () => {
        ctx.logError("failed", { exception: error });
        throw error;
      });
    } catch (thrown) {
      caught = thrown;
    }
    assert(caught === error);
  });
  assertEquals(spans, []);
  assertEquals(logs[0].attributes["exception.message"], "broken");
});

Deno.test("a ratio records about that share of the traces, each whole or not at all", async () => {
  const { spans } = await record({ sampling: 0.5 }, () => {
    for (let n = 0; n < 400; n++) ctx.scope("root", () => ctx.scope("child", () => {}));
  });
  const traces = Map.groupBy(spans, ({ traceId }) => traceId);
  // Outside of these bounds once in a billion runs.
  assertGreater(traces.size, 130);
  assertLess(traces.size, 270);
  for (const trace of traces.values()) assertEquals(trace.length, 2);
});

Deno.test("a trace begun elsewhere goes on as it was decided there, whatever the ratio", async () => {
  for (const sampling of [0, 1]) {
    const { spans } = await record({ sampling }, () => {
      for (const flags of ["00", "01"]) {
        const traceparent = `00-${TRACE}-b7ad6b716920333${flags[1]}-${flags}`;
        ctx.scope(flags, { observability: OpenTelemetry.observability({ traceparent }) }, () => {});
      }
    });
    assertEquals(spans.map(({ name }) => name), ["01"]);
  }
});

Deno.test("attributes and the kind given at the start are what a sampler sees", async () => {
  await record({}, () => {
    ctx.scope("root", { attributes: { early: 1 } }, () => {
      const { attributes } = trace.getActiveSpan() as unknown as { attributes: Record<string, unknown> };
      assertEquals(attributes.early, 1);
    });
  });
});

Deno.test("limits: what goes beyond is dropped and counted, and values are cut", async () => {
  const limits = {
    attributeCountLimit: 2,
    attributeValueLengthLimit: 4,
    eventCountLimit: 2,
    attributePerEventCountLimit: 1,
  };
  const { spans: [span], logs, bodies } = await record(
    { limits },
    () =>
      ctx.scope("root", { attributes: { a: "abcdefgh", b: ["ijklmnop"], c: 1 } }, () => {
        ctx.recordAttributes({ d: 1, a: "changed" });
        for (const name of ["one", "two", "three"]) {
          ctx.recordEvent(name, { attributes: { x: "abcdefgh", y: 2 } });
        }
        ctx.logInfo("the message is no attribute", { a: "abcdefgh", b: 1, c: 2 });
      }),
  );
  assertEquals(span.attributes, { a: "chan", b: ["ijkl"] });
  assertEquals(span.droppedAttributesCount, 2);
  assertEquals(span.events.map(({ name, attributes }) => [name, attributes]), [
    ["two", { x: "abcd" }],
    ["three", { x: "abcd" }],
  ]);
  const log = logs.find(({ body }) => body !== undefined);
  assertEquals([log?.body, log?.attributes], ["the message is no attribute", { a: "abcd", b: 1 }]);
  const [{ scopeSpans: [{ spans: [raw] }] }] =
    bodies.find(({ path }) => path.endsWith("traces"))!.body.resourceSpans;
  assertEquals([raw.droppedEventsCount, raw.events[0].droppedAttributesCount], [1, 1]);
});

Deno.test("a limit of 0 keeps nothing of its kind", async () => {
  const limits = { attributeCountLimit: 0, eventCountLimit: 0, linkCountLimit: 0 };
  const { spans: [span] } = await record({ limits }, () => {
    const observability = OpenTelemetry.observability({ externalTraceId: TRACE });
    ctx.scope("root", { observability, attributes: { a: 1 } }, () => {
      ctx.recordAttributes({ b: 1 });
      ctx.recordEvent("event");
    });
  });
  assertEquals([span.attributes, span.events, span.links], [{}, [], []]);
});
