/** Where nothing listens: no service has the port, and no system gives it to who asks for none of their own. */
export const NOBODY = "http://127.0.0.1:19999";

/** Above it, and below those that systems give. */
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
