import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { diagnose, reason } from "../ctx/diagnostics.ts";
import type { Endpoint, Signal } from "./endpoint.ts";

/** What one signal keeps while the collector does not take it. */
const MAX_BYTES = 32 * 1024 * 1024;
const FIRST_BACKOFF = 500;
const MAX_BACKOFF = 30_000;
/** While somebody waits for a flush, a collector that comes back is not kept waiting. */
const MAX_FLUSH_BACKOFF = 1000;
const MAX_RETRY_AFTER = 3_600_000;
/** An answer longer than this says nothing that is worth the memory. */
const MAX_ANSWER = 64 * 1024;

const NOUN: Record<Signal, string> = { traces: "spans", metrics: "data points", logs: "logs" };
/** The statuses that the OTLP specification calls retryable. */
const RETRYABLE = new Set([429, 502, 503, 504]);
/** Taken when the module is loaded, so that a test that replaces the global does not see its own telemetry. */
const send = globalThis.fetch;

/** An encoded export request. */
interface Batch {
  body: Uint8Array<ArrayBuffer>;
  /** How many spans, data points or logs it holds. */
  readonly items: number;
  compressed: boolean;
}

type Outcome =
  | { readonly kind: "delivered"; readonly rejected: number; readonly message: string }
  | { readonly kind: "retry"; readonly why: string; readonly after: number | undefined }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Brings the batches of one signal to the collector, one after the other: what fails in a way that may pass is
 * tried again, with back-off, for as long as the bounded buffer has room; what is dropped is counted and said.
 */
export class Delivery {
  /** How many items the collector has taken. */
  delivered = 0;
  /** How many items were given up, for whatever reason. */
  dropped = 0;
  readonly #signal: Signal;
  readonly #endpoint: Endpoint;
  readonly #shown: string;
  readonly #queue: Batch[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #sending: AbortController | undefined;
  #wake: (() => void) | undefined;
  #flushUntil = 0;
  #closed = false;

  constructor(signal: Signal, endpoint: Endpoint) {
    this.#signal = signal;
    this.#endpoint = endpoint;
    const { origin, pathname } = new URL(endpoint.url);
    this.#shown = origin + pathname;
  }

  /** Takes a batch; the oldest ones make room if there is none. */
  enqueue(body: Uint8Array<ArrayBuffer>, items: number): void {
    if (this.#closed) return this.#drop(items, "the pipeline is shut down", "shutdown");
    this.#queue.push({ body, items, compressed: false });
    this.#bytes += body.byteLength;
    while (this.#bytes > MAX_BYTES && this.#queue.length > 1) {
      const [oldest] = this.#queue.splice(this.#sending === undefined ? 0 : 1, 1);
      this.#bytes -= oldest.body.byteLength;
      this.#drop(
        oldest.items,
        `the buffer of ${MAX_BYTES} bytes is full while ${this.#shown} does not answer`,
        "full",
      );
    }
    this.#start();
  }

