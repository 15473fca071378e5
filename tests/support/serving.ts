import { assertEquals } from "@std/assert";
import type { OtlpReceiver, ReceivedSpan } from "./receiver.ts";

/** Serves on the loopback while a body makes requests. */
export async function serving(
  handler: Deno.ServeHandler<Deno.NetAddr>,
  body: (url: string) => unknown,
  onError?: (error: unknown) => Response,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, onError }, handler);
  try {
    await body(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** Asks a server, and gives the body of its answer. */
export async function text(url: string, init?: RequestInit): Promise<string> {
  return await (await fetch(url, init)).text();
}

/** The one server span that arrived. */
export function server(receiver: OtlpReceiver): ReceivedSpan {
  const spans = receiver.spans.filter(({ kind }) => kind === 2);
  assertEquals(spans.length, 1, "one server span for each request");
  return spans[0];
}
