import process from "node:process";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import type { Ending } from "./ending.ts";
import { granted } from "../configuration/environment.ts";
import { override } from "../override.ts";
import { watchSignal } from "./signals.ts";

/** The signals that end a process, and the codes that say so where the process may not send them to itself. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/** Events of the runtime that end the process, unless somebody prevents it. */
const FATAL: Readonly<Record<string, string>> = {
  error: "an uncaught error",
  unhandledrejection: "an unhandled rejection",
};

/**
 * Flushes at every way in which the process can end without a shutdown, and changes nothing about how it ends.
 * Returns what undoes it.
 */
export function handleExits(ending: Ending, timeoutMillis: number): () => void {
  const beforeUnload = () => {
    ending.flush(timeoutMillis).catch((error) => diagnoseFailure("export before the process ends", error));
  };
  const end = (cause?: string) => ending.flushNow(timeoutMillis, cause && `interrupted by ${cause}`);
  const unload = () => end(Deno.exitCode === 0 ? undefined : `the exit code ${Deno.exitCode}`);
  globalThis.addEventListener("beforeunload", beforeUnload);
  globalThis.addEventListener("unload", unload);
  const unwatch = [
    watchFatal(end),
    ...(Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map((signal) =>
      watchSignal(signal, (isOurs, stop) => {
        if (!isOurs) return beforeUnload();
        end(signal);
        stop();
        if (granted({ name: "run" })) Deno.kill(Deno.pid, signal);
        else Deno.exit(SIGNALS[signal]);
      })
    ),
  ];
  return () => {
    globalThis.removeEventListener("beforeunload", beforeUnload);
    globalThis.removeEventListener("unload", unload);
    for (const stop of unwatch.reverse()) stop();
  };
}

/**
 * Calls back when an error or a rejection is about to end the process. A listener of the events cannot know, as
 * those after it may still prevent it; only the dispatch has seen them all.
 */
function watchFatal(callback: (cause: string) => void): () => void {
  const original = globalThis.dispatchEvent;
  return override(globalThis, "dispatchEvent", (event: Event): boolean => {
    const cause = FATAL[event.type];
    const goesOn = original.call(globalThis, event);
    if (cause !== undefined && !event.defaultPrevented && !isHandledByNode(event.type)) callback(cause);
    return goesOn;
  });
}

/** Node's own event for it is emitted after the dispatch, and prevents the end too. */
function isHandledByNode(type: string): boolean {
  const rejected = type === "unhandledrejection" && process.listenerCount("unhandledRejection") > 0;
  return rejected || process.listenerCount("uncaughtException") > 0;
}