  /** Resolves when everything is delivered or given up, or when the time is over; never rejects. */
  async flush(timeoutMillis: number): Promise<void> {
    this.#flushUntil = Math.max(this.#flushUntil, performance.now() + timeoutMillis);
    this.#wake?.();
    this.#start();
    if (this.#running !== undefined) await within(this.#running, timeoutMillis);
  }

  /** Ends it: what is still there after the time is dropped, and said. */
  async shutdown(timeoutMillis: number): Promise<void> {
    await this.flush(timeoutMillis);
    this.#closed = true;
    this.#wake?.();
    this.#sending?.abort();
    const left = this.#queue.splice(0).reduce((sum, { items }) => sum + items, 0);
    this.#bytes = 0;
    if (left > 0) this.#drop(left, `${this.#shown} did not take them before shutdown`, "shutdown");
  }

  #start(): void {
    if (this.#running !== undefined || this.#queue.length === 0 || this.#closed) return;
    // Whoever exports is not traced, and does not keep alive the scope that happened to fill the batch.
    this.#running = context.with(suppressTracing(ROOT_CONTEXT), () => this.#run()).finally(() => {
      this.#running = undefined;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    let attempt = 0;
    while (this.#queue.length > 0 && !this.#closed) {
      const batch = this.#queue[0];
      const outcome = await this.#send(batch);
      if (this.#queue[0] !== batch) continue;
      if (outcome.kind === "retry") {
        const more = this.#queue.reduce((sum, { items }) => sum + items, 0);
        diagnose(
          `export:${outcome.why}`,
          `Cannot export to ${this.#shown} now, trying again: ${outcome.why}; ${more} ${
            NOUN[this.#signal]
          } wait`,
        );
        if (!await this.#backOff(attempt++, outcome.after)) return;
        continue;
      }
      attempt = 0;
      this.#queue.shift();
      this.#bytes -= batch.body.byteLength;
      if (outcome.kind === "refused") {
        this.#drop(batch.items, `${this.#shown} refused them: ${outcome.why}`, outcome.why);
      } else {
        this.delivered += batch.items - outcome.rejected;
        const said = outcome.message === "" ? "" : `: ${outcome.message}`;
        if (outcome.rejected > 0) {
          this.#drop(outcome.rejected, `${this.#shown} rejected them${said}`, "rejected");
        } else if (said !== "") {
          diagnose(`warned:${this.#signal}`, `${this.#shown} took all and warns${said}`);
        }
      }
    }
  }

  /** Waits before the next try; says whether there is one, as a flush has no time for a long wait. */
  async #backOff(attempt: number, after: number | undefined): Promise<boolean> {
    const flushing = this.#flushUntil - performance.now();
    const backoff = Math.min(FIRST_BACKOFF * 2 ** attempt, flushing > 0 ? MAX_FLUSH_BACKOFF : MAX_BACKOFF);
    const jittered = backoff * (0.8 + Math.random() * 0.4);
    const millis = after === undefined ? jittered : Math.min(Math.max(after, jittered), MAX_RETRY_AFTER);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, millis);
      // A collector that is away must not keep the process.
      Deno.unrefTimer(timer);
      this.#wake = () => {
        if (after !== undefined && !this.#closed) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    return !this.#closed;
  }

  async #send(batch: Batch): Promise<Outcome> {
    const { url, headers, timeoutMillis, compression, protocol } = this.#endpoint;
    const sending = this.#sending = new AbortController();
    const timer = setTimeout(() => sending.abort(), timeoutMillis);
    Deno.unrefTimer(timer);
    try {
      if (compression === "gzip" && !batch.compressed) await this.#compress(batch);
      const response = await send(url, {
        method: "POST",
        headers: {
          "content-type": protocol === "http/json" ? "application/json" : "application/x-protobuf",
          ...(batch.compressed && { "content-encoding": "gzip" }),
          ...headers,
        },
        body: batch.body,
        redirect: "manual",
        signal: sending.signal,
      });
      return await outcomeOf(response);
    } catch (error) {
      const why = sending.signal.aborted ? `no answer within ${timeoutMillis} ms` : shorten(reason(error));
      return { kind: "retry", why, after: undefined };
    } finally {
      clearTimeout(timer);
      this.#sending = undefined;
    }
  }

  async #compress(batch: Batch): Promise<void> {
    const stream = new Blob([batch.body]).stream().pipeThrough(new CompressionStream("gzip"));
    const body = new Uint8Array(await new Response(stream).arrayBuffer());
    this.#bytes += body.byteLength - batch.body.byteLength;
    batch.body = body;
    batch.compressed = true;
  }

  #drop(items: number, why: string, kind: string): void {
    this.dropped += items;
    diagnose(
      `drop:${this.#signal}:${kind}`,
      `Dropped ${items} ${NOUN[this.#signal]} (${this.dropped} in all): ${why}`,
    );
  }
}

async function outcomeOf(response: Response): Promise<Outcome> {
  const answer = await readAnswer(response);
  const { status } = response;
  if (status >= 200 && status <= 299) return { kind: "delivered", ...partialSuccess(answer) };
  const why = `HTTP ${status}`;
  if (!RETRYABLE.has(status)) return { kind: "refused", why };
  return { kind: "retry", why, after: retryAfter(response.headers.get("retry-after")) };
}

/** What the collector says, as far as it is worth reading; an answer that breaks off has still been given. */
async function readAnswer(response: Response): Promise<string> {
  let answer = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      answer += decoder.decode(chunk, { stream: true });
      if (answer.length > MAX_ANSWER) break;
    }
  } catch {
    return "";
  }
  return answer;
}

/** What a collector that took a part says of the rest: `rejectedSpans` and the like, and a message. */
function partialSuccess(answer: string): { rejected: number; message: string } {
  try {
    const partial = JSON.parse(answer)?.partialSuccess ?? {};
    const rejected = Number(
      partial.rejectedSpans ?? partial.rejectedDataPoints ?? partial.rejectedLogRecords ?? 0,
    );
    return {
      rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
      message: typeof partial.errorMessage === "string" ? partial.errorMessage.slice(0, 200) : "",
    };
  } catch {
    return { rejected: 0, message: "" };
  }
}

/** `Retry-After` in milliseconds: it is given in seconds or as a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const millis = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return millis > 0 ? millis : undefined;
}

/** What failed, without the URL that Deno repeats in it. */
function shorten(message: string): string {
  return message.replace(/ ?for url \([^)]*\):?/, "").replace(/^error sending request ?/, "").replace(
    /^client error \(Connect\): /,
    "",
  );
}

async function within(promise: Promise<void>, millis: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, millis));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
