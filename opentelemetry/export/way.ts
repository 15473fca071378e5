import { Aside } from "./aside.ts";
import { needsFetch, type Post, send } from "./transport.ts";

/** For how many milliseconds, at most, a request may keep the process before it is on its way. */
const MAX_HOLD = 1000;
/** It is looked at so often before it is given up: on an event loop that was blocked it is late, and not stuck. */
const LOOKS = 10;

/** A request that keeps the process for now. */
interface Hold {
  looks: number;
  readonly giveUp: () => void;
}

/**
 * The way by which the requests of all signals leave. Until one is written it keeps the process, from looking up the
 * name on, and nothing undoes that but giving it up. Where the other side lets one wait, that one and all that follow
 * leave from a worker instead, which keeps nothing; the others need no worker.
 */
export class Way {
  readonly #maxHold: number;
  readonly #holds = new Set<Hold>();
  readonly #aside = new Aside();
  #isAside = false;
  #steppedAt = -Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Takes how long the end of the process may wait for requests. */
  constructor(shutdownTimeoutMillis: number) {
    this.#maxHold = Math.min(MAX_HOLD, shutdownTimeoutMillis / 2);
  }

  /** For how many milliseconds requests that led to nothing have kept the process just now. */
  get heldMillis(): number {
    return performance.now() - this.#steppedAt < MAX_HOLD ? this.#maxHold : 0;
  }

  async send(url: string, post: Post): Promise<Response> {
    if (!this.#isAside && !needsFetch(url)) {
      const giving = new AbortController();
      const hold = { looks: 0, giveUp: () => giving.abort() };
      const onHold = (holds: boolean) => holds ? this.#hold(hold) : this.#release(hold);
      try {
        return await send(url, { ...post, signal: AbortSignal.any([post.signal, giving.signal]), onHold });
      } catch (error) {
        if (!giving.signal.aborted || post.signal.aborted) throw error;
      } finally {
        this.#release(hold);
      }
    }
    return await this.#aside.send(url, post);
  }

  /** Ends the worker, if there is one. */
  close(): Promise<void> {
    return this.#aside.close();
  }

  #hold(hold: Hold): void {
    this.#holds.add(hold);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#look(), this.#maxHold / LOOKS);
    Deno.unrefTimer(this.#timer);
  }

  #release(hold: Hold): void {
    this.#holds.delete(hold);
    if (this.#holds.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (![...this.#holds].some((hold) => ++hold.looks >= LOOKS)) return;
    this.#isAside = true;
    this.#steppedAt = performance.now();
    for (const { giveUp } of this.#holds) giveUp();
  }
}
