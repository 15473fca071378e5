import { trace } from "@opentelemetry/api";
import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import { server, serving, text } from "../support/serving.ts";
import { run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const UNSET = { code: 0, message: undefined };

Deno.test("OpenTelemetry.handler() makes one server span of a request, after the semantic conventions", async () => {
  let port = 0;
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler((_request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
        port = info.remoteAddr.port;
        return new Response("hello", { status: 201 });
      }, { route: "/users/:id" }),
      (url) => text(`${url}/users/7?q=1&sig=secret`, { headers: { "user-agent": "tester/1" } }),
    )
  );
  const span = server(receiver);
  const { "server.port": serverPort, ...attributes } = span.attributes;
  assert(typeof serverPort === "number" && serverPort > 0);
  assertEquals(attributes, {
    "http.request.method": "GET",
    "http.response.status_code": 201,
    "http.route": "/users/:id",
    "url.path": "/users/7",
    "url.query": "q=1&sig=REDACTED",
    "url.scheme": "http",
    "server.address": "127.0.0.1",
    "client.address": "127.0.0.1",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": port,
    "user_agent.original": "tester/1",
  });
  assertEquals([span.name, span.status, span.parentSpanId], ["GET /users/:id", UNSET, undefined]);
  const [encoded] = receiver.bodies.filter(({ path }) => path === "/v1/traces");
  assertStringIncludes(
    JSON.stringify(encoded.body),
    `{"key":"http.response.status_code","value":{"intValue":201}}`,
  );
});

Deno.test("the headers of a request make the remote span the parent, and its baggage is carried", async () => {
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "v=1", baggage: "user=7" };
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => Response.json(OpenTelemetry.inject({}))),
      async (url) => {
        const injected = JSON.parse(await text(url, { headers }));
        assertEquals([injected.tracestate, injected.baggage], ["v=1", "user=7"]);
        await text(url, { headers: { traceparent: "nonsense" } });
      },
    )
  );
  const [continued, fresh] = receiver.spans;
  assertEquals([continued.traceId, continued.parentSpanId], [TRACE, SPAN]);
  assertEquals(fresh.parentSpanId, undefined);
  assert(fresh.traceId !== TRACE);
});

Deno.test("the duration is in seconds with the advised buckets, and requests in flight are counted", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(async () => {
        await OpenTelemetry.forceFlush();
        return new Response();
      }),
      (url) => text(url),
    )
  );
  const duration = receiver.latest("http.server.request.duration");
  assertEquals([duration?.kind, duration?.unit, duration?.count], ["histogram", "s", 1]);
  assert(duration!.sum! > 0 && duration!.sum! < 10, `${duration!.sum} s`);
  assertEquals(duration?.bounds, [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
  const active = receiver.points.filter(({ metric }) => metric === "http.server.active_requests");
  assertEquals(active.map(({ value }) => value), [1, 0]);
  assertEquals([active[0].kind, active[0].monotonic, active[0].unit], ["sum", false, "{request}"]);
  assertEquals(active[0].attributes, { "http.request.method": "GET", "url.scheme": "http" });
});

Deno.test("4xx is no error of a server, 5xx is", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler((request) =>
        new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) })
      ),
      async (url) => {
        for (const status of [204, 304, 404, 500, 503]) await text(`${url}/${status}`);
      },
    )
  );
  const seen = receiver.spans.map(({ status, attributes }) => [status.code, attributes["error.type"]]);
  assertEquals<unknown[][]>(seen, [[0, undefined], [0, undefined], [0, undefined], [2, "500"], [2, "503"]]);
  assertEquals(receiver.spans[3].status.message, undefined);
});

Deno.test("a status that the handler has set stays", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        trace.getActiveSpan()?.setStatus({ code: 2, message: "half done" });
        return new Response();
      }),
      (url) => text(url),
    )
  );
  assertEquals(server(receiver).status, { code: 2, message: "half done" });
});

