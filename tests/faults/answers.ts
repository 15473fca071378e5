/**
 * Collectors that answer, but not what one would like to hear.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  assertArrived,
  assertNothingArrived,
  atFirst,
  gaps,
  given,
  IN_ALL,
  lost,
  runPlan,
  TRYING_AGAIN,
  tryingAgain,
} from "../support/faults.ts";
import { endless, startAnswering, startFront } from "../support/front.ts";
import { startReceiver } from "../support/receiver.ts";
import type { Rows } from "../support/rows.ts";

/** The rows of answers. */
export const answers: Rows = {};

answers["garbage instead of HTTP is tried again"] = async () => {
  await using receiver = startReceiver();
  await using front = startFront(receiver.port, (connection) => connection < 2 ? "garbage" : "pass");
  await runPlan({ endpoint: front.endpoint, says: [TRYING_AGAIN] });
  assertArrived([receiver], 0, 8);
};

answers["429 with Retry-After in seconds is tried again, no sooner"] = async () => {
  await using receiver = startReceiver({
    fault: atFirst(1, () => new Response("", { status: 429, headers: { "retry-after": "2" } })),
  });
  await runPlan({
    endpoint: receiver.endpoint,
    says: [tryingAgain("HTTP 429", 8)],
  });
  assertArrived([receiver], 0, 8);
  assertGreaterOrEqual(gaps(receiver)[0], 1950);
};

answers["503 with Retry-After as a date is tried again, no sooner"] = async () => {
  const date = () => new Date(Date.now() + 3000).toUTCString();
  await using receiver = startReceiver({
    fault: atFirst(1, () => new Response("", { status: 503, headers: { "retry-after": date() } })),
  });
  await runPlan({ endpoint: receiver.endpoint, says: [tryingAgain("HTTP 503", 8)] });
  assertArrived([receiver], 0, 8);
  assertGreaterOrEqual(gaps(receiver)[0], 1900);
};

answers["a Retry-After beyond the end does not hold shutdown"] = async () => {
  await using receiver = startReceiver({
    fault: () => new Response("", { status: 503, headers: { "retry-after": "3600" } }),
  });
  const ran = await runPlan({
    endpoint: receiver.endpoint,
    flushMillis: 500,
    shutdownWithin: 3000,
    says: [/trying again: HTTP 503/, ...lost(8)],
    maySay: [IN_ALL],
  });
  assertEquals([ran.stats.traces.dropped, ran.stats.logs.dropped], [{ shutdown: 8 }, { shutdown: 8 }]);
  assertNothingArrived(receiver);
  assertEquals(receiver.requests.filter(({ path }) => path === "/v1/traces").length, 1);
};

answers["400 is not tried again: dropped, counted, said once; what follows arrives"] = async () => {
  await using receiver = startReceiver({ fault: atFirst(2, () => new Response("", { status: 400 })) });
  await runPlan({
    endpoint: receiver.endpoint,
    waves: [3, 4, 5],
    says: [
      ...given("refused them: HTTP 400$", 3),
      /Dropped 7 spans in all: 7 refused$/,
      /Dropped 7 logs in all: 7 refused$/,
      /Dropped 2 data points in all: 2 refused$/,
    ],
  });
  assertArrived([receiver], 7, 12);
  assertEquals(gaps(receiver).length, 2);
};

answers["413 is sent again in halves, and arrives"] = async () => {
  await using receiver = startReceiver({
    fault: ({ headers }) =>
      Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
  });
  await runPlan({ endpoint: receiver.endpoint, size: 1500 });
  assertArrived([receiver], 0, 8);
};

answers["413 for a compressed batch is sent again in halves, and arrives"] = async () => {
  const tooLarge = atFirst(3, () => new Response("", { status: 413 }));
  await using receiver = startReceiver({
    fault: (request, path) => path === "/v1/metrics" ? undefined : tooLarge(request, path),
  });
  await runPlan({ endpoint: receiver.endpoint, options: { compression: "gzip" } });
  assertArrived([receiver], 0, 8);
};

answers["413 for a batch in protobuf is sent again in halves, and arrives"] = async () => {
  await using receiver = startReceiver({
    fault: ({ headers }) =>
      Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
  });
  const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
  await runPlan({ endpoint: receiver.endpoint, size: 1500, env });
  assertArrived([receiver], 0, 8);
};

