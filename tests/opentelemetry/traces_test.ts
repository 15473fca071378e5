import { SpanStatusCode, trace } from "@opentelemetry/api";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ctx, OpenTelemetry, type ScopeKind } from "@haiway/otel";
import { environment } from "../support/environment.ts";
import { throwables } from "../support/hostile.ts";
import { record } from "../support/record.ts";

Deno.test("a scope arrives as a span with name, kind, ids, flags, times and the library's own scope", async () => {
  const kinds: [ScopeKind, number][] = [
    ["internal", 1],
    ["server", 2],
    ["client", 3],
    ["producer", 4],
    ["consumer", 5],
  ];
  const before = BigInt(Date.now()) * 1_000_000n;
  const { spans } = await record({}, () => {
    for (const [kind] of kinds) ctx.scope(kind, { kind }, () => {});
    ctx.scope("by default", () => {});
    ctx.scope("unknown", { kind: "toString" as ScopeKind }, () => {});
  });
  assertEquals(spans.map(({ name, kind }) => [name, kind]), [...kinds, ["by default", 1], ["unknown", 1]]);
  for (const span of spans) {
    assertMatch(span.traceId, /^(?!0{32})[0-9a-f]{32}$/);
    assertMatch(span.spanId, /^(?!0{16})[0-9a-f]{16}$/);
    assertEquals(span.flags & 1, 1);
    assertEquals(span.scope.name, "@haiway/otel");
    assert(span.startTimeUnixNano <= span.endTimeUnixNano);
    assert(span.startTimeUnixNano >= before - 1_000_000_000n);
    assert(span.endTimeUnixNano <= BigInt(Date.now() + 1000) * 1_000_000n);
  }
});

Deno.test("a child begins after its parent began, and ends before it ended", async () => {
  const { spans: [child, parent] } = await record(
    {},
    () => ctx.scope("parent", () => ctx.scope("child", () => {})),
  );
  assert(child.startTimeUnixNano >= parent.startTimeUnixNano);
  assert(child.endTimeUnixNano <= parent.endTimeUnixNano);
});

Deno.test("status: OK without a description, ERROR with the message and error.type", async () => {
  class PaymentError extends Error {}
  const { spans } = await record({}, () => {
    ctx.scope("ok", () => {});
    try {
      ctx.scope("error", () => {
        throw new PaymentError("declined");
      });
    } catch {
      // recorded
    }
  });
  assertEquals(spans.map(({ status }) => status), [
    { code: 1, message: undefined },
    { code: 2, message: "declined" },
  ]);
  assertEquals(spans[1].attributes, { "error.type": "PaymentError" });
});

Deno.test("a status that the body has set stays when it returns, and gives way when it throws", async () => {
  const set = (message: string) => trace.getActiveSpan()?.setStatus({ code: SpanStatusCode.ERROR, message });
  const { spans } = await record({}, () => {
    ctx.scope("returns", () => set("degraded"));
    try {
      ctx.scope("throws", () => {
        set("degraded");
        throw new Error("broken");
      });
    } catch {
      // recorded
    }
  });
  assertEquals(spans.map(({ status }) => status.message), ["degraded", "broken"]);
});

Deno.test("the exception is an event of the span where it first escaped, with its causes in the stack", async () => {
  const inner = new RangeError("inner", { cause: new SyntaxError("innermost") });
  const error = new TypeError("outer", { cause: inner });
  const { spans } = await record({}, () => {
    try {
      ctx.scope("root", () =>
        ctx.scope("middle", () =>
          ctx.scope("leaf", () => {
            throw error;
          })));
    } catch {
      // recorded
    }
  });
  assertEquals(spans.map(({ name, events }) => [name, events.map((event) => event.name)]), [
    ["leaf", ["exception"]],
    ["middle", []],
    ["root", []],
  ]);
  const { attributes } = spans[0].events[0];
  assertEquals(attributes["exception.type"], "TypeError");
  assertEquals(attributes["exception.message"], "outer");
  const stack = String(attributes["exception.stacktrace"]);
  assert(stack.startsWith("TypeError: outer\n"));
  assertEquals(stack.match(/^Caused by: .*$/gm), [
    "Caused by: RangeError: inner",
    "Caused by: SyntaxError: innermost",
  ]);
});

