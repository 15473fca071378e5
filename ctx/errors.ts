import { describe } from "./attributes.ts";

/**
 * Thrown when the library is set up in a way that cannot work: its message names what was to be done, the
 * option, the rule and the value.
 *
 * ```ts
 * import { ConfigurationError, OpenTelemetry } from "@haiway/otel";
 * import { assertThrows } from "@std/assert";
 *
 * // before OpenTelemetry.configure
 * assertThrows(() => OpenTelemetry.observability(), ConfigurationError, "must be called before");
 * ```
 */
export class ConfigurationError extends Error {
  /** Makes the error with its whole message. */
  constructor(message: string) {
    super(message);
    this.name = "ConfigurationError";
  }
}

/** The message of every refused option: what was to be done, the option, the rule and the value it has. */
export function refusal(action: string, option: string, rule: string, value: unknown): string {
  const shown = typeof value === "string" ? JSON.stringify(value) : describe(value);
  return `Cannot ${action} as '${option}' must ${rule}: current value is ${shown}`;
}

/**
 * An error that left a scope or was logged, and whether its trace has seen it before.
 *
 * ```ts
 * import { ctx, type Failure, noopObservability, type Recorder } from "@haiway/otel";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const failures: (Failure | undefined)[] = [];
 * const recorder: Recorder = {
 *   ...noopObservability.open("", {}),
 *   open: () => recorder,
 *   close: (failure) => void failures.push(failure),
 * };
 * const observability = { level: "info", open: () => recorder } as const;
 * const fail = () => {
 *   throw new Error("out of stock");
 * };
 *
 * assertThrows(() => ctx.scope("outer", { observability }, () => ctx.scope("inner", fail)), Error);
 * assertEquals(failures.map((failure) => failure?.first), [true, false]);
 * ```
 */
export interface Failure {
  /** What was thrown: an error mostly, but JavaScript throws anything. */
  readonly error: unknown;
  /** Whether this is the first time in this trace, which is when the exception is recorded. */
  readonly first: boolean;
}

/**
 * An exception in the terms of the semantic conventions.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type Exception } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("request", { observability }, () => ctx.logError("Failed", { exception: new TypeError("no user") }));
 *
 * const exception: Exception | undefined = observability.logs[0].exception;
 * assertEquals([exception?.type, exception?.message], ["TypeError", "no user"]);
 * ```
 */
export interface Exception {
  /** The class of the error, or the type of what was thrown instead of one. */
  readonly type: string;
  /** What it says. */
  readonly message: string;
  /** Where it came from, its causes included, if it tells. */
  readonly stacktrace?: string;
}

const MAX_CAUSES = 5;

/** What can be said of anything that was thrown, read with care: its getters are a stranger's code. */
export function describeException(error: unknown): Exception {
  if (typeof error !== "object" || error === null) {
    const message = typeof error === "string" ? error : describe(error);
    return { type: error === null ? "null" : typeof error, message };
  }
  const type = exceptionType(error);
  const message = read(error, "message") ?? (isError(error) ? "" : describe(error));
  const stacktrace = stackWithCauses(error);
  return stacktrace === undefined ? { type, message } : { type, message, stacktrace };
}

function isError(value: object): boolean {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** The class of an error: its name, unless a class that extends Error left the name as it was. */
function exceptionType(error: object): string {
  const name = read(error, "name");
  if (name && name !== "Error") return name;
  const maker = readAny(error, "constructor");
  return (typeof maker === "function" && read(maker, "name")) || name || "Object";
}

function stackWithCauses(error: object): string | undefined {
  let stack = read(error, "stack");
  if (stack === undefined) return undefined;
  let cause = readAny(error, "cause");
  for (let depth = 0; depth < MAX_CAUSES && typeof cause === "object" && cause !== null; depth++) {
    stack += `\nCaused by: ${read(cause, "stack") ?? describe(cause)}`;
    cause = readAny(cause, "cause");
  }
  return stack;
}

function read(from: object, key: string): string | undefined {
  const value = readAny(from, key);
  return typeof value === "string" ? value : undefined;
}

function readAny(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
