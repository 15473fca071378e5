import { assert, assertEquals } from "@std/assert";
import { runNative } from "../support/native.ts";
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from "../support/receiver.ts";

const HEAD = `
import { ctx, OpenTelemetry } from "@haiway/otel";
import { trace } from "@opentelemetry/api";
OpenTelemetry.autoconfigure({ service: "shop" });
function serve(handler, options, serveOptions = {}) {
  const observed = OpenTelemetry.handler(handler, options);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {}, ...serveOptions }, observed);
  return { url: "http://127.0.0.1:" + server.addr.port, shutdown: () => server.shutdown() };
}
`;

/** Runs a program that serves; a request to it from here is not traced. */
async function serving(receiver: OtlpReceiver, source: string): Promise<string> {
  const { code, stdout, stderr } = await runNative(receiver, HEAD + source);
  assertEquals(code, 0, stderr);
  return stdout;
}

function servers({ spans }: OtlpReceiver): ReceivedSpan[] {
  return spans.filter(({ kind }) => kind === 2);
}

/** The attributes of a span as they are on the wire, where a key might be there twice. */
function wire(receiver: OtlpReceiver, spanId: string): { key: string; value: Record<string, unknown> }[] {
  return receiver.bodies.filter(({ path }) => path === "/v1/traces")
    .flatMap(({ body }) => body.resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)
    .find((span) => span.spanId === spanId).attributes;
}

Deno.test("native: handler() makes the span of Deno.serve its own: name, route, attributes, integer status", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const { url, shutdown } = serve(async () => {
      ctx.recordAttributes({ "user.id": 7 });
      ctx.logInfo("handling");
      await ctx.scope("inner", () => Promise.resolve());
      return new Response("ok");
    }, { route: "/users/:id" });
    await (await fetch(url + "/users/7?page=2")).text();
    await shutdown();`,
  );
  assertEquals(servers(receiver).length, 1);
  const [server] = servers(receiver);
  assertEquals([server.name, server.scope.name, server.status.code], ["GET /users/:id", "deno", 0]);
  const inner = receiver.spans.find(({ name }) => name === "inner");
  assertEquals(inner?.parentSpanId, server.spanId);
  assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId]), [["handling", server.spanId]]);
  const attributes = wire(receiver, server.spanId);
  const keys = attributes.map(({ key }) => key);
  assertEquals(keys.length, new Set(keys).size, `a key is there twice among ${keys}`);
  const value = (key: string) => attributes.find((attribute) => attribute.key === key)?.value;
  assertEquals(value("http.response.status_code"), { intValue: "200" });
  assertEquals(value("user.id"), { intValue: "7" });
  assertEquals(value("http.route"), { stringValue: "/users/:id" });
  assert(value("server.address") !== undefined);
});

Deno.test("native: a route that is recorded in the handler names the span", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const { url, shutdown } = serve((request) => {
      if (request.url.endsWith("/1")) ctx.recordAttributes({ "http.route": "/late/:id" });
      else trace.getActiveSpan().setAttribute("http.route", "/by/the/api");
      return new Response("ok");
    });
    await (await fetch(url + "/late/1")).text();
    await (await fetch(url + "/late/2")).text();
    await shutdown();`,
  );
  assertEquals(servers(receiver).map(({ name }) => name), ["GET /late/:id", "GET /by/the/api"]);
});

Deno.test("native: an error of the handler is on the span of Deno.serve, and goes on to onError", async () => {
  await using receiver = startReceiver();
  const stdout = await serving(
    receiver,
    `
    const onError = (error) => new Response(error.message, { status: 503 });
    const { url, shutdown } = serve(async (request) => {
      await Promise.resolve();
      throw new RangeError("broken");
    }, { route: "/fail" }, { onError });
    const response = await fetch(url + "/fail");
    console.log(response.status, await response.text());
    await shutdown();`,
  );
  assertEquals(stdout, "503 broken\n");
  const [server] = servers(receiver);
  assertEquals(servers(receiver).length, 1);
  assertEquals([server.name, server.status], ["GET /fail", { code: 2, message: "broken" }]);
  assertEquals(server.attributes["error.type"], "RangeError");
  assertEquals(server.attributes["http.response.status_code"], 503);
  assertEquals(server.events.map(({ attributes }) => attributes["exception.message"]), ["broken"]);
});

