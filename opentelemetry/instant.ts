import type { HrTime, TimeInput } from "@opentelemetry/api";
import { hrTimeDuration, isTimeInputHrTime } from "@opentelemetry/core";
import { now, wallOf } from "./clock.ts";

/** A time as callers of the API give it: kept exact, or in milliseconds since the epoch; now, where it is none. */
export function instantOf(time: TimeInput): number | HrTime {
  if (isTimeInputHrTime(time)) return time;
  const given = time instanceof Date ? time.getTime() : time;
  // What cannot be encoded would cost the record.
  if (!Number.isFinite(given)) return now();
  return typeof time === "number" && time <= performance.now() ? wallOf(time) : given;
}

/** Whether an instant is before another; to the nanosecond, where they are kept exact. */
export function isBefore(one: number | HrTime, other: number | HrTime): boolean {
  if (typeof one === "number" && typeof other === "number") return one < other;
  return hrTimeDuration(hrTimeOf(other), hrTimeOf(one))[0] < 0;
}

/** An instant as the SDK's processors and exporters have it. */
export function hrTimeOf(time: number | HrTime): HrTime {
  if (typeof time !== "number") return time;
  const seconds = Math.floor(time / 1000);
  const nanoseconds = Math.round((time - seconds * 1000) * 1e6);
  return nanoseconds === 1e9 ? [seconds + 1, 0] : [seconds, nanoseconds];
}
