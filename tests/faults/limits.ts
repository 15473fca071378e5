/**
 * How long the end of a process takes before collectors that are away, busy or silent.
 *
 * @module
 */

import { assert, assertLess } from "@std/assert";
import {
  assertArrived,
  assertEnded,
  assertNothingArrived,
  end,
  ENDS,
  LOST,
  SAY_WHEN,
  SCOPES,
  TRIED,
} from "../support/exits.ts";
import type { Rows } from "../support/rows.ts";
import { hang } from "../support/front.ts";
import { NOBODY } from "../support/ports.ts";
import { startReceiver } from "../support/receiver.ts";
import * as signed from "../support/signed.ts";
import { opensAfter } from "../support/unanswered.ts";

/** The rows of the time that an end takes. */
export const limits: Rows = {};

for (const [way, { ending, how }] of Object.entries(ENDS)) {
  limits[`${way} before a collector that hangs takes no longer than shutdownTimeoutMillis`] = async () => {
    const receiver = startReceiver({ fault: hang });
    const options = { shutdownTimeoutMillis: 700 };
    await using ended = await end({ ending: SAY_WHEN + ending, options, receiver });
    assertEnded(ended, { ...how, waits: 700, says: LOST, maySay: TRIED });
    assertNothingArrived(ended);
  };

  limits[`${way} where no collector listens is held up for a second, and no longer`] = async () => {
    const options = { otlpEndpoint: NOBODY, shutdownTimeoutMillis: 60_000 };
    await using ended = await end({ ending: SAY_WHEN + ending, options });
    const refused = LOST.map(({ source }) => new RegExp(`${source}: .*[Rr]efused`));
    assertEnded(ended, { ...how, waits: 1500, says: refused, maySay: TRIED });
    assertNothingArrived(ended);
  };

  limits[`${way} waits for a collector that is busy`] = async () => {
    let asked = 0;
    const fault = () => ++asked <= 4 ? new Response("", { status: 503 }) : undefined;
    await using ended = await end({ ending, receiver: startReceiver({ fault }) });
    assertEnded(ended, { ...how, maySay: [/now, trying again: HTTP 503/] });
    assertArrived(ended);
  };

  limits[`${way} reports what the collector refuses`] = async () => {
    const receiver = startReceiver({ fault: () => new Response("", { status: 400 }) });
    await using ended = await end({ ending, receiver });
    const refused = [`${SCOPES} spans`, `${SCOPES} logs`, "1 data points"].map((what) =>
      new RegExp(`Dropped ${what} .*refused them: HTTP 400$`)
    );
    assertEnded(ended, { ...how, says: refused });
    assertNothingArrived(ended);
  };
}

limits["Deno.exit while a request is under way brings out what it held"] = async () => {
  let asked = 0;
  const receiver = startReceiver({ fault: () => ++asked === 1 ? hang() : undefined });
  await using ended = await end({
    ending: `
      OpenTelemetry.forceFlush();
      const waits = ({ created, exported }) => exported === 0 || exported < created;
      while (Object.values(OpenTelemetry.stats()).filter(waits).length > 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      Deno.exit(3);`,
    receiver,
  });
  assertEnded(ended, { code: 3 });
  assertArrived(ended);
};

for (const scheme of ["http", "https"]) {
  limits[`the natural end does not wait for a request over ${scheme} that is never answered`] = async () => {
    const underWay = Promise.withResolvers<void>();
    const tls = scheme === "https" ? { cert: signed.cert, key: signed.key } : {};
    const address = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const released = Promise.withResolvers<Response>();
    await using collector = Deno.serve({ ...address, ...tls }, () => {
      underWay.resolve();
      return released.promise;
    });
    await using gate = opensAfter(underWay.promise);
    await using ended = await end({
      ending: `await (await fetch("${gate.url}")).text(); ${SAY_WHEN}`,
      options: {
        otlpEndpoint: `${scheme}://127.0.0.1:${collector.addr.port}`,
        shutdownTimeoutMillis: 700,
        exportTimeoutMillis: 60_000,
      },
      env: { OTEL_BLRP_SCHEDULE_DELAY: "1", DENO_CERT: signed.authorityFile },
    });
    released.resolve(new Response());
    assertEnded(ended, { waits: 700, says: LOST, maySay: TRIED });
  };
}

limits["a program that goes on after its signal has the whole time limit when it ends"] = async () => {
  let hangs = true;
  const fault = (_: Request, path: string) => {
    if (path === "/awake") hangs = false;
    return path === "/awake" ? new Response() : hangs ? hang() : undefined;
  };
  const receiver = startReceiver({ fault });
  await using ended = await end({
    ending: `
      Deno.addSignalListener("SIGTERM", async () => {
        await new Promise((resolve) => setTimeout(resolve, 5000));
        await fetch("${receiver.endpoint}/awake");
        Deno.exit(7);
      });
      await kill("SIGTERM");`,
    options: { shutdownTimeoutMillis: 2000 },
    receiver,
  });
  assertEnded(ended, { code: 7 });
  assertArrived(ended);
};

limits["shutdown before a collector that hangs takes no longer than shutdownTimeoutMillis"] = async () => {
  await using ended = await end({
    ending: `
      // A busy machine delays these timers and that of the shutdown alike.
      const passed = [];
      for (const millis of [450, 900]) setTimeout(() => passed.push(millis), millis);
      await OpenTelemetry.shutdown();
      console.log(passed.join());`,
    options: { shutdownTimeoutMillis: 500 },
    receiver: startReceiver({ fault: hang }),
  });
  assertEnded(ended, { stdout: "450\n", says: LOST, maySay: TRIED });
  assertNothingArrived(ended);
};

limits["a collector that answers costs the end of a process little"] = async () => {
  // A busy machine makes any one of them slow; the least is what it costs.
  let least = Infinity;
  for (let tries = 0; tries < 5 && least >= 1000; tries++) {
    await using ended = await end({
      ending: `
        const started = performance.now();
        addEventListener("unload", () => console.log(Math.round(performance.now() - started)));
        Deno.exit();`,
    });
    assertEnded(ended, { stdout: /^\d+\n$/ });
    assertArrived(ended);
    least = Number(ended.stdout);
  }
  assertLess(least, 1000);
  assert(least > 0);
};
