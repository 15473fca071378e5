import { assertEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { Hono } from "hono";
import { routePath } from "hono/route";
import { streamSSE } from "hono/streaming";
import { received } from "../support/configured.ts";

Deno.test("a Hono application is traced with three lines, its route patterns name the spans", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    ctx.recordAttributes({ "http.route": routePath(c) });
  });
  const users = new Hono();
  users.get("/:id", async (c) => {
    await ctx.scope("query", async () => await Promise.resolve());
    return c.json({ id: c.req.param("id") });
  });
  app.route("/users", users);
  app.post("/orders", (c) => c.text("created", 201));
  app.get("/fails", () => {
    throw new RangeError("out of stock");
  });
  app.get("/events", (c) =>
    streamSSE(c, async (stream) => {
      for (const data of ["a", "b"]) await stream.writeSSE({ data });
      ctx.logInfo("Streamed");
    }));
  app.onError((exception, c) => {
    ctx.logError("Request failed", { exception });
    return c.text("sorry", 500);
  });

  const receiver = await received(async () => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      OpenTelemetry.handler(app.fetch),
    );
    const ask = async (path: string, method = "GET") => {
      const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`, { method });
      return [response.status, await response.text()];
    };
    assertEquals(await ask("/users/7"), [200, '{"id":"7"}']);
    assertEquals(await ask("/orders", "POST"), [201, "created"]);
    assertEquals(await ask("/fails"), [500, "sorry"]);
    assertEquals(await ask("/events"), [200, "data: a\n\ndata: b\n\n"]);
    assertEquals((await ask("/unknown/7"))[0], 404);
    await server.shutdown();
  });

  const servers = receiver.spans.filter(({ kind }) => kind === 2);
  assertEquals(servers.map(({ name }) => name), [
    "GET /users/:id",
    "POST /orders",
    "GET /fails",
    "GET /events",
    "GET /*",
  ]);
  assertEquals(servers.map(({ attributes }) => attributes["http.route"]), [
    "/users/:id",
    "/orders",
    "/fails",
    "/events",
    "/*",
  ]);
  const [user, , failed, events] = servers;
  assertEquals(receiver.spans.find(({ name }) => name === "query")?.parentSpanId, user.spanId);
  assertEquals([failed.status.code, failed.attributes["error.type"]], [2, "500"]);
  assertEquals(failed.events.map(({ attributes }) => attributes["exception.type"]), ["RangeError"]);
  assertEquals(receiver.logs.find(({ body }) => body === "Streamed")?.spanId, events.spanId);
});

Deno.test("a Hono application is an exported fetch like any other handler", async () => {
  const app = new Hono().get("/", (c) => c.text("hello"));
  const exported = { fetch: OpenTelemetry.handler(app.fetch) } satisfies Deno.ServeDefaultExport;
  await received(async () => {
    const response = await exported.fetch(new Request("http://localhost/"));
    assertEquals(await response.text(), "hello");
  });
});
