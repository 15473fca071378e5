/** What the parts of the library do that the SDK's in their place do not: each a reason to have a part of our own. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { type Exception, trace } from "@opentelemetry/api";
import { ctx } from "@haiway/otel";
import type { ReceivedSpan } from "@haiway/otel/testing";
import { pointsOf } from "../../opentelemetry/testing/otlp_decode.ts";
import { ended, type Make, ours, theirs } from "../support/spans.ts";
import { type Part, swapped } from "../support/swaps.ts";
import { Wire } from "../support/wire.ts";

/** What arrives of a program, with these parts of the SDK. */
async function recorded(
  parts: readonly Part[],
  program: (flush: () => Promise<void>) => unknown,
): Promise<Wire> {
  const wire = new Wire();
  const swap = swapped(parts, wire.exporters);
  try {
    await ctx.scope("root", { observability: swap.observability }, async () => {
      await program(swap.flush);
    });
    await swap.flush();
  } finally {
    await swap.close();
  }
  return wire;
}

function named({ spans }: Wire, name: string): ReceivedSpan {
  return spans.find((span) => span.name === name)!;
}

Deno.test("tracer: a body that fails ends with ERROR even where it had set OK; the SDK's OK is final", async () => {
  const program = () => {
    try {
      ctx.scope("scope", () => {
        trace.getActiveSpan()?.setStatus({ code: 1 });
        throw new Error("failed");
      });
    } catch {
      // seen on the span
    }
  };
  assertEquals(named(await recorded([], program), "scope").status, { code: 2, message: "failed" });
  assertEquals(named(await recorded(["tracer"], program), "scope").status.code, 1);
});

Deno.test("tracer: what was recorded on the span by hand is not recorded again as it escapes; with the SDK's it is", async () => {
  const program = () => {
    try {
      ctx.scope("scope", () => {
        const error = new Error("failed");
        trace.getActiveSpan()?.recordException(error);
        throw error;
      });
    } catch {
      // seen on the span
    }
  };
  assertEquals(named(await recorded([], program), "scope").events.length, 1);
  assertEquals(named(await recorded(["tracer"], program), "scope").events.length, 2);
});

Deno.test("tracer: what was recorded on a span that had ended already is recorded as it escapes", async () => {
  const wire = await recorded([], () => {
    try {
      ctx.scope("scope", () => {
        const error = new Error("failed");
        const span = trace.getTracer("library").startSpan("library");
        span.end();
        span.recordException(error);
        throw error;
      });
    } catch {
      // seen on the span
    }
  });
  assertEquals(named(wire, "scope").events.map(({ name }) => name), ["exception"]);
});

Deno.test("tracer: an exception is described as that of a scope, whatever it is; the SDK's takes a code for its type, and drops what has neither", () => {
  const coded = Object.assign(new TypeError("no file"), { code: "ENOENT" });
  const seen = (make: Make, thrown: unknown) => {
    const [span] = ended(make, (tracer) => {
      const span = tracer.startSpan("span");
      span.recordException(thrown as Exception);
      span.end();
    });
    return span.events.map(({ name, attributes }) => [
      name,
      attributes?.["exception.type"],
      attributes?.["exception.message"],
    ]);
  };
  const table: [unknown, unknown, unknown][] = [
    [new TypeError("wrong"), ["exception", "TypeError", "wrong"], ["exception", "TypeError", "wrong"]],
    [coded, ["exception", "TypeError", "no file"], ["exception", "ENOENT", "no file"]],
    ["text", ["exception", "string", "text"], ["exception", undefined, "text"]],
    [{ message: "plain" }, ["exception", "Object", "plain"], ["exception", undefined, "plain"]],
    [7, ["exception", "number", "7"], undefined],
    [null, ["exception", "null", "null"], undefined],
    [undefined, ["exception", "undefined", "undefined"], undefined],
    [{}, ["exception", "Object", "{}"], undefined],
  ];
  for (const [thrown, one, other] of table) {
    assertEquals([seen(ours, thrown)[0], seen(theirs, thrown)[0]], [one, other]);
  }
});

Deno.test("batch processors: a burst without an await is kept while there is room behind; the SDK's keeps 2048", async () => {
  const program = () => {
    for (let index = 0; index < 5000; index++) ctx.scope("child", () => ctx.logInfo("log"));
  };
  const whole = await recorded([], program);
  assertEquals([whole.spans.length, whole.logs.length], [5001, 5000]);
  const cut = await recorded(["batch processors"], program);
  assertLess(cut.spans.length, 4000);
  assertLess(cut.logs.length, 4000);
  assertGreater(cut.spans.length, 2047);
});

Deno.test("metric reader: the series of a metric are limited for good; those of the SDK's grow with every interval", async () => {
  const program = async (flush: () => Promise<void>) => {
    for (let interval = 0; interval < 3; interval++) {
      for (let index = 0; index < 1500; index++) {
        const attributes = { id: `${interval} ${index}` };
        ctx.recordMetric("many", { value: 1, kind: "counter", attributes });
      }
      await flush();
    }
  };
  const series = async (parts: readonly Part[]) => {
    const { metrics } = await recorded(parts, program);
    const points = pointsOf(metrics.at(-1));
    return { points: points.length, sum: points.reduce((sum, { value = 0 }) => sum + value, 0) };
  };
  assertEquals(await series([]), { points: 2000, sum: 4500 });
  assertEquals(await series(["metric reader"]), { points: 4500, sum: 4500 });
});
