import { diagnose } from "../../ctx/diagnostics.ts";

/** A span that is open, and is ended with the process if nobody ends it before. */
export interface LiveSpan {
  readonly name: string;
  /** Those that were opened about when it was, while it is open itself. */
  group: Group | undefined;
  /** Ends it as the process ends; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void;
}

/** How many spans are kept track of together. */
const GROUP_SIZE = 64;
/** Beyond this many groups, the oldest open spans are no longer kept from being collected. */
const MAX_HELD = 16;

/** Where the library is: what runs in it is not where a scope was opened. */
const LIBRARY = new URL("../../", import.meta.url).href;

/** Open spans in the order of their opening, in an array that keeps its room while they come and go. */
export class Group {
  /** What holds it once it is one of very many. */
  weak: WeakRef<Group> | undefined = undefined;
  size = 0;
  readonly #spans: (LiveSpan | undefined)[];

  constructor(readonly capacity: number) {
    this.#spans = new Array(capacity).fill(undefined);
  }

  add(span: LiveSpan): void {
    this.#spans[this.size++] = span;
  }

  remove(span: LiveSpan): void {
    const last = --this.size;
    // Mostly it is the latest; the order of the others has to stay.
    if (this.#spans[last] !== span) {
      const place = this.#spans.indexOf(span);
      this.#spans.copyWithin(place, place + 1);
    }
    this.#spans[last] = undefined;
  }

  /** Those that are open now, the latest first. */
  latestFirst(): LiveSpan[] {
    return this.#spans.filter((span) => span !== undefined).reverse();
  }
}

/**
 * The spans that are open, to be ended when the process is. Most live shortly and never leave the group that is being
 * filled, which costs two writes. The oldest of very many are only weakly held, a group of them at once, so that spans
 * that nobody ever ends take no room.
 */
export class LiveSpans {
  readonly #groupSize: number;
  readonly #maxHeld: number;
  readonly #forgotten: FinalizationRegistry<() => void> | undefined;
  /** Groups that are full, the oldest first. */
  readonly #held: Group[] = [];
  readonly #weak = new Set<WeakRef<Group>>();
  #nextSweep = 2 * MAX_HELD;
  #filling: Group;

  /** Reporting spans that nobody ended costs a stack trace for each, and is for development. */
  constructor(reporting = false) {
    this.#groupSize = reporting ? 1 : GROUP_SIZE;
    this.#maxHeld = reporting ? 0 : MAX_HELD;
    this.#filling = new Group(this.#groupSize);
    if (reporting) this.#forgotten = new FinalizationRegistry((report) => report());
  }

  open(span: LiveSpan): void {
    this.#forgotten?.register(span, reporter(span.name), span);
    const group = this.#filling;
    span.group = group;
    group.add(span);
    if (group.size === group.capacity) this.#startGroup();
  }

  close(span: LiveSpan): void {
    this.#forgotten?.unregister(span);
    const { group } = span;
    if (group === undefined) return;
    // An ended span that somebody keeps must not keep the others.
    span.group = undefined;
    group.remove(span);
    if (group.size === 0 && group !== this.#filling) this.#forget(group);
  }

  /** Ends what is open, children before their parents, with a mark; `cause` says what makes a failure of it. */
  interrupt(cause: string | undefined): void {
    const weak = [...this.#weak].map((weak) => weak.deref()).filter((group) => group !== undefined);
    for (const group of [...weak, ...this.#held, this.#filling].reverse()) {
      for (const span of group.latestFirst()) span.interrupt(cause);
    }
  }

  #startGroup(): void {
    this.#held.push(this.#filling);
    this.#filling = new Group(this.#groupSize);
    if (this.#held.length <= this.#maxHeld) return;
    const oldest = this.#held.shift()!;
    this.#weak.add(oldest.weak = new WeakRef(oldest));
    if (this.#weak.size >= this.#nextSweep) this.#sweep();
  }

  #forget(group: Group): void {
    if (group.weak !== undefined) this.#weak.delete(group.weak);
    else this.#held.splice(this.#held.indexOf(group), 1);
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
