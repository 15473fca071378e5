import { context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { ConsoleObservability, ctx, noopObservability, OpenTelemetry } from "@haiway/otel";
import { startReceiver } from "../support/receiver.ts";
import { run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

/** Runs a body with OpenTelemetry configured, for the console unless an endpoint is given. */
async function configured(body: () => unknown, otlpEndpoint?: string): Promise<void> {
  OpenTelemetry.configure({ service: "s", version: "1", environment: "test", otlpEndpoint });
  try {
    await body();
  } finally {
    await OpenTelemetry.shutdown();
  }
}

/** Runs a body in a root scope that sends nothing to the console. */
function quietly<T>(options: Parameters<typeof OpenTelemetry.observability>[0], body: () => T): T {
  return ctx.scope("root", { observability: OpenTelemetry.observability(options) }, body);
}

Deno.test("OpenTelemetry.inject() writes the trace of the scope into headers and records, and returns them", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    ctx.scope("call", (scope) => {
      const headers = new Headers({ accept: "text/plain" });
      assertStrictEquals(OpenTelemetry.inject(headers), headers);
      assertEquals([...headers], [["accept", "text/plain"], ["traceparent", scope.traceparent]]);

      const message = { job: 7 };
      assertStrictEquals(OpenTelemetry.inject(message), message);
      assertEquals<object>(message, { job: 7, traceparent: scope.traceparent });
    }), receiver.endpoint);
});

Deno.test("OpenTelemetry.inject() writes nothing outside of a trace", async () => {
  await using receiver = startReceiver();
  assertEquals(OpenTelemetry.inject({}), {});
  assertEquals([...OpenTelemetry.inject(new Headers())], []);
  ctx.scope("noop", { observability: noopObservability }, () => assertEquals(OpenTelemetry.inject({}), {}));
  await configured(() => {
    assertEquals(OpenTelemetry.inject({}), {});
    quietly({}, () =>
      context.with(suppressTracing(context.active()), () => {
        assertEquals(OpenTelemetry.inject({}), {}, "what is not traced is not propagated");
      }));
    quietly({}, () => context.with(ROOT_CONTEXT, () => assertEquals(OpenTelemetry.inject({}), {})));
  }, receiver.endpoint);
});

Deno.test("OpenTelemetry.inject() works in the scopes of any back end", () => {
  const observability = new ConsoleObservability({ write: () => {} });
  ctx.scope("root", { observability }, (scope) => {
    assertEquals<object>(OpenTelemetry.inject({}), { traceparent: scope.traceparent });
  });
});

Deno.test("OpenTelemetry.inject() replaces a header that a record has in another case", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    ctx.scope("call", (scope) => {
      assertEquals(OpenTelemetry.inject({ Traceparent: "old" }), { Traceparent: scope.traceparent });
    }), receiver.endpoint);
});

Deno.test("OpenTelemetry.inject() never throws, whatever the carrier does", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    quietly({}, () => {
      OpenTelemetry.inject(Object.freeze({}));
      OpenTelemetry.inject(new Request("http://localhost/").clone().headers);
      OpenTelemetry.inject(
        new Proxy({}, {
          set() {
            throw new Error("hostile");
          },
        }),
      );
      OpenTelemetry.inject(undefined as unknown as Headers);
    }), receiver.endpoint);
});

