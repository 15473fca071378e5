import { runIn } from "../../ctx/scope.ts";
import type { Batching } from "../configuration/batching.ts";
import { unrefTimeout } from "./sender.ts";

/** Where the batches of a signal go. */
export interface Outlet<T> {
  /** Takes a batch at once: what it cannot keep it drops and counts itself. */
  take(items: T[]): void;
  /** Whether there is room for another batch. */
  hasRoom(): boolean;
  /** Counts an item that was given up before it came to a batch. */
  overflow(): void;
  /** About how many bytes an item takes. */
  weigh(item: T): number;
}

/** Beyond about this many bytes nothing more waits: items may be large, and a count does not bound memory. */
const MAX_WEIGHT = 8 << 20;
/** Encoding more than about this many bytes at once would hold up the event loop for longer than some 10 ms. */
const MAX_SLICE_WEIGHT = 320 << 10;
/** One item in so many is weighed, and stands for those that follow: weighing takes longer than queueing. */
const WEIGHED = 16;

/**
 * The queue of ended spans, or of logs, on their way into batches. It is not one of the SDK's, as those cannot be
 * emptied without waiting (`Deno.exit` waits for nobody), and drop what a burst without an `await` records beyond
 * their queue, although there is room behind it.
 */
export class Batches<T> {
  /** How many items came. */
  created = 0;
  readonly #outlet: Outlet<T>;
  readonly #queueSize: number;
  readonly #batchSize: number;
  readonly #delayMillis: number;
  #queue: T[] = [];
  /** About how many bytes wait, and how many the latest item that was weighed takes. */
  #weight = 0;
  #usual = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #urgent = false;

  constructor(outlet: Outlet<T>, batching: Batching) {
    this.#outlet = outlet;
    this.#queueSize = batching.maxQueueSize;
    this.#batchSize = Math.min(batching.maxExportBatchSize, batching.maxQueueSize);
    this.#delayMillis = batching.scheduledDelayMillis;
  }

  /** How many items may wait. */
  get capacity(): number {
    return this.#queueSize;
  }

  /** How many items wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /** How many are handed on at once while the event loop is to go on: a request costs as much as many items. */
  get #slice(): number {
    return Math.min(this.#batchSize, Math.max(1, Math.floor(MAX_SLICE_WEIGHT / this.#usual)));
  }

  add(item: T): void {
    if (this.created++ % WEIGHED === 0) this.#usual = this.#outlet.weigh(item);
    if (this.#queue.length >= this.#queueSize || this.#weight + this.#usual > MAX_WEIGHT) {
      // A burst that leaves the event loop no time to come by: the program pays for the batch, or it is lost.
      if (!this.#outlet.hasRoom()) return this.#outlet.overflow();
      if (this.#queue.length > 0) this.#hand();
    }
    this.#weight += this.#usual;
    const length = this.#queue.push(item);
    if (length >= this.#batchSize ? !this.#urgent : this.#timer === undefined) this.#schedule();
  }

  /** Hands everything on, now. */
  drain(): void {
    while (this.#queue.length > 0) this.#hand();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#urgent = false;
  }

  /** Hands everything on that is there now, and lets the event loop run between the batches. */
  async flush(): Promise<void> {
    for (let left = this.#queue.length; left > 0 && this.#queue.length > 0;) {
      const slice = this.#slice;
      this.#hand(slice);
      left -= slice;
      if (left > 0) await new Promise((resolve) => setTimeout(resolve));
    }
  }

  #hand(most: number = this.#batchSize): void {
    const all = this.#queue.length <= most;
    const items = all ? this.#queue : this.#queue.splice(0, most);
    this.#weight = all ? 0 : this.#weight * (this.#queue.length / (this.#queue.length + items.length));
    if (all) this.#queue = [];
    this.#outlet.take(items);
  }

  /** Comes back soon for a full batch, else after the delay; in no scope, which the timer would keep. */
  #schedule(urgent: boolean = this.#queue.length >= this.#batchSize): void {
    this.#urgent = urgent;
    clearTimeout(this.#timer);
    this.#timer = runIn(undefined, unrefTimeout, () => {
      this.#timer = undefined;
      this.#urgent = false;
      if (this.#queue.length > 0) this.#hand(this.#slice);
      if (this.#queue.length > 0) this.#schedule(this.#queue.length >= this.#slice);
    }, this.#urgent ? 0 : this.#delayMillis);
  }
}
