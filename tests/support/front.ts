/**
 * Fronts before a receiver, for what it does not do itself: connections that break or answer nonsense, requests
 * that are never answered, and odd answers to what was taken.
 *
 * @module
 */

import type { OtlpReceiver } from "./receiver.ts";

/** What happens to a connection: it is broken once it has sent something, is answered nonsense, or works. */
export type Treatment = "reset" | "garbage" | "pass";

/** A running front. */
export interface Front extends AsyncDisposable {
  readonly endpoint: string;
  /** How many connections came. */
  readonly connections: number;
}

/** Starts a front before the receiver on a port; each connection, counted from 0, is treated as told. */
export function startFront(port: number, treatment: (connection: number) => Treatment): Front {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let connections = 0;

  async function serve(): Promise<void> {
    for await (const connection of listener) void handle(connection, treatment(connections++));
  }

  async function handle(connection: Deno.Conn, treatment: Treatment): Promise<void> {
    open.add(connection);
    try {
      if (treatment === "pass") return await pipe(connection, port, open);
      await connection.read(new Uint8Array(16));
      if (treatment === "garbage") {
        await connection.write(new TextEncoder().encode("\u0001 nonsense\r\n\r\n"));
      }
    } catch {
      // The other side has gone.
    } finally {
      close(connection);
    }
  }

  function close(connection: Deno.Conn): void {
    open.delete(connection);
    try {
      connection.close();
    } catch {
      // It is closed already.
    }
  }

  const serving = serve();
  return {
    endpoint: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of [...open]) close(connection);
      await serving;
    },
  };
}

async function pipe(connection: Deno.Conn, port: number, open: Set<Deno.Conn>): Promise<void> {
  const upstream = await Deno.connect({ hostname: "127.0.0.1", port });
  open.add(upstream);
  await Promise.allSettled([
    connection.readable.pipeTo(upstream.writable),
    upstream.readable.pipeTo(connection.writable),
  ]);
  open.delete(upstream);
}

/** Passes every request on to a receiver, and answers each in its own way. */
export function startAnswering(receiver: OtlpReceiver, answer: (path: string) => Response): Front {
  const cutting = new AbortController();
  let connections = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: cutting.signal },
    async (request) => {
      connections++;
      const { pathname } = new URL(request.url);
      const { headers } = request;
      const body = await request.arrayBuffer();
      const taken = await fetch(receiver.endpoint + pathname, { method: "POST", headers, body });
      await taken.body?.cancel();
      return answer(pathname);
    },
  );
  return {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      cutting.abort();
      await server.finished;
    },
  };
}

/** An answer that never comes: the collector hangs. */
export function hang(): Promise<Response> {
  return new Promise(() => {});
}

/** An answer whose body never ends, a piece every few milliseconds. */
export function endless(status: number): Response {
  let timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new Uint8Array([32])), 20);
    },
    cancel() {
      clearInterval(timer);
    },
  });
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}
