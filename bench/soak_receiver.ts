/**
 * The receiver of the soak, in a worker: it counts the spans that it takes, and fails every other second, each time
 * in another of the ways in which a collector may say that it cannot take any now. Now and then it refuses a request
 * for good, or a part of one, so that there is something to account for.
 *
 * @module
 */

const FAULTS: readonly (() => Response)[] = [
  () => new Response(null, { status: 503 }),
  () => new Response(null, { status: 429, headers: { "retry-after": "1" } }),
  () => new Response(null, { status: 502 }),
  () =>
    new Response(null, {
      status: 504,
      headers: { "retry-after": new Date(Date.now() + 1000).toUTCString() },
    }),
];
/** Of so many requests that it could take, one is refused for good, and another is taken but for so many spans. */
const ODD = 50;
const REJECTED = 10;
/** How long it fails, and how long it works, in milliseconds. */
const PHASE = 1000;

const worker = self as unknown as {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
};
const END = '"endTimeUnixNano"';
let received = 0;
let refused = 0;
let requests = 0;

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  const body = await request.text();
  const phase = Math.floor(performance.now() / PHASE);
  if (phase % 2 === 1) {
    refused++;
    return FAULTS[(phase >> 1) % FAULTS.length]();
  }
  if (++requests % ODD === 0) return new Response(null, { status: 400 });
  // Only a span has an end.
  let spans = 0;
  for (let at = body.indexOf(END); at >= 0; at = body.indexOf(END, at + 1)) spans++;
  if (requests % ODD === ODD / 2 && spans >= REJECTED) {
    received += spans - REJECTED;
    return Response.json({ partialSuccess: { rejectedSpans: REJECTED, errorMessage: "odd" } });
  }
  received += spans;
  return Response.json({});
});

worker.onmessage = () => worker.postMessage({ received, refused });
worker.postMessage({ port: server.addr.port });
