/**
 * A Hono application, traced: its route patterns name the scopes of its requests.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 examples/hono.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";
import { Hono } from "hono";
import { routePath } from "hono/route";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

const app = new Hono();

// One: the route that answered names the scope.
app.use(async (c, next) => {
  await next();
  ctx.recordAttributes({ "http.route": routePath(c) });
});

// Two, if you like: Hono turns errors into responses, so it is here that they can be recorded.
app.onError((exception, c) => {
  ctx.logError("Request failed", { exception });
  return c.text("Sorry", 500);
});

app.get("/users/:id", async (c) => {
  const id = c.req.param("id");
  return c.json(
    await ctx.scope("find-user", { attributes: { "user.id": id } }, () => Promise.resolve({ id })),
  );
});

app.get("/orders", () => {
  throw new RangeError("out of stock");
});

// Three: each request is a scope. On Deno Deploy: export default { fetch: OpenTelemetry.handler(app.fetch) };
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  OpenTelemetry.handler(app.fetch),
);

for (const path of ["/users/7", "/orders", "/nowhere"]) {
  const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`);
  console.log(response.status, await response.text());
}

await server.shutdown();
await OpenTelemetry.shutdown();
