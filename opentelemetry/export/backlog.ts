import { diagnose } from "../../ctx/diagnostics.ts";
import type { Batch } from "./sender.ts";
import type { Spool } from "./spool.ts";
import { type Counts, NOUN } from "./statistics.ts";

/** What one signal has in the spool, and the books of it. */
export class Backlog {
  readonly #spool: Spool;
  readonly #counts: Counts;

  constructor(spool: Spool, counts: Counts) {
    this.#spool = spool;
    this.#counts = counts;
  }

  /** Whether something lies on the disk. */
  get waits(): boolean {
    return this.#spool.has(this.#counts.signal);
  }

  /** Puts a batch on the disk; says whether it could. */
  keep(batch: Batch): boolean {
    const { signal } = this.#counts;
    const { saved, removed } = this.#spool.save(signal, batch);
    for (const { items } of removed) this.#lose(items, "spool_full", "the spool has no more room");
    if (!saved) return false;
    this.#counts.spooled += batch.items;
    diagnose(`spooled:${signal}`, `Kept ${batch.items} ${NOUN[signal]} in the spool, for a later try`);
    return true;
  }

  /** The oldest batch, which stays on the disk until it is done. */
  next(): Batch | undefined {
    const { batch, lost } = this.#spool.read(this.#counts.signal);
    for (const { items } of lost) this.#lose(items, "unreadable", "they cannot be read from the spool");
    return batch;
  }

  /** Takes a batch off the disk: the collector has answered, or it goes on in another form. */
  done({ file, items }: Batch): void {
    if (file === undefined) return;
    this.#spool.remove(file);
    this.#counts.spooled -= items;
  }

  #lose(items: number, reason: "spool_full" | "unreadable", why: string): void {
    this.#counts.spooled -= items;
    this.#counts.drop(items, reason, why);
  }
}
