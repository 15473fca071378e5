/**
 * What the conformance suite claims of what is recorded in scopes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ctx } from "@haiway/otel";
import type { Claim } from "../conformance.ts";
import { readTrace, unique } from "./trace.ts";

/** Attributes, logs, metrics, events. */
export const RECORD_CLAIMS: readonly Claim[] = [
  {
    name: "attributes from the start and set later are the scope's, a later value replaces an earlier one",
    async check(subject) {
      const options = { observability: subject.observability, attributes: { first: "start", kept: true } };
      const traceId = ctx.scope("root", options, (root) => {
        ctx.scope("child", () => ctx.recordAttributes({ child: 1 }));
        ctx.recordAttributes({ first: "later", list: ["a", "b"], deep: { er: { value: 2.5 } } });
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      assertEquals(trace.scope("root").attributes, {
        first: "later",
        kept: true,
        list: ["a", "b"],
        "deep.er.value": 2.5,
      });
      assertEquals(trace.scope("child").attributes, { child: 1 });
    },
  },
  {
    name: "logs carry level, message, attributes, scope and trace, in order",
    async check(subject) {
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        ctx.logDebug("one", { n: 1 });
        ctx.scope("child", () => ctx.logInfo("two", { text: "a b", yes: true }));
        ctx.logWarning("three");
        ctx.logError("four", { list: [1, 2] });
        return root.traceId;
      });
      const { logs } = await readTrace(subject, traceId);
      assertEquals(logs.map(({ level, message, attributes, scope }) => [level, message, attributes, scope]), [
        ["debug", "one", { n: 1 }, "root"],
        ["info", "two", { text: "a b", yes: true }, "child"],
        ["warning", "three", {}, "root"],
        ["error", "four", { list: [1, 2] }, "root"],
      ]);
    },
  },
  {
    name: "the exception of a log is on the log, and on its scope",
    async check(subject) {
      const exception = new RangeError("too far");
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        ctx.logError("failed", { n: 1, exception });
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      assertEquals(trace.logs[0].exception, { type: "RangeError", message: "too far" });
      assertEquals(trace.logs[0].attributes, { n: 1 });
      const { exceptions, status } = trace.scope("root");
      assertEquals(exceptions ?? [{ type: "RangeError", message: "too far" }], [
        { type: "RangeError", message: "too far" },
      ]);
      assertEquals(status, "ok");
    },
  },
  {
    name: "logs below the threshold are left out; metrics, events and attributes are not",
    level: "error",
    async check(subject) {
      const name = unique("threshold");
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        ctx.logDebug("debug");
        ctx.logInfo("info");
        ctx.logWarning("warning");
        ctx.logError("error");
        ctx.recordMetric(name, { value: 1, kind: "counter" });
        ctx.recordEvent("event");
        ctx.recordAttributes({ kept: true });
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      assertEquals(trace.logs.map(({ message }) => message), ["error"]);
      assertEquals(trace.events.map(({ name }) => name), ["event"]);
      assertEquals(trace.scope("root").attributes, { kept: true });
      assertEquals(trace.metrics.filter((metric) => metric.name === name).length, 1);
    },
  },
  {
    name: "a metric or an event with a level below the threshold is left out",
    level: "warning",
    async check(subject) {
      const [below, at] = [unique("below"), unique("at")];
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        ctx.recordMetric(below, { value: 1, kind: "counter", level: "info" });
        ctx.recordMetric(at, { value: 1, kind: "counter", level: "warning" });
        ctx.recordEvent("below", { level: "info" });
        ctx.recordEvent("at", { level: "warning" });
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      assertEquals(trace.events.map(({ name }) => name), ["at"]);
      assertEquals(trace.metrics.filter((metric) => metric.name === below), []);
      assertEquals(trace.metrics.filter((metric) => metric.name === at).length, 1);
    },
  },
  {
    name:
      "a counter adds up, a histogram distributes, a gauge is the last value; each with unit and attributes",
    async check(subject) {
      const name = unique("metric");
      ctx.scope("root", { observability: subject.observability }, () => {
        for (const value of [1, 2.5, 1]) {
          ctx.recordMetric(`${name}.counter`, { value, kind: "counter", attributes: { method: "GET" } });
          ctx.recordMetric(`${name}.histogram`, { value, kind: "histogram", unit: "ms" });
          ctx.recordMetric(`${name}.gauge`, { value: -value, kind: "gauge", unit: "By" });
        }
        ctx.recordMetric(`${name}.counter`, { value: 7, kind: "counter", attributes: { method: "PUT" } });
      });
      const { metrics } = await subject.read();
      const mine = metrics.filter((metric) => metric.name.startsWith(name)).map((metric) => [
        metric.name.slice(name.length + 1),
        metric.kind,
        metric.unit,
        metric.attributes,
        metric.value,
        metric.kind === "histogram" ? metric.count : undefined,
      ]);
      assertEquals(mine.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1), [
        ["counter", "counter", "", { method: "GET" }, 4.5, undefined],
        ["counter", "counter", "", { method: "PUT" }, 7, undefined],
        ["gauge", "gauge", "By", {}, -1, undefined],
        ["histogram", "histogram", "ms", {}, 4.5, 3],
      ]);
    },
  },
  {
    name: "what is no measurement is refused, and costs nothing else",
    async check(subject) {
      const name = unique("refused");
      ctx.scope("root", { observability: subject.observability }, () => {
        ctx.recordMetric(name, { value: -1, kind: "counter" });
        for (const value of [NaN, Infinity, "1", undefined, null, {}, 1n]) {
          ctx.recordMetric(name, { value: value as number, kind: "counter" });
        }
        ctx.recordMetric(name, { value: 1, kind: "timer" as "counter" });
        ctx.recordMetric(name, undefined as unknown as { value: number; kind: "counter" });
        ctx.recordMetric(name, { value: 2, kind: "counter" });
      });
      const { metrics } = await subject.read();
      assertEquals(metrics.filter((metric) => metric.name === name).map(({ value }) => value), [2]);
    },
  },
  {
    name: "null stands for an option that is absent",
    async check(subject) {
      const name = unique("null");
      const nothing = { unit: null, description: null, attributes: null, level: null } as unknown as object;
      const options = { observability: subject.observability, attributes: null, kind: null };
      const traceId = ctx.scope("root", options as object, (root) => {
        ctx.recordMetric(name, { value: 1, kind: "counter", ...nothing });
        ctx.recordMetric(name, { value: 1, kind: "counter" });
        ctx.recordEvent("event", nothing);
        ctx.logInfo("log", null as unknown as undefined);
        ctx.scope("child", null as unknown as object, () => {});
        return root.traceId;
      });
      const trace = await readTrace(subject, traceId);
      const metrics = trace.metrics.filter((metric) => metric.name === name);
      assertEquals(metrics.map(({ unit, attributes, value }) => [unit, attributes, value]), [["", {}, 2]]);
      assertEquals([trace.scopes.length, trace.events.length, trace.logs.length], [2, 1, 1]);
    },
  },
  {
    name: "events have their attributes and their scope",
    async check(subject) {
      const traceId = ctx.scope("root", { observability: subject.observability }, (root) => {
        ctx.recordEvent("order.created", { attributes: { order_id: "ord-789", total: 99.5 } });
        ctx.scope("child", () => ctx.recordEvent("bare"));
        return root.traceId;
      });
      const { events } = await readTrace(subject, traceId);
      const found = events.map(({ name, scope, attributes }) => ({ name, scope, attributes }));
      assertEquals(found.find(({ name }) => name === "order.created"), {
        name: "order.created",
        scope: "root",
        attributes: { order_id: "ord-789", total: 99.5 },
      });
      assertEquals(found.find(({ name }) => name === "bare"), {
        name: "bare",
        scope: "child",
        attributes: {},
      });
      assertEquals(found.length, 2);
    },
  },
];
