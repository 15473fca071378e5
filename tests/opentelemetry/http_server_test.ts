import { context, propagation, trace } from "@opentelemetry/api";
import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import type { OtlpReceiver, ReceivedSpan } from "../support/receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const UNSET = { code: 0, message: undefined };

/** Serves on the loopback while a body makes requests. */
async function serving(
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

async function text(url: string, init?: RequestInit): Promise<string> {
  return await (await fetch(url, init)).text();
}

function server(receiver: OtlpReceiver): ReceivedSpan {
  const spans = receiver.spans.filter(({ kind }) => kind === 2);
  assertEquals(spans.length, 1, "one server span for each request");
  return spans[0];
}

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
  Deno.env.set("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,PURGE");
  try {
    const receiver = await received(() =>
      serving(OpenTelemetry.handler(() => new Response()), async (url) => {
        for (const method of ["PURGE", "POST"]) await text(url, { method });
      })
    );
    assertEquals(receiver.spans.map(({ name }) => name), ["PURGE", "HTTP"]);
  } finally {
    Deno.env.delete("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS");
  }
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

Deno.test("a streamed body is covered: what it records is in the server span, which ends with it", async () => {
  let closed = 0;
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        let pulled = 0;
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              ctx.logInfo(`chunk ${++pulled}`);
              controller.enqueue(new TextEncoder().encode(`${pulled};`));
              if (pulled < 3) return;
              controller.close();
              closed = Date.now();
            },
          }, { highWaterMark: 0 }),
          { status: 202, headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] },
        );
      }),
      async (url) => {
        const response = await fetch(url);
        assertEquals(response.status, 202);
        assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
        assertEquals(await response.text(), "1;2;3;");
      },
    )
  );
  const span = server(receiver);
  assert(Number(span.endTimeUnixNano / 1_000_000n) >= closed - 1, "the span ends with the body");
  assert(receiver.latest("http.server.request.duration")!.sum! >= 0.015, "so does what is measured");
  assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId === span.spanId]), [
    ["chunk 1", true],
    ["chunk 2", true],
    ["chunk 3", true],
  ]);
  assertEquals([span.status, span.attributes["http.response.status_code"]], [UNSET, 202]);
});

Deno.test("a stream that fails makes the span ERROR with the exception, though its status was 200", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.error(new TypeError("source broke"));
            },
          }, { highWaterMark: 0 }),
        )
      ),
      (url) => text(url).catch(() => {}),
    )
  );
  const span = server(receiver);
  assertEquals(span.status, { code: 2, message: "source broke" });
  assertEquals(span.attributes["http.response.status_code"], 200);
  assertEquals(span.attributes["error.type"], "TypeError");
  assertEquals(span.events.map(({ name }) => name), ["exception"]);
});

Deno.test("a client that goes away ends the span without an error, and the source is told", async () => {
  const cancelled = Promise.withResolvers<void>();
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              controller.enqueue(new Uint8Array(16));
            },
            cancel: () => cancelled.resolve(),
          }),
        )
      ),
      async (url) => {
        const abort = new AbortController();
        const response = await fetch(url, { signal: abort.signal });
        await response.body?.getReader().read();
        abort.abort();
        await cancelled.promise;
      },
    )
  );
  const span = server(receiver);
  assertEquals([span.status, span.events, span.attributes["error.type"]], [UNSET, [], undefined]);
});

Deno.test("a handler that passes on that its client went away is no error either", async () => {
  const waiting = Promise.withResolvers<void>();
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler((request) =>
        new Promise<Response>((_, reject) => {
          request.signal.addEventListener("abort", () => reject(request.signal.reason));
          waiting.resolve();
        })
      ),
      async (url) => {
        const abort = new AbortController();
        const gone = fetch(url, { signal: abort.signal }).catch(() => {});
        await waiting.promise;
        abort.abort();
        await gone;
      },
      () => new Response(null, { status: 499 }),
    )
  );
  const span = server(receiver);
  assertEquals([span.status, span.events, span.attributes["error.type"]], [UNSET, [], undefined]);
});

