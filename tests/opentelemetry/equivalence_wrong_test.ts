import { assertEquals, assertThrows } from "@std/assert";
import type { Attributes, SpanKind, SpanStatusCode, TimeInput } from "@opentelemetry/api";
import { cyclicObject, throwingGetter } from "../support/hostile.ts";
import { assertSameSpans, ended, ours, theirs } from "../support/spans.ts";
import { run } from "../support/subprocess.ts";

const START = 1_700_000_000_000;
const context = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };

/** What no type of the API allows, or only some of them. */
function wrong(): Record<string, unknown> {
  return {
    undefined: undefined,
    null: null,
    "a bigint": 1n,
    "a symbol": Symbol("symbol"),
    "a function": () => {},
    "a date": new Date(0),
    "a cycle": cyclicObject(),
    "NaN as a value": { not: NaN },
    "a nested object": { a: { b: [1, "x", null, undefined] } },
    "an object without a prototype": Object.assign(Object.create(null), { a: 1 }),
    bytes: new Uint8Array([1, 2]),
    "a mixed array": [1, "a", true],
    // deno-lint-ignore no-sparse-arrays -- as it comes from elsewhere
    "a sparse array": [1, , 2],
    "a map": new Map([["a", 1]]),
    "an empty string": "",
    "-0": -0,
  };
}

Deno.test("wrong input is exported as the SDK's: attributes that are inherited", () => {
  assertSameSpans((tracer) => {
    const bag: Attributes = Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } });
    tracer.startSpan("bag", { attributes: bag }).addEvent("event", bag).end();
    tracer.startSpan("later").setAttributes(bag).end();
  });
});

for (const [what, value] of Object.entries(wrong())) {
  const attributes = { before: 1, [what]: value, after: 2 } as Attributes;
  Deno.test(`wrong input is exported as the SDK's: ${what} as an attribute`, () => {
    assertSameSpans((tracer) => {
      tracer.startSpan("at the start", { attributes }).end();
      tracer.startSpan("later").setAttributes(attributes).setAttribute("alone", value as string).end();
      tracer.startSpan("event").addEvent("event", attributes).end();
      tracer.startSpan("link", { links: [{ context, attributes }] }).addLink({ context, attributes }).end();
    });
  });
  Deno.test(`wrong input is exported as the SDK's: ${what} in place of attributes, a status or a kind`, () => {
    assertSameSpans((tracer) => {
      const bag = value as Attributes;
      tracer.startSpan("bag", { attributes: bag }).setAttributes(bag).addEvent("event", bag).end();
      tracer.startSpan("message").setStatus({ code: 2, message: value as string }).end();
      tracer.startSpan("code").setStatus({ code: value as SpanStatusCode, message: "why" }).end();
    });
    assertSameSpans((tracer) => void tracer.startSpan("kind", { kind: value as SpanKind }).end());
  });
  Deno.test(`wrong input is exported as the SDK's: ${what} in place of a name`, () => {
    assertSameSpans((tracer) => void tracer.startSpan(value as string).end());
    assertSameSpans((tracer) => void tracer.startSpan("span").addEvent(value as string).end());
    assertSameSpans((tracer) => void tracer.startSpan("span").updateName(value as string).end());
  });
  if (what !== "a date") {
    Deno.test(`wrong input is exported as the SDK's: ${what} in place of a time`, () => {
      const time = value as TimeInput;
      assertSameSpans((tracer) => {
        const span = tracer.startSpan("times", { startTime: time });
        span.addEvent("two", time).addEvent("three", START, time).addEvent("four", {}, time);
        span.end(time);
      });
    });
  }
}

Deno.test("a time that is no number is now; the SDK's span cannot be encoded", () => {
  for (const time of [NaN, Infinity, new Date(NaN)]) {
    const [span] = ended(ours, (tracer) => tracer.startSpan("span", { startTime: time }).end(time));
    assertEquals(Math.abs(span.startTime[0] - Date.now() / 1000) < 60, true);
    assertEquals(
      ended(theirs, (tracer) => tracer.startSpan("span", { startTime: time }).end(time))[0].startTime,
      [
        time === Infinity ? Infinity : NaN,
        NaN,
      ],
    );
  }
});

Deno.test("what cannot be read costs itself; with the SDK it is thrown into the program", () => {
  const hostile = throwingGetter as () => Attributes;
  const calls: Record<string, Parameters<typeof ended>[1]> = {
    "attributes at the start": (tracer) => tracer.startSpan("span", { attributes: hostile() }).end(),
    "attributes later": (tracer) => tracer.startSpan("span").setAttributes(hostile()).end(),
    "attributes of an event": (tracer) => tracer.startSpan("span").addEvent("event", hostile()).end(),
    "attributes of a link": (tracer) =>
      tracer.startSpan("span").addLink({ context, attributes: hostile() }).end(),
    "attributes of a link at the start": (tracer) =>
      tracer.startSpan("span", { links: [{ context, attributes: hostile() }] }).end(),
    "a key": (tracer) => tracer.startSpan("span").setAttribute(null as unknown as string, 1).end(),
  };
  for (const [what, program] of Object.entries(calls)) {
    assertEquals(ended(ours, program).map(({ name }) => name), ["span"], what);
    assertThrows(() => ended(theirs, program), Error);
  }
});

Deno.test("what of a span cannot be read is reported, by what it was for", async () => {
  const { code, stderr } = await run(`
    import { trace } from "@opentelemetry/api";
    import { OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const refusing = { get attribute() { throw new Error("refused"); } };
    const tracer = trace.getTracer("hostile");
    const span = tracer.startSpan("span", { attributes: refusing });
    span.setAttribute(null, 1).addEvent("event", refusing).addLink({ context: span.spanContext(), attributes: refusing });
    await OpenTelemetry.shutdown();
  `);
  assertEquals(code, 0);
  assertEquals(stderr.trimEnd().split("\n").map((line) => line.split(": ")[0]), [
    "[@haiway/otel] Cannot read the attributes of a span",
    "[@haiway/otel] Cannot set an attribute of a span",
    "[@haiway/otel] Cannot add an event to a span",
    "[@haiway/otel] Cannot add a link to a span",
  ]);
});
