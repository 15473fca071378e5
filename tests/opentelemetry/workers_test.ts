import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import type { Answered } from "../support/worker.ts";

Deno.test("the trace goes into a Worker with a message, and comes back out with the answer", async () => {
  let scopeTraceId = "";
  const receiver = await received(async (receiver) => {
    const worker = new Worker(new URL("../support/worker.ts", import.meta.url), { type: "module" });
    const answered = Promise.withResolvers<Answered>();
    worker.onmessage = OpenTelemetry.listener("answer", ({ data }: MessageEvent<Answered>) => {
      ctx.logInfo("Squared", { square: data.square });
      answered.resolve(data);
    });
    worker.onerror = (event) => answered.reject(new Error(event.message));
    ctx.scope("program", (scope) => {
      scopeTraceId = scope.traceId;
      worker.postMessage(OpenTelemetry.inject({ endpoint: receiver.endpoint, number: 7 }));
    });
    const { square, traceId } = await answered.promise;
    assertEquals([square, traceId], [49, scopeTraceId]);
  });
  const span = (name: string) => receiver.spans.find((span) => span.name === name)!;
  const [program, square, answer] = ["program", "square", "answer"].map(span);
  assertEquals(new Set([program, square, answer].map(({ traceId }) => traceId)), new Set([scopeTraceId]));
  assertEquals([square.parentSpanId, answer.parentSpanId], [program.spanId, square.spanId]);
  assertEquals([square.kind, answer.kind], [5, 5]);
  assertEquals([square, answer].map(({ resource }) => resource["service.name"]), ["worker", "tested"]);
  assertEquals(receiver.logs.find(({ body }) => body === "Squaring")?.spanId, square.spanId);
});

Deno.test("a message that carries no trace begins one, whatever its data is", async () => {
  const receiver = await received(() => {
    const listener = OpenTelemetry.listener("message", ({ data }: { data: unknown }) => data);
    for (const data of ["text", null, 7, [1, 2], new Uint8Array(2), { traceparent: "nonsense" }]) {
      assertStrictEquals(listener({ data }), data);
    }
  });
  assertEquals(receiver.spans.length, 6);
  for (const { parentSpanId } of receiver.spans) assertEquals(parentSpanId, undefined);
});

Deno.test("a listener's failure is recorded, and is what it would have been without us", async () => {
  const observability = new MemoryObservability();
  const thrown = new Error("unreadable");
  const fails = OpenTelemetry.listener("fails", (_message: { data: unknown }) => {
    throw thrown;
  }, { observability });
  assertStrictEquals(assertThrows(() => fails({ data: {} }), Error), thrown);
  const rejects = OpenTelemetry.listener("rejects", async (_message: { data: unknown }) => {
    await Promise.resolve();
    throw thrown;
  }, { observability });
  assertStrictEquals(await assertRejects(() => rejects({ data: {} }), Error), thrown);
  assertEquals(observability.scopes.map(({ name, kind, status }) => [name, kind, status]), [
    ["fails", "consumer", "error"],
    ["rejects", "consumer", "error"],
  ]);
});

Deno.test("a BroadcastChannel carries the trace to every listener", async () => {
  const receiver = await received(async () => {
    const [sender, heard] = [new BroadcastChannel("orders"), new BroadcastChannel("orders")];
    const arrived = new Promise<void>((resolve) => {
      heard.onmessage = OpenTelemetry.listener("order", (_event: MessageEvent) => resolve());
    });
    ctx.scope("shop", () => sender.postMessage(OpenTelemetry.inject({ id: 1 })));
    await arrived;
    sender.close();
    heard.close();
  });
  const [shop, order] = receiver.spans;
  assert(shop.name === "shop" && order.name === "order");
  assertEquals([order.traceId, order.parentSpanId], [shop.traceId, shop.spanId]);
});
