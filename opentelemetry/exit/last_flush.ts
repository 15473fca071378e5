import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { send as post, sendSource } from "../export/transport.ts";

/** A request that has to be sent before the process ends. */
export interface LastPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What came of it: the last status, or why there was none; `undefined` where the time was over. */
export interface LastAnswer {
  readonly status: number | undefined;
  readonly type: string;
  /** The body of the answer, or the message of the failure. */
  readonly said: Uint8Array;
}

/** What the worker is handed, which it shares with the thread that waits. */
interface Order {
  readonly posts: readonly LastPost[];
  readonly shared: SharedArrayBuffer;
  readonly millis: number;
  readonly patienceMillis: number;
  /** Bytes of an answer that are kept. */
  readonly room: number;
}

const ROOM = 1024;

/**
 * Sends requests while nothing else runs on this thread: a worker posts them, and this thread is blocked until it
 * has, or the time is over. It is the only way to wait in `unload`, `error` and the like. A collector that cannot
 * be connected to is given up sooner than one that is slow, or says that it is busy.
 */
export function postNow(posts: readonly LastPost[], millis: number, patienceMillis: number): LastAnswer[] {
  const shared = new SharedArrayBuffer(4 + posts.length * (8 + ROOM));
  if (posts.length > 0 && millis > 0) {
    try {
      const order: Order = { posts, shared, millis, patienceMillis, room: ROOM };
      const source = `const post = ${sendSource}; onmessage = ({ data }) => (${serve})(data);`;
      const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
      worker.postMessage(order);
      Atomics.wait(new Int32Array(shared, 0, 1), 0, 0, millis);
      worker.terminate();
    } catch (error) {
      diagnoseFailure("export while the process ends", error);
    }
  }
  const table = new Int32Array(shared, 4, posts.length * 2);
  return posts.map((_, index) => {
    const start = 4 + posts.length * 8 + index * ROOM;
    // Decoders take no shared memory.
    const text = new Uint8Array(shared).slice(start, start + table[index * 2 + 1]);
    const end = text.indexOf(10);
    const type = new TextDecoder().decode(text.subarray(0, Math.max(end, 0)));
    return { status: table[index * 2] || undefined, type, said: text.subarray(end + 1) };
  });
}

/** Runs in the worker, from its source text: it can use nothing of this module but `post`. */
async function serve({ posts, shared, millis, patienceMillis, room }: Order): Promise<void> {
  const started = performance.now();
  const left = () => started + millis - performance.now();
  const sleep = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis));
  const table = new Int32Array(shared, 4, posts.length * 2);
  const answers = new Uint8Array(shared, 4 + posts.length * 8);
  const encoder = new TextEncoder();
  const note = (index: number, status: number, type: string, said: Uint8Array) => {
    const head = encoder.encode(`${type.slice(0, 100)}\n`);
    const kept = said.subarray(0, room - head.length);
    answers.set(head, index * room);
    answers.set(kept, index * room + head.length);
    table[index * 2] = status;
    table[index * 2 + 1] = head.length + kept.length;
  };

  /** One try; says whether another one makes sense. */
  const attempt = async (index: number): Promise<boolean> => {
    const { url, headers, body } = posts[index];
    try {
      const signal = AbortSignal.timeout(Math.max(1, left()));
      const response = await post(url, { method: "POST", headers, body, redirect: "manual", signal });
      // The status is what counts: the words that follow are not waited for any longer than this.
      const said = await Promise.race([response.arrayBuffer().catch(() => {}), sleep(200)]);
      const type = response.headers.get("content-type") ?? "";
      note(index, response.status, type, new Uint8Array(said || []));
      return [429, 502, 503, 504].includes(response.status);
    } catch (error) {
      if (left() <= 0) return false;
      let cause = error;
      while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
      note(index, 0, "", encoder.encode(String(cause instanceof Error ? cause.message : cause)));
      return performance.now() - started < patienceMillis;
    }
  };

  let next = 0;
  const send = async (): Promise<void> => {
    while (next < posts.length) {
      const index = next++;
      for (let pause = 50; await attempt(index) && left() > pause; pause *= 2) await sleep(pause);
    }
  };
  await Promise.all([send(), send(), send(), send()]);
  const done = new Int32Array(shared, 0, 1);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}
