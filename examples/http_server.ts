/**
 * An HTTP server and a client of it, in one trace: the server scopes are named by their routes, cover a streamed
 * body, and record what a handler throws, which still goes to `onError`.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 examples/http_server.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

type Handle = (params: Record<string, string | undefined>) => Response | Promise<Response>;

/** Routes as patterns: what matches a request names its scope. */
const routes: [URLPattern, Handle][] = [
  [new URLPattern({ pathname: "/users/:id" }), async ({ id }) => Response.json(await findUser(id))],
  [new URLPattern({ pathname: "/countdown" }), () => new Response(countdown(3))],
  [new URLPattern({ pathname: "/orders" }), () => {
    throw new RangeError("out of stock");
  }],
];

const handler = OpenTelemetry.handler((request) => {
  for (const [pattern, handle] of routes) {
    const match = pattern.exec(request.url);
    if (match === null) continue;
    ctx.recordAttributes({ "http.route": pattern.pathname });
    return handle(match.pathname.groups);
  }
  return new Response("Not found", { status: 404 });
});

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: () => {},
  onError: () => new Response("Sorry", { status: 500 }),
}, handler);

await ctx.scope("visit", async () => {
  for (const path of ["/users/7?sig=secret", "/countdown", "/orders", "/nowhere"]) {
    const response = await OpenTelemetry.fetch(`http://127.0.0.1:${server.addr.port}${path}`);
    ctx.logInfo("Answered", { status: response.status, body: await response.text() });
  }
});

await server.shutdown();
await OpenTelemetry.shutdown();

function findUser(id: string | undefined): Promise<{ id?: string }> {
  return ctx.scope("find-user", { attributes: { "user.id": id } }, () => Promise.resolve({ id }));
}

/** A streamed body: the scope of the request lasts until it has been sent. */
function countdown(from: number): ReadableStream<Uint8Array> {
  return ReadableStream.from(async function* () {
    for (let count = from; count > 0; count--) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      ctx.logInfo("Counting", { count });
      yield `${count} `;
    }
  }()).pipeThrough(new TextEncoderStream());
}
