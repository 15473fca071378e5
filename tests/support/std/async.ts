/**
 * Stands in for `jsr:@std/async` where JSR cannot be reached: the few functions that the tests use, with the same
 * names and signatures, over `node:timers/promises`.
 *
 * @module
 */

import { setTimeout as wait } from "node:timers/promises";

export async function delay(milliseconds: number, options: { signal?: AbortSignal } = {}): Promise<void> {
  await wait(milliseconds, undefined, options);
}

export async function deadline<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const over = new AbortController();
  const timeout = wait(milliseconds, undefined, { signal: over.signal }).then(() => {
    throw new DOMException("Signal timed out.", "TimeoutError");
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timeout.catch(() => {});
    over.abort();
  }
}
