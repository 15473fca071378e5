/**
 * A program that records something and comes to an end without a shutdown.
 *
 * @module
 */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { assertSays } from "./rows.ts";
import { type OtlpReceiver, startReceiver } from "./receiver.ts";
import { type Ran, run, start } from "./subprocess.ts";

/** How many scopes the program closes, with a log and a measurement each, before it ends. */
export const SCOPES = 8;

/** What a busy machine may take, in milliseconds, for a process that waits for nothing. */
export const PROCESS = 20_000;

/** What it may take for the rest of a process once its end has begun. */
const REST = 3000;

/** Says when the end begins: how long a process takes to start on a busy machine is not the question. */
export const SAY_WHEN = "console.log(Date.now());";

/** The kinds of ways out, each by its code, and how it ends the process. */
export const ENDS: Readonly<Record<string, { readonly ending: string; readonly how: Expected }>> = {
  "the natural end": { ending: "", how: {} },
  "Deno.exit": { ending: "Deno.exit(3);", how: { code: 3 } },
  "an uncaught error": { ending: "setTimeout(() => { throw new Error('uncaught'); });", how: { code: 1 } },
  "SIGTERM": { ending: "await kill('SIGTERM');", how: { code: 143, signal: "SIGTERM" } },
};

/** What is said where the collector took nothing until the end. */
export const LOST: readonly RegExp[] = [`${SCOPES} spans`, `${SCOPES} logs`, "1 data points"].map((what) =>
  new RegExp(`Dropped ${what} .*: http.* did not take them before the end`)
);

/** What may be said besides, according to how far the tries came. */
export const TRIED: readonly RegExp[] = [
  /Cannot export to http.* now, trying again: /,
  /Dropped \d+ \w+( points)? in all: \d+ shutdown$/,
];

const PROGRAM = (options: Record<string, unknown>, before: string, ending: string) => `
  import process from "node:process";
  import { ctx, OpenTelemetry } from "@haiway/otel";
  ${before}
  OpenTelemetry.configure(${JSON.stringify({ service: "exits", version: "1", ...options })});
  for (let index = 0; index < ${SCOPES}; index++) {
    await ctx.scope("scope-" + index, async () => {
      ctx.logInfo("log-" + index);
      ctx.recordMetric("scopes", { value: 1, kind: "counter" });
      await Promise.resolve();
    });
  }
  /** Waits until everything is delivered that was recorded until now. */
  const delivered = async () => {
    const waits = ({ created, exported }) => exported === 0 || exported < created;
    while (Object.values(OpenTelemetry.stats()).some(waits)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const kill = async (signal) => {
    if (Deno.env.get("GATE")) await fetch(Deno.env.get("GATE") + signal);
    else Deno.kill(Deno.pid, signal);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
  };
  ${ending}
`;

/** What ends the program, and how. */
export interface Way {
  /** The code that comes last. */
  readonly ending: string;
  /** The code that comes before `configure`. */
  readonly before?: string;
  readonly options?: Record<string, unknown>;
  /** Permission flags. Default all; without `--allow-run` signals are sent by the tests. */
  readonly flags?: readonly string[];
  readonly receiver?: OtlpReceiver;
  readonly env?: Readonly<Record<string, string>>;
}

/** How it ended. */
export interface Ended extends Ran, AsyncDisposable {
  readonly receiver: OtlpReceiver;
  /** When it was over, as `Date.now` has it. */
  readonly endedAt: number;
  /** How many milliseconds it took. */
  readonly millis: number;
}

/** Runs the program to its end, before a receiver of its own unless one is given. */
export async function end(
  { ending, before = "", options, flags, env, receiver = startReceiver() }: Way,
): Promise<Ended> {
  // A machine that is busy with other tests must not make a loss, or a second try, of what is only slow.
  const limits = { shutdownTimeoutMillis: 60_000, exportTimeoutMillis: 60_000 };
  const given = { environment: "test", otlpEndpoint: receiver.endpoint, ...limits, ...options };
  const source = PROGRAM(given, before, ending);
  const startedAt = Date.now();
  const ran = flags === undefined
    ? await run(source, { flags: ["--allow-all", "--no-check"], env })
    : await endBySignal(source, flags);
  const endedAt = Date.now();
  const millis = endedAt - startedAt;
  return { ...ran, receiver, endedAt, millis, [Symbol.asyncDispose]: () => receiver.close() };
}

/** The program asks for its signal, as it may not send one. */
async function endBySignal(source: string, flags: readonly string[]): Promise<Ran> {
  await using gate = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    running.process.kill(new URL(request.url).pathname.slice(1) as Deno.Signal);
    return new Response();
  });
  const env = { GATE: `http://127.0.0.1:${gate.addr.port}/` };
  const running = start(source, { flags: [...flags, "--allow-env=GATE", "--no-check"], env });
  return await running.ended;
}

/** Everything that was recorded arrived, and once, besides what is named. */
export function assertArrived({ receiver }: Ended, ...others: string[]): void {
  const numbers = Array.from({ length: SCOPES }, (_, index) => index);
  const spans = receiver.spans.map(({ name }) => name).sort();
  assertEquals(spans, [...others, ...numbers.map((number) => `scope-${number}`)].sort());
  assertEquals(receiver.logs.map(({ body }) => body).sort(), numbers.map((number) => `log-${number}`));
  for (const log of receiver.logs) {
    const span = receiver.spans.find(({ spanId }) => spanId === log.spanId);
    assertEquals(span?.name.replace("scope-", "log-"), log.body);
  }
  assertEquals(receiver.latest("scopes")?.value, SCOPES);
}

/** Nothing arrived, neither a span nor a log nor a measurement. */
export function assertNothingArrived({ receiver: { spans, logs, points } }: Ended): void {
  assertEquals([spans, logs, points], [[], [], []]);
}

/** What is asked of an end. */
export interface Expected {
  readonly code?: number;
  readonly signal?: Deno.Signal | null;
  readonly stdout?: string | RegExp;
  /** The kinds of lines that the library has to say, and may say. */
  readonly says?: readonly RegExp[];
  readonly maySay?: readonly RegExp[];
  /** Within how many milliseconds the process was over. */
  readonly within?: number;
  /** How many milliseconds its end may wait, counted from the time that it says. */
  readonly waits?: number;
}

/** It ended as it should have, said what it should have, and took no longer than it may. */
export function assertEnded(
  { receiver: _, ...ended }: Ended,
  { code = 0, signal = null, stdout = "", says = [], maySay = [], within = PROCESS, waits }: Expected = {},
): void {
  assertEquals([ended.code, ended.signal], [code, signal], ended.stderr);
  if (waits !== undefined) assertLess(ended.endedAt - Number(ended.stdout), waits + REST);
  else if (typeof stdout === "string") assertEquals(ended.stdout, stdout);
  else assertMatch(ended.stdout, stdout);
  // What Deno itself says of an error is about the program.
  const said = code === 1 ? ended.stderr.split("\n").filter((line) => line.startsWith("[@haiway/otel]")) : [];
  assertSays(code === 1 ? said.join("\n") : ended.stderr, says, maySay);
  assertLess(ended.millis, within);
}

/** What Deno says of the end, without the place of the program. */
export function lastWords({ code, signal, stdout, stderr }: Ran): Record<string, unknown> {
  return { code, signal, stdout, stderr: stderr.replaceAll(/subprocess_\w+/g, "") };
}