Deno.test("responses that are no stream are returned untouched, with their length", async () => {
  const made: Response[] = [];
  const given: Response[] = [];
  const handler: Deno.ServeHandler = OpenTelemetry.handler((request) => {
    const path = new URL(request.url).pathname;
    const response = path === "/null"
      ? new Response(null, { status: 204 })
      : path === "/bytes"
      ? new Response(new Uint8Array(3))
      : path === "/json"
      ? Response.json({ a: 1 })
      : path === "/redirect"
      ? Response.redirect("http://127.0.0.1/elsewhere")
      : new Response("text");
    made.push(response);
    return response;
  });
  const receiver = await received(() =>
    serving(async (request, info) => {
      given.push(await handler(request, info));
      return given.at(-1)!;
    }, async (url) => {
      const lengths: (string | null)[] = [];
      for (const path of ["/null", "/bytes", "/json", "/text", "/redirect"]) {
        const response = await fetch(url + path, { redirect: "manual" });
        await response.body?.cancel();
        lengths.push(response.headers.get("content-length"));
      }
      assertEquals(lengths.slice(1, 4), ["3", "7", "4"]);
    })
  );
  given.forEach((response, index) => assertStrictEquals(response, made[index]));
  assertEquals(receiver.spans.length, 5);
});

Deno.test("a response that was fetched goes on with its headers and body", async () => {
  const receiver = await received(() =>
    serving(
      () => new Response("from upstream", { headers: { "x-upstream": "1" } }),
      (upstream) =>
        serving(OpenTelemetry.handler(() => fetch(upstream)), async (url) => {
          const response = await fetch(url);
          assertEquals(response.headers.get("x-upstream"), "1");
          assertEquals(await response.text(), "from upstream");
        }),
    )
  );
  assertEquals(server(receiver).status, UNSET);
});

Deno.test("the answer to HEAD ends the span, though its stream is never read", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => new Response(new ReadableStream())),
      async (url) => assertEquals(await text(url, { method: "HEAD" }), ""),
    )
  );
  assertEquals(server(receiver).name, "HEAD");
});

Deno.test("a streamed response that is replaced by another ends its span all the same", async () => {
  const handler: Deno.ServeHandler = OpenTelemetry.handler(() => new Response(new ReadableStream()));
  const receiver = await received(() =>
    serving(async (request, info) => {
      await handler(request, info);
      return new Response("replaced");
    }, async (url) => assertEquals(await text(url), "replaced"))
  );
  assertEquals(server(receiver).status, UNSET);
});

Deno.test("a web socket is upgraded untouched, and its span ends at 101", async () => {
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler((request) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
        return response;
      }, { route: "/socket" }),
      async (url) => {
        const socket = new WebSocket(url.replace("http", "ws"));
        const answer = new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
        const closed = new Promise((resolve) => socket.onclose = resolve);
        socket.onopen = () => socket.send("hi");
        assertEquals(await answer, "echo hi");
        socket.close();
        await closed;
      },
    )
  );
  const span = server(receiver);
  assertEquals([span.name, span.attributes["http.response.status_code"], span.status], [
    "GET /socket",
    101,
    UNSET,
  ]);
});

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

Deno.test("a handler works without Deno.serve, and in any back end", async () => {
  const observability = new MemoryObservability();
  const handler = OpenTelemetry.handler((request) => {
    ctx.recordAttributes({ "http.route": "/users/:id" });
    return new Response(request.url.endsWith("7") ? "seven" : null, {
      status: request.url.endsWith("7") ? 200 : 500,
    });
  }, { observability });
  assertEquals(await (await handler(new Request("http://localhost/users/7"))).text(), "seven");
  assertEquals((await handler(new Request("http://localhost/users/8"))).status, 500);
  observability.assertScope("GET /users/:id", {
    status: "ok",
    attributes: { "http.response.status_code": 200 },
  });
  observability.assertScope("GET /users/:id", { status: "error", attributes: { "error.type": "500" } });
  assertEquals(observability.totals("http.server.request.duration").length, 2);
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
