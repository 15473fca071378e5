import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import fc from "fast-check";
import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { createStorage, type Storage } from "../../ctx/storage.ts";
import { withStd } from "../support/std.ts";

type Context = Record<string | symbol, unknown> | null | undefined;

const internal: symbol = Reflect.get(Deno, "internal");
const real = Reflect.get(Deno, internal).core as {
  getAsyncContext(): Context;
  setAsyncContext(context: Context): void;
};

/** A Deno with another inside. */
function denoWith(core: unknown): unknown {
  return { internal, [internal]: { core } };
}

Deno.test("this Deno's contexts are entered directly", () => {
  assert(!(createStorage() instanceof AsyncLocalStorage));
});

const STORAGES: Readonly<Record<string, () => Storage<unknown>>> = {
  "a storage that enters directly": () => createStorage(),
  "a storage without Deno's inside": () => createStorage({}),
};

for (const [name, create] of Object.entries(STORAGES)) {
  Deno.test(`${name} gives what was entered to all that was started there, and to nothing else`, async () => {
    const storage = create();
    const seen: Record<string, unknown> = {};
    const see = (where: string) => seen[where] = storage.getStore();
    const started = storage.run(
      "entered",
      async (...args) => {
        see("at once");
        const timer = new Promise((resolve) => setTimeout(() => resolve(see("in a timer"))));
        const microtask = new Promise((resolve) => queueMicrotask(() => resolve(see("in a microtask"))));
        const stream = new ReadableStream({
          start: (controller) => controller.close(),
        }).pipeTo(new WritableStream({ close: () => void see("in a stream") }));
        const bound = AsyncResource.bind(() => see("in what was bound"));
        await null;
        see("after await");
        await new Promise((resolve) => setTimeout(resolve));
        see("after a timer");
        await Promise.all([timer, microtask, stream]);
        await storage.run("inner", async () => {
          await null;
          see("further in");
        });
        see("further out again");
        return { args, bound };
      },
      1,
      2,
    );
    see("outside");
    const { args, bound } = await started;
    see("outside, later");
    bound();
    assertEquals(args, [1, 2]);
    assertEquals(seen, {
      "at once": "entered",
      "in a timer": "entered",
      "in a microtask": "entered",
      "in a stream": "entered",
      "in what was bound": "entered",
      "after await": "entered",
      "after a timer": "entered",
      "further in": "inner",
      "further out again": "entered",
      outside: undefined,
      "outside, later": undefined,
    });
  });

  Deno.test(`${name} gives back what was current when the body throws`, () => {
    const storage = create();
    storage.run("outer", () => {
      const fails = () =>
        storage.run("inner", () => {
          throw new RangeError("thrown");
        });
      assertThrows(fails, RangeError, "thrown");
      assertEquals(storage.getStore(), "outer");
    });
  });

  Deno.test(`${name} can be entered for the rest of what runs`, async () => {
    const storage = create();
    await storage.run("outer", async () => {
      storage.enterWith("entered");
      assertEquals(storage.getStore(), "entered");
      await null;
      assertEquals(storage.getStore(), "entered");
    });
    assertEquals(storage.getStore(), undefined);
  });

  Deno.test(`${name} keeps its values apart from those of others, however they are entered in each other`, async () => {
    const storages: readonly Storage<unknown>[] = [
      create(),
      new AsyncLocalStorage(),
      create(),
      new AsyncLocalStorage(),
    ];
    /** Enters one, looks at all, waits or does not, and goes on inside. */
    const step = fc.record({
      of: fc.nat(storages.length - 1),
      waits: fc.boolean(),
      enters: fc.boolean(),
    });
    const check = async (steps: { of: number; waits: boolean; enters: boolean }[], expected: unknown[]) => {
      const look = () => assertEquals(storages.map((storage) => storage.getStore()), expected);
      look();
      const [first, ...rest] = steps;
      if (first === undefined) return;
      const value = { steps: steps.length };
      const inner = expected.with(first.of, value);
      await storages[first.of].run(value, async () => {
        if (first.waits) await null;
        if (first.enters) storages[first.of].enterWith(value);
        await Promise.all([check(rest, inner), check(rest.slice(1), inner)]);
        assertEquals(storages.map((storage) => storage.getStore()), inner);
      });
      look();
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await check(steps, storages.map(() => undefined));
      }),
      { numRuns: 200 },
    );
  });
}

Deno.test("what others put on Object.prototype gets into no context", () => {
  const storage = createStorage<string>();
  const theirs = new AsyncLocalStorage<string>();
  Object.defineProperty(Object.prototype, "intruder", { value: 1, enumerable: true, configurable: true });
  try {
    storage.run(
      "entered",
      () =>
        theirs.run(
          "other",
          () =>
            storage.run("inner", () => assertEquals(Reflect.has(real.getAsyncContext()!, "intruder"), false)),
        ),
    );
  } finally {
    Reflect.deleteProperty(Object.prototype, "intruder");
  }
});

let kept: Context;

const INSIDES: Readonly<Record<string, unknown>> = {
  "without an inside": {},
  "whose inside is empty": denoWith({}),
  "whose inside is not callable": denoWith({ getAsyncContext: {}, setAsyncContext: {} }),
  "whose inside throws": denoWith({
    getAsyncContext() {
      throw new Error("not for you");
    },
    setAsyncContext() {
      throw new Error("not for you");
    },
  }),
  "whose inside forgets": denoWith({ getAsyncContext: () => undefined, setAsyncContext() {} }),
  "whose inside is not the one of AsyncLocalStorage": denoWith({
    getAsyncContext: () => kept,
    setAsyncContext: (context: Context) => kept = context,
  }),
  "which keeps the values that it knows alone": denoWith({
    getAsyncContext: real.getAsyncContext,
    setAsyncContext: (context: Context) =>
      real.setAsyncContext(
        context && Object.fromEntries(Object.entries(context).filter(([key]) => /^\d+$/.test(key))),
      ),
  }),
  "which keeps values where they cannot be seen": denoWith({
    getAsyncContext: () => hidden(real.getAsyncContext()),
    setAsyncContext: (context: Context) => real.setAsyncContext(context),
  }),
};

function hidden(context: Context): Context {
  if (context == null) return context;
  const copy: Record<string | symbol, unknown> = {};
  for (const key of Reflect.ownKeys(context)) {
    Object.defineProperty(copy, key, { value: context[key], enumerable: false });
  }
  return copy;
}

for (const [name, deno] of Object.entries(INSIDES)) {
  Deno.test(`on a Deno ${name} the storage is AsyncLocalStorage, and nothing is left behind`, () => {
    const before = real.getAsyncContext();
    assert(createStorage(deno) instanceof AsyncLocalStorage);
    assertStrictEquals(real.getAsyncContext(), before);
  });
}

Deno.test("without Deno's inside scopes do all that they do with it", async () => {
  const { code, output } = await withStd(async (std) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "test",
          "--allow-all",
          "--no-check",
          "--quiet",
          "--preload=tests/support/without_inside.ts",
          ...std,
        ],
        ...["scope", "tasks", "stream"].map((name) => `tests/ctx/${name}_test.ts`),
        ...["context", "context_manager", "sampling"].map((name) => `tests/opentelemetry/${name}_test.ts`),
      ],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    return { code, output: text.decode(stdout) + text.decode(stderr) };
  });
  assertEquals(code, 0, output);
  assertMatch(output, /\b[1-9]\d\d passed \| 0 failed/);
});
