import process from "node:process";
import { setImmediate } from "node:timers";
import { print, threadTime } from "../measure.ts";

const SCOPES = 100_000;
/** The queue of a processor must not overflow: whoever is faster waits for the collector. */
const BETWEEN_FLUSHES = 1000;
/** What the program itself does at a time, to see how long the exports block beside it. */
const AT_ONCE = 100;

/** Sends scopes through a pipeline, and prints what a scope cost and how late a timer of 1 ms was. */
export async function drive(scope: () => Promise<void>, flush: () => Promise<void>): Promise<never> {
  await send(5000);
  const late: number[] = [];
  const busy: number[] = [];
  let expected = performance.now() + 1;
  let ran = threadTime();
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(now - expected);
    expected = now + 1;
    const running = threadTime();
    busy.push((running - ran) / 1e6);
    ran = running;
  }, 1);
  const cpu = process.cpuUsage();
  const start = performance.now();
  await send(SCOPES);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(timer);
  late.sort((a, b) => b - a);
  print({
    value: (user + system) * 1000 / SCOPES,
    wall: wall * 1e6 / SCOPES,
    latest: late[0],
    late99: late[Math.floor(late.length / 100)],
    busiest: Math.max(...busy),
  });
  Deno.exit(0);

  async function send(scopes: number): Promise<void> {
    for (let sent = 0; sent < scopes; sent += AT_ONCE) {
      for (let more = 0; more < AT_ONCE; more++) await scope();
      if (sent % BETWEEN_FLUSHES === 0) await flush();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await flush();
  }
}
