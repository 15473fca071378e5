import { assert, assertEquals, assertLess } from "@std/assert";
import { now } from "../../opentelemetry/clock.ts";
import { hrTimeOf, instantOf } from "../../opentelemetry/instant.ts";

/** Clocks that stand still, where a test puts them. */
class Clocks {
  readonly #real = { date: Date.now, performance: performance.now };
  wall = Date.now();
  steady = performance.now();

  constructor() {
    Date.now = () => this.wall;
    performance.now = () => this.steady;
  }

  [Symbol.dispose](): void {
    Date.now = this.#real.date;
    performance.now = this.#real.performance;
  }
}

Deno.test("the time follows the wall clock of a machine that slept, within a second; a reading given by hand as well", () => {
  const asleep = 3_600_000;
  using clocks = new Clocks();
  const before = now();
  clocks.wall += asleep;
  assertEquals(now(), before);
  clocks.wall += 1001;
  clocks.steady += 1001;
  const after = now();
  assertLess(Math.abs(after - clocks.wall), 1);
  assertEquals(instantOf(clocks.steady), after);
  clocks.wall += 1001 - asleep;
  clocks.steady += 1001;
  assertLess(Math.abs(now() - clocks.wall), 1);
});

Deno.test("a clock that is a few milliseconds off is left as it is, so that no span ends before it begins", () => {
  using clocks = new Clocks();
  clocks.steady += 2000;
  clocks.wall += 2000;
  let last = now();
  for (const off of [10, -10, 5, -15]) {
    clocks.steady += 1001;
    clocks.wall += 1001 + off;
    const time = now();
    assert(time > last);
    last = time;
  }
});

Deno.test("an instant is seconds and nanoseconds, never a whole second of the latter", () => {
  assertEquals(hrTimeOf(1_700_000_000_000.25), [1_700_000_000, 250_000]);
  assertEquals(hrTimeOf(0.9999999), [0, 1_000_000]);
  assertEquals(hrTimeOf(999.9999999), [1, 0]);
  assertEquals(hrTimeOf([7, 8]), [7, 8]);
});
