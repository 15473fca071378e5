/**
 * Every way out of a process: what was recorded arrives, and the process ends as it would have.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import {
  assertArrived,
  assertEnded,
  assertNothingArrived,
  end,
  lastWords,
  PROCESS,
  SCOPES,
} from "../support/exits.ts";
import { startReceiver } from "../support/receiver.ts";
import type { Rows } from "../support/rows.ts";

/** The rows of every way out. */
export const waysOut: Rows = {};

/** Every way out of a process, by the code that takes it. */
const WAYS: Record<string, string> = {
  "the natural end": "",
  "the natural end after a while": "await new Promise((resolve) => setTimeout(resolve, 50));",
  "Deno.exit": "Deno.exit(3);",
  "Deno.exit in a microtask": "queueMicrotask(() => Deno.exit(3)); await new Promise(() => {});",
  "Deno.exitCode and the natural end": "Deno.exitCode = 5;",
  "process.exit": "process.on('exit', (code) => console.log('exit', code)); process.exit(4);",
  "an uncaught error of the main module": "throw new Error('uncaught');",
  "an uncaught error of a timer": "setTimeout(() => { throw new TypeError('of a timer'); });",
  "an uncaught error of a microtask": "queueMicrotask(() => { throw new TypeError('of a microtask'); });",
  "an uncaught error of a listener":
    "addEventListener('x', () => { throw 'text'; }); dispatchEvent(new Event('x'));",
  "an unhandled rejection":
    "Promise.reject(new RangeError('rejected')); await new Promise((resolve) => setTimeout(resolve));",
  "reportError": "reportError(new Error('reported'));",
  "SIGTERM": "await kill('SIGTERM');",
  "SIGINT": "await kill('SIGINT');",
};
for (const [way, ending] of Object.entries(WAYS)) {
  waysOut[`${way}: everything arrives once, and the process ends as it would have`] = async () => {
    await using ended = await end({ ending });
    await using control = await end({ ending, options: { handleExit: false } });
    assertEquals(lastWords(ended), lastWords(control));
    assertLess(ended.millis, PROCESS);
    assertArrived(ended);
    assertNothingArrived(control);
  };
}

for (const [signal, code] of Object.entries({ SIGTERM: 143, SIGINT: 130 })) {
  waysOut[`${signal} without --allow-run: everything arrives, and the exit code says the signal`] =
    async () => {
      const flags = ["--allow-net=127.0.0.1"];
      const says = [/without the permission --allow-env=OTEL_\*$/];
      await using ended = await end({ ending: `await kill("${signal}");`, flags });
      assertEnded(ended, { code, says });
      assertArrived(ended);
    };
}

for (const [way, ending] of Object.entries({ "the natural end": "", "Deno.exit": "Deno.exit(3);" })) {
  waysOut[`${way} behind a proxy: everything arrives once`] = async () => {
    const receiver = startReceiver();
    await using ended = await end({
      ending,
      options: { otlpEndpoint: "http://collector.example:4318" },
      env: { HTTP_PROXY: receiver.endpoint },
      receiver,
    });
    assertEnded(ended, { code: ending === "" ? 0 : 3 });
    assertArrived(ended);
    assertEquals(new Set(receiver.requests.map(({ headers }) => headers.get("host"))).size, 1);
    assertEquals(receiver.requests[0].headers.get("host"), "collector.example:4318");
  };
}

waysOut["a receiver in the same process gets what was recorded before the natural end"] = async () => {
  await using ended = await end({
    ending: `
      const server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
        await request.body?.cancel();
        console.log(new URL(request.url).pathname);
        return Response.json({});
      });
      server.unref();
      await OpenTelemetry.shutdown();
      OpenTelemetry.configure({
        service: "s", version: "1", environment: "test", otlpEndpoint: "http://127.0.0.1:" + server.addr.port,
      });
      ctx.scope("inside", () => ctx.logInfo("inside"));`,
  });
  assertEnded(ended, { stdout: /^(\/v1\/logs\n\/v1\/traces|\/v1\/traces\n\/v1\/logs)\n$/ });
  assertArrived(ended);
};

waysOut["handleExit: false leaves every end alone"] = async () => {
  await using ended = await end({ ending: "Deno.exit(3);", options: { handleExit: false } });
  assertEnded(ended, { code: 3 });
  assertEquals(ended.receiver.requests, []);
};

/** Ends that come while a shutdown is under way. */
const SHUTDOWNS: Record<string, { ending: string; code: number }> = {
  "Deno.exit after a shutdown that nobody awaits": {
    ending: "OpenTelemetry.shutdown(); Deno.exit(3);",
    code: 3,
  },
  "a natural end after a shutdown that nobody awaits": { ending: "OpenTelemetry.shutdown();", code: 0 },
  "a listener of SIGTERM that shuts down and exits": {
    ending: `
      Deno.addSignalListener("SIGTERM", async () => {
        await OpenTelemetry.shutdown();
        Deno.exit(0);
      });
      await kill("SIGTERM");`,
    code: 0,
  },
};
for (const [way, { ending, code }] of Object.entries(SHUTDOWNS)) {
  waysOut[`${way}: everything arrives once`] = async () => {
    await using ended = await end({ ending });
    assertEnded(ended, { code });
    assertArrived(ended);
  };
}

waysOut["the metrics of the library itself do not keep the process"] = async () => {
  await using ended = await end({ ending: "", options: { selfMetrics: true } });
  assertEnded(ended);
  assertArrived(ended);
  assert(ended.receiver.requests.length <= 4);
};

waysOut["after shutdown nothing of the runtime is replaced, and a signal ends the process"] = async () => {
  await using ended = await end({
    before: `
      const seen = () => [Deno.addSignalListener, Deno.removeSignalListener, globalThis.dispatchEvent];
      const before = seen();`,
    ending: `
      await OpenTelemetry.shutdown();
      console.log(seen().every((value, index) => value === before[index]));
      await kill("SIGTERM");`,
  });
  assertEnded(ended, { code: 143, signal: "SIGTERM", stdout: "true\n" });
  assertArrived(ended);
};

waysOut["a burst that never awaits arrives in full at Deno.exit"] = async () => {
  await using ended = await end({
    ending: `
      for (let index = 0; index < 5000; index++) ctx.scope("burst", () => ctx.logInfo("burst"));
      Deno.exit();`,
  });
  assertEnded(ended);
  const { spans, logs } = ended.receiver;
  const bursts = spans.filter(({ name }) => name === "burst").map(({ spanId }) => spanId);
  const spoken = logs.filter(({ body }) => body === "burst").map(({ spanId }) => spanId);
  assertEquals([spans.length, logs.length], [SCOPES + 5000, SCOPES + 5000]);
  assertEquals([new Set(bursts).size, bursts.sort()], [5000, spoken.sort()]);
};
