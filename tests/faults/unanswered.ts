/**
 * What keeps a process until somebody answers: connections, handshakes and requests that never get under way.
 *
 * @module
 */

import { assertLess } from "@std/assert";
import {
  assertEnded,
  assertNothingArrived,
  end,
  ENDS,
  LOST,
  SAY_WHEN,
  SCOPES,
  TRIED,
} from "../support/exits.ts";
import { assertArrived, runPlan, TRYING_AGAIN, tryingAgain } from "../support/faults.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
import type { Rows } from "../support/rows.ts";
import { opensAfter, silent, unanswered } from "../support/unanswered.ts";

/** The rows of what is never answered. */
export const unansweredRows: Rows = {};

/** An end that waits for none of its requests, which would take a minute each. */
const LIMITS = { shutdownTimeoutMillis: 1000, exportTimeoutMillis: 60_000 };
/** Everything is sent at once, and goes on being sent. */
const AT_ONCE = {
  OTEL_BSP_SCHEDULE_DELAY: "1",
  OTEL_BLRP_SCHEDULE_DELAY: "1",
  OTEL_METRIC_EXPORT_INTERVAL: "50",
};
/** Goes on once a connection is being made. */
const WATCH = `
  const connecting = Promise.withResolvers();
  const { connect } = Deno;
  Deno.connect = (...given) => {
    connecting.resolve();
    return connect(...given);
  };`;

for (const [way, { ending, how }] of Object.entries(ENDS)) {
  unansweredRows[`${way} does not wait for a connection that is neither taken nor refused`] = async () => {
    using nowhere = await unanswered();
    await using ended = await end({
      before: WATCH,
      ending: `await connecting.promise; ${SAY_WHEN} ${ending}`,
      options: { ...LIMITS, otlpEndpoint: `http://127.0.0.1:${nowhere.port}` },
      env: AT_ONCE,
    });
    assertEnded(ended, { ...how, waits: LIMITS.shutdownTimeoutMillis, says: LOST, maySay: TRIED });
    assertNothingArrived(ended);
  };
}

/** Where the natural end comes while a server is silent that was connected to, by the way that leads there. */
const SILENT: Record<string, (port: number) => { otlpEndpoint: string; env?: Record<string, string> }> = {
  "a TLS handshake": (port) => ({ otlpEndpoint: `https://127.0.0.1:${port}` }),
  "a proxy": (port) => ({
    otlpEndpoint: "http://collector.example:4318",
    env: { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1" },
  }),
};
for (const [what, reach] of Object.entries(SILENT)) {
  unansweredRows[`the natural end does not wait for ${what} that nobody answers`] = async () => {
    await using server = silent();
    await using gate = opensAfter(server.reached);
    const { otlpEndpoint, env } = reach(server.port);
    await using ended = await end({
      ending: `await (await fetch("${gate.url}")).text(); ${SAY_WHEN}`,
      options: { ...LIMITS, otlpEndpoint },
      env: { ...AT_ONCE, ...env },
    });
    assertEnded(ended, { waits: LIMITS.shutdownTimeoutMillis, says: LOST, maySay: TRIED });
    assertNothingArrived(ended);
  };
}

unansweredRows["a connection that nobody answers is made again, and everything arrives once, when it is"] =
  async () => {
    const nowhere = await unanswered();
    let receiver: OtlpReceiver | undefined;
    await runPlan({
      endpoint: `http://127.0.0.1:${nowhere.port}`,
      options: { exportTimeoutMillis: 1500 },
      waves: [4, 4],
      says: [tryingAgain("no answer within 1500 ms", 4)],
      maySay: [TRYING_AGAIN],
      gate(wave) {
        if (wave > 0) return;
        nowhere[Symbol.dispose]();
        receiver = startReceiver({ port: nowhere.port });
      },
    });
    assertArrived([receiver!], 0, 8);
    await receiver!.close();
  };

unansweredRows["while nobody answers, the event loop is free"] = async () => {
  using nowhere = await unanswered();
  await using ended = await end({
    ending: `
      const late = [];
      for (let tick = 0; tick < 300; tick++) {
        const asleep = performance.now();
        await new Promise((resolve) => setTimeout(resolve, 5));
        late.push(performance.now() - asleep - 5);
        ctx.scope("tick", () => ctx.logInfo("tick"));
      }
      console.log(late.sort((a, b) => a - b)[150]);`,
    options: { ...LIMITS, otlpEndpoint: `http://127.0.0.1:${nowhere.port}` },
    env: AT_ONCE,
  });
  const all = SCOPES + 300;
  assertEnded(ended, {
    stdout: /^[\d.]+\n$/,
    says: ["spans", "logs"].map((items) => new RegExp(`Dropped ${all} ${items} in all: ${all} shutdown$`)),
    maySay: [...TRIED, /Dropped \d+ [\w ]+ \(\d+ in all\): .* before the end/],
  });
  assertNothingArrived(ended);
  // A busy machine is late now and then, and not half of the time.
  assertLess(Number(ended.stdout), 20);
};