Deno.test("a span that another library makes current is the one that is injected", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    quietly({}, () => {
      trace.getTracer("library").startActiveSpan("inner", (span) => {
        const { traceparent } = OpenTelemetry.extract(OpenTelemetry.inject({}));
        assertEquals(traceparent, `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
        span.end();
      });
    }), receiver.endpoint);
});

Deno.test("a remote trace goes on: parent, state and baggage are carried and handed on", async () => {
  await using receiver = startReceiver();
  const incoming = {
    traceparent: TRACEPARENT,
    tracestate: "vendor=a,other=b",
    baggage: "user=7,plan=pro;secret",
  };
  await configured(() => {
    quietly(OpenTelemetry.extract(new Headers(incoming)), () =>
      ctx.scope("nested", (scope) => {
        assertEquals<object>(OpenTelemetry.inject({}), { ...incoming, traceparent: scope.traceparent });
        const baggage = propagation.getActiveBaggage();
        assertEquals(baggage?.getEntry("user")?.value, "7");
      }));
  }, receiver.endpoint);
  const [nested, root] = receiver.spans;
  assertEquals([root.traceId, root.parentSpanId, root.traceState], [TRACE, SPAN, "vendor=a,other=b"]);
  assertEquals(nested.traceState, "vendor=a,other=b");
});

Deno.test("baggage set through the API is handed on, and outgrown members are left out whole", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    quietly({}, () => {
      const entries = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`key${index}`, { value: "v".repeat(100) }]),
      );
      const baggage = propagation.createBaggage({ huge: { value: "x".repeat(5000) }, ...entries });
      context.with(propagation.setBaggage(context.active(), baggage), () => {
        const header = OpenTelemetry.inject(new Headers()).get("baggage") ?? "";
        assert(header.length <= 8192 && header.length > 8000, `${header.length} characters`);
        const members = header.split(",");
        assert(members.length <= 180);
        for (const member of members) assertMatch(member, /^key\d+=v{100}$/);
      });
    }), receiver.endpoint);
});

Deno.test("a baggage whose metadata no header can hold is left out, not thrown over", async () => {
  await using receiver = startReceiver();
  await configured(() =>
    quietly({ baggage: "a=1;meta\ndata" }, () => {
      assertEquals([...OpenTelemetry.inject(new Headers()).keys()], ["traceparent"]);
    }), receiver.endpoint);
});

Deno.test("OpenTelemetry.extract() finds the fields in any case, and lists as Node gives them", () => {
  assertEquals(OpenTelemetry.extract({ TraceParent: TRACEPARENT, BAGGAGE: "a=1" }), {
    traceparent: TRACEPARENT,
    baggage: "a=1",
  });
  const both = { TRACEPARENT: "inherited", traceparent: TRACEPARENT };
  assertEquals(OpenTelemetry.extract(both), { traceparent: TRACEPARENT }, "the exact name comes first");
  assertEquals(OpenTelemetry.extract({ traceparent: TRACEPARENT, tracestate: ["a=1", "b=2"] }), {
    traceparent: TRACEPARENT,
    tracestate: "a=1,b=2",
  });
});

Deno.test("OpenTelemetry.extract() gives nothing for what carries nothing, and never throws", () => {
  const hostile = new Proxy({}, {
    ownKeys() {
      throw new Error("hostile");
    },
  });
  const carriers = [
    undefined,
    null,
    7,
    "traceparent",
    [],
    new Uint8Array(8),
    { traceparent: 7 },
    hostile,
    () => {},
  ];
  for (const carrier of carriers) assertEquals(OpenTelemetry.extract(carrier), {});
  const data = new Uint8Array(10_000_000);
  const start = performance.now();
  assertEquals(OpenTelemetry.extract(data), {});
  assert(performance.now() - start < 500, "data is not searched for names");
});

Deno.test("OTEL_PROPAGATORS says what is injected and extracted", async () => {
  const script = `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const headers = { traceparent: "${TRACEPARENT}", tracestate: "a=1", baggage: "user=7" };
    const injected = ctx.scope("root", { observability: OpenTelemetry.observability(headers) }, () =>
      Object.keys(OpenTelemetry.inject({})).sort());
    const extracted = Object.keys(OpenTelemetry.extract(headers)).sort();
    console.error(JSON.stringify([injected, extracted]));
    await OpenTelemetry.shutdown();`;
  const expected = {
    tracecontext: ["traceparent", "tracestate"],
    baggage: ["baggage"],
    none: [],
    "baggage,tracecontext": ["baggage", "traceparent", "tracestate"],
  };
  for (const [propagators, fields] of Object.entries(expected)) {
    const { stderr } = await run(script, { flags: ["--allow-env"], env: { OTEL_PROPAGATORS: propagators } });
    assertEquals(JSON.parse(stderr), [fields, fields], propagators);
  }
});

Deno.test("300 fuzzed traceparent, tracestate and baggage headers: never a throw, never a lost root span", async () => {
  await using receiver = startReceiver();
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFg-"), minLength: length, maxLength: length });
  const almost = fc.tuple(
    fc.constantFrom("00", "01", "ff", "fe", "0", "zz", ""),
    fc.oneof(hex(32), fc.constantFrom(TRACE, "0".repeat(32), TRACE.toUpperCase())),
    fc.oneof(hex(16), fc.constantFrom(SPAN, "0".repeat(16))),
    fc.constantFrom("00", "01", "ff", "1", "01-more", "g0"),
  ).map((parts) => parts.join("-"));
  const text = fc.string({ unit: "binary", maxLength: 300 });
  const list = (separator: string) =>
    fc.array(
      fc.tuple(
        fc.string({ maxLength: 300 }),
        fc.constantFrom("=", "", "==", ";="),
        fc.string({ maxLength: 300 }),
      ),
      { maxLength: 60 },
    ).map((pairs) => pairs.map((pair) => pair.join("")).join(separator));
  const anything = fc.oneof(text, fc.anything()) as fc.Arbitrary<string>;
  const samples = fc.sample(
    fc.record({
      traceparent: fc.oneof(almost, almost, anything),
      tracestate: fc.oneof(list(","), fc.constant("a=1"), anything),
      baggage: fc.oneof(list(","), fc.constant("user=%zz,plan=%C3%A9"), anything),
    }),
    { numRuns: 300, seed: 20_261_123 },
  );
  assertEquals(samples.length, 300);
  const injected: Record<string, string>[] = [];
  await configured(async () => {
    for (const [index, sample] of samples.entries()) {
      const observability = OpenTelemetry.observability(OpenTelemetry.extract(sample));
      const direct = OpenTelemetry.observability(sample);
      await ctx.scope(`extracted ${index}`, { observability }, async () => {
        await Promise.resolve();
        injected.push(OpenTelemetry.inject({}));
        new Headers(injected.at(-1));
      });
      ctx.scope(`direct ${index}`, { observability: direct }, () => {});
    }
    await OpenTelemetry.forceFlush();
  }, receiver.endpoint);
  const unsampled = samples.filter(({ traceparent }) =>
    /^\s?[0-9a-e].-.*-00(-.*)?\s?$/.test(String(traceparent))
  );
  const names = new Set(receiver.spans.map(({ name }) => name));
  const lost = samples.flatMap((sample, index) =>
    names.has(`extracted ${index}`) && names.has(`direct ${index}`) ? [] : [sample]
  );
  assert(lost.every((sample) => unsampled.includes(sample)), `lost: ${JSON.stringify(lost)}`);
  for (const headers of injected) {
    assertMatch(headers.traceparent, /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/);
    assert((headers.tracestate ?? "").length <= 512);
    assert((headers.baggage ?? "").length <= 8192);
  }
  assert(receiver.spans.some(({ traceId }) => traceId === TRACE), "the valid ones are gone on with");
});

Deno.test("a carrier that refuses is reported, and what holds nothing is not", async () => {
  const { code, stdout, stderr } = await run(`
    import { ctx, OpenTelemetry } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const nothing = [null, undefined, 5, "text", {}, [], new Headers(), { traceparent: "", tracestate: "" }];
    console.log(JSON.stringify(nothing.map((carrier) => OpenTelemetry.extract(carrier))));
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    OpenTelemetry.observability({ traceparent, tracestate: "", baggage: "", externalTraceId: "" });
    OpenTelemetry.observability({ traceparent: "", tracestate: null, externalTraceId: null });
    const refuses = () => { throw new Error("refused"); };
    OpenTelemetry.extract(new Proxy({}, { getOwnPropertyDescriptor: refuses, ownKeys: refuses }));
    ctx.scope("scope", { observability: new MemoryObservability() }, () => OpenTelemetry.inject(Object.freeze({})));
    await OpenTelemetry.shutdown();
  `);
  assertEquals([code, JSON.parse(stdout.split("\n")[0])], [0, Array(8).fill({})]);
  const [extracted, injected, ...rest] = stderr.trimEnd().split("\n");
  assertEquals([extracted, rest], ["[@haiway/otel] Cannot extract the trace context: refused", []]);
  assertMatch(injected, /^\[@haiway\/otel\] Cannot inject the trace context: .*not extensible/);
});
