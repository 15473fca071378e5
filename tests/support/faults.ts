/**
 * A program that records scopes while something is wrong with the collector, and what is asked of its end.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import type { Stats } from "@haiway/otel";
import type { OtlpReceiver } from "./receiver.ts";
import { assertSays } from "./rows.ts";
import { flushWithin, type Ran, run } from "./subprocess.ts";

/** What the program under test does: waves of scopes with a log each, a flush after each, and an end. */
export interface Plan {
  readonly endpoint: string;
  readonly options?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  /** How long a flush waits; a request has all the time that a busy machine needs. Default 10 000. */
  readonly flushMillis?: number;
  /** Scopes of each wave. Default one wave of 8. */
  readonly waves?: readonly number[];
  /**
   * Called by the program after each wave, once it was flushed and all of it has arrived or a try has failed; the
   * program goes on once it is answered.
   */
  readonly gate?: (wave: number) => Promise<unknown> | void;
  /** Characters of an attribute of each scope. */
  readonly size?: number;
  /** The one scope that has it, by its number. Default each. */
  readonly only?: number;
  /** Within how many milliseconds the shutdown has to end. */
  readonly shutdownWithin?: number;
  /** Within how many milliseconds the program has to end, on a busy machine. Default 30 000. */
  readonly within?: number;
  /** The kinds of lines that have to be said on standard error, and may be said. */
  readonly says?: readonly RegExp[];
  readonly maySay?: readonly RegExp[];
}

/** What may be said of any try that failed. */
export const TRYING_AGAIN = /Cannot export to http.* now, trying again: /;
/** Further drops of the same window, in one line. */
export const IN_ALL = /Dropped \d+ (spans|logs|data points) in all: /;

/** What is said of a try with so many spans, and as many logs, that failed; whichever signal was first. */
export function tryingAgain(why: string, items: number): RegExp {
  return new RegExp(`${TRYING_AGAIN.source}${why}; (${items} (spans|logs)|\\d+ data points) wait$`);
}

/** What is said of so many spans, and as many logs, and of the metrics beside them, that were given up. */
export function given(up: string, items: number): RegExp[] {
  return [`${items} spans`, `${items} logs`, "\\d+ data points"].map((what) =>
    new RegExp(`Dropped ${what} \\(\\d+ in all\\): http.* ${up}`)
  );
}

/** What is said of those that the collector did not take until the end. */
export const lost = (items: number): RegExp[] => given("did not take them before the end", items);

const PROGRAM = (
  plan: Pick<Plan, "endpoint" | "options" | "waves" | "size" | "only" | "shutdownWithin"> & { gate: string },
) => `
  import { ctx, OpenTelemetry } from "@haiway/otel";
  const { endpoint, options, waves = [8], size = 0, only, gate, shutdownWithin = 110_000 } = ${
  JSON.stringify(plan)
};
  OpenTelemetry.configure({
    service: "faults", version: "1", environment: "test", otlpEndpoint: endpoint, exportIntervalMillis: 60_000,
    shutdownTimeoutMillis: 100_000, ...options,
  });
  let made = 0;
  const signals = () => Object.values(OpenTelemetry.stats());
  for (const [wave, scopes] of waves.entries()) {
    const before = signals();
    for (let index = 0; index < scopes; index++, made++) {
      ctx.scope("scope-" + made, { attributes: { filling: "x".repeat(made === (only ?? made) ? size : 0) } }, () => {
        ctx.logInfo("log-" + made);
        ctx.recordMetric("scopes", { value: 1, kind: "counter" });
      });
    }
    await OpenTelemetry.forceFlush();
    const waits = ({ queued, failures }, index) => queued > 0 && failures === before[index].failures;
    while (signals().some(waits)) await new Promise((resolve) => setTimeout(resolve, 10));
    await (await fetch(gate + wave)).text();
  }
  // A busy machine delays this timer and those of the shutdown alike.
  let isLate = false;
  Deno.unrefTimer(setTimeout(() => isLate = true, shutdownWithin));
  await OpenTelemetry.shutdown();
  console.log(JSON.stringify({ isLate, stats: OpenTelemetry.stats() }));
`;

