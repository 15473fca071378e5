import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { diagnose } from "../../ctx/diagnostics.ts";
import { Backlog } from "./backlog.ts";
import type { Endpoint, Signal } from "../configuration/endpoint.ts";
import type { LastAnswer, LastPost } from "../exit/last_flush.ts";
import { type Batch, type Outcome, Sender, unrefTimeout } from "./sender.ts";
import { halve } from "./split.ts";
import type { Spool } from "./spool.ts";
import { Counts, NOUN } from "./statistics.ts";
import type { Way } from "./way.ts";

/**
 * What one signal keeps while the collector does not take it: spans of 1 kB for five minutes at 100 a second.
 * Metrics need less: the sums of a later export hold those of an earlier one.
 */
const MAX_BYTES: Record<Signal, number> = { traces: 32 << 20, logs: 32 << 20, metrics: 8 << 20 };
const FIRST_BACKOFF = 500;
const MAX_BACKOFF = 5000;
/** While somebody waits for a flush, a collector that comes back is not kept waiting. */
const MAX_FLUSH_BACKOFF = 1000;

/**
 * Brings the batches of one signal to the collector, one after the other: what fails in a way that may pass is
 * tried again, with back-off, for as long as the bounded buffer has room; what is dropped is counted and said.
 */
export class Delivery {
  readonly signal: Signal;
  readonly counts: Counts;
  /** What the semantic conventions say of an exporter. */
  readonly component: Readonly<Record<string, string | number>>;
  /** The end has begun: {@linkcode Delivery.shutdown} waits for what is on its way, and nobody before it. */
  isEnding = false;
  readonly #sender: Sender;
  readonly #queue: Batch[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #flushUntil = 0;
  #ending = false;
  /** Until when a collector that cannot be connected to is tried, while the process waits for it. */
  #patientUntil = Infinity;
  /** Nothing is sent, until there is more to send. */
  #resting = false;
  /** Nothing is sent from here any more. */
  #held = false;
  #closed = false;
  /** The last try failed: what comes is better kept on the disk. */
  #failing = false;
  readonly #backlog: Backlog | undefined;
  readonly #type: Batch["type"];

  constructor(signal: Signal, endpoint: Endpoint, way: Way, spool?: Spool) {
    this.signal = signal;
    this.counts = new Counts(signal);
    const { hostname, port, protocol } = new URL(endpoint.url);
    const component = endpoint.protocol === "http/json" ? "otlp_http_json_exporter" : "otlp_http_exporter";
    this.component = {
      "otel.component.type": component,
      "otel.component.name": `${component}/${signal}`,
      "server.address": hostname,
      "server.port": Number(port) || (protocol === "https:" ? 443 : 80),
    };
    this.#type = endpoint.protocol === "http/json" ? "json" : "pb";
    this.#sender = new Sender(endpoint, way);
    this.#backlog = spool && new Backlog(spool, this.counts);
  }

  /** How many items wait in memory for the collector, those under way included. */
  get queued(): number {
    return this.#queue.reduce((sum, { items, file }) => file === undefined ? sum + items : sum, 0);
  }

  /** Whether another batch does not cost an older one. */
  get hasRoom(): boolean {
    const alike = this.#queue.at(-1)?.body.byteLength ?? 0;
    const fits = this.#bytes + alike <= MAX_BYTES[this.signal] || this.#backlog !== undefined;
    return fits && !this.#closed;
  }

