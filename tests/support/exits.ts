/**
 * A program that records something and comes to an end without a shutdown.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type OtlpReceiver, startReceiver } from "./receiver.ts";
import { type Ran, run, start } from "./subprocess.ts";

/** How many scopes the program closes, with a log and a measurement each, before it ends. */
export const SCOPES = 8;

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
}

/** Runs the program to its end, before a receiver of its own unless one is given. */
export async function end(
  { ending, before = "", options, flags, env, receiver = startReceiver() }: Way,
): Promise<Ended> {
  // A machine that is busy with other tests must not make a loss, or a second try, of what is only slow.
  const limits = { shutdownTimeoutMillis: 60_000, exportTimeoutMillis: 60_000 };
  const given = { environment: "test", otlpEndpoint: receiver.endpoint, ...limits, ...options };
  const source = PROGRAM(given, before, ending);
  const ran = flags === undefined
    ? await run(source, { flags: ["--allow-all", "--no-check"], env })
    : await endBySignal(source, flags);
  const endedAt = Date.now();
  return { ...ran, receiver, endedAt, [Symbol.asyncDispose]: () => receiver.close() };
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
  assertEquals(receiver.latest("scopes")?.value, SCOPES);
}

/** What Deno says of the end, without the place of the program. */
export function lastWords({ code, signal, stdout, stderr }: Ran): Record<string, unknown> {
  return { code, signal, stdout, stderr: stderr.replaceAll(/subprocess_\w+/g, "") };
}
