import { reason } from "../../ctx/diagnostics.ts";
import type { Endpoint } from "../configuration/endpoint.ts";
import type { LastAnswer, LastPost } from "../exit/last_flush.ts";
import { closeKept, type Kept } from "./transport.ts";
import type { Way } from "./way.ts";
import type { SpoolFile } from "./spool.ts";

const MAX_RETRY_AFTER = 3_600_000;
/** An answer longer than this says nothing that is worth the memory. */
const MAX_ANSWER = 64 * 1024;
/** The status is what counts: the words that follow are not waited for any longer than this. */
const ANSWER_TIMEOUT = 1000;
/** The statuses that the OTLP specification calls retryable. */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** An encoded export request. */
export interface Batch {
  body: Uint8Array<ArrayBuffer>;
  /** How many spans, data points or logs it holds. */
  readonly items: number;
  /** Whether the body is compressed already, with gzip. */
  compressed: boolean;
  /** How it is encoded; an earlier process may have done so in another way. */
  readonly type: "json" | "pb";
  /** Where it lies on the disk as well. */
  readonly file?: SpoolFile;
  /** When it was first tried, as `performance.now` has it. */
  triedAt?: number;
}

/** What came of sending a batch. */
export type Outcome =
  | { readonly kind: "delivered"; readonly rejected: number; readonly message: string }
  | {
    readonly kind: "retry";
    readonly why: string;
    readonly after: number | undefined;
    /** Whether there was nobody to answer at all. */
    readonly unreachable: boolean;
  }
  | { readonly kind: "refused"; readonly why: string; readonly tooLarge: boolean };

/** Sends one batch at a time to an endpoint, and says what came of it. Never rejects. */
export class Sender {
  /** The endpoint as it may be shown: its query and its headers may hold secrets. */
  readonly shown: string;
  readonly #endpoint: Endpoint;
  readonly #way: Way;
  readonly #secrets: readonly string[];
  #sending: AbortController | undefined;
  readonly #kept: Kept = {};

  constructor(endpoint: Endpoint, way: Way) {
    this.#endpoint = endpoint;
    this.#way = way;
    const { origin, pathname } = new URL(endpoint.url);
    this.shown = origin + pathname;
    this.#secrets = Object.values(endpoint.headers).flatMap((value) => [value, ...value.split(/\s+/)])
      .filter((value) => value.length >= 6);
  }

  /** Whether a request is under way. */
  get busy(): boolean {
    return this.#sending !== undefined;
  }

  /** Gives up the request that is under way, if any. */
  abort(): void {
    this.#sending?.abort();
  }

