/**
 * Programs that have a say in how they end: with listeners of their own, or on a host that only says goodbye.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { assertArrived, assertEnded, end } from "../support/exits.ts";
import type { Rows } from "../support/rows.ts";

/** The rows of programs that listen. */
export const listeners: Rows = {};

/** How a program listens to SIGTERM; each prints a line for each call. */
const LISTENERS: Record<string, { before?: string; after?: string }> = {
  "Deno.addSignalListener": { after: "Deno.addSignalListener('SIGTERM', onSignal);" },
  "Deno.addSignalListener before configure": { before: "Deno.addSignalListener('SIGTERM', onSignal);" },
  "process.on": { after: "process.on('SIGTERM', onSignal);" },
  "process.once before configure": { before: "process.once('SIGTERM', onSignal);" },
};
for (const [how, { before = "", after = "" }] of Object.entries(LISTENERS)) {
  listeners[`the program's own ${how} keeps control, and is called once`] = async () => {
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
    assertEnded(ended, { code: 7, stdout: "called\n" });
    assertArrived(ended, "goodbye");
  };
}

listeners["a listener that was removed again leaves the signal to end the process"] = async () => {
  await using ended = await end({
    ending: `
      const listener = () => console.log("called");
      Deno.addSignalListener("SIGTERM", listener);
      process.on("SIGTERM", listener);
      Deno.removeSignalListener("SIGTERM", listener);
      process.off("SIGTERM", listener);
      await kill("SIGTERM");`,
  });
  assertEnded(ended, { code: 143, signal: "SIGTERM" });
  assertArrived(ended);
};

/** How a program survives an error that nobody caught. */
const SURVIVALS: Record<string, string> = {
  "a listener of errors": "addEventListener('error', (event) => event.preventDefault());",
  "onerror": "globalThis.onerror = (event) => event.preventDefault();",
  "process.on('uncaughtException')": "process.on('uncaughtException', () => {});",
};
for (const [how, survive] of Object.entries(SURVIVALS)) {
  listeners[`an error that ${how} keeps from ending the process interrupts nothing`] = async () => {
    await using ended = await end({
      ending: `
        ${survive}
        await ctx.scope("survivor", async () => {
          setTimeout(() => { throw new Error("prevented"); });
          await new Promise((resolve) => setTimeout(resolve, 50));
        });`,
    });
    assertEnded(ended);
    assertArrived(ended, "survivor");
    const survivor = ended.receiver.spans.find(({ name }) => name === "survivor");
    assertEquals([survivor?.status.code, survivor?.attributes], [1, {}]);
  };
}

listeners["a rejection that process.on('unhandledRejection') handles interrupts nothing"] = async () => {
  await using ended = await end({
    ending: `
      process.on("unhandledRejection", () => {});
      await ctx.scope("survivor", async () => {
        Promise.reject(new Error("handled"));
        await new Promise((resolve) => setTimeout(resolve, 50));
      });`,
  });
  assertEnded(ended);
  assertArrived(ended, "survivor");
  assertEquals(ended.receiver.spans.find(({ name }) => name === "survivor")?.attributes, {});
};

listeners["a host's beforeunload flushes, and the program goes on"] = async () => {
  await using ended = await end({
    ending: `
      dispatchEvent(new Event("beforeunload"));
      await delivered();
      ctx.scope("later", () => {});
      Deno.kill(Deno.pid, "SIGKILL");`,
  });
  assertEnded(ended, { code: 137, signal: "SIGKILL" });
  assertArrived(ended);
};
