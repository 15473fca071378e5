import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { describeException } from "../ctx/errors.ts";
import { record } from "./support/record.ts";

const anything = () =>
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    maxDepth: 4,
  });

Deno.test("anything that is thrown has a type and a message", () => {
  fc.assert(fc.property(anything(), (thrown) => {
    const { type, message, stacktrace } = describeException(thrown);
    assert(typeof type === "string" && type !== "" && typeof message === "string");
    assert(stacktrace === undefined || typeof stacktrace === "string");
  }));
});

Deno.test("anything at all in any call of the facade: nothing is thrown, and everything that should arrive does", async () => {
  const given = fc.sample(anything(), 300) as never[];
  const { spans, logs } = await record({ level: "debug" }, () => {
    for (const value of given) {
      ctx.scope("root", { attributes: value }, () => {
        ctx.logInfo(value, value);
        ctx.logError("message", { exception: value, value });
        ctx.recordMetric(value, value);
        ctx.recordMetric("metric", { value: 1, kind: "counter", unit: value, attributes: value });
        ctx.recordEvent("event", { attributes: value, level: value });
        ctx.recordAttributes(value);
        ctx.scope("child", value, () => {});
        OpenTelemetry.observability({ traceparent: value, tracestate: value, externalTraceId: value });
      });
    }
  });
  assertEquals(spans.filter(({ name }) => name === "root").length, given.length);
  // Where the value happens to be a back end of a sort, or a body, the child is none of ours.
  assert(spans.filter(({ name }) => name === "child").length >= given.length * 0.9);
  assertEquals(logs.filter(({ eventName }) => eventName === undefined).length, 2 * given.length);
});
