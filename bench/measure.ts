/**
 * What runs in each process of the bench: one workload of one subject, measured, and the figures printed as JSON.
 *
 * @module
 */

import process from "node:process";
import { setImmediate } from "node:timers";

/** Does a workload so many times. */
export type Work = (times: number) => void | Promise<void>;

/** What a subject can do, by the name of the workload; what it cannot is left out. */
export interface Subject {
  readonly [workload: string]: Work | undefined;
}

/** Figures of one process: nanoseconds of the main thread for a timing, bytes for the heap. */
export interface Figures {
  readonly value: number;
  /** How many spans, logs or batches of points came out at the exporter, to see that the work was done. */
  readonly exported?: number;
  readonly expected?: number;
  readonly [more: string]: number | undefined;
}

/** How many times the units of a workload are in one turn: five nested scopes are counted one by one. */
const UNITS: Readonly<Record<string, number>> = { nested: 5 };
/** What the queue of a processor holds with ease. */
const QUEUED = 1000;
/** How long a workload has the event loop for itself, in nanoseconds. */
const TURN = 2e6;
const OPEN_SCOPES = 10_000;

/** Measures the workload that the command line names, and prints the figures. */
export async function main(subject: Subject, exported?: () => number | Promise<number>): Promise<never> {
  const [workload, quick] = Deno.args;
  const work = subject[workload];
  if (work === undefined) throw new TypeError(`No workload '${workload}'`);
  const figures = workload === "heap" ? await bytesOf(work) : await timeOf(workload, work, quick === "quick");
  print({ ...figures, exported: await exported?.() });
  Deno.exit(0);
}

/** Hands figures to the process that started this one. */
export function print(figures: Figures): void {
  console.log(JSON.stringify(figures));
}

/** The mean over a second, warm: garbage is collected now and then, and belongs to what made it. */
async function timeOf(workload: string, work: Work, quick: boolean): Promise<Figures> {
  let done = 0;
  let times = QUEUED;
  const runFor = async (milliseconds: number): Promise<number> => {
    const before = done;
    const start = threadTime();
    const until = performance.now() + milliseconds;
    while (performance.now() < until) {
      const pending = work(times);
      if (pending !== undefined) await pending;
      done += times;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return (threadTime() - start) / (done - before);
  };
  const rough = await runFor(200);
  // Logs are not exported before the event loop has its turn, and their queue must not overflow.
  if (workload !== "log") times = Math.max(QUEUED, Math.round(TURN / rough));
  await runFor(quick ? 400 : 500);
  const value = await runFor(quick ? 700 : 1000);
  const units = UNITS[workload] ?? 1;
  return { value: value / units, expected: done * units };
}

/** The heap that each of many open scopes takes; the work opens them, and leaves them open. */
async function bytesOf(work: Work): Promise<Figures> {
  await work(100);
  const before = heap();
  await work(OPEN_SCOPES);
  return { value: (heap() - before) / OPEN_SCOPES };
}

function heap(): number {
  for (let turn = 0; turn < 3; turn++) (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

/**
 * The time that the main thread has run, in nanoseconds: what a neighbour takes from the machine does not count.
 * Where the system does not tell, the clock on the wall has to do.
 */
export function threadTime(): number {
  try {
    return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ", 1)[0]);
  } catch {
    return performance.now() * 1e6;
  }
}

/** The middle one. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
