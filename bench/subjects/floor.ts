/**
 * The least that can be written with what Node and Deno document: AsyncLocalStorage entered, two ids, two clock
 * readings, one object, and a place in a batch.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { newSpanId, newTraceId } from "../../ctx/ids.ts";
import { main, type Work } from "../measure.ts";

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: Span | undefined;
  readonly attributes: Record<string, unknown>;
  readonly start: number;
  end: number;
}

const storage = new AsyncLocalStorage<Span>();
const never = new Promise<void>(() => {});
let batch: unknown[] = [];
let exported = 0;

function finish(record: unknown): void {
  batch.push(record);
  if (batch.length < 512) return;
  exported += batch.length;
  batch = [];
}

function open(name: string, attributes: Record<string, unknown>): Span {
  const parent = storage.getStore();
  const traceId = parent?.traceId ?? newTraceId();
  return { name, traceId, spanId: newSpanId(), parent, attributes, start: performance.now(), end: 0 };
}

async function scope(name: string, attributes: Record<string, unknown>, body: () => Promise<void>) {
  const span = open(name, attributes);
  await storage.run(span, body);
  span.end = performance.now();
  finish(span);
}

const works: Record<string, Work> = {
  async scope(times) {
    for (; times > 0; times--) {
      await scope("work", {}, async () => {
        await null;
      });
    }
  },

  async nested(times) {
    for (; times > 0; times--) {
      await scope(
        "one",
        {},
        () =>
          scope(
            "two",
            {},
            () =>
              scope("three", {}, () =>
                scope("four", {}, () =>
                  scope("five", {}, async () => {
                    await null;
                  }))),
          ),
      );
    }
  },

  async attributes(times) {
    for (; times > 0; times--) {
      const attributes = { "user.id": "user-456", "user.role": "admin", items: 3, retry: false };
      await scope("work", attributes, async () => {
        const event = { name: "cache.miss", time: performance.now(), attributes: { key: "user-456" } };
        Object.assign(storage.getStore()!, { events: [event] });
        await null;
      });
    }
  },

  log(times) {
    storage.run(open("work", {}), () => {
      for (; times > 0; times--) {
        finish({
          time: performance.now(),
          span: storage.getStore(),
          body: "User fetched",
          attributes: { "user.id": 456, cached: "no" },
        });
      }
    });
  },

  filtered(times) {
    storage.run(open("work", {}), () => {
      for (; times > 0; times--) if (storage.getStore() === undefined) throw new TypeError("no scope");
    });
  },

  heap(times) {
    for (; times > 0; times--) {
      void scope("work", {}, async () => {
        await never;
      });
    }
  },
};
/** Where nothing is recorded there is only the storage, which tells `ctx.spawn` after an `await` who waits. */
const entered = new AsyncLocalStorage<object>();
works.noop = async (times) => {
  for (; times > 0; times--) {
    await entered.run({}, async () => {
      await null;
    });
  }
};
works.unsampled = async (times) => {
  await entered.run({}, () => works.noop(times));
};

await main(works, () => exported);