for (const kind of ["synchronous", "asynchronous"]) {
  Deno.test(`a ${kind} handler's error is recorded, and the same error goes on to onError`, async () => {
    const thrown = new RangeError("out of stock");
    const caught: unknown[] = [];
    const handler = kind === "synchronous"
      ? () => {
        throw thrown;
      }
      : async () => {
        await Promise.resolve();
        throw thrown;
      };
    const receiver = await received(() =>
      serving(OpenTelemetry.handler(handler, { route: "/" }), async (url) => {
        assertEquals(await text(url), "sorry");
      }, (error) => {
        caught.push(error);
        return new Response("sorry", { status: 500 });
      })
    );
    assertStrictEquals(caught[0], thrown);
    const span = server(receiver);
    assertEquals(span.status, { code: 2, message: "out of stock" });
    assertEquals(span.attributes["error.type"], "RangeError");
    assertEquals(span.attributes["http.response.status_code"], 500);
    assertEquals(span.events.map(({ name }) => name), ["exception"]);
    const attributes = receiver.latest("http.server.request.duration")?.attributes;
    assertEquals([attributes?.["error.type"], attributes?.["http.response.status_code"]], [
      "RangeError",
      500,
    ]);
  });
}

Deno.test("every request is a trace of its own, though the server was started within a scope", async () => {
  const receiver = await received(() =>
    ctx.scope("application", () =>
      serving(
        OpenTelemetry.handler(async () => {
          await ctx.scope("query", async () => await Promise.resolve());
          return new Response();
        }),
        async (url) => {
          await Promise.all([text(url), text(url), text(url)]);
        },
      ))
  );
  const servers = receiver.spans.filter(({ kind }) => kind === 2);
  assertEquals(new Set(servers.map(({ traceId }) => traceId)).size, 3);
  for (const { parentSpanId } of servers) assertEquals(parentSpanId, undefined);
  for (const { traceId, spanId } of servers) {
    const query = receiver.spans.find(({ parentSpanId }) => parentSpanId === spanId);
    assertEquals([query?.name, query?.traceId], ["query", traceId]);
  }
});

Deno.test("a spawned task is awaited, and its failure is the handler's", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(async () => {
        ctx.spawn(async () => {
          await Promise.resolve();
          throw new Error("task failed");
        });
        return await Promise.resolve(new Response("fine"));
      }),
      async (url) => assertEquals(await text(url), "task failed"),
      (error) => new Response((error as Error).message, { status: 500 }),
    )
  );
  assertEquals(server(receiver).status, { code: 2, message: "task failed" });
});

Deno.test("a handler works without Deno.serve, and in any back end", async () => {
  const observability = new MemoryObservability();
  const handler = OpenTelemetry.handler(
    (request) =>
      new Response(request.url.endsWith("7") ? "seven" : null, {
        status: request.url.endsWith("7") ? 200 : 500,
      }),
    { observability, route: "/users/:id" },
  );
  assertEquals(await (await handler(new Request("http://localhost/users/7"))).text(), "seven");
  assertEquals((await handler(new Request("http://localhost/users/8"))).status, 500);
  observability.assertScope("GET /users/:id", {
    status: "ok",
    attributes: { "http.response.status_code": 200, "server.address": "localhost", "server.port": 80 },
  });
  observability.assertScope("GET /users/:id", { status: "error", attributes: { "error.type": "500" } });
  const durations = observability.totals("http.server.request.duration");
  assertEquals(durations.map(({ attributes }) => attributes["http.route"]), ["/users/:id", "/users/:id"]);
});

Deno.test("a synchronous handler answers at once", () => {
  const observability = new MemoryObservability();
  const handler = OpenTelemetry.handler(() => new Response(), { observability });
  assert(handler(new Request("https://localhost/")) instanceof Response);
  assertEquals(observability.scopes[0].attributes["server.port"], 443);
});

Deno.test("a handler that fails makes Deno say nothing that it would not have said", async () => {
  const script = (wrap: string) => `
    import { OpenTelemetry } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const observability = new MemoryObservability();
    const wrap = ${wrap};
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, onError: () => new Response(null, { status: 500 }) },
      wrap(() => { throw new RangeError("out of stock") }),
    );
    await (await fetch(\`http://127.0.0.1:\${server.addr.port}/\`)).text();
    await server.shutdown();`;
  const flags = ["--allow-net=127.0.0.1"];
  const wrapped = await run(script("(handler) => OpenTelemetry.handler(handler, { observability })"), {
    flags,
  });
  assertEquals(wrapped, await run(script("(handler) => handler"), { flags }));
  assertEquals([wrapped.code, wrapped.stderr], [0, ""]);
});

