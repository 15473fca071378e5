import { assert, assertEquals } from "@std/assert";
import { ctx, ObservabilityLevel, OpenTelemetry } from "@haiway/otel";
import { record } from "../support/record.ts";

const everyLevel = () => {
  ctx.logDebug("debug");
  ctx.logInfo("info");
  ctx.logWarning("warning");
  ctx.logError("error");
};

Deno.test("a log carries trace and span id, severity number and text, time, body and attributes", async () => {
  const { logs, spans: [span] } = await record({ level: "debug" }, () => ctx.scope("root", everyLevel));
  assertEquals(logs.map(({ body, severityNumber, severityText }) => [body, severityNumber, severityText]), [
    ["debug", 5, "DEBUG"],
    ["info", 9, "INFO"],
    ["warning", 13, "WARN"],
    ["error", 17, "ERROR"],
  ]);
  for (const log of logs) {
    assertEquals([log.traceId, log.spanId, log.scope.name], [span.traceId, span.spanId, "@haiway/otel"]);
    assert(log.timeUnixNano >= span.startTimeUnixNano && log.timeUnixNano <= span.endTimeUnixNano);
  }
});

Deno.test("the level of configure() is the threshold, and observability() may set another", async () => {
  const threshold = async (configured?: ObservabilityLevel, own?: ObservabilityLevel) => {
    const { logs } = await record({ level: configured }, () => {
      ctx.scope("root", { observability: OpenTelemetry.observability({ level: own }) }, everyLevel);
    });
    return logs[0].body;
  };
  assertEquals(await threshold(), "info");
  assertEquals(await threshold("warning"), "warning");
  assertEquals(await threshold("warning", "debug"), "debug");
  assertEquals(await threshold(ObservabilityLevel.DEBUG, ObservabilityLevel.ERROR), "error");
});

Deno.test("attributes of a log keep their types, and its exception becomes attributes of the conventions", async () => {
  const exception = new TypeError("broken");
  const { logs, spans: [span] } = await record({}, () =>
    ctx.scope("root", () => {
      ctx.logError("failed", { text: "a", float: 0.5, int: 3, yes: true, list: ["a"], exception });
      ctx.logWarning("failed again", { exception });
    }));
  const { "exception.stacktrace": stack, ...attributes } = logs[0].attributes;
  assertEquals(attributes, {
    text: "a",
    float: 0.5,
    int: 3,
    yes: true,
    list: ["a"],
    "exception.type": "TypeError",
    "exception.message": "broken",
  });
  assert(String(stack).startsWith("TypeError: broken\n"));
  assertEquals(logs[1].attributes["exception.message"], "broken");
  assertEquals(span.events.map(({ name }) => name), ["exception"]);
  assertEquals(span.status.code, 1);
});

Deno.test("an exception that is null or undefined is none", async () => {
  const { logs } = await record({}, () =>
    ctx.scope("root", () => {
      ctx.logInfo("one", { exception: undefined, a: 1 });
      ctx.logInfo("two", { exception: null, a: 1 });
    }));
  assertEquals(logs.map(({ attributes }) => attributes), [{ a: 1 }, { a: 1 }]);
});

Deno.test("an event is by default a named log record and an event of the span, with equal attributes", async () => {
  const { logs: [log], spans: [span] } = await record(
    {},
    () =>
      ctx.scope(
        "root",
        () => ctx.recordEvent("order.created", { attributes: { id: "ord-1", "deep": { er: 2 } } }),
      ),
  );
  const attributes = { id: "ord-1", "deep.er": 2 };
  assertEquals([log.eventName, log.body, log.severityNumber, log.severityText], [
    "order.created",
    undefined,
    9,
    "INFO",
  ]);
  assertEquals([log.attributes, log.spanId, log.traceId], [attributes, span.spanId, span.traceId]);
  assertEquals(span.events.map(({ name, attributes }) => [name, attributes]), [[
    "order.created",
    attributes,
  ]]);
});

Deno.test("'events' sends them to the span alone, or to the logs alone", async () => {
  for (const [events, onSpan, inLogs] of [["span", 1, 0], ["log", 0, 1], ["both", 1, 1]] as const) {
    const { logs, spans } = await record({ events }, () => ctx.scope("root", () => ctx.recordEvent("event")));
    assertEquals([spans[0].events.length, logs.length], [onSpan, inLogs], events);
  }
});

Deno.test("the level of an event is its severity", async () => {
  const { logs } = await record({ level: "debug" }, () =>
    ctx.scope("root", () => {
      for (const level of ["debug", "info", "warning", "error"] as const) ctx.recordEvent(level, { level });
      ctx.recordEvent("unknown", { level: "loud" as ObservabilityLevel });
    }));
  assertEquals(logs.map(({ eventName, severityText }) => [eventName, severityText]), [
    ["debug", "DEBUG"],
    ["info", "INFO"],
    ["warning", "WARN"],
    ["error", "ERROR"],
    ["unknown", "INFO"],
  ]);
});

Deno.test("only an explicit level filters a metric or an event; attributes are never filtered", async () => {
  const { logs, points, spans: [span] } = await record({ level: "error" }, () =>
    ctx.scope("root", () => {
      ctx.recordEvent("plain");
      ctx.recordEvent("below", { level: "warning" });
      ctx.recordEvent("at", { level: "error" });
      ctx.recordMetric("plain", { value: 1, kind: "counter" });
      ctx.recordMetric("below", { value: 1, kind: "counter", level: "warning" });
      ctx.recordMetric("at", { value: 1, kind: "counter", level: "error" });
      ctx.recordAttributes({ kept: true });
    }));
  assertEquals(logs.map(({ eventName }) => eventName), ["plain", "at"]);
  assertEquals(span.events.map(({ name }) => name), ["plain", "at"]);
  assertEquals(points.map(({ metric }) => metric), ["plain", "at"]);
  assertEquals(span.attributes, { kept: true });
});
