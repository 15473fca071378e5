import { EventEmitter } from "node:events";
import {
  context,
  type ContextManager,
  createContextKey,
  logs,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import type { OtlpReceiver } from "../support/receiver.ts";
import { record } from "../support/record.ts";

const tracer = () => trace.getTracer("library", "2.0.0");

function parentsOf({ spans }: OtlpReceiver): Record<string, string | undefined> {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return Object.fromEntries(spans.map(({ name, parentSpanId }) => [name, names.get(parentSpanId ?? "")]));
}

Deno.test("a span made through the API inside of a scope is its child, and a scope inside of that is that one's", async () => {
  const received = await record({}, () =>
    ctx.scope("scope", async () => {
      tracer().startSpan("not current").end();
      await tracer().startActiveSpan("current", async (span) => {
        await Promise.resolve();
        await ctx.scope("inner scope", async () => {
          await Promise.resolve();
          tracer().startActiveSpan("innermost", (span) => span.end());
        });
        span.end();
      });
    }));
  assertEquals(parentsOf(received), {
    scope: undefined,
    "not current": "scope",
    current: "scope",
    "inner scope": "current",
    innermost: "inner scope",
  });
  assertEquals(new Set(received.spans.map(({ traceId }) => traceId)).size, 1);
  assertEquals(received.spans[0].scope, { name: "library", version: "2.0.0" });
});

Deno.test("what outlives a scope finds in the context who it was, and nothing of what it recorded", async () => {
  const ended = Promise.withResolvers<void>();
  const received = await record({}, async () => {
    const [late] = ctx.scope("scope", { attributes: { recorded: true } }, () => [
      ended.promise.then(() => trace.getActiveSpan()!),
    ]);
    ended.resolve();
    const found = await late;
    assertEquals([found.isRecording(), "attributes" in found], [false, false]);
    tracer().startSpan("child", {}, trace.setSpan(ROOT_CONTEXT, found)).end();
  });
  assertEquals(parentsOf(received), { scope: undefined, child: "scope" });
  assertEquals(received.spans.map(({ attributes }) => attributes), [{ recorded: true }, {}]);
});

Deno.test("what is recorded while another library's span is current belongs to that span, which stays open", async () => {
  const { spans, logs } = await record(
    {},
    () =>
      ctx.scope("scope", () =>
        tracer().startActiveSpan("library", (span) => {
          ctx.logInfo("log");
          ctx.recordAttributes({ recorded: true });
          ctx.recordEvent("event");
          assertEquals(ctx.traceId(), span.spanContext().traceId);
          assert(span.isRecording());
          span.end();
        })),
  );
  const library = spans.find(({ name }) => name === "library")!;
  assertEquals(logs.map(({ spanId }) => spanId), [library.spanId, library.spanId]);
  assertEquals(library.attributes, { recorded: true });
  assertEquals(library.events.map(({ name }) => name), ["event"]);
  assertEquals(library.status.code, 0);
});

Deno.test("a root scope under a span of another library is that span's child, unless a parent is given", async () => {
  const received = await record({}, () =>
    tracer().startActiveSpan("library", (span) => {
      ctx.scope("by default", () => {});
      ctx.scope("with a back end", { observability: OpenTelemetry.observability() }, () => {});
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      ctx.scope("with a parent", { observability: OpenTelemetry.observability({ traceparent }) }, () => {});
      span.end();
    }));
  const { spans } = received;
  const library = spans.find(({ name }) => name === "library")!;
  assertEquals(spans.map(({ name, parentSpanId }) => [name, parentSpanId]), [
    ["by default", library.spanId],
    ["with a back end", library.spanId],
    ["with a parent", "b7ad6b7169203331"],
    ["library", undefined],
  ]);
});

Deno.test("a value set on the context keeps the scope, and is seen by what is below, and nowhere else", async () => {
  const key = createContextKey("key");
  const { spans: [child, scope], logs } = await record({}, () =>
    ctx.scope("scope", async () => {
      await context.with(context.active().setValue(key, "value"), async () => {
        await Promise.resolve();
        ctx.logInfo("in the scope");
        await ctx.scope("child", async () => {
          await Promise.resolve();
          assertEquals(context.active().getValue(key), "value");
        });
        assertEquals(context.active().deleteValue(key).getValue(key), undefined);
      });
      assertEquals(context.active().getValue(key), undefined);
    }));
  assertEquals(logs[0].spanId, scope.spanId);
  assertEquals(child.parentSpanId, scope.spanId);
});

Deno.test("contexts are values: what is set on one is not seen by another, however many there are", async () => {
  await record({}, () =>
    ctx.scope("scope", () => {
      const base = context.active();
      const span = trace.getSpan(base);
      const keys = Array.from({ length: 100 }, (_, n) => createContextKey(`${n}`));
      const all = keys.reduce((filled, key, n) => filled.setValue(key, n), base);
      assertEquals(keys.map((key) => all.getValue(key)), keys.map((_, n) => n));
      const changed = all.setValue(keys[0], "changed");
      assertEquals([all.getValue(keys[0]), changed.getValue(keys[0]), base.getValue(keys[0])], [
        0,
        "changed",
        undefined,
      ]);
      const without = all.deleteValue(keys[1]);
      assertEquals([all.getValue(keys[1]), without.getValue(keys[1])], [1, undefined]);
      assertStrictEquals(trace.getSpan(changed), span);
      let same = base;
      for (let n = 0; n < 10_000; n++) same = same.setValue(keys[0], n);
      assertEquals(same.getValue(keys[0]), 9999);
    }));
});

Deno.test("outside of any scope the root context is active, and after shutdown there is none of ours", async () => {
  await record({}, () => assertStrictEquals(context.active(), ROOT_CONTEXT));
  ctx.scope("console", { observability: new MemoryObservability() }, () => {
    assertStrictEquals(context.active(), ROOT_CONTEXT);
    assertEquals(trace.getActiveSpan(), undefined);
  });
});

Deno.test("context.with() hands on this, arguments, value and error", async () => {
  await record({}, () => {
    const self = { name: "self" };
    const result = context.with(
      ROOT_CONTEXT,
      function (this: typeof self, a: number, b: number) {
        return [this.name, a + b];
      },
      self,
      1,
      2,
    );
    assertEquals(result, ["self", 3]);
    const error = new Error("thrown");
    let caught: unknown;
    try {
      context.with(ROOT_CONTEXT, () => {
        throw error;
      });
    } catch (thrown) {
      caught = thrown;
    }
    assertStrictEquals(caught, error);
  });
});

Deno.test("a bound function runs in its scope, with this and arguments as they are", async () => {
  const { logs, spans: [scope] } = await record({}, () => {
    const bound = ctx.scope(
      "scope",
      () =>
        context.bind(context.active(), function (this: { x: number }, y: number) {
          ctx.logInfo("bound");
          return this.x + y;
        }),
    );
    assertEquals(bound.length, 1);
    assertEquals(bound.call({ x: 1 }, 2), 3);
    assertEquals(ctx.traceId(), undefined);
    assertEquals(context.bind(context.active(), 42), 42);
  });
  assertEquals(logs[0].spanId, scope.spanId);
});

Deno.test("the listeners of a bound emitter run in its scope, and can be removed", async () => {
  const { logs, spans: [scope] } = await record({}, () => {
    const emitter = new EventEmitter();
    ctx.scope("scope", () => context.bind(context.active(), emitter));
    const listener = () => ctx.logInfo("on");
    emitter.on("event", listener);
    emitter.once("event", () => ctx.logInfo("once"));
    emitter.prependListener("event", () => ctx.logInfo("first"));
    emitter.emit("event");
    emitter.emit("event");
    emitter.removeListener("event", listener);
    emitter.emit("event");
    emitter.removeAllListeners("event");
    emitter.emit("event");
    assertEquals(emitter.listenerCount("event"), 0);
  });
  assertEquals(logs.map(({ body }) => body), ["first", "on", "once", "first", "on", "first"]);
  for (const { spanId } of logs) assertEquals(spanId, scope.spanId);
});

Deno.test("a bound emitter takes a listener as often as it is given, and refuses what is none as Node does", async () => {
  await record({}, () => {
    const emitter = context.bind(context.active(), new EventEmitter());
    let calls = 0;
    const listener = () => calls++;
    emitter.on("event", listener).once("event", listener).on("event", listener).on("other", listener);
    emitter.emit("event");
    assertEquals([calls, emitter.listenerCount("event")], [3, 2]);
    emitter.off("event", listener).off("event", listener).off("event", listener);
    assertEquals([emitter.listenerCount("event"), emitter.listenerCount("other")], [0, 1]);
    const refused = (of: EventEmitter) => {
      try {
        of.on("event", undefined as unknown as () => void);
      } catch (error) {
        return (error as Error & { code: string }).code;
      }
    };
    assertEquals(refused(emitter), refused(new EventEmitter()));
  });
});

Deno.test("an attached context is current until it is disposed of", async () => {
  const { logs, spans: [scope] } = await record({}, () => {
    const manager = (context as unknown as { _getContextManager(): ContextManager })._getContextManager();
    const attach = (manager as unknown as { attach(of: unknown): { dispose(): void } }).attach.bind(manager);
    const inside = ctx.scope("scope", () => context.active());
    const attached = attach(inside);
    ctx.logInfo("attached");
    attached.dispose();
    attached.dispose();
    assertEquals(ctx.traceId(), undefined);
  });
  assertEquals(logs[0].spanId, scope.spanId);
});

Deno.test("everything that the API lets a span say arrives", async () => {
  const { spans: [linked, span] } = await record({}, () => {
    const start = Date.now() - 1000;
    const linked = tracer().startSpan("linked", { root: true });
    linked.end();
    const span = tracer().startSpan("before", {
      kind: SpanKind.CLIENT,
      startTime: start,
      attributes: { a: 1, list: ["x"], nothing: undefined },
      links: [{ context: linked.spanContext(), attributes: { why: "test" } }],
    });
    span.setAttribute("b", true).setAttributes({ c: "text" }).updateName("after");
    span.addEvent("plain").addEvent("timed", start + 1).addEvent("full", { n: 1 }, start + 2);
    span.addLink({ context: linked.spanContext() }).addLinks([]);
    span.recordException(new TypeError("broken"), start + 3);
    span.setStatus({ code: SpanStatusCode.ERROR, message: "first" });
    span.setStatus({ code: SpanStatusCode.UNSET });
    span.end(start + 500);
    span.setAttribute("late", 1).addEvent("late").updateName("late").end();
    assert(!span.isRecording());
  });
  assertEquals([span.name, span.kind, span.status], ["after", 3, { code: 2, message: "first" }]);
  assertEquals(span.attributes, { a: 1, list: ["x"], b: true, c: "text" });
  assertEquals(span.events.map(({ name }) => name), ["plain", "timed", "full", "exception"]);
  assertEquals(span.events[2].attributes, { n: 1 });
  assertEquals(span.events[3].attributes["exception.type"], "TypeError");
  assertEquals(span.links.map(({ traceId, attributes }) => [traceId, attributes]), [
    [linked.traceId, { why: "test" }],
    [linked.traceId, {}],
  ]);
  assertEquals(span.endTimeUnixNano - span.startTimeUnixNano, 500_000_000n);
  assertEquals(span.events[2].timeUnixNano - span.startTimeUnixNano, 2_000_000n);
});

Deno.test("an exception that was recorded through the API is not recorded again when it escapes", async () => {
  const { spans: [inner, outer] } = await record({}, () => {
    const error = new Error("recorded");
    try {
      ctx.scope("outer", () =>
        ctx.scope("inner", () => {
          trace.getActiveSpan()?.recordException(error);
          throw error;
        }));
    } catch {
      // recorded
    }
  });
  assertEquals([inner.events.length, outer.events.length], [1, 0]);
  assertEquals([inner.status.code, outer.status.code], [2, 2]);
});

Deno.test("OK is final for a span, and its end is never before its start", async () => {
  const { spans: [span] } = await record({}, () => {
    const span = tracer().startSpan("span");
    span.setStatus({ code: SpanStatusCode.OK, message: "ignored" });
    span.setStatus({ code: SpanStatusCode.ERROR, message: "too late" });
    span.end(Date.now() - 60_000);
  });
  assertEquals(span.status, { code: 1, message: undefined });
  assertEquals(span.startTimeUnixNano, span.endTimeUnixNano);
});

Deno.test("where tracing is suppressed no span is made, by a library or by a scope", async () => {
  const { spans, logs } = await record({}, () =>
    context.with(suppressTracing(context.active()), () => {
      tracer().startSpan("library").end();
      ctx.scope("scope", () => ctx.logInfo("log"));
    }));
  assertEquals([spans, logs.length], [[], 1]);
});

Deno.test("logs and metrics made through the API are exported, the logs with the span of their scope", async () => {
  const { logs: received, points, spans: [scope] } = await record({}, () =>
    ctx.scope("scope", () => {
      logs.getLogger("library").emit({ body: "from a library", severityText: "INFO" });
      metrics.getMeter("library").createCounter("library.requests").add(2);
    }));
  assertEquals(received.map(({ body, spanId, scope }) => [body, spanId, scope.name]), [
    ["from a library", scope.spanId, "library"],
  ]);
  assertEquals(points.map(({ metric, value }) => [metric, value]), [["library.requests", 2]]);
});

Deno.test("a scope of another back end stays the current one while libraries set their spans", async () => {
  const memory = new MemoryObservability();
  const { spans } = await record(
    {},
    () =>
      ctx.scope("memory", { observability: memory }, () =>
        tracer().startActiveSpan("library", (span) => {
          ctx.logInfo("to the memory");
          ctx.scope("child", () => {});
          span.end();
        })),
  );
  assertEquals(memory.logs.map(({ scope }) => scope), ["memory"]);
  assertEquals(memory.scopes.map(({ name }) => name), ["memory", "child"]);
  assertEquals(spans.map(({ name }) => name), ["library"]);
});