  /** Takes a batch; the oldest ones make room if there is none. */
  enqueue(body: Uint8Array<ArrayBuffer>, items: number): void {
    if (this.#closed) return this.counts.drop(items, "shutdown", "the pipeline is shut down");
    this.#queue.push({ body, items, compressed: false, type: this.#type });
    this.#bytes += body.byteLength;
    this.#resting = false;
    const limit = MAX_BYTES[this.signal];
    while (this.#bytes > limit && this.#queue.length > 1) {
      const [oldest] = this.#queue.splice(this.#sender.busy ? 1 : 0, 1);
      this.#bytes -= oldest.body.byteLength;
      if (this.#isKept(oldest)) continue;
      this.counts.drop(
        oldest.items,
        "buffer_full",
        `the buffer of ${limit >> 20} MiB is full while ${this.#sender.shown} does not take them`,
      );
    }
    if (this.#failing) this.#spill();
    this.#start();
  }

  /** Begins with what an earlier process has left. */
  recover(items: number): void {
    this.counts.recovered += items;
    this.counts.spooled += items;
    this.#start();
  }

  /**
   * Resolves when everything is delivered or given up, or when the time is over; never rejects. With less patience
   * it resolves sooner where there is no collector to connect to.
   */
  async flush(timeoutMillis: number, patienceMillis = Infinity): Promise<void> {
    if (timeoutMillis <= 0) return;
    this.#patientUntil = performance.now() + patienceMillis;
    this.#resting = false;
    this.#flushUntil = Math.max(this.#flushUntil, performance.now() + timeoutMillis);
    this.#wake?.();
    this.#start();
    if (this.#running !== undefined) await within(this.#running, timeoutMillis);
  }

  /** Leaves what waits where it is, and gives up the request under way, which would keep the process. */
  rest(): void {
    this.#resting = true;
    this.#wake?.();
    this.#sender.abort();
  }

  /** Only takes what comes, for {@linkcode Delivery.surrender}. */
  hold(): void {
    this.#held = true;
  }

  /** What waits, for somebody who sends it at once as the process ends. */
  surrender(): LastPost[] {
    this.#closed = true;
    // What is on its way from a worker could still arrive, and would do so twice.
    this.#sender.abort();
    return this.#queue.map((batch) => this.#sender.request(batch));
  }

  /** Books what came of what was surrendered. */
  conclude(answers: readonly LastAnswer[]): void {
    const batches = this.#queue.splice(0);
    for (const [index, batch] of batches.entries()) {
      const outcome = this.#sender.lastOutcome(answers[index]);
      if (outcome.kind !== "retry") this.#book(batch, outcome);
      else if (!this.#isKept(batch)) {
        const why = `${this.#sender.shown} did not take them before the end: ${outcome.why}`;
        this.counts.drop(batch.items, "shutdown", why);
      }
    }
    this.counts.sum();
  }

  /** Ends it: what is still there after the time is dropped, and said. */
  async shutdown(timeoutMillis: number): Promise<void> {
    this.#ending = true;
    await this.flush(timeoutMillis);
    this.#closed = true;
    this.#wake?.();
    this.#sender.close();
    this.#spill();
    const left = this.queued;
    this.#queue.length = this.#bytes = 0;
    if (left > 0) {
      this.counts.drop(left, "shutdown", `${this.#sender.shown} did not take them before the end`);
    }
    this.counts.sum();
  }

  #start(): void {
    if (this.#running !== undefined || (this.#queue.length === 0 && !this.#backlog?.waits)) return;
    if (this.#closed || this.#resting || this.#held) return;
    // Whoever exports is not traced, and does not keep alive the scope that happened to fill the batch.
    context.with(suppressTracing(ROOT_CONTEXT), () => {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#start();
      });
    });
  }

  async #run(): Promise<void> {
    let attempt = 0;
    while (!this.#closed && !this.#resting) {
      const batch = this.#queue[0] ?? this.#load();
      if (batch === undefined) return;
      const before = batch.body.byteLength;
      batch.triedAt ??= performance.now();
      const outcome = await this.#sender.send(batch);
      // While it was under way everything may have been given up.
      if (this.#queue[0] !== batch) continue;
      this.#bytes += batch.body.byteLength - before;
      this.#failing = outcome.kind === "retry";
      if (outcome.kind !== "retry") {
        attempt = 0;
        await this.#settle(batch, outcome);
        continue;
      }
      this.counts.failures++;
      if (this.#resting) return;
      if (outcome.unreachable && performance.now() > this.#patientUntil) return void (this.#resting = true);
      diagnose(
        `export:${outcome.why}`,
        `Cannot export to ${this.#sender.shown} now, trying again: ${outcome.why}; ${
          this.queued + this.counts.spooled
        } ${NOUN[this.signal]} wait`,
      );
      this.#spill();
      await this.#backOff(attempt++, outcome.after);
    }
  }

  /** Books what the collector said of the first batch, which is then done with. */
  async #settle(batch: Batch, outcome: Exclude<Outcome, { kind: "retry" }>): Promise<void> {
    const halves = outcome.kind === "refused" && outcome.tooLarge ? await halve(batch, this.signal) : [];
    if (this.#queue[0] !== batch) return;
    this.#queue.splice(0, 1, ...halves);
    this.#bytes += halves.reduce((sum, { body }) => sum + body.byteLength, 0) - batch.body.byteLength;
    if (halves.length === 0) this.#book(batch, outcome);
    else this.#backlog?.done(batch);
  }

  /** Whether a batch need not be in memory, as it lies on the disk, or does so now. */
  #isKept(batch: Batch): boolean {
    return batch.file !== undefined || (this.#backlog?.keep(batch) ?? false);
  }

  /** Puts on the disk what waits in memory, where there is a spool. */
  #spill(): void {
    if (this.#backlog === undefined) return;
    const first = this.#sender.busy && !this.#closed ? 1 : 0;
    const left = this.#queue.splice(first).filter((batch) => !this.#isKept(batch));
    this.#queue.push(...left);
    this.#bytes = this.#queue.reduce((sum, { body }) => sum + body.byteLength, 0);
  }

  #load(): Batch | undefined {
    const batch = this.#backlog?.next();
    if (batch === undefined) return undefined;
    this.#queue.push(batch);
    this.#bytes += batch.body.byteLength;
    return batch;
  }

  #book(batch: Batch, outcome: Exclude<Outcome, { kind: "retry" }>): void {
    const { shown } = this.#sender;
    const refused = outcome.kind === "refused";
    this.#backlog?.done(batch);
    this.counts.finish(batch.triedAt, refused ? outcome.why : outcome.rejected > 0 ? "rejected" : undefined);
    if (refused) {
      this.counts.failures++;
      return this.counts.drop(batch.items, "refused", `${shown} refused them: ${outcome.why}`);
    }
    const { message } = outcome;
    const rejected = Math.min(outcome.rejected, batch.items);
    this.counts.delivered += batch.items - rejected;
    const said = message === "" ? "" : `: ${message}`;
    if (rejected > 0) this.counts.drop(rejected, "rejected", `${shown} rejected them${said}`);
    else if (message !== "") diagnose(`warned:${this.signal}`, `${shown} took all and warns${said}`);
  }

  /** Waits before the next try. A flush shortens the wait, unless the collector has said how long it is. */
  async #backOff(attempt: number, after: number | undefined): Promise<void> {
    const flushing = this.#flushUntil > performance.now();
    const backoff = Math.min(FIRST_BACKOFF * 2 ** attempt, flushing ? MAX_FLUSH_BACKOFF : MAX_BACKOFF);
    const jittered = backoff * (0.8 + Math.random() * 0.4);
    const millis = Math.max(after ?? 0, jittered);
    const until = performance.now() + millis;
    // A wait that the collector asked for and that the end of the program has no time for ends it now.
    const inVain = () => after !== undefined && this.#ending && until > this.#flushUntil;
    if (!inVain()) {
      await new Promise<void>((resolve) => {
        const timer = unrefTimeout(resolve, millis);
        this.#wake = () => {
          if (after !== undefined && !this.#closed && !inVain()) return;
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    if (inVain()) this.#closed = true;
  }
}

/** Waits for a promise, but no longer than this. */
export async function within(promise: Promise<unknown>, millis: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, millis));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
