import { assert, assertEquals, assertRejects } from "@std/assert";
import { Worker } from "node:worker_threads";
import { Aside } from "../../opentelemetry/export/aside.ts";
import { proxyOf } from "../../opentelemetry/export/proxy.ts";
import { Way } from "../../opentelemetry/export/way.ts";
import { endless } from "../support/front.ts";
import { NOBODY } from "../support/ports.ts";
import { startReceiver } from "../support/receiver.ts";
import { serving } from "../support/serving.ts";
import { silent, unanswered } from "../support/unanswered.ts";

const BODY = new TextEncoder().encode('{"resourceLogs":[]}');

function post(signal: AbortSignal = AbortSignal.timeout(20_000), body: Uint8Array<ArrayBuffer> = BODY) {
  const headers = { "content-type": "application/json", "x-key": "secret" };
  return { method: "POST", headers, body, redirect: "manual", signal } as const;
}

Deno.test("a request that gets on leaves from this thread, and holds up nothing", async () => {
  await using receiver = startReceiver();
  const way = new Way(10_000);
  const response = await way.send(`${receiver.endpoint}/v1/logs`, post());
  await response.body?.cancel();
  assertEquals([response.status, receiver.requests[0].headers.get("connection")], [200, "close"]);
  assertEquals(way.heldMillis, 0);
  await way.close();
});

Deno.test("a connection that nobody answers is given up for one from a worker, in the same request", async () => {
  const nowhere = await unanswered();
  const way = new Way(400);
  const sent = way.send(`http://127.0.0.1:${nowhere.port}/v1/logs`, post());
  while (way.heldMillis === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(way.heldMillis, 200);
  nowhere[Symbol.dispose]();
  await using receiver = startReceiver({ port: nowhere.port });
  // A connection that the old listener had in its queue is reset.
  const response = await sent.catch(() => way.send(`${receiver.endpoint}/v1/logs`, post()));
  await response.body?.cancel();
  assertEquals([response.status, receiver.requests.length], [200, 1]);
  await way.close();
});

Deno.test("a body that nobody reads is no reason to keep the process either", async () => {
  await using server = silent();
  const way = new Way(400);
  const giving = new AbortController();
  const sent = way.send(`http://127.0.0.1:${server.port}/`, post(giving.signal, new Uint8Array(32 << 20)));
  while (way.heldMillis === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  giving.abort();
  await assertRejects(() => sent, DOMException);
  await way.close();
});

Deno.test("a request that is given up fails with the reason, whatever it was doing", async () => {
  await using server = silent();
  for (const size of [1, 32 << 20]) {
    const way = new Way(60_000);
    const giving = new AbortController();
    const sent = way.send(`http://127.0.0.1:${server.port}/`, post(giving.signal, new Uint8Array(size)));
    await server.reached;
    giving.abort(new RangeError("given up"));
    await assertRejects(() => sent, RangeError, "given up");
    await way.close();
  }
});

Deno.test("a worker sends the request, and hands on status, headers and body of the answer", async () => {
  const aside = new Aside();
  await serving(async (request) => {
    if (new URL(request.url).pathname === "/none") return new Response(null, { status: 204 });
    const said = [request.method, request.headers.get("x-key"), await request.text()];
    return Response.json(said, { status: 503, headers: { "retry-after": "3" } });
  }, async (url) => {
    const response = await aside.send(`${url}/v1/logs`, post());
    assertEquals([response.status, response.headers.get("retry-after")], [503, "3"]);
    assertEquals(await response.json(), ["POST", "secret", new TextDecoder().decode(BODY)]);
    assertEquals((await aside.send(`${url}/none`, post())).status, 204);
  });
  await aside.close();
});

Deno.test("a worker says why a request failed, gives up what is aborted, and an answer that never ends", async () => {
  const aside = new Aside();
  await assertRejects(() => aside.send(NOBODY, post()), TypeError, "refused");
  await using server = silent();
  const giving = new AbortController();
  const sent = aside.send(`http://127.0.0.1:${server.port}/`, post(giving.signal));
  await server.reached;
  giving.abort();
  await assertRejects(() => sent, DOMException);
  await serving(() => endless(200), async (url) => {
    const response = await aside.send(url, post());
    assertEquals([response.status, (await response.text()).trim()], [200, ""]);
  });
  await aside.close();
});

Deno.test("a worker that breaks fails its requests, and the next has another", async () => {
  await using receiver = startReceiver();
  const workers: Worker[] = [];
  const aside = new Aside(() => {
    const worker = new Worker(new URL("data:text/javascript,"));
    workers.push(worker);
    const postMessage = () => worker.emit("error", new Error("broken"));
    return Promise.resolve(Object.assign(worker, { postMessage }));
  });
  await assertRejects(() => aside.send(receiver.endpoint, post()), Error, "broken");
  await assertRejects(() => aside.send(receiver.endpoint, post()), Error, "broken");
  assertEquals(workers.length, 2);
  for (const worker of workers) await worker.terminate();
  await aside.close();
});

Deno.test("on a host without workers everything is sent from this thread", async () => {
  await using receiver = startReceiver();
  const aside = new Aside(() => Promise.reject(new Error("no workers here")));
  const response = await aside.send(`${receiver.endpoint}/v1/logs`, post());
  await response.body?.cancel();
  assertEquals(response.status, 200);
  await aside.close();
});

Deno.test("a proxy is found in either spelling, and its exceptions are kept", () => {
  const of = (url: string, variables: Record<string, string>) => proxyOf(url, (name) => variables[name]);
  assertEquals(of("http://c", { http_proxy: "http://p" }), "HTTP_PROXY");
  assertEquals(of("https://c", { ALL_PROXY: "http://p" }), "ALL_PROXY");
  assertEquals(of("https://c", { HTTP_PROXY: "http://p" }), undefined);
  assertEquals(of("http://c.example", { HTTP_PROXY: "http://p", no_proxy: "a, .example" }), undefined);
  assert(of("http://c.example", { HTTP_PROXY: "http://p", NO_PROXY: "other.example" }) !== undefined);
});
