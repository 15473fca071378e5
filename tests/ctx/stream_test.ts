import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ctx } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";

async function* count(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n++) yield await Promise.resolve(n);
}

function readable(chunks: string[], onCancel?: (reason: unknown) => void): ReadableStream<string> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < chunks.length) controller.enqueue(chunks[next++]);
      else controller.close();
    },
    cancel: onCancel,
  }, { highWaterMark: 0 });
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const chunks: T[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return chunks;
}

Deno.test("ctx.stream() is a child of the scope of its call, and counts its chunks", async () => {
  const memory = new MemoryObservability();
  const start = performance.now();
  await ctx.scope("request", { observability: memory }, async () => {
    assertEquals(await collect(ctx.stream("tokens", count(3))), [1, 2, 3]);
  });
  const seconds = (performance.now() - start) / 1000;
  const [request, tokens] = memory.scopes;
  assertEquals(tokens.parentSpanId, request.spanId);
  assertEquals(tokens.status, "ok");
  assertEquals(tokens.attributes["stream.chunk_count"], 3);
  const first = tokens.attributes["stream.time_to_first_chunk"] as number;
  assert(first > 0 && first <= seconds, `${first} of ${seconds}`);
});

Deno.test("ctx.stream() opens no scope before the first pull, and none if it is never iterated", async () => {
  const memory = new MemoryObservability();
  let produced = 0;
  await ctx.scope("request", { observability: memory }, async () => {
    const stream = ctx.stream("tokens", () => (produced++, count(1)));
    const iterator = stream[Symbol.asyncIterator]();
    assertEquals([memory.scopes.length, produced], [1, 0]);
    await iterator.next();
    assertEquals([memory.scopes.length, produced], [2, 1]);
    await iterator.return?.();
    ctx.stream("unused", count(1));
    await ctx.stream("returned", count(1))[Symbol.asyncIterator]().return?.();
  });
  assertEquals(memory.scopes.map(({ name }) => name), ["request", "tokens"]);
});

Deno.test("the producer of ctx.stream() runs in the scope of the stream, whoever pulls", async () => {
  const memory = new MemoryObservability();
  async function* produce() {
    ctx.logInfo("first");
    yield 1;
    await Promise.resolve();
    ctx.logInfo("second");
    yield 2;
  }
  const iterator = ctx.scope(
    "owner",
    { observability: memory },
    () => ctx.stream("produce", produce)[Symbol.asyncIterator](),
  );
  await ctx.scope("first puller", { observability: memory }, () => iterator.next());
  await ctx.scope("second puller", { observability: memory }, () => iterator.next());
  await iterator.next();
  assertEquals(memory.logs.map(({ scope }) => scope), ["produce", "produce"]);
});

Deno.test("the consumer of ctx.stream() stays in its own scope", async () => {
  const memory = new MemoryObservability();
  await ctx.scope("consumer", { observability: memory }, async () => {
    for await (const n of ctx.stream("producer", count(2))) ctx.logInfo(`got ${n}`);
  });
  assertEquals(memory.logs.map(({ scope }) => scope), ["consumer", "consumer"]);
});

Deno.test("a break ends the scope of a stream OK and runs the producer's cleanup in it", async () => {
  const memory = new MemoryObservability();
  async function* produce() {
    try {
      yield await Promise.resolve(1);
      yield 2;
    } finally {
      ctx.logInfo("cleaned up");
    }
  }
  await ctx.scope("request", { observability: memory }, async () => {
    for await (const _ of ctx.stream("produce", produce())) break;
  });
  assertEquals(memory.scopes[1].status, "ok");
  assertEquals(memory.scopes[1].attributes["stream.chunk_count"], 1);
  assertEquals(memory.logs[0].scope, "produce");
});