Deno.test("whatever is thrown arrives as an exception with type and message, each a string", async () => {
  const thrown = Object.entries(throwables());
  const { spans } = await record({}, () => {
    for (const [what, error] of thrown) {
      try {
        ctx.scope(what, () => {
          throw error;
        });
      } catch {
        // recorded
      }
    }
  });
  const shown = Object.fromEntries(
    spans.map(({ name, events, attributes, status }) => {
      const { "exception.type": type, "exception.message": message } = events[0].attributes;
      assertEquals(typeof type, "string", name);
      assertEquals(attributes["error.type"], type, name);
      assertEquals(status.code, 2, name);
      return [name, [type, message]];
    }),
  );
  assertEquals(Object.keys(shown).length, thrown.length);
  assertEquals(shown["an error"], ["TypeError", "plain"]);
  assertEquals(shown["a string"], ["string", "just text"]);
  assertEquals(shown["undefined"], ["undefined", "undefined"]);
  assertEquals(shown["null"], ["null", "null"]);
  assertEquals(shown["a frozen error"], ["Error", "frozen"]);
  assertEquals(shown["an error whose stack throws"], ["Error", "no stack"]);
  assertEquals(shown["a DOMException"], ["AbortError", "aborted"]);
});

Deno.test("as the environment asks, exceptions are log records instead of span events", async () => {
  // OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN is read at set-up.
  using _ = environment({ OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: "logs" });
  const { spans, logs } = await record({}, () => {
    try {
      ctx.scope("root", () => {
        throw new TypeError("broken");
      });
    } catch {
      // recorded
    }
  });
  assertEquals(spans[0].events, []);
  assertEquals(spans[0].status.code, 2);
  assertEquals(logs.map((log) => [log.eventName, log.severityText, log.attributes["exception.message"]]), [
    ["exception", "ERROR", "broken"],
  ]);
  assertEquals(logs[0].spanId, spans[0].spanId);
});

Deno.test("200 concurrent three-level roots that share one observability do not mix, as seen by the receiver", async () => {
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve));
  const { spans, logs, points } = await record({}, async () => {
    const observability = OpenTelemetry.observability();
    await Promise.all(
      Array.from(
        { length: 200 },
        (_, n) =>
          ctx.scope("root", { observability, attributes: { n } }, async () => {
            if (n % 3 === 0) {
              await turn();
            }
            await Promise.all([0, 1].map((side) =>
              ctx.scope("child", { attributes: { n, side } }, async () => {
                ctx.logInfo(`log ${n}`, { n });
                await turn();
                await ctx.scope("leaf", async () => {
                  await turn();
                  ctx.recordAttributes({ n });
                  ctx.recordEvent("event", { attributes: { n } });
                  ctx.recordMetric("work", { value: n, kind: "counter" });
                });
              })
            ));
          }),
      ),
    );
  });
  assertEquals(spans.length, 200 * 5);
  assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 200);
  assertEquals(new Set(spans.map(({ spanId }) => spanId)).size, 1000);
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const parentName: Record<string, string | undefined> = { root: undefined, child: "root", leaf: "child" };
  for (const span of spans) {
    const parent = span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId);
    assertEquals(parent?.name, parentName[span.name]);
    if (parent !== undefined) {
      assertEquals([parent.traceId, parent.attributes.n], [span.traceId, span.attributes.n]);
    }
  }
  assertEquals(logs.length, 800);
  for (const log of logs) {
    const span = byId.get(log.spanId)!;
    assertEquals([log.traceId, log.attributes.n], [span.traceId, span.attributes.n]);
    assertEquals(span.name, log.eventName === undefined ? "child" : "leaf");
  }
  assertEquals(points.at(-1)?.value, 2 * 199 * 200 / 2);
});

Deno.test("a child that outlives its root keeps its parent, and arrives after it", async () => {
  const release = Promise.withResolvers<void>();
  const { spans } = await record({}, async () => {
    let child = Promise.resolve();
    await ctx.scope("root", async () => {
      child = ctx.scope("child", async () => {
        await release.promise;
        ctx.scope("grandchild", () => {});
      });
      await Promise.resolve();
    });
    release.resolve();
    await child;
  });
  const [root, grandchild, child] = spans;
  assertEquals([root.name, grandchild.name, child.name], ["root", "grandchild", "child"]);
  assertEquals([child.parentSpanId, grandchild.parentSpanId], [root.spanId, child.spanId]);
  assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assertEquals(root.status.code, 1);
});

Deno.test("a hundred levels deep, each span is the child of the one around it", async () => {
  const open = async (depth: number): Promise<void> => {
    await ctx.scope(`level ${depth}`, async () => {
      await Promise.resolve();
      if (depth < 99) await open(depth + 1);
    });
  };
  const { spans } = await record({}, () => open(0));
  const ordered = spans.toReversed();
  assertEquals(ordered.map(({ name }) => name), Array.from({ length: 100 }, (_, depth) => `level ${depth}`));
  for (const [depth, span] of ordered.entries()) assertEquals(span.parentSpanId, ordered[depth - 1]?.spanId);
});
