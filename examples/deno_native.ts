/**
 * Scopes through Deno's built-in OpenTelemetry: they nest with the spans that Deno makes of `Deno.serve` and `fetch`,
 * and the handler names the span of the server instead of adding one.
 *
 * ```sh
 * OTEL_DENO=true OTEL_SERVICE_NAME=shop \
 *   deno run --allow-net=127.0.0.1,localhost --allow-env=OTEL_* examples/deno_native.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.autoconfigure({ service: "shop", version: "1.0.0", environment: "development" });

const prices = new URLPattern({ pathname: "/prices/:item" });

const handler = OpenTelemetry.handler(async (request) => {
  const item = prices.exec(request.url)?.pathname.groups.item ?? "";
  const price = await ctx.scope("look-up", { attributes: { item } }, () => Promise.resolve(250));
  ctx.logInfo("Priced", { item, price });
  return Response.json(price);
}, { route: prices.pathname });

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);

await ctx.scope("checkout", async () => {
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/prices/tea`);
  const total: number = await response.json();
  ctx.recordMetric("orders", { value: 1, kind: "counter", attributes: { total } });
  ctx.logInfo("Sold", { total });
});

await server.shutdown();
await OpenTelemetry.shutdown();
