import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { assertArrived, end, type Ended, SCOPES } from "./support/exits.ts";
import { hang } from "./support/front.ts";
import { startReceiver } from "./support/receiver.ts";
import { testRows } from "./support/rows.ts";
import * as signed from "./support/signed.ts";

const rows: Record<string, () => Promise<void>> = {};

/** What a busy machine may take for the rest of a process that does nothing else. */
const PROCESS = 3000;
/** Says when the end begins: how long a process takes to start on a busy machine is not the question. */
const SAY_WHEN = "console.log(Date.now());";
const endsAt = ({ stdout }: Ended): number => Number(stdout);

const WAYS: Record<string, { ending: string; code: number }> = {
  "the natural end": { ending: "", code: 0 },
  "Deno.exit": { ending: "Deno.exit(3);", code: 3 },
  "an uncaught error": { ending: "setTimeout(() => { throw new Error('uncaught'); });", code: 1 },
  "SIGTERM": { ending: "await kill('SIGTERM');", code: 143 },
};

for (const [way, { ending, code }] of Object.entries(WAYS)) {
  rows[`${way} before a collector that hangs takes no longer than shutdownTimeoutMillis`] = async () => {
    const receiver = startReceiver({ fault: hang });
    const options = { shutdownTimeoutMillis: 700 };
    await using ended = await end({ ending: SAY_WHEN + ending, options, receiver });
    assertEquals(ended.code, code);
    assertLess(ended.endedAt - endsAt(ended), 700 + PROCESS);
    for (const what of [`${SCOPES} spans`, `${SCOPES} logs`, "1 data points"]) {
      assertMatch(ended.stderr, new RegExp(`Dropped ${what} .*: http.* did not take them before the end`));
    }
  };

  rows[`${way} where no collector listens is held up for a second, and no longer`] = async () => {
    await using absent = startReceiver();
    const otlpEndpoint = absent.endpoint;
    await absent.close();
    const options = { otlpEndpoint, shutdownTimeoutMillis: 60_000 };
    await using ended = await end({ ending: SAY_WHEN + ending, options });
    assertEquals(ended.code, code);
    assertLess(ended.endedAt - endsAt(ended), 1500 + PROCESS);
    assertMatch(ended.stderr, new RegExp(`Dropped ${SCOPES} spans .*before the end: .*[Rr]efused`));
  };

  rows[`${way} waits for a collector that is busy`] = async () => {
    let asked = 0;
    const fault = () => ++asked <= 4 ? new Response("", { status: 503 }) : undefined;
    await using ended = await end({ ending, receiver: startReceiver({ fault }) });
    assertEquals(ended.code, code);
    assertArrived(ended);
  };

  rows[`${way} reports what the collector refuses`] = async () => {
    const receiver = startReceiver({ fault: () => new Response("", { status: 400 }) });
    await using ended = await end({ ending, receiver });
    assertEquals(ended.code, code);
    assertMatch(ended.stderr, new RegExp(`Dropped ${SCOPES} logs .*refused them: HTTP 400`));
  };
}

rows["Deno.exit while a request is under way brings out what it held"] = async () => {
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
  assertEquals([ended.code, ended.stderr], [3, ""]);
  assertArrived(ended);
};

for (const scheme of ["http", "https"]) {
  rows[`the natural end does not wait for a request over ${scheme} that is never answered`] = async () => {
    const underWay = Promise.withResolvers<void>();
    const tls = scheme === "https" ? { cert: signed.cert, key: signed.key } : {};
    const address = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const released = Promise.withResolvers<Response>();
    await using collector = Deno.serve({ ...address, ...tls }, () => {
      underWay.resolve();
      return released.promise;
    });
    await using gate = Deno.serve(address, async () => {
      await underWay.promise;
      return new Response();
    });
    await using ended = await end({
      ending: `await (await fetch("http://127.0.0.1:${gate.addr.port}")).text(); ${SAY_WHEN}`,
      options: {
        otlpEndpoint: `${scheme}://127.0.0.1:${collector.addr.port}`,
        shutdownTimeoutMillis: 700,
        exportTimeoutMillis: 60_000,
      },
      env: { OTEL_BLRP_SCHEDULE_DELAY: "1", DENO_CERT: await signed.authorityFile() },
    });
    released.resolve(new Response());
    assertEquals(ended.code, 0);
    assertLess(ended.endedAt - endsAt(ended), 700 + PROCESS);
  };
}

