/**
 * Addresses that do not answer: connections are neither taken nor refused, as where a firewall drops what comes, or
 * are taken by a server that then says nothing.
 *
 * @module
 */

/** A port of the loopback whose queue of connections is full, so that the system drops further ones. */
export interface Unanswered extends Disposable {
  readonly port: number;
}

/** How long, in milliseconds, a connection on the loopback may take that is going to come about. */
const PATIENCE = 1000;

/** Fills the queue of a listener that accepts nobody. */
export async function unanswered(): Promise<Unanswered> {
  // The queue is short, where Deno knows the option; else it takes some more connections to fill it.
  const options = { hostname: "127.0.0.1", port: 0, tcpBacklog: 1 };
  const listener = Deno.listen(options);
  const { port } = listener.addr;
  const waiting: Deno.Conn[] = [];
  const fill = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      waiting.push(await Deno.connect({ hostname: "127.0.0.1", port, signal }));
      return true;
    } catch {
      return false;
    }
  };
  while (await fill());
  return {
    port,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of waiting) connection.close();
    },
  };
}

/** A server that takes what comes and says nothing. */
export interface Silent extends AsyncDisposable {
  readonly port: number;
  /** Resolves when somebody has said something to it. */
  readonly reached: Promise<void>;
}

/** Starts a server of the loopback that never answers. */
export function silent(): Silent {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reached = Promise.withResolvers<void>();
  const open: Deno.Conn[] = [];
  const serve = async (): Promise<void> => {
    for await (const connection of listener) {
      open.push(connection);
      connection.read(new Uint8Array(16)).then(() => reached.resolve(), () => {});
    }
  };
  const serving = serve();
  return {
    port: listener.addr.port,
    reached: reached.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await serving;
    },
  };
}

/** Starts a server whose answer a program waits for, and which comes once something has happened. */
export function opensAfter(promise: Promise<unknown>): AsyncDisposable & { readonly url: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await promise;
    return new Response();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
