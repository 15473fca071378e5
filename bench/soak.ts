/**
 * Records 5,000 scopes a second while the collector fails half of the time, and checks that memory stays flat and
 * that every scope is accounted for: received + dropped = created. Prints a line of figures; the exit code is 1 when
 * it does not hold.
 *
 * ```sh
 * deno run -A bench/soak.ts          # a minute
 * deno run -A bench/soak.ts 300      # five
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

const RATE = 5000;
const TICK = 10;
/** Memory may vary by this much between the middle and the end: garbage, and what waits for the collector. */
const SLACK = 1.15;

const seconds = Number(Deno.args[0] ?? 60);
const receiver = new Worker(new URL("./soak_receiver.ts", import.meta.url), { type: "module" });
const { port } = await answer<{ port: number }>();

OpenTelemetry.configure({
  service: "soak",
  version: "1",
  environment: "bench",
  otlpEndpoint: `http://127.0.0.1:${port}`,
  exportTimeoutMillis: 2000,
  shutdownTimeoutMillis: 20_000,
});

const memory: number[] = [];
const late: number[] = [];
let made = 0;
const started = performance.now();
let sampled = started;
for (let now = started; now - started < seconds * 1000; now = performance.now()) {
  for (const due = (now - started) / 1000 * RATE; made < due; made++) {
    ctx.scope("work", { attributes: { number: made, "user.id": "user-456", route: "/users/:id" } }, work);
  }
  if (now - sampled >= 500) {
    memory.push(Deno.memoryUsage().rss / 2 ** 20);
    sampled = now;
  }
  const asleep = performance.now();
  await new Promise((resolve) => setTimeout(resolve, TICK));
  late.push(performance.now() - asleep - TICK);
}
await OpenTelemetry.shutdown();
receiver.postMessage("count");
const { received, refused } = await answer<{ received: number; refused: number }>();
receiver.terminate();

const { created, dropped, failures } = OpenTelemetry.stats().traces;
const lost = Object.values<number>(dropped).reduce((sum, items) => sum + items, 0);
const third = Math.floor(memory.length / 3);
const middle = median(memory.slice(third, 2 * third));
const end = median(memory.slice(-third));
late.sort((a, b) => a - b);

const claims: Record<string, boolean> = {
  "created as many as were opened": created === made,
  "received + dropped = created": received + lost === created,
  "memory is flat": end <= middle * SLACK,
};
console.log(
  `${seconds} s, ${made} scopes (${
    Math.round(made / seconds)
  }/s), ${received} received + ${lost} dropped = ` +
    `${received + lost}, ${failures} failed exports of ${refused} refusals, RSS ${
      middle.toFixed(0)
    } MiB in the ` +
    `middle, ${end.toFixed(0)} MiB at the end, event loop late by ${
      late[late.length >> 1].toFixed(1)
    } ms (median), ` +
    `${late[Math.floor(late.length * 0.99)].toFixed(1)} ms (p99)`,
);
for (const [claim, holds] of Object.entries(claims)) if (!holds) console.error(`does not hold: ${claim}`);
Deno.exit(Object.values(claims).every((holds) => holds) ? 0 : 1);

function work(): void {
  ctx.recordAttributes({ done: true });
}

function answer<T>(): Promise<T> {
  return new Promise((resolve) => receiver.onmessage = ({ data }) => resolve(data));
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}