/** How the program ended. */
export interface Ended extends Ran {
  readonly stats: Stats;
}

export async function runPlan({ gate, env, flushMillis = 10_000, ...plan }: Plan): Promise<Ended> {
  const { says = [], maySay, within = 30_000 } = plan;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    await gate?.(Number(new URL(request.url).pathname.slice(1)));
    return new Response("go on");
  });
  const { endpoint, options, waves, size, only, shutdownWithin } = plan;
  const work = { endpoint, options, waves, size, only, shutdownWithin };
  const source = PROGRAM({ ...work, gate: `http://127.0.0.1:${server.addr.port}/` });
  const startedAt = performance.now();
  const ran = await run(source, {
    flags: ["--allow-net=127.0.0.1", "--allow-env"],
    env: { ...flushWithin(flushMillis), ...env },
  });
  assertEquals([ran.code, ran.signal], [0, null], ran.stderr);
  assertLess(performance.now() - startedAt, within);
  assertSays(ran.stderr, says, maySay);
  const { isLate, stats }: { isLate: boolean; stats: Stats } = JSON.parse(ran.stdout);
  assertEquals(isLate, false, `the shutdown took more than ${plan.shutdownWithin} ms: ${ran.stderr}`);
  for (const { created, exported, queued, spooled, dropped } of Object.values(stats)) {
    const lost = Object.values<number>(dropped).reduce((sum, items) => sum + items, 0);
    assertEquals(created, exported + queued + spooled + lost, ran.stdout);
  }
  return { ...ran, stats };
}

/** Everything arrived, and once: each scope as a span, with its log; and the counter has counted all of them. */
export function assertArrived(receivers: readonly OtlpReceiver[], from: number, to: number): void {
  const spans = receivers.flatMap(({ spans }) => spans);
  const logs = receivers.flatMap(({ logs }) => logs);
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  const order = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });
  assertEquals(spans.map(({ name }) => name).sort(order), numbers.map((number) => `scope-${number}`));
  assertEquals(logs.map(({ body }) => String(body)).sort(order), numbers.map((number) => `log-${number}`));
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  for (const { spanId, body } of logs) {
    assertEquals(names.get(spanId ?? "")?.replace("scope-", "log-"), body);
  }
  assertEquals(receivers.at(-1)?.latest("scopes")?.value, to);
}

/** Nothing arrived, neither a span nor a log nor a measurement. */
export function assertNothingArrived({ spans, logs, points }: OtlpReceiver): void {
  assertEquals([spans, logs, points], [[], [], []]);
}

/** How many spans were given up, as the last line of standard error about them has it. */
export function droppedSpans(stderr: string): number {
  const last = linesOf(stderr).findLast((line) => /Dropped \d+ spans/.test(line)) ?? "";
  return Number(/\((\d+) in all\)/.exec(last)?.[1] ?? /Dropped (\d+) spans in all/.exec(last)?.[1] ?? 0);
}

export function linesOf(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line !== "");
}

/** A fault that hits the first requests of each signal, then no more. */
export function atFirst(times: number, answer: () => Response | Promise<Response>) {
  const seen = new Map<string, number>();
  return (_: Request, path: string): Response | Promise<Response> | undefined => {
    const count = (seen.get(path) ?? 0) + 1;
    seen.set(path, count);
    return count <= times ? answer() : undefined;
  };
}

/** Milliseconds between the requests for spans. */
export function gaps(receiver: OtlpReceiver): number[] {
  const times = receiver.requests.filter(({ path }) => path === "/v1/traces").map(({ at }) => at);
  return times.slice(1).map((at, index) => at - times[index]);
}
