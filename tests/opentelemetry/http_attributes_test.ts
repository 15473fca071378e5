import { context, propagation, trace } from "@opentelemetry/api";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ctx, type HandlerOptions, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import { server, serving, text } from "../support/serving.ts";
import { run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("a server span is named by its route and never by the path, however the route is told", async () => {
  const pattern = new URLPattern({ pathname: "/users/:id" });
  const route = (request: Request) => {
    if (request.url.endsWith("/throws")) throw new Error("no route");
    return pattern.test(request.url) ? pattern.pathname : undefined;
  };
  const handler = OpenTelemetry.handler((request) => {
    if (request.url.includes("/late")) ctx.recordAttributes({ "http.route": "/late/*" });
    return new Response();
  }, { route });
  const receiver = await received(() =>
    serving(handler, async (url) => {
      for (const path of ["/users/7", "/late/1", "/late/2", "/unknown/1", "/throws"]) await text(url + path);
      await text(`${url}/late/3`, { method: "INVENTED" });
      await text(`${url}/unknown/2`, { method: "QUERY" });
    })
  );
  assertEquals(receiver.spans.map(({ name }) => name), [
    "GET /users/:id",
    "GET /late/*",
    "GET /late/*",
    "GET",
    "GET",
    "HTTP /late/*",
    "QUERY",
  ]);
  assertEquals(receiver.spans[1].attributes["http.route"], "/late/*");
  const { attributes } = receiver.spans[5];
  assertEquals(attributes["http.request.method"], "_OTHER");
  assertEquals(attributes["http.request.method_original"], "INVENTED");
  const late = receiver.latest("http.server.request.duration", {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/late/*",
    "url.scheme": "http",
  });
  assertEquals(late?.count, 2);
});

Deno.test("a server span tells what is known of a request, and nothing of what is not", async () => {
  const observability = new MemoryObservability();
  const handler = OpenTelemetry.handler((_request: Request, _info?: unknown) => new Response(), {
    observability,
  });
  await handler(new Request("http://localhost/plain"));
  await handler(new Request("https://[::1]:8443/full?a=b", { headers: { "user-agent": "tests" } }));
  const vsock = {
    remoteAddr: { transport: "vsock", cid: 2, port: 5 },
    completed: Promise.resolve(),
  } as const;
  await handler(new Request("http://localhost/plain"), vsock);
  const [first, ...others] = observability.scopes.map(({ attributes }) => attributes);
  assertEquals(others.pop(), first);
  assertEquals([first, ...others], [
    {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "localhost",
      "server.port": 80,
      "url.path": "/plain",
      "url.scheme": "http",
    },
    {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "::1",
      "server.port": 8443,
      "url.path": "/full",
      "url.query": "a=b",
      "url.scheme": "https",
      "user_agent.original": "tests",
    },
  ]);
});

Deno.test("a URLPattern names the spans of what it matches, and of several the first", async () => {
  const patterns = ["/users/:id", "/users/*", "/orders/:id?"].map((pathname) => new URLPattern({ pathname }));
  const ask = async (route: HandlerOptions["route"]) => {
    const observability = new MemoryObservability();
    const handler = OpenTelemetry.handler(() => new Response(), { route, observability });
    for (const path of ["/users/7", "/users/7/orders", "/orders", "/"]) {
      await handler(new Request(`http://localhost${path}`));
    }
    return observability.scopes.map(({ name }) => name);
  };
  assertEquals(await ask(patterns), ["GET /users/:id", "GET /users/*", "GET /orders/:id?", "GET"]);
  assertEquals(await ask(patterns[0]), ["GET /users/:id", "GET", "GET", "GET"]);
});

Deno.test("a route that a framework sets on the span through the API names it too", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        const baggage = propagation.setBaggage(context.active(), propagation.createBaggage());
        context.with(baggage, () => trace.getActiveSpan()?.setAttribute("http.route", "/users/:id"));
        return new Response();
      }),
      (url) => text(url),
    )
  );
  assertEquals(server(receiver).name, "GET /users/:id");
  assertEquals(receiver.latest("http.server.request.duration")?.attributes["http.route"], "/users/:id");
});

Deno.test("a request that is not sampled is measured all the same, with its route", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        ctx.recordAttributes({ "http.route": "/late" });
        return new Response(new ReadableStream({ start: (controller) => controller.close() }));
      }),
      async (url) => {
        await text(url);
        await text(url, { headers: { traceparent: `00-${TRACE}-${SPAN}-00` } });
      },
    ), { sampling: 0 });
  assertEquals(receiver.spans, []);
  const duration = receiver.latest("http.server.request.duration");
  assertEquals([duration?.count, duration?.attributes["http.route"]], [2, "/late"]);
});

Deno.test("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS replaces the list of known methods", async () => {
  const { stdout } = await run(
    `import { OpenTelemetry } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    const observability = new MemoryObservability();
    const handler = OpenTelemetry.handler(() => new Response(), { observability });
    for (const method of ["PURGE", "POST"]) handler(new Request("http://localhost/", { method }));
    console.log(JSON.stringify(observability.scopes.map(({ name }) => name)));`,
    { flags: ["--allow-env"], env: { OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: "GET,PURGE" } },
  );
  assertEquals(JSON.parse(stdout), ["PURGE", "HTTP"]);
});

Deno.test("what proxies say of the original request is believed for addresses, within bounds", async () => {
  const receiver = await received(() =>
    serving(OpenTelemetry.handler(() => new Response()), async (url) => {
      await text(url, { headers: { forwarded: 'for="[2001:db8::1]:4711";proto=https;host="shop.example"' } });
      await text(url, {
        headers: {
          "x-forwarded-for": "192.0.2.43, 10.0.0.1",
          "x-forwarded-host": "shop.example:8443",
          "x-forwarded-proto": "gopher",
        },
      });
    })
  );
  const said = receiver.spans.map(({ attributes }) => [
    attributes["client.address"],
    attributes["server.address"],
    attributes["server.port"],
    attributes["url.scheme"],
    attributes["network.peer.address"],
  ]);
  assertEquals<unknown[][]>(said, [
    ["2001:db8::1", "shop.example", 443, "https", "127.0.0.1"],
    ["192.0.2.43", "shop.example", 8443, "http", "127.0.0.1"],
  ]);
});

Deno.test("300 requests with the strangest headers are answered, and each is a server span", async () => {
  const value = fc.string({
    unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
  });
  const forwarded = fc.constantFrom(
    "for=",
    'for="[',
    "for=unknown;host=:;proto=",
    "host=a b",
    ";;==,,",
    "FOR=1.2.3.4:x",
  );
  const headers = fc.sample(
    fc.record({
      traceparent: fc.oneof(value, fc.constant(`00-${TRACE}-${SPAN}-01`)),
      tracestate: value,
      baggage: value,
      forwarded: fc.oneof(value, forwarded),
      "x-forwarded-for": value,
      "x-forwarded-host": fc.oneof(value, fc.constantFrom("[::1", "a:99999", "//", "@", "a/b?c#d")),
      "x-forwarded-proto": value,
      "user-agent": value,
    }, { requiredKeys: [] }),
    { numRuns: 300, seed: 20_261_123 },
  );
  const receiver = await received(async () => {
    const handler = OpenTelemetry.handler(() => new Response("ok"));
    for (const init of headers) {
      const response = await handler(new Request("http://localhost/", { headers: init }));
      assertEquals(await response.text(), "ok");
    }
  });
  assertEquals(receiver.spans.filter(({ kind, name }) => kind === 2 && name === "GET").length, 300);
});

Deno.test("a server behind a Unix socket has its path for the peer, or nothing", async () => {
  const path = await Deno.makeTempFile({ suffix: ".sock" });
  await Deno.remove(path);
  const receiver = await received(async () => {
    const server = Deno.serve(
      { path, onListen: () => {} },
      OpenTelemetry.handler(() => new Response("unix")),
    );
    const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    assertEquals(await (await fetch("http://localhost/", { client })).text(), "unix");
    client.close();
    await server.shutdown();
  });
  assertEquals(server(receiver).attributes["server.address"], "localhost");
});