  /** Lets go of the endpoint; the next request makes a new connection. */
  close(): void {
    this.abort();
    closeKept(this.#kept);
  }

  async send(batch: Batch): Promise<Outcome> {
    const { timeoutMillis } = this.#endpoint;
    const sending = this.#sending = new AbortController();
    const abort = () => sending.abort();
    let timer = unrefTimeout(abort, timeoutMillis);
    try {
      if (this.#endpoint.compression === "gzip" && !batch.compressed) await compress(batch);
      const { url, headers, body } = this.request(batch);
      const { signal } = sending;
      const kept = this.#kept;
      const post = { method: "POST", headers, body, redirect: "manual", signal, kept } as const;
      const response = await this.#way.send(url, post);
      clearTimeout(timer);
      timer = unrefTimeout(abort, Math.min(ANSWER_TIMEOUT, timeoutMillis));
      return this.#outcomeOf(response, await readAnswer(response));
    } catch (error) {
      const { aborted } = sending.signal;
      const why = aborted ? `no answer within ${timeoutMillis} ms` : causeOf(error);
      return { kind: "retry", why: this.#mask(why), after: undefined, unreachable: !aborted };
    } finally {
      clearTimeout(timer);
      this.#sending = undefined;
    }
  }

  /** The request of a batch, for those who send it by other means. */
  request({ body, compressed, type }: Batch): LastPost {
    const { url, headers } = this.#endpoint;
    return {
      url,
      headers: {
        "content-type": type === "json" ? "application/json" : "application/x-protobuf",
        ...(compressed && { "content-encoding": "gzip" }),
        ...headers,
      },
      body,
    };
  }

  /** What came of a request that was sent by other means. */
  lastOutcome({ status, type, said }: LastAnswer): Outcome {
    if (status !== undefined) {
      return this.#outcomeOf({ status, headers: new Headers({ "content-type": type }) }, said);
    }
    const message = withoutUrl(new TextDecoder().decode(said));
    const why = message === "" ? "no answer in time" : this.#mask(message);
    return { kind: "retry", why, after: undefined, unreachable: message !== "" };
  }

  #outcomeOf({ status, headers }: Pick<Response, "status" | "headers">, answer: Uint8Array): Outcome {
    if (status >= 200 && status <= 299) {
      const { rejected, message } = partialSuccess(answer, headers.get("content-type") ?? "");
      return { kind: "delivered", rejected, message: this.#mask(message) };
    }
    if (RETRYABLE.has(status)) {
      const after = retryAfter(headers.get("retry-after"));
      return { kind: "retry", why: `HTTP ${status}`, after, unreachable: false };
    }
    const redirect = status >= 300 && status <= 399 ? ", a redirect, which is not followed" : "";
    return { kind: "refused", why: `HTTP ${status}${redirect}`, tooLarge: status === 413 };
  }

  /** A collector that repeats the API key in its answer must not bring it into a diagnostic. */
  #mask(text: string): string {
    return this.#secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
  }
}

/** What must not keep the process alive: a collector that is away is no reason to stay. */
export function unrefTimeout(then: () => void, millis: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(then, millis);
  Deno.unrefTimer(timer);
  return timer;
}

async function compress(batch: Batch): Promise<void> {
  const stream = new Blob([batch.body]).stream().pipeThrough(new CompressionStream("gzip"));
  batch.body = new Uint8Array(await new Response(stream).arrayBuffer());
  batch.compressed = true;
}

/** What the collector says, as far as it is worth reading; an answer that breaks off has still been given. */
async function readAnswer(response: Response): Promise<Uint8Array> {
  const declared = Number(response.headers.get("content-length") ?? Infinity);
  // Mostly it is a word or two, which need no stream.
  if (declared <= MAX_ANSWER) return await response.bytes().catch(() => new Uint8Array());
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      length += chunk.byteLength;
      if (length > MAX_ANSWER) break;
    }
  } catch {
    // What was read until then is all there is.
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** What a collector that took a part says of the rest: `rejectedSpans` and the like, and a message. */
function partialSuccess(answer: Uint8Array, type: string): { rejected: number; message: string } {
  try {
    if (type.startsWith("application/x-protobuf")) return decodePartialSuccess(answer);
    if (type.startsWith("text/html")) {
      return { rejected: 0, message: "the answer is a web page: is this an OTLP receiver?" };
    }
    const partial = JSON.parse(new TextDecoder().decode(answer))?.partialSuccess ?? {};
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

/** The same in protobuf: field 1 of the answer, whose field 1 is the number and field 2 the message. */
function decodePartialSuccess(answer: Uint8Array): { rejected: number; message: string } {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = answer[at++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return value;
    }
  };
  const partial = { rejected: 0, message: "" };
  if (answer[at++] !== 0x0a) return partial;
  const end = Math.min(varint() + at, answer.length);
  while (at < end) {
    const tag = answer[at++];
    const value = varint();
    if (tag === 0x08) partial.rejected = value;
    else if (tag === 0x12) {
      partial.message = new TextDecoder().decode(answer.subarray(at, at += value)).slice(0, 200);
    } else break;
  }
  return partial;
}

/** `Retry-After` in milliseconds: it is given in seconds or as a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const millis = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return millis > 0 ? Math.min(millis, MAX_RETRY_AFTER) : undefined;
}

/** Why a request failed: `fetch` says in its cause what it was. */
function causeOf(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return withoutUrl(reason(cause));
}

/** The endpoint may hold secrets. */
function withoutUrl(message: string): string {
  return message.replace(/ ?for url \([^)]*\):?/, "");
}
