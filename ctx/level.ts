/**
 * How important a record is, least important first: `"debug"`, `"info"`, `"warning"`, `"error"`.
 *
 * The constants of {@linkcode ObservabilityLevel} and the plain strings are one type, so both read well:
 *
 * ```ts
 * import { ObservabilityLevel } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const level: ObservabilityLevel = "warning"; // the same as ObservabilityLevel.WARNING
 * assertEquals(level, ObservabilityLevel.WARNING);
 * ```
 */
export type ObservabilityLevel = "debug" | "info" | "warning" | "error";

/**
 * The four levels as constants, for those who prefer a name to a string.
 *
 * ```ts
 * import { ObservabilityLevel } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Object.values(ObservabilityLevel), ["debug", "info", "warning", "error"]);
 * ```
 */
export const ObservabilityLevel: {
  /** Details for whoever debugs the program. */
  readonly DEBUG: "debug";
  /** What happened, in the normal course of things. */
  readonly INFO: "info";
  /** Something is off, and the program copes. */
  readonly WARNING: "warning";
  /** Something failed. */
  readonly ERROR: "error";
} = { DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error" };

/** Each level as a severity number of the OpenTelemetry log data model, which orders them. */
export const SEVERITY: Readonly<Record<ObservabilityLevel, number>> = {
  debug: 5,
  info: 9,
  warning: 13,
  error: 17,
};

/** Whether a stranger's value is one of the four levels. */
export function isLevel(value: unknown): value is ObservabilityLevel {
  return typeof value === "string" && Object.hasOwn(SEVERITY, value);
}
