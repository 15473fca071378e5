import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { ctx } from "@haiway/otel";
import { extract, inject } from "../../opentelemetry/propagation/carrier.ts";
import { theirs } from "../support/spans.ts";
import { swapped } from "../support/swaps.ts";
import { Wire } from "../support/wire.ts";

type Headers = Record<string, string>;

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const text = fc.string({ unit: fc.constantFrom(..."abzAZ019 _-*/@=,;%20\t\u00e9"), maxLength: 12 });
const traceparent = fc.oneof(
  fc.tuple(fc.constantFrom("00", "00", "01", "cc", "ff", "0"), hex(32), hex(16), hex(2)).map((parts) =>
    parts.join("-")
  ),
  fc.tuple(hex(32), hex(16), fc.constantFrom("", "-extra", "-", " ")).map(([traceId, spanId, rest]) =>
    `00-${traceId}-${spanId}-01${rest}`
  ),
  fc.constantFrom(
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
    "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
    "",
  ),
  text,
);
const member = fc.oneof(
  fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/), fc.stringMatching(/^[a-z0-9%]{0,8}$/)).map((parts) =>
    parts.join("=")
  ),
  text,
);
const list = fc.oneof(
  fc.array(member, { maxLength: 4 }).map((members) => members.join(",")),
  fc.array(fc.stringMatching(/^[a-z]{1,3}[0-9]{1,4}=[a-z]{1,20}$/), { minLength: 30, maxLength: 40 }).map((
    members,
  ) => members.join(",")),
);
const headers: fc.Arbitrary<Headers> = fc.record(
  { traceparent, tracestate: list, baggage: list.chain((text) => fc.constantFrom(text, `${text};meta=1`)) },
  { requiredKeys: [] },
);

/** What goes on from a scope that headers have opened. */
async function passedOn(given: Headers): Promise<Headers> {
  const propagators = ["tracecontext", "baggage"] as const;
  const swap = swapped([], new Wire().exporters, {}, extract(given, propagators));
  const { observability } = swap;
  const carrier = ctx.scope("scope", { observability }, () => inject<Headers>({}, propagators));
  await swap.close();
  return carrier;
}

/** The same with the propagators and the tracer of the SDK. */
function passedOnByTheSdk(given: Headers): Headers {
  const propagator = new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
  const context = propagator.extract(ROOT_CONTEXT, given, defaultTextMapGetter);
  const span = theirs({}).startSpan("scope", {}, context);
  const carrier: Headers = {};
  propagator.inject(trace.setSpan(context, span), carrier, defaultTextMapSetter);
  return carrier;
}

/** Without the ids that are new each time, and a state of nothing, which only the SDK writes. */
function comparable({ traceparent, ...rest }: Headers, given: Headers): Headers {
  if (rest.tracestate === "") delete rest.tracestate;
  const [version, traceId, , flags] = traceparent.split("-");
  const known = given.traceparent?.includes(traceId) ? traceId : "new";
  return { traceparent: [version, known, flags].join("-"), ...rest };
}

Deno.test("whatever headers say, what a scope passes on is what the SDK's propagators and tracer do", async () => {
  await fc.assert(
    fc.asyncProperty(headers, async (given) => {
      assertEquals(comparable(await passedOn(given), given), comparable(passedOnByTheSdk(given), given));
    }),
    { numRuns: 500, examples: [[{ baggage: "a=a;\t" }], [{ baggage: "a=a;\u00e9,b=\u00e9" }]] },
  );
});
