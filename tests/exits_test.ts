import { assert, assertEquals } from "@std/assert";
import { assertArrived, end, lastWords, SCOPES } from "./support/exits.ts";
import { testRows } from "./support/rows.ts";

const rows: Record<string, () => Promise<void>> = {};

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
  rows[`${way}: everything arrives once, and the process ends as it would have`] = async () => {
    await using ended = await end({ ending });
    await using control = await end({ ending, options: { handleExit: false } });
    assertEquals(lastWords(ended), lastWords(control));
    assertArrived(ended);
  };
}

for (const [signal, code] of Object.entries({ SIGTERM: 143, SIGINT: 130 })) {
  rows[`${signal} without --allow-run: everything arrives, and the exit code says the signal`] = async () => {
    const flags = ["--allow-net=127.0.0.1"];
    await using ended = await end({ ending: `await kill("${signal}");`, flags });
    assertEquals([ended.code, ended.signal, ended.stdout], [code, null, ""]);
    assertArrived(ended);
  };
}

/** How a program listens to SIGTERM; each prints a line for each call. */
const LISTENERS: Record<string, { before?: string; after?: string }> = {
  "Deno.addSignalListener": { after: "Deno.addSignalListener('SIGTERM', onSignal);" },
  "Deno.addSignalListener before configure": { before: "Deno.addSignalListener('SIGTERM', onSignal);" },
  "process.on": { after: "process.on('SIGTERM', onSignal);" },
  "process.once before configure": { before: "process.once('SIGTERM', onSignal);" },
};
for (const [how, { before = "", after = "" }] of Object.entries(LISTENERS)) {
  rows[`the program's own ${how} keeps control, and is called once`] = async () => {
    await using ended = await end({
      before: `
        const onSignal = async () => {
          console.log("called");
          await delivered();
          ctx.scope("goodbye", () => {});
          Deno.exit(7);
        };
        ${before}`,
      ending: `${after} await kill("SIGTERM");`,
    });
    assertEquals(lastWords(ended), { code: 7, signal: null, stdout: "called\n", stderr: "" });
    assertArrived(ended, "goodbye");
  };
}

rows["a listener that was removed again leaves the signal to end the process"] = async () => {
  await using ended = await end({
    ending: `
      const listener = () => console.log("called");
      Deno.addSignalListener("SIGTERM", listener);
      process.on("SIGTERM", listener);
      Deno.removeSignalListener("SIGTERM", listener);
      process.off("SIGTERM", listener);
      await kill("SIGTERM");`,
  });
  assertEquals(lastWords(ended), { code: 143, signal: "SIGTERM", stdout: "", stderr: "" });
  assertArrived(ended);
};

/** How a program survives an error that nobody caught. */
const SURVIVALS: Record<string, string> = {
  "a listener of errors": "addEventListener('error', (event) => event.preventDefault());",
  "onerror": "globalThis.onerror = (event) => event.preventDefault();",
  "process.on('uncaughtException')": "process.on('uncaughtException', () => {});",
};
for (const [how, survive] of Object.entries(SURVIVALS)) {
  rows[`an error that ${how} keeps from ending the process interrupts nothing`] = async () => {
    await using ended = await end({
      ending: `
        ${survive}
        await ctx.scope("survivor", async () => {
          setTimeout(() => { throw new Error("prevented"); });
          await new Promise((resolve) => setTimeout(resolve, 50));
        });`,
    });
    assertEquals(lastWords(ended), { code: 0, signal: null, stdout: "", stderr: "" });
    assertArrived(ended, "survivor");
    const survivor = ended.receiver.spans.find(({ name }) => name === "survivor");
    assertEquals([survivor?.status.code, survivor?.attributes], [1, {}]);
  };
}

rows["a rejection that process.on('unhandledRejection') handles interrupts nothing"] = async () => {
  await using ended = await end({
    ending: `
      process.on("unhandledRejection", () => {});
      await ctx.scope("survivor", async () => {
        Promise.reject(new Error("handled"));
        await new Promise((resolve) => setTimeout(resolve, 50));
      });`,
  });
  assertEquals(lastWords(ended), { code: 0, signal: null, stdout: "", stderr: "" });
  assertArrived(ended, "survivor");
  assertEquals(ended.receiver.spans.find(({ name }) => name === "survivor")?.attributes, {});
};

rows["a host's beforeunload flushes, and the program goes on"] = async () => {
  await using ended = await end({
    ending: `
      dispatchEvent(new Event("beforeunload"));
      await delivered();
      ctx.scope("later", () => {});
      Deno.kill(Deno.pid, "SIGKILL");`,
  });
  assertEquals(ended.signal, "SIGKILL");
  assertArrived(ended);
};

rows["a receiver in the same process gets what was recorded before the natural end"] = async () => {
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
  assertEquals(ended.stdout.trim().split("\n").sort(), ["/v1/logs", "/v1/traces"]);
};

rows["handleExit: false leaves every end alone"] = async () => {
  await using ended = await end({ ending: "Deno.exit(3);", options: { handleExit: false } });
  assertEquals([ended.code, ended.receiver.requests.length], [3, 0]);
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
  rows[`${way}: everything arrives once`] = async () => {
    await using ended = await end({ ending });
    assertEquals(lastWords(ended), { code, signal: null, stdout: "", stderr: "" });
    assertArrived(ended);
  };
}

rows["the metrics of the library itself do not keep the process"] = async () => {
  await using ended = await end({ ending: "", options: { selfMetrics: true } });
  assertEquals(lastWords(ended), { code: 0, signal: null, stdout: "", stderr: "" });
  assertArrived(ended);
  assert(ended.receiver.requests.length <= 4);
};

rows["after shutdown nothing of the runtime is replaced, and a signal ends the process"] = async () => {
  await using ended = await end({
    before: `
      const seen = () => [Deno.addSignalListener, Deno.removeSignalListener, globalThis.dispatchEvent];
      const before = seen();`,
    ending: `
      await OpenTelemetry.shutdown();
      console.log(seen().every((value, index) => value === before[index]));
      await kill("SIGTERM");`,
  });
  assertEquals(lastWords(ended), { code: 143, signal: "SIGTERM", stdout: "true\n", stderr: "" });
  assertArrived(ended);
};

rows["a burst that never awaits arrives in full at Deno.exit"] = async () => {
  await using ended = await end({
    ending: `
      for (let index = 0; index < 5000; index++) ctx.scope("burst", () => ctx.logInfo("burst"));
      Deno.exit();`,
  });
  const { spans, logs } = ended.receiver;
  assertEquals([spans.length, logs.length], [SCOPES + 5000, SCOPES + 5000]);
  assertEquals(new Set(spans.map(({ spanId }) => spanId)).size, SCOPES + 5000);
  assertEquals(ended.stderr, "");
};

testRows("exits", rows);
