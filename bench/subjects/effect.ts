/**
 * Effect's `withSpan`, over its own tracer, which exports nothing.
 *
 * @module
 */

import { main, type Subject } from "../measure.ts";

// Named at run time, so that the lock of the project knows nothing of it.
const { Effect } = await import(["npm:effect", "4.1.0"].join("@"));

const work = Effect.promise(async () => {
  await null;
});
const scope = Effect.withSpan(work, "work");
const nested = ["four", "three", "two", "one"].reduce(
  (inner, name) => Effect.withSpan(inner, name),
  Effect.withSpan(work, "five"),
);

const subject: Subject = {
  async scope(times) {
    for (; times > 0; times--) await Effect.runPromise(scope);
  },
  async nested(times) {
    for (; times > 0; times--) await Effect.runPromise(nested);
  },
  async attributes(times) {
    for (; times > 0; times--) {
      await Effect.runPromise(Effect.withSpan(work, "work", {
        attributes: { "user.id": "user-456", "user.role": "admin", items: 3, retry: false },
      }));
    }
  },
};

await main(subject);
