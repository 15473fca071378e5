/** Where nothing listens: a port that no service has, and that the system gives nobody. */
export const NOBODY = "http://127.0.0.1:1";

/** Below those that systems give to listeners and connections that ask for no port of their own. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port that nobody listens on, nor comes to listen on by chance. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
