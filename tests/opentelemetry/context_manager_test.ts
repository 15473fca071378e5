import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { EventEmitter } from "node:events";
import {
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@3.1.0";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";

const KEY = createContextKey("test");
const ONE: Context = ROOT_CONTEXT.setValue(KEY, 1);
const TWO: Context = ROOT_CONTEXT.setValue(KEY, 2);

/** Whose context manager is registered: the library's by `configure`, or the SDK's, which was there before. */
const MANAGERS = {
  "context manager": () => {},
  "context manager of the SDK": () =>
    void context.setGlobalContextManager(new AsyncLocalStorageContextManager()),
};

/** A test of what holds with either context manager. */
function test(name: string, body: (receiver: OtlpReceiver) => void | Promise<void>): void {
  for (const [whose, register] of Object.entries(MANAGERS)) {
    Deno.test(`${whose}: ${name}`, async () => {
      await using receiver = startReceiver();
      register();
      OpenTelemetry.configure({
        service: "test",
        version: "1.0.0",
        environment: "test",
        otlpEndpoint: receiver.endpoint,
      });
      try {
        await body(receiver);
        assertStrictEquals(context.active(), ROOT_CONTEXT, "nothing stays current");
      } finally {
        await OpenTelemetry.shutdown();
        context.disable();
      }
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function parents({ spans }: OtlpReceiver): Record<string, string | undefined> {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return Object.fromEntries(
    spans.map(({ name, parentSpanId }) => [name, parentSpanId && (names.get(parentSpanId) ?? parentSpanId)]),
  );
}

test("active() is the root context where nothing was entered", () => {
  assertStrictEquals(context.active(), ROOT_CONTEXT);
});

test("with() calls the function with its this and its arguments, and returns what it returns", () => {
  const target = { name: "target" };
  function body(this: typeof target, a: number, b: number): string {
    return `${this.name} ${a + b}`;
  }
  assertEquals(context.with(ONE, body, target, 1, 2), "target 3");
});

test("with() makes the very same context active", () => {
  context.with(ONE, () => assertStrictEquals(context.active(), ONE));
});

test("with() rethrows, and restores the context before", () => {
  context.with(ONE, () => {
    const error = new Error("thrown");
    const caught = assertThrows(() =>
      context.with(TWO, () => {
        throw error;
      }), Error);
    assertStrictEquals(caught, error);
    assertStrictEquals(context.active(), ONE);
  });
});

test("with() nests, and restores each context", () => {
  context.with(ONE, () => {
    context.with(TWO, () => assertStrictEquals(context.active(), TWO));
    assertStrictEquals(context.active(), ONE);
    context.with(ROOT_CONTEXT, () => assertStrictEquals(context.active(), ROOT_CONTEXT));
    assertStrictEquals(context.active(), ONE);
  });
});

test("with() holds across await, in timers, microtasks and promises, and not for its caller", async () => {
  const seen: unknown[] = [];
  const see = () => seen.push(context.active().getValue(KEY));
  const running = context.with(ONE, async () => {
    await turn();
    see();
    await context.with(TWO, async () => {
      await turn();
      see();
    });
    see();
    queueMicrotask(see);
    await new Promise<void>((resolve) =>
      setTimeout(() => {
        see();
        resolve();
      })
    );
    await Promise.resolve().then(see);
  });
  assertStrictEquals(context.active(), ROOT_CONTEXT);
  await running;
  assertEquals(seen, [1, 2, 1, 1, 1, 1]);
});

test("with() keeps concurrent executions apart", async () => {
  const values = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      context.with(ROOT_CONTEXT.setValue(KEY, index), async () => {
        await turn();
        await turn();
        return context.active().getValue(KEY);
      })),
  );
  assertEquals(values, Array.from({ length: 50 }, (_, index) => index));
});

test("bind() of what is neither a function nor an emitter gives it back", () => {
  const target = { a: 1 };
  assertStrictEquals(context.bind(ONE, target), target);
  assertStrictEquals(context.bind(ONE, 7), 7);
});

test("bind() of a function keeps its this, arguments, result and length, and runs it in the context", async () => {
  const bound = context.bind(ONE, function (this: unknown, a: string, b: string): unknown[] {
    return [this, a, b, context.active()];
  });
  assertEquals(bound.length, 2);
  const target = { bound };
  assertEquals(target.bound("a", "b"), [target, "a", "b", ONE]);
  const late = context.bind(TWO, async () => {
    await turn();
    return context.active();
  });
  assertStrictEquals(await context.with(ONE, late), TWO);
});

test("bind() of an emitter runs its listeners in the context, whoever emits", () => {
  const emitter = context.bind(ONE, new EventEmitter());
  const seen: unknown[] = [];
  for (const add of ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const) {
    emitter[add](add, (value: string) => seen.push([value, context.active()]));
    context.with(TWO, () => emitter.emit(add, add));
  }
  assertEquals(seen.length, 5);
  for (const [, active] of seen as [string, Context][]) assertStrictEquals(active, ONE);
});

test("bind() of an emitter leaves removing as it was", () => {
  const emitter = new EventEmitter();
  assertStrictEquals(context.bind(ONE, emitter), emitter);
  let calls = 0;
  const listener = () => calls++;
  emitter.on("a", listener).once("b", listener).on("c", listener).on("d", listener);
  emitter.removeListener("a", listener).off("b", listener).removeAllListeners("c");
  for (const event of ["a", "b", "c", "d"]) emitter.emit(event);
  assertEquals(calls, 1);
  emitter.removeAllListeners();
  assertEquals(["a", "b", "c", "d"].map((event) => emitter.listenerCount(event)), [0, 0, 0, 0]);
  emitter.once("e", listener);
  emitter.emit("e");
  emitter.emit("e");
  assertEquals([calls, emitter.listenerCount("e")], [2, 0]);
});

test("a context that was taken out of a scope is that scope, which waits for what is spawned in it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let taken = ROOT_CONTEXT;
  let ended = false;
  const scope = ctx.scope("scope", async () => {
    taken = context.active();
    await promise;
  });
  const task = context.with(taken, () =>
    ctx.spawn(async () => {
      resolve();
      await turn();
      ended = true;
    }));
  await scope;
  assertEquals(ended, true);
  await task;
});

test("attach() makes a context current until it is disposed of", () => {
  context.with(ONE, () => {
    const token = context.attach(TWO);
    assertStrictEquals(context.active(), TWO);
    token.dispose();
    assertStrictEquals(context.active(), ONE);
    token.dispose();
    assertStrictEquals(context.active(), ONE);
  });
});

test("a context is not changed by what is set on it", () => {
  ctx.scope("scope", () => {
    const active = context.active();
    const one = active.setValue(KEY, 1);
    const two = one.setValue(KEY, 2);
    assertEquals([active, one, two, two.deleteValue(KEY)].map((context) => context.getValue(KEY)), [
      undefined,
      1,
      2,
      undefined,
    ]);
    assertStrictEquals(trace.getSpan(two), trace.getSpan(active));
    assertEquals(trace.getSpan(trace.deleteSpan(two)), undefined);
    assertEquals(trace.deleteSpan(two).getValue(KEY), 2);
    let long = active;
    const keys = Array.from({ length: 100 }, (_, index) => createContextKey(`key ${index}`));
    for (const [index, key] of keys.entries()) long = long.setValue(key, index).setValue(KEY, index);
    assertEquals(keys.map((key) => long.getValue(key)), keys.map((_, index) => index));
  });
});

test("scopes and spans of other libraries nest in each other", async (receiver) => {
  const tracer = trace.getTracer("library");
  await tracer.startActiveSpan("request", async (request) => {
    await ctx.scope("handler", async (handler) => {
      assertEquals(trace.getActiveSpan()?.spanContext().spanId, handler.spanId);
      const saved = context.active();
      await tracer.startActiveSpan("query", async (query) => {
        await turn();
        assertStrictEquals(trace.getActiveSpan(), query);
        ctx.recordAttributes({ rows: 3 });
        ctx.scope("mapping", () => {});
        context.with(saved, () => ctx.scope("back", () => {}));
        context.with(ROOT_CONTEXT, () => ctx.scope("detached", () => {}));
        query.end();
      });
      tracer.startSpan("plain").end();
      ctx.logInfo("in the handler");
    });
    request.end();
  });
  await OpenTelemetry.forceFlush();
  assertEquals(parents(receiver), {
    request: undefined,
    handler: "request",
    query: "handler",
    mapping: "query",
    back: "handler",
    detached: undefined,
    plain: "handler",
  });
  const query = receiver.spans.find(({ name }) => name === "query");
  assertEquals(query?.attributes, { rows: 3 });
  assertEquals(query?.status.code, 0, "the span of somebody else is left to them");
  assertEquals(receiver.logs[0].spanId, receiver.spans.find(({ name }) => name === "handler")?.spanId);
});

test("what is spawned within the span of a library is waited for by the scope around it", async (receiver) => {
  const done: string[] = [];
  await ctx.scope("scope", async () => {
    await trace.getTracer("library").startActiveSpan("library", async (span) => {
      ctx.spawn(() =>
        ctx.scope("task", async () => {
          await turn();
          done.push("task");
        })
      );
      await Promise.resolve();
      span.end();
    });
  });
  assertEquals(done, ["task"]);
  await OpenTelemetry.forceFlush();
  assertEquals(parents(receiver), { scope: undefined, library: "scope", task: "library" });
});

test("baggage goes through scopes, and stays where it was set", async () => {
  const baggage = propagation.createBaggage({ user: { value: "7" } });
  const value = () => propagation.getActiveBaggage()?.getEntry("user")?.value;
  await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), async () => {
    await ctx.scope("outer", async () => {
      await turn();
      ctx.scope("inner", () => assertEquals(value(), "7"));
    });
  });
  ctx.scope("beside", () => assertEquals(value(), undefined));
});

