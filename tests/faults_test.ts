import { assert, assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { assertArrived, atFirst, droppedSpans, freePort, gaps, linesOf, runPlan } from "./support/faults.ts";
import { endless, hang, startAnswering, startFront } from "./support/front.ts";
import { type OtlpReceiver, startReceiver } from "./support/receiver.ts";
import { testRows } from "./support/rows.ts";
import { cert, key } from "./support/self_signed.ts";
import * as signed from "./support/signed.ts";

const rows: Record<string, () => Promise<void>> = {
  async "a collector that is absent at the start gets everything once it is there"() {
    const port = freePort();
    let receiver: OtlpReceiver | undefined;
    const ran = await runPlan({
      endpoint: `http://127.0.0.1:${port}`,
      flushMillis: 500,
      gate: () => void (receiver = startReceiver({ port })),
    });
    assertArrived([receiver!], 0, 8);
    assertMatch(ran.stderr, /Cannot export to .* now, trying again: .*[Rr]efused.*; 8 (spans|logs) wait/);
    await receiver!.close();
  },

  async "a collector that is absent for good costs the program nothing but a line"() {
    const ran = await runPlan({
      endpoint: `http://127.0.0.1:${freePort()}`,
      options: { shutdownTimeoutMillis: 5000 },
      flushMillis: 300,
      shutdownWithin: 6000,
    });
    assertEquals(ran.stats.traces.dropped, { shutdown: 8 });
    assertEquals(droppedSpans(ran.stderr), 8);
    assertMatch(ran.stderr, /Dropped 8 logs \(8 in all\): .* did not take them before the end/);
  },

  async "a collector that goes away and comes back gets what was recorded meanwhile"() {
    const first = startReceiver();
    let second: OtlpReceiver | undefined;
    await runPlan({
      endpoint: first.endpoint,
      flushMillis: 500,
      waves: [5, 5, 5],
      async gate(wave) {
        if (wave === 0) await first.close();
        if (wave === 1) second = startReceiver({ port: first.port });
      },
    });
    assertEquals(first.spans.length, 5);
    assertArrived([first, second!], 0, 15);
    await second!.close();
  },

  async "a collector that hangs for a while gets everything, once"() {
    await using receiver = startReceiver({ fault: atFirst(1, hang) });
    const ran = await runPlan({
      endpoint: receiver.endpoint,
      options: { exportTimeoutMillis: 2000 },
      waves: [5, 5],
    });
    assertArrived([receiver], 0, 10);
    assertMatch(ran.stderr, /trying again: no answer within 2000 ms; 5 (spans|logs) wait/);
  },

  async "a collector that hangs for good does not keep shutdown beyond its time"() {
    await using receiver = startReceiver({ fault: hang });
    const ran = await runPlan({
      endpoint: receiver.endpoint,
      options: { exportTimeoutMillis: 1000, shutdownTimeoutMillis: 5000 },
      shutdownWithin: 6000,
    });
    assertEquals(droppedSpans(ran.stderr), 8);
  },

  async "a connection that is reset is tried again"() {
    await using receiver = startReceiver();
    await using front = startFront(receiver.port, (connection) => connection < 4 ? "reset" : "pass");
    await runPlan({ endpoint: front.endpoint, waves: [4, 4] });
    assertArrived([receiver], 0, 8);
    assertGreaterOrEqual(front.connections, 5);
  },

  async "garbage instead of HTTP is tried again"() {
    await using receiver = startReceiver();
    await using front = startFront(receiver.port, (connection) => connection < 2 ? "garbage" : "pass");
    const ran = await runPlan({ endpoint: front.endpoint });
    assertArrived([receiver], 0, 8);
    assertMatch(ran.stderr, /trying again: /);
  },

  async "429 with Retry-After in seconds is tried again, no sooner"() {
    await using receiver = startReceiver({
      fault: atFirst(1, () => new Response("", { status: 429, headers: { "retry-after": "2" } })),
    });
    const ran = await runPlan({ endpoint: receiver.endpoint });
    assertArrived([receiver], 0, 8);
    assertGreaterOrEqual(gaps(receiver)[0], 1950);
    assertMatch(ran.stderr, /trying again: HTTP 429; 8 (spans|logs) wait/);
  },

  async "503 with Retry-After as a date is tried again, no sooner"() {
    const date = () => new Date(Date.now() + 3000).toUTCString();
    await using receiver = startReceiver({
      fault: atFirst(1, () => new Response("", { status: 503, headers: { "retry-after": date() } })),
    });
    await runPlan({ endpoint: receiver.endpoint });
    assertArrived([receiver], 0, 8);
    assertGreaterOrEqual(gaps(receiver)[0], 1900);
  },

  async "a Retry-After beyond the end does not hold shutdown"() {
    await using receiver = startReceiver({
      fault: () => new Response("", { status: 503, headers: { "retry-after": "3600" } }),
    });
    const ran = await runPlan({ endpoint: receiver.endpoint, flushMillis: 500, shutdownWithin: 3000 });
    assertEquals(droppedSpans(ran.stderr), 8);
    assertEquals(receiver.requests.filter(({ path }) => path === "/v1/traces").length, 1);
  },

  async "400 is not tried again: dropped, counted, said once; what follows arrives"() {
    await using receiver = startReceiver({ fault: atFirst(2, () => new Response("", { status: 400 })) });
    const ran = await runPlan({ endpoint: receiver.endpoint, waves: [3, 4, 5] });
    assertArrived([receiver], 7, 12);
    const said = linesOf(ran.stderr).filter((line) => line.includes("spans"));
    assertEquals(said.length, 2);
    assertMatch(said[1], /Dropped 7 spans in all: 7 refused$/);
    assertMatch(said[0], /Dropped 3 spans \(3 in all\): .*\/v1\/traces refused them: HTTP 400$/);
    assertEquals(gaps(receiver).length, 2);
  },

  async "413 is sent again in halves, and arrives"() {
    await using receiver = startReceiver({
      fault: ({ headers }) =>
        Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
    });
    const ran = await runPlan({ endpoint: receiver.endpoint, size: 1500 });
    assertArrived([receiver], 0, 8);
    assertEquals(linesOf(ran.stderr), []);
  },

  async "413 for a compressed batch is sent again in halves, and arrives"() {
    await using receiver = startReceiver({ fault: atFirst(3, () => new Response("", { status: 413 })) });
    const ran = await runPlan({ endpoint: receiver.endpoint, options: { compression: "gzip" } });
    assertArrived([receiver], 0, 8);
    assertEquals(linesOf(ran.stderr), []);
  },

  async "413 for a batch in protobuf is sent again in halves, and arrives"() {
    await using receiver = startReceiver({
      fault: ({ headers }) =>
        Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
    });
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
    const ran = await runPlan({ endpoint: receiver.endpoint, size: 1500, env });
    assertArrived([receiver], 0, 8);
    assertEquals(linesOf(ran.stderr), []);
  },

  async "413 for a single span drops that span alone"() {
    await using receiver = startReceiver({
      fault: ({ headers }) =>
        Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
    });
    const ran = await runPlan({ endpoint: receiver.endpoint, waves: [2, 1], size: 5000 });
    assertEquals([receiver.spans.length, receiver.logs.length], [0, 3]);
    assertMatch(ran.stderr, /Dropped 1 spans \(1 in all\): .* refused them: HTTP 413/);
  },

  async "a partial success is not tried again, and what was rejected is counted"() {
    await using receiver = startReceiver();
    await using front = startAnswering(receiver, (path) =>
      Response.json(
        path === "/v1/traces"
          ? { partialSuccess: { rejectedSpans: "2", errorMessage: "two are too old" } }
          : {},
      ));
    const ran = await runPlan({ endpoint: front.endpoint });
    assertArrived([receiver], 0, 8);
    assertMatch(ran.stderr, /Dropped 2 spans \(2 in all\): .* rejected them: two are too old/);
  },

  async "a redirect is not followed, as it would take the headers along"() {
    await using elsewhere = startReceiver();
    await using receiver = startReceiver({ fault: () => Response.redirect(elsewhere.endpoint, 307) });
    const ran = await runPlan({ endpoint: receiver.endpoint });
    assertEquals([elsewhere.requests.length, receiver.spans.length], [0, 0]);
    assertMatch(ran.stderr, /Dropped 8 spans .*: HTTP 307, a redirect, which is not followed/);
  },

  async "a web page for an answer is taken as it is, with a warning"() {
    await using receiver = startReceiver();
    await using front = startAnswering(
      receiver,
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    );
    const ran = await runPlan({ endpoint: front.endpoint });
    assertArrived([receiver], 0, 8);
    assertMatch(ran.stderr, /warns: the answer is a web page: is this an OTLP receiver\?/);
  },

  async "an answer that is not what it should be is taken as it is"() {
    await using receiver = startReceiver();
    await using front = startAnswering(
      receiver,
      () => new Response('{"partialSuccess": [{', { status: 202 }),
    );
    const ran = await runPlan({ endpoint: front.endpoint });
    assertArrived([receiver], 0, 8);
    assertEquals(linesOf(ran.stderr), []);
  },

  async "an answer whose body never ends holds nothing up"() {
    await using receiver = startReceiver();
    await using front = startAnswering(receiver, () => endless(200));
    const ran = await runPlan({ endpoint: front.endpoint, waves: [4, 4], shutdownWithin: 5000 });
    assertArrived([receiver], 0, 8);
    assertEquals(linesOf(ran.stderr), []);
  },

  async "a refusal whose body never ends is tried again"() {
    await using receiver = startReceiver({ fault: atFirst(1, () => endless(503)) });
    await runPlan({ endpoint: receiver.endpoint });
    assertArrived([receiver], 0, 8);
  },

  async "an outage longer than the buffer keeps the newest and counts the rest exactly"() {
    const port = freePort();
    let receiver: OtlpReceiver | undefined;
    const ran = await runPlan({
      endpoint: `http://127.0.0.1:${port}`,
      flushMillis: 300,
      waves: [200, 200],
      size: 100_000,
      gate: (wave) => void (wave === 1 && (receiver = startReceiver({ port }))),
    });
    assertEquals(receiver!.logs.length, 400);
    assert(receiver!.spans.some(({ name }) => name === "scope-399"));
    const dropped = droppedSpans(ran.stderr);
    assertGreaterOrEqual(dropped, 1);
    assertEquals(receiver!.spans.length + dropped, 400);
    assertEquals(ran.stats.traces.dropped, { buffer_full: dropped });
    assertMatch(
      ran.stderr,
      /Dropped \d+ spans .*: the buffer of 32 MiB is full .*; 'spool' keeps them on the disk/,
    );
    await receiver!.close();
  },

  async "an outage of five minutes at 100 spans a second costs nothing"() {
    const port = freePort();
    let receiver: OtlpReceiver | undefined;
    const ran = await runPlan({
      endpoint: `http://127.0.0.1:${port}`,
      flushMillis: 200,
      waves: [10_000, 10_000, 10_000],
      size: 300,
      gate: (wave) => void (wave === 2 && (receiver = startReceiver({ port }))),
    });
    assertEquals([ran.stats.traces.exported, ran.stats.logs.exported], [30_000, 30_000]);
    assertEquals([receiver!.spans.length, receiver!.logs.length], [30_000, 30_000]);
    await receiver!.close();
  },

  async "a collector whose certificate nobody vouches for gets nothing"() {
    let requests = 0;
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} }, () => {
      requests++;
      return new Response();
    });
    const endpoint = `https://127.0.0.1:${server.addr.port}`;
    const ran = await runPlan({
      endpoint,
      flushMillis: 2000,
      options: { shutdownTimeoutMillis: 500 },
    });
    assertEquals(requests, 0);
    assertMatch(ran.stderr, /trying again: .*certificate/i);
    assertEquals(ran.stats.traces.dropped, { shutdown: 8 });
  },

  async "over TLS everything arrives, verified by who vouches for the collector"() {
    await using receiver = startReceiver();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert: signed.cert, key: signed.key, onListen: () => {} },
      ({ method, url, headers, body }) =>
        fetch(receiver.endpoint + new URL(url).pathname, { method, headers, body }),
    );
    const ran = await runPlan({
      endpoint: `https://127.0.0.1:${server.addr.port}`,
      env: { DENO_CERT: await signed.authorityFile() },
      waves: [8, 8],
    });
    assertArrived([receiver], 0, 16);
    assertEquals(ran.stderr, "");
  },

  async "a partial success in protobuf is counted, too"() {
    await using receiver = startReceiver();
    // Field 1: { field 1: 3, field 2: "old" }.
    const answer = new Uint8Array([0x0a, 7, 0x08, 3, 0x12, 3, 0x6f, 0x6c, 0x64]);
    const headers = { "content-type": "application/x-protobuf" };
    await using front = startAnswering(receiver, () => new Response(answer, { headers }));
    const ran = await runPlan({
      endpoint: front.endpoint,
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
    });
    assertArrived([receiver], 0, 8);
    assertEquals(ran.stats.traces.dropped, { rejected: 3 });
    assertMatch(ran.stderr, /Dropped 3 spans \(3 in all\): .* rejected them: old/);
  },
};

for (const status of [429, 502, 503, 504]) {
  rows[`${status} is tried again with back-off until it is taken`] = async () => {
    await using receiver = startReceiver({ fault: atFirst(2, () => new Response("", { status })) });
    const ran = await runPlan({ endpoint: receiver.endpoint });
    assertArrived([receiver], 0, 8);
    const [first, second] = gaps(receiver);
    assertGreaterOrEqual(first, 390);
    assertGreaterOrEqual(second, 790);
    assertMatch(ran.stderr, new RegExp(`trying again: HTTP ${status}; 8 (spans|logs) wait`));
  };
}

testRows("faults of the collector", rows);
