import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import { runNative } from "../support/native.ts";
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from "../support/receiver.ts";

const UNSET = { code: 0, message: undefined };

/** Answers with what it was asked for as JSON, and with the status that the path names. */
async function echoing(body: (url: string) => unknown): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const status = Number(new URL(request.url).pathname.slice(1)) || 200;
    const { method, url } = request;
    return Response.json({ method, url, body: await request.text(), headers: [...request.headers] }, {
      status,
    });
  });
  try {
    await body(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

async function header(response: Response, name: string): Promise<string | undefined> {
  const { headers } = await response.json() as { headers: [string, string][] };
  return headers.find(([key]) => key === name)?.[1];
}

function client(receiver: OtlpReceiver): ReceivedSpan {
  const spans = receiver.spans.filter(({ kind }) => kind === 3);
  assertEquals(spans.length, 1, "one client span for each call");
  return spans[0];
}

Deno.test("OpenTelemetry.fetch() is a client span in the trace, which it injects", async () => {
  let sent: string | undefined;
  let port = 0;
  const receiver = await received(() =>
    echoing((url) =>
      ctx.scope("checkout", async () => {
        port = Number(new URL(url).port);
        const response = await OpenTelemetry.fetch(`${url}/201?a=b`, { method: "POST", body: "paid" });
        sent = await header(response, "traceparent");
      })
    )
  );
  const span = client(receiver);
  const parent = receiver.spans.find(({ name }) => name === "checkout");
  assertEquals([span.name, span.status, span.parentSpanId], ["POST", UNSET, parent?.spanId]);
  assertEquals(sent, `00-${span.traceId}-${span.spanId}-01`);
  assertEquals(span.attributes, {
    "http.request.method": "POST",
    "http.response.status_code": 201,
    "server.address": "127.0.0.1",
    "server.port": port,
    "url.full": `http://127.0.0.1:${port}/201?a=b`,
  });
});

Deno.test("OpenTelemetry.fetch() changes nothing of what the caller gave", async () => {
  await received(() =>
    echoing(async (url) => {
      const headers = { accept: "text/plain" };
      const init = Object.freeze({ method: "PUT", headers: Object.freeze(headers), body: "data" });
      const echo = await (await OpenTelemetry.fetch(url, init)).json();
      assertEquals([echo.method, echo.body, headers], ["PUT", "data", { accept: "text/plain" }]);

      const request = new Request(url, { method: "POST", headers: { "x-own": "1" }, body: "own" });
      const answered = await (await OpenTelemetry.fetch(request, { method: "PATCH" })).json();
      assertEquals([answered.method, answered.body], ["PATCH", "own"]);
      assertEquals([...request.headers.keys()], ["content-type", "x-own"]);
      assert(request.bodyUsed, "as with fetch");

      const proxied = new Request("http://elsewhere.invalid/", { headers: { "x-own": "2" } });
      assertEquals(await header(await OpenTelemetry.fetch(new URL(url), proxied), "x-own"), "2");
    })
  );
});

Deno.test("a status from 400 on is an error of a client", async () => {
  const receiver = await received(() =>
    echoing(async (url) => {
      for (const status of [200, 206, 404, 503]) {
        await (await OpenTelemetry.fetch(`${url}/${status}`)).body?.cancel();
      }
    })
  );
  const seen = receiver.spans.map(({ status, attributes }) => [status.code, attributes["error.type"]]);
  assertEquals<unknown[][]>(seen, [[0, undefined], [0, undefined], [2, "404"], [2, "503"]]);
});

Deno.test("the duration of a request is measured in seconds with the advised buckets", async () => {
  const receiver = await received(() =>
    echoing(async (url) => {
      await (await OpenTelemetry.fetch(`${url}/404?secret=1`)).body?.cancel();
    })
  );
  const duration = receiver.latest("http.client.request.duration");
  assertEquals([duration?.kind, duration?.unit, duration?.count], ["histogram", "s", 1]);
  assertEquals(duration?.bounds?.slice(0, 2), [0.005, 0.01]);
  const { "server.port": port, ...attributes } = duration!.attributes;
  assert(typeof port === "number");
  assertEquals(attributes, {
    "http.request.method": "GET",
    "http.response.status_code": 404,
    "server.address": "127.0.0.1",
    "error.type": "404",
  });
});

Deno.test("a failure of the network is recorded without the secrets of its URL, and the same error is thrown", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const url = `http://user:hunter2@127.0.0.1:${server.addr.port}/?sig=s3cret&a=b`;
  await server.shutdown();
  let native: unknown;
  await fetch(url).catch((error) => native = error);
  const receiver = await received(() =>
    ctx.scope("caller", async () => {
      const error = await assertRejects(() => OpenTelemetry.fetch(url), TypeError);
      assertEquals([error.name, error.message], [(native as Error).name, (native as Error).message]);
    })
  );
  const span = client(receiver);
  assertEquals([span.status.code, span.attributes["error.type"]], [2, "TypeError"]);
  assertEquals(span.events.map(({ name }) => name), ["exception"]);
  assertMatch(String(span.events[0].attributes["exception.stacktrace"]), /ext:deno_fetch/);
  const said = JSON.stringify(receiver.bodies);
  assert(!said.includes("hunter2") && !said.includes("s3cret"), "a secret was exported");
  assert(String(span.attributes["url.full"]).endsWith("/?sig=REDACTED&a=b"));
  assert(String(span.attributes["url.full"]).startsWith("http://REDACTED:REDACTED@127.0.0.1:"));
  assertEquals(receiver.latest("http.client.request.duration")?.attributes["error.type"], "TypeError");
});

Deno.test("an aborted request is an error of the kind that its signal says", async () => {
  const reason = new DOMException("enough", "TimeoutError");
  const receiver = await received(() =>
    echoing(async (url) => {
      const thrown = await OpenTelemetry.fetch(url, { signal: AbortSignal.abort(reason) }).catch((error) =>
        error
      );
      assertStrictEquals(thrown, reason);
    })
  );
  assertEquals(client(receiver).attributes["error.type"], "TimeoutError");
});

Deno.test("what cannot be a request rejects as fetch does, and sends no span", async () => {
  const receiver = await received(async () => {
    await assertRejects(() => OpenTelemetry.fetch("no url"), TypeError);
    await assertRejects(() => OpenTelemetry.fetch("http://localhost/", { method: "bad method" }), TypeError);
  });
  assertEquals(receiver.spans, []);
});

Deno.test("a client and a server of this library make one trace", async () => {
  const receiver = await received(async () => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      OpenTelemetry.handler(() => new Response("ok"), { route: "/" }),
    );
    await (await OpenTelemetry.fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
    await server.shutdown();
  });
  const [client, server] = receiver.spans.toSorted((a, b) => b.kind - a.kind);
  assertEquals([client.kind, server.kind], [3, 2]);
  assertEquals([server.traceId, server.parentSpanId], [client.traceId, client.spanId]);
});