answers["413 for a single span drops that span alone"] = async () => {
  await using receiver = startReceiver({
    fault: ({ headers }) =>
      Number(headers.get("content-length")) > 4000 ? new Response("", { status: 413 }) : undefined,
  });
  const ran = await runPlan({
    endpoint: receiver.endpoint,
    waves: [4, 1],
    size: 5000,
    only: 2,
    says: [/Dropped 1 spans \(1 in all\): .* refused them: HTTP 413; 'limits' keep a record small$/],
  });
  assertEquals(ran.stats.traces.dropped, { refused: 1 });
  assertEquals(receiver.spans.map(({ name }) => name), ["scope-0", "scope-1", "scope-3", "scope-4"]);
  assertEquals(receiver.logs.map(({ body }) => body), [0, 1, 2, 3, 4].map((number) => `log-${number}`));
};

answers["a partial success is not tried again, and what was rejected is counted"] = async () => {
  await using receiver = startReceiver();
  await using front = startAnswering(receiver, (path) =>
    Response.json(
      path === "/v1/traces"
        ? { partialSuccess: { rejectedSpans: "2", errorMessage: "two are too old" } }
        : {},
    ));
  const ran = await runPlan({
    endpoint: front.endpoint,
    says: [/Dropped 2 spans \(2 in all\): .* rejected them: two are too old$/],
  });
  assertArrived([receiver], 0, 8);
  assertEquals(ran.stats.traces.dropped, { rejected: 2 });
};

answers["a redirect is not followed, as it would take the headers along"] = async () => {
  await using elsewhere = startReceiver();
  await using receiver = startReceiver({ fault: () => Response.redirect(elsewhere.endpoint, 307) });
  await runPlan({
    endpoint: receiver.endpoint,
    says: given("refused them: HTTP 307, a redirect, which is not followed$", 8),
    maySay: [IN_ALL],
  });
  assertEquals(elsewhere.requests, []);
  assertNothingArrived(receiver);
};

answers["a web page for an answer is taken as it is, with a warning"] = async () => {
  await using receiver = startReceiver();
  await using front = startAnswering(
    receiver,
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
  );
  await runPlan({
    endpoint: front.endpoint,
    says: [/warns: the answer is a web page: is this an OTLP receiver\?$/],
  });
  assertArrived([receiver], 0, 8);
};

answers["an answer that is not what it should be is taken as it is"] = async () => {
  await using receiver = startReceiver();
  await using front = startAnswering(
    receiver,
    () => new Response('{"partialSuccess": [{', { status: 202 }),
  );
  await runPlan({ endpoint: front.endpoint });
  assertArrived([receiver], 0, 8);
};

answers["an answer whose body never ends holds nothing up"] = async () => {
  await using receiver = startReceiver();
  await using front = startAnswering(receiver, () => endless(200));
  await runPlan({ endpoint: front.endpoint, waves: [4, 4], shutdownWithin: 5000 });
  assertArrived([receiver], 0, 8);
};

answers["a refusal whose body never ends is tried again"] = async () => {
  await using receiver = startReceiver({ fault: atFirst(1, () => endless(503)) });
  await runPlan({ endpoint: receiver.endpoint, says: [/trying again: HTTP 503/] });
  assertArrived([receiver], 0, 8);
};

answers["a partial success in protobuf is counted, too"] = async () => {
  await using receiver = startReceiver();
  // Field 1: { field 1: 3, field 2: "old" }.
  const answer = new Uint8Array([0x0a, 7, 0x08, 3, 0x12, 3, 0x6f, 0x6c, 0x64]);
  const headers = { "content-type": "application/x-protobuf" };
  await using front = startAnswering(receiver, () => new Response(answer, { headers }));
  const ran = await runPlan({
    endpoint: front.endpoint,
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
    says: given("rejected them: old$", 3),
    maySay: [IN_ALL],
  });
  assertArrived([receiver], 0, 8);
  assertEquals(ran.stats.traces.dropped, { rejected: 3 });
  assertEquals(ran.stats.logs.dropped, { rejected: 3 });
};

for (const status of [429, 502, 503, 504]) {
  answers[`${status} is tried again with back-off until it is taken`] = async () => {
    await using receiver = startReceiver({ fault: atFirst(2, () => new Response("", { status })) });
    await runPlan({
      endpoint: receiver.endpoint,
      says: [tryingAgain(`HTTP ${status}`, 8)],
    });
    assertArrived([receiver], 0, 8);
    const [first, second] = gaps(receiver);
    assertGreaterOrEqual(first, 390);
    assertGreaterOrEqual(second, 790);
  };
}
