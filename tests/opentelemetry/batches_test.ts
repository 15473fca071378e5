import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { Batches } from "../../opentelemetry/export/batches.ts";
import type { Batching } from "../../opentelemetry/configuration/batching.ts";

/** Batches of numbers before an outlet that keeps what it takes. */
function batchesOf(batching: Partial<Batching> = {}, weight = 1) {
  const outlet = {
    taken: [] as number[][],
    room: true,
    overflown: 0,
    arrived: Promise.withResolvers<void>(),
    take(items: number[]): void {
      this.taken.push(items);
      this.arrived.resolve();
      this.arrived = Promise.withResolvers<void>();
    },
    hasRoom(): boolean {
      return this.room;
    },
    overflow(): void {
      this.overflown++;
    },
    weigh: () => weight,
  };
  const batches = new Batches(outlet, {
    scheduledDelayMillis: 60_000,
    exportTimeoutMillis: 1000,
    maxQueueSize: 8,
    maxExportBatchSize: 4,
    ...batching,
  });
  const add = (from: number, to: number) => {
    for (let item = from; item < to; item++) batches.add(item);
  };
  return { batches, outlet, add };
}

Deno.test("drain() hands everything on before it returns, in batches and in order", () => {
  const { batches, outlet, add } = batchesOf();
  add(0, 7);
  assertEquals([batches.created, batches.queued, batches.capacity], [7, 7, 8]);
  batches.drain();
  assertEquals(outlet.taken, [[0, 1, 2, 3], [4, 5, 6]]);
  assertEquals([batches.created, batches.queued], [7, 0]);
  batches.drain();
  assertEquals(outlet.taken.length, 2);
});

Deno.test("a burst beyond the queue is handed on at once while there is room, and loses nothing", () => {
  const { batches, outlet, add } = batchesOf();
  add(0, 100);
  assertLess(batches.queued, 9);
  batches.drain();
  assertEquals(outlet.taken.flat(), Array.from({ length: 100 }, (_, item) => item));
  assertEquals(outlet.overflown, 0);
});

Deno.test("without room what comes to a full queue is dropped, and counted exactly", () => {
  const { batches, outlet, add } = batchesOf();
  outlet.room = false;
  add(0, 100);
  assertEquals([batches.created, batches.queued, outlet.overflown], [100, 8, 92]);
  outlet.room = true;
  add(100, 101);
  batches.drain();
  assertEquals(outlet.taken.flat(), [0, 1, 2, 3, 4, 5, 6, 7, 100]);
});

Deno.test("heavy items do not wait for the queue to be full", () => {
  const { batches, outlet, add } = batchesOf({ maxQueueSize: 10_000, maxExportBatchSize: 10_000 }, 1 << 20);
  add(0, 1000);
  assertLess(batches.queued, 20);
  assertEquals(outlet.taken.flat().length + batches.queued, 1000);
  outlet.room = false;
  add(1000, 2000);
  assertLess(batches.queued, 40);
  assertEquals(outlet.taken.flat().length + batches.queued + outlet.overflown, 2000);
  batches.drain();
});

Deno.test("a full batch is handed on in the next turn of the event loop", async () => {
  const { batches, outlet, add } = batchesOf();
  add(0, 4);
  // The timers of the queue keep no process.
  assertEquals(outlet.taken, []);
  const alive = setTimeout(() => {}, 10_000);
  await outlet.arrived.promise;
  clearTimeout(alive);
  assertEquals(outlet.taken, [[0, 1, 2, 3]]);
  add(4, 6);
  batches.drain();
});

Deno.test("what does not fill a batch is handed on after the delay", async () => {
  const { outlet, add } = batchesOf({ scheduledDelayMillis: 30 });
  const started = performance.now();
  const alive = setTimeout(() => {}, 10_000);
  add(0, 2);
  await outlet.arrived.promise;
  clearTimeout(alive);
  assertEquals(outlet.taken, [[0, 1]]);
  assertGreaterOrEqual(performance.now() - started, 25);
});

Deno.test("flush() hands on what is there in slices, and lets the event loop run between them", async () => {
  const { batches, outlet, add } = batchesOf({ maxQueueSize: 2000, maxExportBatchSize: 1000 }, 1280);
  add(0, 900);
  let turns = 0;
  const counting = setInterval(() => turns++);
  await batches.flush();
  clearInterval(counting);
  assertEquals(outlet.taken.map(({ length }) => length), [256, 256, 256, 132]);
  assertGreaterOrEqual(turns, 1);
  batches.drain();
});

Deno.test("a batch is never larger than the queue", () => {
  const { batches, outlet, add } = batchesOf({ maxQueueSize: 3, maxExportBatchSize: 512 });
  add(0, 3);
  batches.drain();
  assertEquals(outlet.taken, [[0, 1, 2]]);
});