Deno.test("OpenTelemetry.fetch() stands in for fetch, with a client of Deno's as well", async () => {
  const replacement: typeof fetch = OpenTelemetry.fetch;
  const path = await Deno.makeTempFile({ suffix: ".sock" });
  await Deno.remove(path);
  const receiver = await received(async () => {
    const server = Deno.serve({ path, onListen: () => {} }, () => new Response("unix"));
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    assertEquals(await (await replacement("http://localhost/", { client })).text(), "unix");
    await server.shutdown();
  });
  assertEquals(client(receiver).attributes["server.address"], "localhost");
});

Deno.test("fetch works in any back end, and for URLs that are no network", async () => {
  const observability = new MemoryObservability();
  await ctx.scope("root", { observability }, async () => {
    assertEquals(await (await OpenTelemetry.fetch("data:text/plain,hello")).text(), "hello");
  });
  const { attributes } = observability.assertScope("root/GET", { status: "ok" });
  assertEquals(attributes, {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "url.full": "data:text/plain,hello",
  });
});

Deno.test("under Deno's built-in OpenTelemetry a request carries the trace once, with its state", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await runNative(
    receiver,
    `import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.autoconfigure({ service: "shop" });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ headers }) =>
      Response.json(["traceparent", "tracestate", "baggage"].map((name) => headers.get(name))));
    const observability = OpenTelemetry.observability({
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "v=1",
      baggage: "user=7",
    });
    await ctx.scope("root", { observability }, async () => {
      const response = await OpenTelemetry.fetch(\`http://127.0.0.1:\${server.addr.port}/\`);
      console.log(await response.text());
    });
    await server.shutdown();
    await OpenTelemetry.shutdown();`,
  );
  assertEquals(code, 0, stderr);
  const [traceparent, tracestate, baggage] = JSON.parse(stdout);
  assertMatch(traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  assertEquals([tracestate, baggage], ["v=1", "user=7"]);
});
