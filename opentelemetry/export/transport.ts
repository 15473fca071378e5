import { Environment } from "../configuration/environment.ts";
import { isNative, registered } from "../native/registered.ts";
import { proxyOf } from "./proxy.ts";

/** What an exporter asks for. */
export interface Post {
  readonly method: "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly redirect: "manual";
  readonly signal: AbortSignal;
  /** Called when there is a connection, after which the request may have been taken whatever happens. */
  readonly onConnection?: (connection: Deno.Conn) => void;
  /** Called when the request begins to keep the process, with true, and when it no longer does. */
  readonly onHold?: (holds: boolean) => void;
  /** Where the connection is left for the next request, if the other side keeps it. */
  readonly kept?: Kept;
}

/** A connection that waits for the next request to the same endpoint. */
export interface Kept {
  idle?: Deno.Conn | undefined;
}

/** Closes the connection that waits, if one does. */
export function closeKept(kept: Kept): void {
  try {
    kept.idle?.close();
  } catch {
    // The other side was first.
  }
  kept.idle = undefined;
}

/** A request over HTTP/1.1 on a connection of its own, which Deno's built-in OpenTelemetry does not trace. */
export async function postUntraced(url: string, post: Post): Promise<Response> {
  // It runs in a worker too, from its source text, and can use nothing of this module.
  const { headers, body, signal, onConnection, onHold, kept } = post;
  const maxAnswer = 64 * 1024;
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  const secure = protocol === "https:";
  const address = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (secure ? 443 : 80)) };
  signal.throwIfAborted();
  const reused = kept?.idle;
  if (kept !== undefined) kept.idle = undefined;

  let connection: Deno.Conn;
  const close = () => {
    try {
      connection.close();
    } catch {
      // It is closed already, or was never there.
    }
  };

  const connect = async (): Promise<void> => {
    onHold?.(true);
    const plain = connection = await Deno.connect({ ...address, signal });
    signal.throwIfAborted();
    // The body follows the head at once, and not when the other side has said that it has the head: 40 ms later.
    plain.setNoDelay();
    if (secure) {
      const encrypted = await Deno.startTls(plain, { hostname: address.hostname });
      connection = encrypted;
      await encrypted.handshake();
    }
    onConnection?.(connection);
  };

  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  };

  /** Whether the whole of an answer is there, before the other side closes the connection. */
  const isComplete = (answer: string): boolean => {
    const end = answer.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = answer.slice(0, end);
    if (/^HTTP\/1\.\d (204|304)/.test(head)) return true;
    const length = /\r\ncontent-length:\s*(\d+)/i.exec(head);
    if (length !== null) return answer.length >= end + 4 + Number(length[1]);
    return /\r\ntransfer-encoding:\s*chunked/i.test(head) && answer.endsWith("\r\n0\r\n\r\n");
  };

  /** Whether the other side takes another request on the same connection. */
  const isKept = (answer: string): boolean =>
    /^HTTP\/1\.1 /.test(answer) && isComplete(answer) && !/\r\nconnection:\s*close/i.test(answer);

  /** The answer as text of one character for each byte. */
  const readAll = async (): Promise<string> => {
    const buffer = new Uint8Array(16 * 1024);
    const decoder = new TextDecoder("latin1");
    let answer = "";
    // The status is what counts: the words that follow are not waited for much longer.
    let timer: ReturnType<typeof setTimeout> | undefined;
    while (answer.length < maxAnswer && !isComplete(answer)) {
      if (timer === undefined && answer.includes("\r\n\r\n")) timer = setTimeout(close, 1000);
      const count = await connection.read(buffer).catch((error) => {
        // Who has answered and then breaks the connection has still answered.
        if (answer.includes("\r\n\r\n")) return null;
        throw error;
      });
      if (count === null) break;
      answer += decoder.decode(buffer.subarray(0, count));
    }
    clearTimeout(timer);
    return answer;
  };

  const unchunk = (raw: string): string => {
    let whole = "";
    for (let at = 0; at < raw.length;) {
      const lineEnd = raw.indexOf("\r\n", at);
      const size = parseInt(raw.slice(at, lineEnd), 16);
      if (lineEnd < 0 || !(size > 0)) break;
      whole += raw.slice(lineEnd + 2, lineEnd + 2 + size);
      at = lineEnd + 2 + size + 2;
    }
    return whole;
  };

  const parse = (answer: string): Response => {
    const end = answer.indexOf("\r\n\r\n");
    const [first, ...lines] = answer.slice(0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(first)?.[1]);
    if (end < 0 || !(status >= 200 && status <= 599)) throw new TypeError("the answer is not HTTP/1.1");
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon > 0) headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    const raw = answer.slice(end + 4);
    const text = headers.get("transfer-encoding")?.toLowerCase() === "chunked" ? unchunk(raw) : raw;
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new Response([204, 205, 304].includes(status) ? null : bytes, { status, headers });
  };

  const exchange = async (): Promise<string> => {
    const head = Object.entries({
      host,
      connection: kept === undefined ? "close" : "keep-alive",
      "content-length": `${body.length}`,
      ...headers,
    });
    const lines = [`POST ${pathname}${search} HTTP/1.1`, ...head.map(([name, value]) => `${name}: ${value}`)];
    onHold?.(true);
    await write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    await write(body);
    // Who waits for an answer on a connection that was let go of does not keep the process.
    onHold?.(false);
    return await readAll();
  };

  let answer = "";
  signal.addEventListener("abort", close);
  try {
    if (reused !== undefined) {
      connection = reused;
      onConnection?.(connection);
      // A connection that waited may have been closed meanwhile, and says so only when it is used.
      answer = await exchange().catch(() => "");
      signal.throwIfAborted();
      if (answer === "") close();
    }
    if (answer === "") {
      await connect();
      answer = await exchange();
    }
    return parse(answer);
  } catch (error) {
    // A connection that is closed under a write says that it was interrupted, and not why.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted && kept !== undefined && isKept(answer)) kept.idle = connection!;
    else close();
  }
}

/** Whether Deno traces what leaves by its own `fetch`. */
const traced = isNative(registered());
/** Taken when the module is loaded, so that a test that replaces the global does not see its own telemetry. */
const fetch = globalThis.fetch;

/**
 * Sends an export, on connections of its own: they are not traced, and once they are there they do not keep a process
 * that has come to its end, as `fetch` would.
 */
export async function send(url: string, post: Post): Promise<Response> {
  let connected = false;
  // Who waits for the end of a flush keeps the process by waiting.
  const onConnection = (connection: Deno.Conn) => {
    connected = true;
    connection.unref();
  };
  try {
    return await postUntraced(url, { ...post, onConnection });
  } catch (error) {
    // A proxy that the environment may not tell of could still be the way.
    if (traced || connected || post.signal.aborted) throw error;
    return await fetch(url, post);
  }
}

/** Whether only `fetch` knows the way to a URL. */
export function needsFetch(url: string): boolean {
  if (traced) return false;
  const environment = new Environment();
  return proxyOf(url, (name) => environment.get(name)) !== undefined;
}

/** What sends without being traced, as the source text of an expression for a worker. */
export const sendSource: string = traced ? postUntraced.toString() : "fetch";