Deno.test("an exported fetch and a Deno.serve call take the wrapped handler as it is", () => {
  const exported = {
    fetch: OpenTelemetry.handler((request, info) =>
      new Response(`${request.url} ${info.remoteAddr.transport}`)
    ),
  } satisfies Deno.ServeDefaultExport;
  const net: Deno.ServeHandler<Deno.NetAddr> = OpenTelemetry.handler((_request, info) =>
    new Response(info.remoteAddr.hostname)
  );
  assert(typeof exported.fetch === "function" && typeof net === "function");
});

Deno.test("a wrong handler, listener or option is refused when it is given", () => {
  const wrap = OpenTelemetry.handler as (...given: unknown[]) => unknown;
  const listen = OpenTelemetry.listener as (...given: unknown[]) => unknown;
  const cases: [() => unknown, string][] = [
    [() => wrap("handler"), "wrap a handler as 'handler' must be a function: current value is \"handler\""],
    [() => wrap(() => {}, { route: ["/users"] }), 'one or more URLPatterns: current value is ["/users"]'],
    [
      () => wrap(() => {}, { route: "" }),
      "'route' must be a non-empty string, a function, or one or more URLPatterns: current value is \"\"",
    ],
    [
      () => wrap(() => {}, { route: 7 }),
      "'route' must be a non-empty string, a function, or one or more URLPatterns: current value is 7",
    ],
    [
      () => wrap(() => {}, { observability: {} }),
      "'observability' must be an Observability: current value is {}",
    ],
    [
      () => listen("name", undefined),
      "wrap a listener as 'listener' must be a function: current value is undefined",
    ],
  ];
  for (const [call, message] of cases) assertThrows(call, TypeError, message);
});

Deno.test("what only resembles a request is handled all the same", async () => {
  await received(async () => {
    const handler = OpenTelemetry.handler((request) => new Response(request.url));
    const response = await handler({ url: "/relative", method: "GET" } as Request);
    assertEquals(await response.text(), "/relative");
  });
});

Deno.test("a request that has ended is let go, though a task of it lives on", async () => {
  const { code, stdout, stderr } = await run(
    `import { ctx, OpenTelemetry } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const observability = new MemoryObservability();
    const task = Promise.withResolvers();
    const handler = OpenTelemetry.handler(() => {
      ctx.spawnBackground(() => task.promise);
      return new Response();
    }, { observability });
    const handled = () => {
      const request = new Request("http://localhost/");
      handler(request);
      return new WeakRef(request);
    };
    const request = handled();
    for (let tries = 0; tries < 50 && request.deref() !== undefined; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      gc();
    }
    console.log(request.deref() === undefined ? "let go" : "held");
    task.resolve();`,
    { flags: ["--v8-flags=--expose-gc"] },
  );
  assertEquals([code, stdout, stderr], [0, "let go\n", ""]);
});

Deno.test("a meter that cannot count the requests in flight costs the count, never the request", async () => {
  const { code, stdout, stderr } = await run(`
    import { metrics } from "@opentelemetry/api";
    import { OpenTelemetry } from "@haiway/otel";
    const meter = metrics.getMeter("none");
    const broken = { ...meter, createUpDownCounter() { throw new Error("broken"); } };
    Object.setPrototypeOf(broken, meter);
    metrics.setGlobalMeterProvider({ getMeter: () => broken });
    OpenTelemetry.autoconfigure({ service: "s" });
    const handler = OpenTelemetry.handler(() => new Response("answered"));
    console.log(await (await handler(new Request("http://localhost/"))).text());
  `);
  assertEquals([code, stdout], [0, "answered\n"]);
  assertEquals(stderr.split("\n").filter((line) => line.includes("in flight")), [
    "[@haiway/otel] Cannot count the requests in flight: broken",
  ]);
});
