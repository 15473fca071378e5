/**
 * Collectors that are away, break off, say nothing, or are not who they should be.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  assertArrived,
  assertNothingArrived,
  atFirst,
  droppedSpans,
  IN_ALL,
  lost,
  runPlan,
  TRYING_AGAIN,
  tryingAgain,
} from "../support/faults.ts";
import { hang, startFront } from "../support/front.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
import { freePort, NOBODY } from "../support/ports.ts";
import type { Rows } from "../support/rows.ts";
import { cert, key } from "../support/self_signed.ts";
import * as signed from "../support/signed.ts";

/** The rows of collectors that cannot be reached. */
export const outages: Rows = {};

outages["a collector that is absent at the start gets everything once it is there"] = async () => {
  const port = freePort();
  let receiver: OtlpReceiver | undefined;
  await runPlan({
    endpoint: `http://127.0.0.1:${port}`,
    flushMillis: 500,
    says: [tryingAgain(".*[Rr]efused.*", 8)],
    gate: () => void (receiver = startReceiver({ port })),
  });
  assertArrived([receiver!], 0, 8);
  await receiver!.close();
};

outages["a collector that is absent for good costs the program nothing but a line"] = async () => {
  const ran = await runPlan({
    endpoint: NOBODY,
    options: { shutdownTimeoutMillis: 5000 },
    flushMillis: 300,
    shutdownWithin: 6000,
    says: [
      /trying again: .*[Rr]efused/,
      ...lost(8),
    ],
    maySay: [IN_ALL],
  });
  assertEquals(ran.stats.traces.dropped, { shutdown: 8 });
  assertEquals(ran.stats.logs.dropped, { shutdown: 8 });
};

outages["a collector that goes away and comes back gets what was recorded meanwhile"] = async () => {
  const first = startReceiver({ port: freePort() });
  let second: OtlpReceiver | undefined;
  await runPlan({
    endpoint: first.endpoint,
    flushMillis: 500,
    waves: [5, 5, 5],
    says: [TRYING_AGAIN],
    async gate(wave) {
      if (wave === 0) await first.close();
      if (wave === 1) second = startReceiver({ port: first.port });
    },
  });
  assertArrived([first], 0, 5);
  assertArrived([first, second!], 0, 15);
  await second!.close();
};

outages["a collector that hangs for a while gets everything, once"] = async () => {
  await using receiver = startReceiver({ fault: atFirst(1, hang) });
  await runPlan({
    endpoint: receiver.endpoint,
    options: { exportTimeoutMillis: 2000 },
    waves: [5, 5],
    says: [tryingAgain("no answer within 2000 ms", 5)],
  });
  assertArrived([receiver], 0, 10);
};

outages["a collector that hangs for good does not keep shutdown beyond its time"] = async () => {
  await using receiver = startReceiver({ fault: hang });
  const ran = await runPlan({
    endpoint: receiver.endpoint,
    options: { exportTimeoutMillis: 1000, shutdownTimeoutMillis: 5000 },
    shutdownWithin: 6000,
    says: [
      /trying again: no answer within 1000 ms/,
      ...lost(8),
    ],
    maySay: [IN_ALL],
  });
  assertEquals([ran.stats.traces.dropped, ran.stats.logs.dropped], [{ shutdown: 8 }, { shutdown: 8 }]);
  assertNothingArrived(receiver);
};

outages["a connection that is reset is tried again"] = async () => {
  await using receiver = startReceiver();
  await using front = startFront(receiver.port, (connection) => connection < 4 ? "reset" : "pass");
  await runPlan({ endpoint: front.endpoint, waves: [4, 4], says: [TRYING_AGAIN] });
  assertArrived([receiver], 0, 8);
  assertGreaterOrEqual(front.connections, 5);
};

outages["an outage longer than the buffer keeps the newest and counts the rest exactly"] = async () => {
  const port = freePort();
  let receiver: OtlpReceiver | undefined;
  const ran = await runPlan({
    endpoint: `http://127.0.0.1:${port}`,
    flushMillis: 300,
    waves: [200, 200],
    size: 100_000,
    says: [
      TRYING_AGAIN,
      /Dropped \d+ spans .*: the buffer of 32 MiB is full .*; 'spool' keeps them on the disk/,
    ],
    maySay: [IN_ALL],
    gate: (wave) => void (wave === 1 && (receiver = startReceiver({ port }))),
  });
  const { spans, logs } = receiver!;
  const numbers = spans.map(({ name }) => Number(name.slice("scope-".length))).sort((a, b) => a - b);
  const dropped = droppedSpans(ran.stderr);
  assertGreaterOrEqual(dropped, 1);
  assertEquals([new Set(numbers).size, numbers.length], [400 - dropped, 400 - dropped]);
  // The oldest went, but for a batch that was under way.
  assertEquals(numbers.slice(-200), Array.from({ length: 200 }, (_, index) => 200 + index));
  assertEquals(new Set(logs.map(({ body }) => body)).size, 400);
  assertEquals([logs.length, receiver!.latest("scopes")?.value], [400, 400]);
  assertEquals(ran.stats.traces.dropped, { buffer_full: dropped });
  await receiver!.close();
};

outages["an outage of five minutes at 100 spans a second costs nothing"] = async () => {
  const port = freePort();
  let receiver: OtlpReceiver | undefined;
  const ran = await runPlan({
    endpoint: `http://127.0.0.1:${port}`,
    flushMillis: 200,
    waves: [10_000, 10_000, 10_000],
    size: 300,
    says: [TRYING_AGAIN],
    gate: (wave) => void (wave === 2 && (receiver = startReceiver({ port }))),
  });
  assertEquals([ran.stats.traces.exported, ran.stats.logs.exported], [30_000, 30_000]);
  assertArrived([receiver!], 0, 30_000);
  await receiver!.close();
};

outages["a collector whose certificate nobody vouches for gets nothing"] = async () => {
  let requests = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} }, () => {
    requests++;
    return new Response();
  });
  const endpoint = `https://127.0.0.1:${server.addr.port}`;
  const ran = await runPlan({
    endpoint,
    flushMillis: 2000,
    says: [
      /trying again: .*certificate/i,
      ...lost(8),
    ],
    maySay: [IN_ALL],
    options: { shutdownTimeoutMillis: 500 },
  });
  assertEquals(requests, 0);
  assertEquals([ran.stats.traces.dropped, ran.stats.logs.dropped], [{ shutdown: 8 }, { shutdown: 8 }]);
};

outages["over TLS everything arrives, verified by who vouches for the collector"] = async () => {
  await using receiver = startReceiver();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: signed.cert, key: signed.key, onListen: () => {} },
    ({ method, url, headers, body }) =>
      fetch(receiver.endpoint + new URL(url).pathname, { method, headers, body }),
  );
  await runPlan({
    endpoint: `https://127.0.0.1:${server.addr.port}`,
    env: { DENO_CERT: signed.authorityFile },
    waves: [8, 8],
  });
  assertArrived([receiver], 0, 16);
};
