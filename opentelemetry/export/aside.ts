import type { MessagePort, Worker } from "node:worker_threads";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { type Post, send as post, sendSource } from "./transport.ts";

/** What the worker is asked for: to send a request, or to give up one that it was given, by its number. */
interface Order {
  readonly id: number;
  readonly url?: string;
  readonly init?: Omit<Post, "signal">;
}

/** What came of a request: an answer, or the message of the failure. */
interface Answer {
  readonly id: number;
  readonly status: number;
  readonly headers: [string, string][];
  readonly said: Uint8Array<ArrayBuffer>;
  readonly failure?: string;
}

/** Sends from a worker that does not keep the process, whatever its requests wait for. */
export class Aside {
  readonly #create: () => Promise<Worker>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #worker: Promise<Worker | undefined> | undefined;
  #count = 0;

  constructor(create: () => Promise<Worker> = createWorker) {
    this.#create = create;
  }

  async send(url: string, { signal, method, headers, body, redirect }: Post): Promise<Response> {
    const worker = await (this.#worker ??= this.#start());
    signal.throwIfAborted();
    if (worker === undefined) return await post(url, { signal, method, headers, body, redirect });
    const id = this.#count++;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    const abort = () => {
      worker.postMessage({ id } satisfies Order);
      waiting.reject(signal.reason);
    };
    signal.addEventListener("abort", abort);
    try {
      worker.postMessage({ id, url, init: { method, headers, body, redirect } } satisfies Order);
      const { status, headers: given, said, failure } = await waiting.promise;
      if (failure !== undefined) throw new TypeError(failure);
      return new Response([204, 205, 304].includes(status) ? null : said, { status, headers: given });
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(id);
    }
  }

  /** Ends the worker; another one is started where there is more to send. */
  async close(): Promise<void> {
    const worker = await this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** There are hosts without workers; what is sent there keeps the process. */
  async #start(): Promise<Worker | undefined> {
    try {
      const worker = await this.#create();
      worker.unref();
      worker.on("message", (answer: Answer) => this.#waiting.get(answer.id)?.resolve(answer));
      worker.on("error", (error: unknown) => {
        this.#worker = undefined;
        for (const { reject } of this.#waiting.values()) reject(error);
      });
      return worker;
    } catch (error) {
      diagnoseFailure("start a worker that exports", error);
      return undefined;
    }
  }
}

async function createWorker(): Promise<Worker> {
  // Hardly any program needs it.
  const { Worker } = await import("node:worker_threads");
  const source = `import { parentPort } from "node:worker_threads";
    const post = ${sendSource};
    (${serve})(parentPort);`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
}

/** Runs in the worker, from its source text: it can use nothing of this module but `post`. */
function serve(port: MessagePort): void {
  /** An answer longer than this says nothing that is worth the memory, one that takes longer is not waited for. */
  const room = 64 * 1024;
  const patienceMillis = 1000;
  const underWay = new Map<number, AbortController>();

  const read = async (response: Response, sending: AbortController): Promise<Uint8Array<ArrayBuffer>> => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const timer = setTimeout(() => sending.abort(), patienceMillis);
    try {
      let length = 0;
      for await (const chunk of response.body ?? []) {
        chunks.push(chunk);
        length += chunk.byteLength;
        if (length > room) break;
      }
    } catch {
      // What was read until then is all there is.
    }
    clearTimeout(timer);
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  };

  const send = async (url: string, init: Omit<Post, "signal">, sending: AbortController) => {
    try {
      const response = await post(url, { ...init, signal: sending.signal });
      const { status, headers } = response;
      return { status, headers: [...headers], said: await read(response, sending) };
    } catch (error) {
      let cause = error;
      while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
      return { failure: String(cause instanceof Error ? cause.message : cause) };
    }
  };

  port.on("message", async ({ id, url, init }: Order) => {
    if (url === undefined || init === undefined) return underWay.get(id)?.abort();
    const sending = new AbortController();
    underWay.set(id, sending);
    const answer = await send(url, init, sending);
    underWay.delete(id);
    port.postMessage({ id, ...answer });
  });
}
