import { assert, assertEquals, assertMatch } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { refusingProxy, values } from "../support/hostile.ts";
import { record } from "../support/record.ts";
import { run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const UUID = "0AF76519-16CD-43DD-8448-EB211C80319C";

/** Everything that is no traceparent. */
const MALFORMED = [
  "malformed",
  "00",
  TRACE,
  `00-${TRACE}`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-zz`,
  `00-${TRACE}-${SPAN}-01-extra`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE.slice(1)}-${SPAN}-01`,
  `00-${TRACE}0-${SPAN}-01`,
  `ff-${TRACE}-${SPAN}-01`,
  `0-${TRACE}-${SPAN}-01`,
  `00_${TRACE}_${SPAN}_01`,
  `00-${TRACE}-${SPAN}-01\n00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-${"x".repeat(100_000)}`,
  "\u0000\r\n",
  "00-" + "é".repeat(32) + `-${SPAN}-01`,
];

Deno.test("externalTraceId links the root to a trace: 32 hex digits, a UUID, or a whole traceparent", async () => {
  const { spans } = await record({}, () => {
    for (const externalTraceId of [TRACE, TRACE.toUpperCase(), UUID, `{${UUID}}`, `00-${TRACE}-${SPAN}-01`]) {
      ctx.scope("root", { observability: OpenTelemetry.observability({ externalTraceId }) }, () => {
        ctx.scope("child", () => {});
      });
    }
  });
  const roots = spans.filter(({ name }) => name === "root");
  for (const { links, traceId, parentSpanId } of roots) {
    assertEquals(links.map((link) => link.traceId), [TRACE]);
    assertMatch(links[0].spanId, /^(?!0{16})[0-9a-f]{16}$/);
    assert(traceId !== TRACE);
    assertEquals(parentSpanId, undefined);
  }
  assertEquals(roots.at(-1)?.links[0].spanId, SPAN);
  for (const { links } of spans.filter(({ name }) => name === "child")) assertEquals(links, []);
});

Deno.test("traceparent makes the remote span the parent, and tracestate comes along", async () => {
  const { spans: [child, root] } = await record({}, () => {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    const observability = OpenTelemetry.observability({ traceparent, tracestate: "vendor=a,other=b" });
    ctx.scope("root", { observability }, (scope) => {
      assertEquals(scope.traceId, TRACE);
      ctx.scope("child", () => {});
    });
  });
  assertEquals([root.traceId, root.parentSpanId, root.traceState], [TRACE, SPAN, "vendor=a,other=b"]);
  assertEquals([child.traceId, child.parentSpanId, child.traceState], [
    TRACE,
    root.spanId,
    "vendor=a,other=b",
  ]);
});

Deno.test("a traceparent of a later version is read as far as it is known", async () => {
  const { spans: [root] } = await record({}, () => {
    const observability = OpenTelemetry.observability({ traceparent: `01-${TRACE}-${SPAN}-01-what-comes` });
    ctx.scope("root", { observability }, () => {});
  });
  assertEquals([root.traceId, root.parentSpanId], [TRACE, SPAN]);
});

Deno.test("null, undefined and an empty string are absent, as headers have them", async () => {
  const { spans } = await record({}, () => {
    for (const nothing of [null, undefined, ""]) {
      const observability = OpenTelemetry.observability({
        externalTraceId: nothing,
        traceparent: nothing,
        tracestate: nothing,
      });
      ctx.scope("root", { observability }, () => {});
    }
  });
  for (const { links, parentSpanId } of spans) assertEquals([links, parentSpanId], [[], undefined]);
});

Deno.test("what is malformed is ignored: the root is a root, and has no link", async () => {
  const strange = [...MALFORMED, ...Object.values(values()), refusingProxy()] as string[];
  const { spans } = await record({}, () => {
    for (const traceparent of strange) {
      const tracestate = traceparent;
      // 32 hex digits are no traceparent, but are a trace to link to.
      const externalTraceId = traceparent === TRACE ? undefined : traceparent;
      const observability = OpenTelemetry.observability({ traceparent, tracestate, externalTraceId });
      ctx.scope("root", { observability }, () => {});
    }
  });
  assertEquals(spans.length, strange.length);
  for (const [index, { links, parentSpanId, traceId }] of spans.entries()) {
    const given = typeof strange[index] === "string" ? strange[index].slice(0, 80) : typeof strange[index];
    assertEquals([links, parentSpanId], [[], undefined], given);
    assert(traceId !== TRACE, given);
  }
});

Deno.test("a malformed tracestate costs itself, not the parent", async () => {
  const { spans } = await record({}, () => {
    for (const tracestate of ["=", "no equals sign", "UPPER=1", "a=\u0000", ",,,", "x".repeat(10_000)]) {
      const observability = OpenTelemetry.observability({
        traceparent: `00-${TRACE}-${SPAN}-01`,
        tracestate,
      });
      ctx.scope("root", { observability }, () => {});
    }
  });
  for (const { traceId, parentSpanId, traceState } of spans) {
    assertEquals([traceId, parentSpanId, traceState], [TRACE, SPAN, undefined]);
  }
});

Deno.test("what is malformed is reported once, in one short line", async () => {
  const { code, stderr } = await run(`
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const long = "x\\n".repeat(10_000);
    for (let round = 0; round < 3; round++) {
      OpenTelemetry.observability({ traceparent: "broken", externalTraceId: long });
      OpenTelemetry.observability({ traceparent: "00-${TRACE}-${SPAN}-01", tracestate: "broken" });
    }
    await OpenTelemetry.shutdown();
  `);
  assertEquals(code, 0);
  const said = stderr.trimEnd().split("\n");
  assertEquals(said.length, 3, stderr);
  assertEquals(
    said[0],
    "[@haiway/otel] Ignoring 'traceparent' as it must be a W3C traceparent: current value is broken",
  );
  assertMatch(
    said[1],
    /^\[@haiway\/otel\] Ignoring 'externalTraceId' as it must be 32 hex digits, a UUID or a W3C/,
  );
  assert(said[1].length < 250);
  assertMatch(said[2], /^\[@haiway\/otel\] Ignoring 'tracestate' as it must be a W3C tracestate/);
});
