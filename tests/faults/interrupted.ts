/**
 * What is under way when a process ends: open scopes, and what is only measured then.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { assertArrived, assertEnded, end, type Expected, SCOPES } from "../support/exits.ts";
import type { Rows } from "../support/rows.ts";

/** The rows of what is under way. */
export const interrupted: Rows = {};

/** What becomes of scopes that are open, by the way out. */
const INTERRUPTED: Record<string, Expected & { ending: string; message?: string }> = {
  "the natural end": { ending: "" },
  "Deno.exit without a code": { ending: "Deno.exit();" },
  "Deno.exit with a code": { ending: "Deno.exit(3);", code: 3, message: "interrupted by the exit code 3" },
  "an uncaught error": {
    ending: "setTimeout(() => { throw new Error('uncaught'); });",
    code: 1,
    message: "interrupted by an uncaught error",
  },
  "an unhandled rejection": {
    ending: "Promise.reject(new Error('rejected'));",
    code: 1,
    message: "interrupted by an unhandled rejection",
  },
  "SIGINT": {
    ending: "await kill('SIGINT');",
    code: 130,
    signal: "SIGINT",
    message: "interrupted by SIGINT",
  },
};
for (const [way, { ending, message, ...expected }] of Object.entries(INTERRUPTED)) {
  interrupted[`scopes that are open at ${way} are ended with a mark`] = async () => {
    await using ended = await end({
      ending: `
        const never = new Promise(() => {});
        void ctx.scope("outer", { attributes: { a: 1 } }, () => ctx.scope("inner", () => never));
        for (let index = 0; index < 3000; index++) {
          if (index === 2500) trace.getTracer("other").startSpan("foreign");
          void ctx.scope("idle", () => never);
        }
        ${ending}`,
      before: 'import { trace } from "@opentelemetry/api";',
    });
    assertEnded(ended, expected);
    assertArrived(ended, "outer", "inner", "foreign", ...Array.from({ length: 3000 }, () => "idle"));
    const [outer, inner, foreign] = ["outer", "inner", "foreign"].map((name) =>
      ended.receiver.spans.find((span) => span.name === name)!
    );
    assertEquals(outer.attributes, { a: 1, "haiway.scope.interrupted": true });
    assertEquals(inner.parentSpanId, outer.spanId);
    for (const span of [outer, inner, foreign]) {
      assertEquals(span.attributes["haiway.scope.interrupted"], true);
      assertEquals(
        [span.status.code, span.status.message],
        message === undefined ? [0, undefined] : [2, message],
      );
    }
  };
}

interrupted["the console shows the scopes that are open and the metrics before Deno.exit"] = async () => {
  await using ended = await end({
    ending: `void ctx.scope("outer", async () => {
      await ctx.scope("inner", () => Promise.resolve());
      Deno.exit(3);
    });
    await new Promise(() => {});`,
    options: { otlpEndpoint: undefined },
  });
  assertEnded(ended, { code: 3, stdout: /outer[\s\S]*inner/ });
  assertMatch(ended.stdout, new RegExp(`scopes\\s.*${SCOPES}`));
};

interrupted["what observables say at the end arrives, those of others included"] = async () => {
  await using ended = await end({
    before: 'import { metrics } from "@opentelemetry/api";',
    ending: `
      const meter = metrics.getMeter("other");
      meter.createObservableGauge("one").addCallback((result) => result.observe(7, { a: "b" }));
      meter.createObservableGauge("broken").addCallback(() => { throw new Error("no"); });
      const total = meter.createObservableCounter("total");
      meter.addBatchObservableCallback((result) => result.observe(total, 9), [total]);
      ctx.scope("histogram", () => ctx.recordMetric("size", { value: 3, kind: "histogram" }));
      Deno.exit();`,
  });
  assertEnded(ended, { says: [/Cannot observe a metric: no/] });
  assertArrived(ended, "histogram");
  const { receiver } = ended;
  assertEquals([receiver.latest("one")?.value, receiver.latest("one")?.attributes], [7, { a: "b" }]);
  assertEquals([receiver.latest("total")?.value, receiver.latest("size")?.sum], [9, 3]);
};

interrupted["with delta temporality each measurement arrives once, before and at Deno.exit"] = async () => {
  await using ended = await end({
    ending: `
      await OpenTelemetry.forceFlush();
      ctx.scope("later", () => ctx.recordMetric("scopes", { value: 5, kind: "counter" }));
      Deno.exit();`,
    env: { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta" },
  });
  assertEnded(ended);
  const spans = ended.receiver.spans.map(({ name }) => name);
  assertEquals([spans.length, spans.at(-1), ended.receiver.logs.length], [SCOPES + 1, "later", SCOPES]);
  const points = ended.receiver.points.filter(({ metric }) => metric === "scopes");
  assertEquals(points.map(({ value, temporality }) => [value, temporality]), [[SCOPES, 1], [5, 1]]);
};
