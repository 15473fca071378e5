import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { received } from "../support/configured.ts";
import { server, serving, text } from "../support/serving.ts";

const UNSET = { code: 0, message: undefined };

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
  const duration = receiver.latest("http.server.request.duration");
  assert(duration!.sum! >= 0.015, "so does what is measured");
  assertEquals(duration?.count, 1);
  assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId === span.spanId]), [
    ["chunk 1", true],
    ["chunk 2", true],
    ["chunk 3", true],
  ]);
  assertEquals([span.status, span.attributes["http.response.status_code"]], [UNSET, 202]);
});

Deno.test("a stream ends its scope where no server says when it was sent", async () => {
  const observability = new MemoryObservability();
  const handler = OpenTelemetry.handler(
    () => new Response(ReadableStream.from(["a", "b"]).pipeThrough(new TextEncoderStream())),
    { observability },
  );
  const read = await handler(new Request("http://localhost/read"));
  assertEquals(observability.scopes[0].status, "open");
  assertEquals(await read.text(), "ab");
  const cancelled = await handler(new Request("http://localhost/cancelled"));
  await cancelled.body?.cancel();
  assertEquals(observability.scopes.map(({ status }) => status), ["ok", "ok"]);
});

Deno.test("a task that outlives the body holds the span, which ends once", async () => {
  const sent = Promise.withResolvers<void>();
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        ctx.spawn(async () => {
          await sent.promise;
          await ctx.scope("afterwards", () => Promise.resolve());
        });
        return new Response(ReadableStream.from(["a"]).pipeThrough(new TextEncoderStream()));
      }),
      async (url) => {
        await text(url);
        sent.resolve();
      },
    )
  );
  assertEquals(receiver.spans.map(({ name }) => name), ["afterwards", "GET"]);
  assertEquals(receiver.latest("http.server.request.duration")?.count, 1);
  assertEquals(receiver.latest("http.server.active_requests")?.value, 0);
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
      : path === "/blob"
      ? new Response(new Blob(["in memory"]))
      : path === "/json"
      ? Response.json({ a: 1 })
      : path === "/redirect"
      ? Response.redirect("http://127.0.0.1/elsewhere")
      : new Response("text");
    made.push(response);
    // Middleware looks whether there is a body, which makes a stream of it.
    if (path === "/bytes") assert(response.body !== null);
    return response;
  });
  const receiver = await received(() =>
    serving(async (request, info) => {
      given.push(await handler(request, info));
      return given.at(-1)!;
    }, async (url) => {
      const lengths: (string | null)[] = [];
      for (const path of ["/null", "/bytes", "/json", "/text", "/blob", "/redirect"]) {
        const response = await fetch(url + path, { redirect: "manual" });
        await response.body?.cancel();
        lengths.push(response.headers.get("content-length"));
      }
      assertEquals(lengths.slice(1, 4), ["3", "7", "4"]);
    })
  );
  given.forEach((response, index) => assertStrictEquals(response, made[index]));
  assertEquals(receiver.spans.length, 6);
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

Deno.test("spawned tasks that a stream starts are part of its request", async () => {
  const read = Promise.withResolvers<void>();
  const receiver = await received(() =>
    serving(
      OpenTelemetry.handler(() => {
        let pulled = 0;
        return new Response(
          new ReadableStream({
            pull(controller) {
              if (pulled++ > 0) return controller.close();
              ctx.spawn(() => ctx.scope("task", () => read.promise));
              controller.enqueue(new Uint8Array(1));
            },
          }, { highWaterMark: 0 }),
        );
      }),
      async (url) => {
        await text(url);
        read.resolve();
      },
    )
  );
  const [task, request] = receiver.spans;
  assertEquals([task.name, task.parentSpanId], ["task", request.spanId]);
});