Deno.test("native: a response of 500 is an error, one of 404 is none", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const { url, shutdown } = serve((request) =>
      new Response("", { status: Number(new URL(request.url).pathname.slice(1)) }), { route: "/:status" });
    for (const status of [404, 500]) await (await fetch(url + "/" + status)).text();
    await shutdown();`,
  );
  const outcome = servers(receiver).map(({ status, attributes }) => [
    attributes["http.response.status_code"],
    status.code,
    attributes["error.type"],
  ]);
  assertEquals(outcome, [[404, 0, undefined], [500, 2, "500"]]);
});

Deno.test("native: the span covers a streamed body, and an error in it", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const { url, shutdown } = serve((request) => {
      const failing = request.url.endsWith("/failing");
      let sent = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 30));
          if (failing && sent === 1) throw new RangeError("in the body");
          if (sent++ === 1) return controller.close();
          ctx.recordEvent("chunk");
          controller.enqueue(new TextEncoder().encode("chunk"));
        },
      }));
    }, { route: (request) => new URL(request.url).pathname });
    await (await fetch(url + "/whole")).text();
    await (await fetch(url + "/failing")).text().catch(() => {});
    await shutdown();`,
  );
  const [whole, failing] = servers(receiver);
  assertEquals(whole.events.map(({ name }) => name), ["chunk"]);
  assert(whole.endTimeUnixNano - whole.startTimeUnixNano >= 55_000_000n, "it ends with the body");
  assertEquals([whole.attributes["http.response.status_code"], whole.status.code], [200, 0]);
  assertEquals([failing.status.code, failing.attributes["error.type"]], [2, "RangeError"]);
});

Deno.test("native: the request is measured once, by Deno", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const { url, shutdown } = serve(() => new Response("ok"), { route: "/" });
    await (await fetch(url)).text();
    await shutdown();`,
  );
  const durations = receiver.points.filter(({ metric }) => metric === "http.server.request.duration");
  assertEquals(durations.map(({ count }) => count), [1]);
});

Deno.test("native: OpenTelemetry.fetch injects once, and Deno's own client span nests in its scope", async () => {
  await using receiver = startReceiver();
  const stdout = await serving(
    receiver,
    `
    const { url, shutdown } = serve((request) => new Response(request.headers.get("traceparent")), { route: "/" });
    await ctx.scope("caller", async (scope) => {
      const traceparent = await (await OpenTelemetry.fetch(url)).text();
      console.log(traceparent.split("-").length, traceparent.split("-")[1] === scope.traceId);
    });
    await shutdown();`,
  );
  assertEquals(stdout, "4 true\n");
  const [server] = servers(receiver);
  const client = receiver.spans.find(({ spanId }) => spanId === server.parentSpanId);
  const scope = receiver.spans.find(({ spanId }) => spanId === client?.parentSpanId);
  assertEquals([client?.scope.name, scope?.scope.name], ["deno", "@haiway/otel"]);
  assertEquals(receiver.spans.find(({ name }) => name === "caller")?.spanId, scope?.parentSpanId);
});

Deno.test("native: a handler that nobody serves has a span of its own, in the trace that its request names", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    const handler = OpenTelemetry.handler(() => new Response("ok"), { route: "/direct" });
    const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    await (await handler(new Request("http://localhost/direct", { headers }))).text();`,
  );
  const [server] = servers(receiver);
  assertEquals([server.name, server.scope.name, server.parentSpanId], [
    "GET /direct",
    "@haiway/otel",
    "b7ad6b7169203331",
  ]);
});

Deno.test("native: the scope of a private pipeline is the child of the span of Deno.serve", async () => {
  await using receiver = startReceiver();
  await using own = startReceiver();
  const { code, stderr } = await runNative(
    receiver,
    HEAD.replace(
      /OpenTelemetry.autoconfigure.*/,
      `
    OpenTelemetry.configure({
      service: "shop", version: "1.0.0", environment: "test", otlpEndpoint: Deno.env.get("OWN"),
    });`,
    ) + `
    const { url, shutdown } = serve(() => new Response("ok"), { route: "/private" });
    await (await fetch(url)).text();
    await shutdown();
    await OpenTelemetry.shutdown();`,
    { env: { OWN: own.endpoint } },
  );
  assertEquals(code, 0, stderr);
  const [native] = servers(receiver);
  assertEquals(own.spans.map(({ name, parentSpanId }) => [name, parentSpanId]), [[
    "GET /private",
    native.spanId,
  ]]);
});

Deno.test("native: the example for Deno Deploy names Deno's own span", async () => {
  await using receiver = startReceiver();
  await serving(
    receiver,
    `
    await OpenTelemetry.shutdown();
    const { default: deployed } = await import("${new URL(
      "../../examples/deno_deploy.ts",
      import.meta.url,
    )}");
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, deployed.fetch);
    await (await fetch("http://127.0.0.1:" + server.addr.port + "/greetings/Ada")).text();
    await server.shutdown();`,
  );
  assertEquals(servers(receiver).map(({ name }) => name), ["GET /greetings/:name"]);
  assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId]), [
    ["Greeting", servers(receiver)[0].spanId],
  ]);
});
