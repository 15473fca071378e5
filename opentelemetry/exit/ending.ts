import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { type Delivery, within } from "../export/delivery.ts";
import { postNow } from "./last_flush.ts";
import type { LiveSpans } from "../tracing/live_spans.ts";
import type { Way } from "../export/way.ts";
import type { ScopeMetricReader } from "../metrics/metric_reader.ts";

/** A queue before a delivery. */
export interface Queue {
  readonly queued: number;
  drain(): void;
  flush(): Promise<void>;
}

/** What there is to bring out, in the order in which it is handed on. */
interface Parts {
  readonly live?: LiveSpans;
  readonly queues: readonly Queue[];
  readonly readers?: readonly ScopeMetricReader[];
  readonly deliveries: readonly Delivery[];
  readonly way?: Way;
}

/** How long a collector that cannot be connected to may hold up the end of the process, in milliseconds. */
const PATIENCE = 1000;

/** Brings out what was recorded when the process ends without a shutdown, in one time limit for all that it takes. */
export class Ending {
  readonly #queues: readonly Queue[];
  readonly #readers: readonly ScopeMetricReader[];
  readonly #deliveries: readonly Delivery[];
  readonly #live: LiveSpans | undefined;
  readonly #way: Way | undefined;
  #left = Infinity;
  #patience = PATIENCE;
  #endedAt = -Infinity;

  constructor({ queues, readers, deliveries, live, way }: Parts) {
    this.#queues = queues;
    this.#readers = readers ?? [];
    this.#deliveries = deliveries;
    this.#live = live;
    this.#way = way;
  }

  /** Whether something was recorded that has not arrived. */
  get #pending(): boolean {
    return this.#queues.some(({ queued }) => queued > 0) ||
      this.#deliveries.some(({ queued }) => queued > 0) ||
      this.#readers.some(({ hasNews }) => hasNews);
  }

  /**
   * While promises are still waited for: keeps the process as long as it takes to deliver, and no longer than the
   * limit, or than the collector can be connected to.
   */
  async flush(timeoutMillis: number): Promise<void> {
    this.#renew();
    if (this.#patience === 0 || !this.#pending) return;
    // What has kept the process until now is part of what its end takes.
    await this.#spend(timeoutMillis - (this.#way?.heldMillis ?? 0), async (left) => {
      const until = performance.now() + left;
      await within(Promise.all(this.#queues.map((queue) => queue.flush())), left);
      for (const reader of this.#readers) reader.exportNow();
      const flushes = this.#deliveries.map((delivery) =>
        delivery.flush(until - performance.now(), this.#patience)
      );
      await Promise.all(flushes);
      if (!this.#deliveries.some(({ queued }) => queued > 0)) return;
      this.#patience = 0;
      for (const delivery of this.#deliveries) delivery.rest();
    });
  }

  /**
   * When nothing is waited for any more: ends the open spans with a mark, as failed if there is a cause, and blocks
   * until everything is delivered, or given up.
   */
  flushNow(timeoutMillis: number, cause: string | undefined): void {
    try {
      for (const delivery of this.#deliveries) delivery.hold();
      this.#live?.interrupt(cause);
      if (!this.#pending) return;
      this.#renew();
      this.#spend(timeoutMillis, (left) => {
        for (const queue of this.#queues) queue.drain();
        for (const reader of this.#readers) reader.exportNow();
        const posts = this.#deliveries.map((delivery) => delivery.surrender());
        const answers = postNow(posts.flat(), left, this.#patience);
        for (const [index, delivery] of this.#deliveries.entries()) {
          delivery.conclude(answers.splice(0, posts[index].length));
        }
      });
    } catch (error) {
      diagnoseFailure("export while the process ends", error);
    }
  }

  /** A program that went on after what looked like its end has the whole of its time when it really ends. */
  #renew(): void {
    if (performance.now() - this.#endedAt < PATIENCE) return;
    this.#left = Infinity;
    this.#patience = PATIENCE;
  }

  /** Runs with what is left of the limit, and books what it took. */
  #spend<T>(timeoutMillis: number, body: (left: number) => T): T {
    this.#left = Math.min(this.#left, timeoutMillis);
    const started = performance.now();
    const book = () => {
      this.#endedAt = performance.now();
      this.#left = Math.max(0, this.#left - (this.#endedAt - started));
    };
    const result = body(this.#left);
    if (result instanceof Promise) return result.finally(book) as T;
    book();
    return result;
  }
}