test("suppressTracing() keeps scopes and spans within from being recorded, and nothing after", async (receiver) => {
  await ctx.scope("outer", async () => {
    await context.with(suppressTracing(context.active()), async () => {
      await turn();
      assertEquals(ctx.scope("suppressed", () => ctx.traceId()), undefined);
      trace.getTracer("library").startSpan("suppressed too").end();
    });
    ctx.scope("after", () => {});
  });
  await OpenTelemetry.forceFlush();
  assertEquals(parents(receiver), { outer: undefined, after: "outer" });
});

test("a scope within a context that another scope had saved is that scope's child, even after its end", (receiver) => {
  let saved = ROOT_CONTEXT;
  ctx.scope("saving", () => void (saved = context.active()));
  context.with(saved, () => ctx.scope("late", () => {}));
  return OpenTelemetry.forceFlush().then(() =>
    assertEquals(parents(receiver), { saving: undefined, late: "saving" })
  );
});

Deno.test("after shutdown the API has no context manager of the library any more", async () => {
  OpenTelemetry.configure({ service: "test", version: "1.0.0", environment: "test" });
  await OpenTelemetry.shutdown();
  context.with(ONE, () => assertStrictEquals(context.active(), ROOT_CONTEXT));
  assert(context.setGlobalContextManager({
    active: () => TWO,
    with: (_context, fn, thisArg, ...args) => fn.apply(thisArg, args),
    bind: (_context, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  }));
  assertStrictEquals(context.active(), TWO);
  context.disable();
});