Deno.test("an error of the producer fails the scope of the stream and is thrown on, the same", async () => {
  const memory = new MemoryObservability();
  const broken = new Error("broken");
  async function* produce() {
    yield await Promise.resolve(1);
    throw broken;
  }
  const thrown = await assertRejects(
    () => ctx.scope("request", { observability: memory }, () => collect(ctx.stream("produce", produce()))),
    Error,
  );
  assertStrictEquals(thrown, broken);
  const [request, stream] = memory.scopes;
  assertEquals([stream.status, request.status], ["error", "error"]);
  assertEquals([stream.exceptions.length, request.exceptions.length], [1, 0]);
});

Deno.test("an error of the consumer ends the scope of the stream OK", async () => {
  const memory = new MemoryObservability();
  await assertRejects(
    () =>
      ctx.scope("request", { observability: memory }, async () => {
        for await (const _ of ctx.stream("produce", count(3))) throw new Error("consumer");
      }),
    Error,
    "consumer",
  );
  assertEquals(memory.scopes.map(({ name, status }) => [name, status]), [["request", "error"], [
    "produce",
    "ok",
  ]]);
});

Deno.test("an error thrown into the stream reaches the producer", async () => {
  const memory = new MemoryObservability();
  const seen: unknown[] = [];
  async function* produce() {
    try {
      yield await Promise.resolve(1);
    } catch (error) {
      seen.push(error);
      throw error;
    }
  }
  const stream = ctx.scope("owner", { observability: memory }, () => ctx.stream("produce", produce()));
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const injected = new Error("injected");
  await assertRejects(() => iterator.throw!(injected), Error, "injected");
  assertStrictEquals(seen[0], injected);
  assertEquals(memory.scopes[1].status, "error");
});

Deno.test("an error thrown into a stream whose source takes none is thrown back, the same", async () => {
  const memory = new MemoryObservability();
  const source = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: 1 }) }),
  };
  const stream = ctx.scope("owner", { observability: memory }, () => ctx.stream("produce", source));
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const injected = new Error("injected");
  assertStrictEquals(await iterator.throw!(injected).catch((error) => error), injected);
  assertEquals(memory.scopes[1].status, "error");
  assertEquals(await iterator.next(), { done: true, value: undefined });
});

Deno.test("reads that fail at once each have their own error, and the scope ends with the first", async () => {
  const memory = new MemoryObservability();
  let reads = 0;
  const next = () => Promise.reject(new Error(`read ${++reads}`));
  const stream = ctx.scope(
    "owner",
    { observability: memory },
    () => ctx.stream("produce", { [Symbol.asyncIterator]: () => ({ next }) }),
  );
  const iterator = stream[Symbol.asyncIterator]();
  const messages = [iterator.next(), iterator.next()].map((read) => read.catch(({ message }) => message));
  assertEquals(await Promise.all(messages), ["read 1", "read 2"]);
  const { status, message, exceptions } = memory.scopes[1];
  assertEquals([status, message, exceptions.length], ["error", "read 1", 1]);
});

Deno.test("a ReadableStream gives a ReadableStream, pulled no further than it is read", async () => {
  const memory = new MemoryObservability();
  let pulled = 0;
  const source = new ReadableStream<number>({
    pull(controller) {
      controller.enqueue(++pulled);
    },
  }, { highWaterMark: 0 });
  const wrapped = ctx.scope("owner", { observability: memory }, () => ctx.stream("numbers", source));
  assert(wrapped instanceof ReadableStream);
  assertEquals(memory.scopes.length, 1);
  const reader = wrapped.getReader();
  assertEquals((await reader.read()).value, 1);
  assertEquals(pulled, 1);
  await reader.cancel();
  assertEquals(memory.scopes[1].status, "ok");
  assertEquals(memory.scopes[1].attributes["stream.chunk_count"], 1);
});

Deno.test("a response body wrapped in ctx.stream() arrives whole", async () => {
  const memory = new MemoryObservability();
  const body = readable(["a", "b", "c"]).pipeThrough(new TextEncoderStream());
  const wrapped = ctx.scope("owner", { observability: memory }, () => ctx.stream("body", body));
  assertEquals(await new Response(wrapped).text(), "abc");
  assertEquals(memory.scopes[1].status, "ok");
});

