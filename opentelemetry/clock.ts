/** The wall clock may differ by this much from the steady one before the latter is set by it again. */
const MAX_DRIFT = 20;
/** How often the two are compared, in milliseconds. */
const CHECK_INTERVAL = 1000;

let origin = performance.timeOrigin;
let nextCheck = 0;

/**
 * The time in milliseconds since the epoch, with the resolution of the steady clock: one reading, so that what
 * follows is never earlier. The wall clock is looked at once a second, for a machine that slept.
 */
export function now(): number {
  const steady = performance.now();
  if (steady >= nextCheck) {
    const wall = Date.now() - steady;
    if (Math.abs(wall - origin) > MAX_DRIFT) origin = wall;
    nextCheck = steady + CHECK_INTERVAL;
  }
  return origin + steady;
}

/** The same of a reading of the steady clock, as `performance.now()` gives it. */
export function wallOf(steady: number): number {
  return origin + steady;
}