/** What becomes of scopes that are open, by the way out. */
const INTERRUPTED: Record<string, { ending: string; message?: string }> = {
  "the natural end": { ending: "" },
  "Deno.exit without a code": { ending: "Deno.exit();" },
  "Deno.exit with a code": { ending: "Deno.exit(3);", message: "interrupted by the exit code 3" },
  "an uncaught error": {
    ending: "setTimeout(() => { throw new Error('uncaught'); });",
    message: "interrupted by an uncaught error",
  },
  "an unhandled rejection": {
    ending: "Promise.reject(new Error('rejected'));",
    message: "interrupted by an unhandled rejection",
  },
  "SIGINT": { ending: "await kill('SIGINT');", message: "interrupted by SIGINT" },
};
for (const [way, { ending, message }] of Object.entries(INTERRUPTED)) {
  rows[`scopes that are open at ${way} are ended with a mark`] = async () => {
    await using ended = await end({
      ending: `
        const never = new Promise(() => {});
        void ctx.scope("outer", { attributes: { a: 1 } }, () => ctx.scope("inner", () => never));
        for (let index = 0; index < 3000; index++) {
          if (index === 2500) trace.getTracer("other").startSpan("foreign");
          void ctx.scope("idle", () => never);
        }
        ${ending}`,
      before: 'import { trace } from "@opentelemetry/api";',
    });
    assertArrived(ended, "outer", "inner", "foreign", ...Array.from({ length: 3000 }, () => "idle"));
    const [outer, inner, foreign] = ["outer", "inner", "foreign"].map((name) =>
      ended.receiver.spans.find((span) => span.name === name)!
    );
    assertEquals(outer.attributes, { a: 1, "haiway.scope.interrupted": true });
    assertEquals(inner.parentSpanId, outer.spanId);
    for (const span of [outer, inner, foreign]) {
      assertEquals(span.attributes["haiway.scope.interrupted"], true);
      assertEquals(
        [span.status.code, span.status.message],
        message === undefined ? [0, undefined] : [2, message],
      );
    }
  };
}

rows["the console shows the scopes that are open and the metrics before Deno.exit"] = async () => {
  await using ended = await end({
    ending: `void ctx.scope("outer", async () => {
      await ctx.scope("inner", () => Promise.resolve());
      Deno.exit(3);
    });
    await new Promise(() => {});`,
    options: { otlpEndpoint: undefined },
  });
  assertEquals(ended.code, 3);
  assertMatch(ended.stdout, /outer[\s\S]*inner/);
  assertMatch(ended.stdout, new RegExp(`scopes\\s.*${SCOPES}`));
};

rows["what observables say at the end arrives, those of others included"] = async () => {
  await using ended = await end({
    before: 'import { metrics } from "@opentelemetry/api";',
    ending: `
      const meter = metrics.getMeter("other");
      meter.createObservableGauge("one").addCallback((result) => result.observe(7, { a: "b" }));
      meter.createObservableGauge("broken").addCallback(() => { throw new Error("no"); });
      const total = meter.createObservableCounter("total");
      meter.addBatchObservableCallback((result) => result.observe(total, 9), [total]);
      ctx.scope("histogram", () => ctx.recordMetric("size", { value: 3, kind: "histogram" }));
      Deno.exit();`,
  });
  const { receiver } = ended;
  assertEquals([receiver.latest("one")?.value, receiver.latest("one")?.attributes], [7, { a: "b" }]);
  assertEquals([receiver.latest("total")?.value, receiver.latest("size")?.sum], [9, 3]);
  assertMatch(ended.stderr, /Cannot observe a metric: no/);
};

rows["a program that goes on after its signal has the whole time limit when it ends"] = async () => {
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
  assertEquals([ended.code, ended.stderr], [7, ""]);
  assertArrived(ended);
};

rows["with delta temporality each measurement arrives once, before and at Deno.exit"] = async () => {
  await using ended = await end({
    ending: `
      await OpenTelemetry.forceFlush();
      ctx.scope("later", () => ctx.recordMetric("scopes", { value: 5, kind: "counter" }));
      Deno.exit();`,
    env: { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta" },
  });
  const points = ended.receiver.points.filter(({ metric }) => metric === "scopes");
  assertEquals(points.map(({ value, temporality }) => [value, temporality]), [[SCOPES, 1], [5, 1]]);
};

rows["shutdown before a collector that hangs takes no longer than shutdownTimeoutMillis"] = async () => {
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
  assertEquals(ended.stdout, "450\n");
};

rows["a collector that answers costs the end of a process little"] = async () => {
  // A busy machine makes any one of them slow; the least is what it costs.
  let least = Infinity;
  for (let tries = 0; tries < 5 && least >= 1000; tries++) {
    await using ended = await end({
      ending: `
        const started = performance.now();
        addEventListener("unload", () => console.log(Math.round(performance.now() - started)));
        Deno.exit();`,
    });
    assertArrived(ended);
    least = Number(ended.stdout);
  }
  assertLess(least, 1000);
  assert(least > 0);
};

testRows("limits of the exits", rows);
