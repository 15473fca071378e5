/**
 * Collectors that are away, break off, say nothing, or are not who they should be.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  assertArrived,
  atFirst,
  droppedSpans,
  freePort,
  IN_ALL,
  runPlan,
  TRYING_AGAIN,
} from "../support/faults.ts";
import { hang, startFront } from "../support/front.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
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
    says: [/Cannot export to .* now, trying again: .*[Rr]efused.*; 8 (spans|logs) wait$/],
    gate: () => void (receiver = startReceiver({ port })),
  });
  assertArrived([receiver!], 0, 8);
  await receiver!.close();
};

outages["a collector that is absent for good costs the program nothing but a line"] = async () => {
  const ran = await runPlan({
    endpoint: `http://127.0.0.1:${freePort()}`,
    options: { shutdownTimeoutMillis: 5000 },
    flushMillis: 300,
    shutdownWithin: 6000,
    says: [
      /trying again: .*[Rr]efused/,
      /Dropped 8 spans \(8 in all\): .* did not take them before the end/,
      /Dropped 8 logs \(8 in all\): .* did not take them before the end/,
    ],
  });
  assertEquals(ran.stats.traces.dropped, { shutdown: 8 });
  assertEquals(ran.stats.logs.dropped, { shutdown: 8 });
};

outages["a collector that goes away and comes back gets what was recorded meanwhile"] = async () => {
  const first = startReceiver();
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
    says: [/trying again: no answer within 2000 ms; 5 (spans|logs) wait$/],
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
      /Dropped 8 spans .* did not take them before the end/,
      /Dropped 8 logs .* did not take them before the end/,
    ],
  });
  assertEquals([ran.stats.traces.dropped, ran.stats.logs.dropped], [{ shutdown: 8 }, { shutdown: 8 }]);
  assertEquals([receiver.spans, receiver.logs], [[], []]);
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
  assertEquals(receiver!.logs.length, 400);
  assert(receiver!.spans.some(({ name }) => name === "scope-399"));
  const dropped = droppedSpans(ran.stderr);
  assertGreaterOrEqual(dropped, 1);
  assertEquals(receiver!.spans.length + dropped, 400);
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
  assertEquals([receiver!.spans.length, receiver!.logs.length], [30_000, 30_000]);
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
      /Dropped 8 spans .* did not take them before the end/,
      /Dropped 8 logs .* did not take them before the end/,
    ],
    options: { shutdownTimeoutMillis: 500 },
  });
  assertEquals(requests, 0);
  assertEquals(ran.stats.traces.dropped, { shutdown: 8 });
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