Deno.test("a cancellation reaches the source with its reason, even while a read is pending", async () => {
  const memory = new MemoryObservability();
  const reasons: unknown[] = [];
  const pulled = Promise.withResolvers<void>();
  const stalled = new ReadableStream<number>({
    pull: () => pulled.resolve(),
    cancel: (reason) => void reasons.push(reason),
  }, { highWaterMark: 0 });
  const wrapped = ctx.scope("owner", { observability: memory }, () => ctx.stream("stalled", stalled));
  const reader = wrapped.getReader();
  const pending = reader.read();
  await pulled.promise;
  await reader.cancel("enough");
  assertEquals((await pending).done, true);
  assertEquals(reasons, ["enough"]);
  assertEquals(memory.scopes[1].status, "ok");
});

Deno.test("a stream that is cancelled before the first pull cancels its source and opens no scope", async () => {
  const memory = new MemoryObservability();
  const reasons: unknown[] = [];
  const source = readable(["a"], (reason) => reasons.push(reason));
  await ctx.scope("owner", { observability: memory }, () => ctx.stream("unread", source).cancel("unwanted"));
  assertEquals(reasons, ["unwanted"]);
  assertEquals(memory.scopes.length, 1);
});

Deno.test("an error of a ReadableStream reaches the reader, the same, and fails the scope", async () => {
  const memory = new MemoryObservability();
  const broken = new Error("broken");
  const source = new ReadableStream({
    pull(controller) {
      controller.error(broken);
    },
  });
  const wrapped = ctx.scope("owner", { observability: memory }, () => ctx.stream(source));
  assertStrictEquals(await assertRejects(() => wrapped.getReader().read(), Error), broken);
  assertEquals(memory.scopes.map(({ name, status }) => [name, status]), [["owner", "ok"], [
    "stream",
    "error",
  ]]);
});

Deno.test("a stream waits at its end for the tasks that its producer spawned", async () => {
  const memory = new MemoryObservability();
  const task = Promise.withResolvers<void>();
  async function* produce() {
    ctx.spawn(() => task.promise);
    yield await Promise.resolve(1);
  }
  const stream = ctx.scope("owner", { observability: memory }, () => ctx.stream("produce", produce()));
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const end = iterator.next();
  assertEquals(memory.scopes[1].status, "open");
  task.resolve();
  assertEquals((await end).done, true);
  assertEquals(memory.scopes[1].status, "ok");
});

Deno.test("each iteration of a function's stream is a scope of its own", async () => {
  const memory = new MemoryObservability();
  const stream = ctx.scope("owner", { observability: memory }, () => ctx.stream("twice", () => count(1)));
  assertEquals([await collect(stream), await collect(stream)], [[1], [1]]);
  assertEquals(memory.scopes.map(({ name }) => name), ["owner", "twice", "twice"]);
});

Deno.test("a stream whose consumer is collected ends, and holds no memory", async () => {
  const script = `
    import { ctx } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const memory = new MemoryObservability();
    async function* endless() { for (;;) yield await Promise.resolve(1); }
    await ctx.scope("owner", { observability: memory }, async () => {
      await ctx.stream("iterated", endless())[Symbol.asyncIterator]().next();
      const source = new ReadableStream({ pull: (controller) => controller.enqueue(1) }, { highWaterMark: 0 });
      await ctx.stream("read", source).getReader().read();
    });
    for (let turn = 0; turn < 1000 && memory.scopes.some(({ status }) => status === "open"); turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve));
    }
    console.log(memory.scopes.map(({ name, status, attributes }) =>
      [name, status, attributes["stream.chunk_count"]].join(" ")).join("\\n"));
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config=deno.json", "--v8-flags=--expose-gc", script],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
    "owner ok ",
    "iterated ok 1",
    "read ok 1",
  ]);
});
