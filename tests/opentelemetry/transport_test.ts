import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { closeKept, type Kept, postUntraced } from "../../opentelemetry/export/transport.ts";
import { NOBODY } from "../support/ports.ts";
import { startReceiver } from "../support/receiver.ts";

const BODY = new TextEncoder().encode('{"resourceLogs":[]}');

/** A server of raw bytes: it waits for the whole request, and answers with exactly these texts, one after the other. */
async function answering(
  answer: readonly string[],
  body: (url: string, request: Promise<string>) => Promise<void>,
  end: "close" | "keep" = "close",
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const request = Promise.withResolvers<string>();
  const released = Promise.withResolvers<void>();
  const served = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    let text = "";
    while (!text.endsWith(new TextDecoder().decode(BODY))) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    request.resolve(text);
    for (const part of answer) await connection.write(new TextEncoder().encode(part));
    if (end === "keep") await released.promise;
  })();
  try {
    await body(`http://127.0.0.1:${listener.addr.port}/v1/logs?key=1`, request.promise);
  } finally {
    released.resolve();
    await served;
  }
}

function post(url: string, signal: AbortSignal = AbortSignal.timeout(5000)): Promise<Response> {
  const headers = { "content-type": "application/json", "x-key": "secret" };
  return postUntraced(url, { method: "POST", headers, body: BODY, redirect: "manual", signal });
}

Deno.test("the untraced post sends method, path, headers and body", async () => {
  await answering(["HTTP/1.1 204 No Content\r\n\r\n"], async (url, request) => {
    assertEquals((await post(url)).status, 204);
    const [head, body] = (await request).split("\r\n\r\n");
    const [first, ...lines] = head.split("\r\n");
    assertEquals(first, "POST /v1/logs?key=1 HTTP/1.1");
    assertEquals(lines, [
      `host: ${new URL(url).host}`,
      "connection: close",
      `content-length: ${BODY.length}`,
      "content-type: application/json",
      "x-key: secret",
    ]);
    assertEquals(body, '{"resourceLogs":[]}');
  });
});

Deno.test("the untraced post reads the answer: to its length, in chunks, or to the end", async () => {
  const length = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n";
  await answering([length, '{"a":', "1}"], async (url) => {
    const response = await post(url);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(await response.json(), { a: 1 });
  }, "keep");
  const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  await answering([chunked, '4;x=y\r\n{"a"\r\n', "3\r\n:1}\r\n0\r\n\r\n"], async (url) => {
    assertEquals(await (await post(url)).json(), { a: 1 });
  }, "keep");
  await answering(["HTTP/1.1 503 Busy\r\nretry-after: 3\r\n\r\n", "bu", "sy"], async (url) => {
    const response = await post(url);
    assertEquals([response.status, response.headers.get("retry-after")], [503, "3"]);
    assertEquals(await response.text(), "busy");
  });
});

Deno.test("the untraced post rejects what is no answer of HTTP, none at all, and a refused connection", async () => {
  await answering(["SSH-2.0-OpenSSH_9.6\r\n"], async (url) => {
    await assertRejects(() => post(url), TypeError, "not HTTP");
  });
  await answering([], async (url) => {
    await assertRejects(() => post(url), TypeError, "not HTTP");
  });
  await assertRejects(() => post(NOBODY), Deno.errors.ConnectionRefused);
});

Deno.test("the untraced post ends when it is aborted, and leaves nothing open", async () => {
  await answering(["HTTP/1.1 200 OK\r\n"], async (url, request) => {
    const abort = new AbortController();
    const posted = post(url, abort.signal);
    await request;
    abort.abort();
    await assertRejects(() => posted, Error);
  }, "keep");
  await assertRejects(() => post(NOBODY, AbortSignal.abort()), DOMException);
});

Deno.test("a kept connection serves the next request, and is made anew where the other side has closed it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/v1/logs`;
  const answer = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
  const end = new TextDecoder().decode(BODY);
  /** Answers so many requests on the next connection, and closes it. */
  const serve = async (requests: number): Promise<void> => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    for (let served = 0; served < requests; served++) {
      let text = "";
      while (!text.endsWith(end)) {
        text += new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
      }
      await connection.write(answer);
    }
  };
  const kept: Kept = {};
  const send = async () => {
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(5000);
    const response = await postUntraced(url, {
      method: "POST",
      headers,
      body: BODY,
      redirect: "manual",
      signal,
      kept,
    });
    return await response.text();
  };
  const first = serve(2);
  assertEquals([await send(), await send()], ["{}", "{}"]);
  await first;
  const second = serve(1);
  assertEquals(await send(), "{}");
  await second;
  closeKept(kept);
  assertEquals(kept.idle, undefined);
});

Deno.test("on a kept connection a body does not wait until the other side has said that it has the head", async () => {
  await using receiver = startReceiver();
  const kept: Kept = {};
  const started = performance.now();
  for (let index = 0; index < 25; index++) {
    const response = await postUntraced(`${receiver.endpoint}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: BODY,
      redirect: "manual",
      signal: AbortSignal.timeout(5000),
      kept,
    });
    await response.body?.cancel();
  }
  closeKept(kept);
  // It would wait for 40 ms each time.
  assertLess(performance.now() - started, 500);
});
