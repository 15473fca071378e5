import { diagnose } from "../../ctx/diagnostics.ts";

/** A span that is open, as a link of the chain of those that are. */
export interface LiveSpan {
  readonly name: string;
  older: LiveSpan | undefined;
  newer: LiveSpan | undefined;
  /** What holds it when it is no link any more. */
  weak: WeakRef<LiveSpan> | undefined;
  /** Ends it as the process ends; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void;
}

/** Beyond this many, the oldest open spans are no longer kept from being collected. */
const MAX_HELD = 1024;

/** Where the library is: what runs in it is not where a scope was opened. */
const LIBRARY = new URL("../../", import.meta.url).href;

/**
 * The spans that are open, to be ended when the process is. Most spans live shortly: they are links of a chain, which
 * costs a few writes. The oldest of very many are only weakly held, so that spans that nobody ever ends take no room.
 */
export class LiveSpans {
  readonly #maxHeld: number;
  readonly #forgotten: FinalizationRegistry<() => void> | undefined;
  readonly #weak = new Set<WeakRef<LiveSpan>>();
  #nextSweep = 2 * MAX_HELD;
  #newest: LiveSpan | undefined;
  #oldest: LiveSpan | undefined;
  #held = 0;

  /** Reporting spans that nobody ended costs a stack trace for each, and is for development. */
  constructor(reporting = false) {
    this.#maxHeld = reporting ? 0 : MAX_HELD;
    if (reporting) this.#forgotten = new FinalizationRegistry((report) => report());
  }

  open(span: LiveSpan): void {
    this.#forgotten?.register(span, reporter(span.name), span);
    const newest = this.#newest;
    if (newest === undefined) this.#oldest = span;
    else newest.newer = span;
    span.older = newest;
    this.#newest = span;
    if (++this.#held > this.#maxHeld) this.#loosen();
  }

  close(span: LiveSpan): void {
    this.#forgotten?.unregister(span);
    if (span.older !== undefined || span.newer !== undefined || span === this.#newest) this.#unlink(span);
    else if (span.weak !== undefined) this.#weak.delete(span.weak);
  }

  /** Ends what is open, children before their parents, with a mark; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void {
    while (this.#newest !== undefined) this.#newest.interrupt(cause);
    for (const weak of [...this.#weak].reverse()) weak.deref()?.interrupt(cause);
  }

  #unlink(span: LiveSpan): void {
    const { older, newer } = span;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    // An ended span that somebody keeps must not keep the others.
    span.older = span.newer = undefined;
    this.#held--;
  }

  #loosen(): void {
    const span = this.#oldest!;
    this.#unlink(span);
    this.#weak.add(span.weak = new WeakRef(span));
    if (this.#weak.size >= this.#nextSweep) this.#sweep();
  }

  /** Forgets those that were collected, each time that the set has doubled. */
  #sweep(): void {
    for (const weak of this.#weak) if (weak.deref() === undefined) this.#weak.delete(weak);
    this.#nextSweep = 2 * Math.max(this.#weak.size, MAX_HELD);
  }
}

/** Says that a span was never ended, and where it was opened; holds nothing of the span. */
function reporter(name: string): () => void {
  const where = callerOf(new Error().stack ?? "");
  return () => {
    diagnose(`never-closed:${where}`, `The scope '${name}' was never closed: it was opened ${where}`);
  };
}

function callerOf(stack: string): string {
  const frames = stack.split("\n").slice(1).map((line) => line.trim());
  return frames.find((frame) => !frame.includes(LIBRARY)) ?? "at an unknown place";
}
