import type { HrTime, TimeInput } from "@opentelemetry/api";
import { hrTimeToMilliseconds, isTimeInputHrTime } from "@opentelemetry/core";
import { now, wallOf } from "./clock.ts";

/** A time as callers of the API give it: kept exact, or in milliseconds since the epoch; now, where it is none. */
export function instantOf(time: TimeInput): number | HrTime {
  if (isTimeInputHrTime(time)) return time;
  const given = time instanceof Date ? time.getTime() : time;
  // What cannot be encoded would cost the record.
  if (!Number.isFinite(given)) return now();
  return typeof time === "number" && time <= performance.now() ? wallOf(time) : given;
}

/** An instant in milliseconds since the epoch. */
export function millisecondsOf(time: number | HrTime): number {
  return typeof time === "number" ? time : hrTimeToMilliseconds(time);
}

/** An instant as the SDK's processors and exporters have it. */
export function hrTimeOf(time: number | HrTime): HrTime {
  return typeof time === "number" ? toHrTime(time) : time;
}

/** Milliseconds as seconds and nanoseconds. */
export function toHrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.round((milliseconds - seconds * 1000) * 1e6);
  return nanoseconds === 1e9 ? [seconds + 1, 0] : [seconds, nanoseconds];
}
