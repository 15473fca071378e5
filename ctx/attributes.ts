/**
 * What an attribute may be given as. Strings, finite numbers, booleans and arrays of one of these are kept as
 * they are; a `Date` becomes ISO 8601, a `bigint` a number or, beyond the safe integers, a decimal string;
 * a plain object is flattened with dots; `null` and `undefined` mean that the attribute is absent.
 *
 * ```ts
 * import type { AttributeValue } from "@haiway/otel";
 *
 * const values: AttributeValue[] = ["a", 1, true, [1, 2], new Date(0), 10n, { nested: { key: "a" } }, undefined];
 * console.log(values);
 * ```
 */
export type AttributeValue =
  | string
  | number
  | boolean
  | bigint
  | Date
  | null
  | undefined
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/**
 * Attributes as a caller gives them: a plain object, which is copied and never kept or changed.
 *
 * ```ts
 * import { type Attributes, ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const attributes: Attributes = { "request.id": "req-123", user: { id: 7 }, absent: undefined };
 * const observability = new MemoryObservability();
 * ctx.scope("request", { observability, attributes }, () => {});
 * assertEquals(observability.scopes[0].attributes, { "request.id": "req-123", "user.id": 7 });
 * ```
 */
export type Attributes = { readonly [key: string]: AttributeValue };

/**
 * Attributes of a log: anything goes, and the key `exception` takes the error that the log is about.
 *
 * ```ts
 * import { ctx, type LogAttributes } from "@haiway/otel";
 *
 * const attributes: LogAttributes = { user_id: 7, exception: new Error("There is no user 7") };
 * ctx.scope("user-service", () => ctx.logError("User not found", attributes));
 * ```
 */
export type LogAttributes = { readonly [key: string]: unknown };

/**
 * An attribute as it is recorded and exported.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type CleanValue } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("request", { observability, attributes: { since: new Date(0) } }, () => {});
 *
 * const since: CleanValue = observability.scopes[0].attributes.since;
 * assertEquals(since, "1970-01-01T00:00:00.000Z");
 * ```
 */
export type CleanValue = string | number | boolean | string[] | number[] | boolean[];

/**
 * Attributes as they are recorded and exported: flat, copied, and made of nothing but data.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type CleanAttributes } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("request", { observability, attributes: { user: { id: 7, name: null } } }, () => {});
 *
 * const clean: CleanAttributes = observability.scopes[0].attributes;
 * assertEquals(clean, { "user.id": 7 });
 * ```
 */
export type CleanAttributes = Record<string, CleanValue>;

/** A value of none of the data types is described in at most this many characters. */
const MAX_DESCRIPTION = 256;
const MAX_DEPTH = 8;
const MAX_ELEMENTS = 10_000;
const UNREADABLE = "[unreadable]";

/**
 * The data in what a caller gave: a copy that shares nothing with it. Never throws: what cannot be read costs
 * itself and nothing else.
 */
export function cleanAttributes(attributes: LogAttributes | undefined, except?: string): CleanAttributes {
  const clean: CleanAttributes = {};
  if (typeof attributes !== "object") return clean;
  try {
    for (const key in attributes) {
      if (key !== except && Object.hasOwn(attributes, key)) copy(clean, key, attributes, key);
    }
  } catch {
    // A proxy that refuses to be listed: what was read until then stands.
  }
  return clean;
}

function copy(clean: CleanAttributes, name: string, from: LogAttributes, key: string): void {
  let value: unknown;
  try {
    value = from[key];
  } catch {
    value = UNREADABLE;
  }
  const type = typeof value;
  if (type === "string" || type === "boolean" || (type === "number" && Number.isFinite(value))) {
    put(clean, name, value as CleanValue);
  } else {
    putOther(clean, name, value, []);
  }
}

/** An own key `__proto__`, as JSON.parse makes it, sets the prototype wherever it is copied by assignment. */
function put(clean: CleanAttributes, name: string, value: CleanValue): void {
  if (name !== "") clean[name === "__proto__" ? "[__proto__]" : name] = value;
}

function putOther(clean: CleanAttributes, name: string, value: unknown, path: object[]): void {
  if (value === null || value === undefined) return;
  try {
    if (Array.isArray(value)) return put(clean, name, cleanArray(value));
    if (!isPlain(value)) return put(clean, name, scalar(value));
    if (path.includes(value)) return put(clean, name, "[circular]");
    if (path.length === MAX_DEPTH) return put(clean, name, "[too deep]");
    const deeper = [...path, value];
    for (const key of Object.keys(value)) {
      let inner: unknown;
      try {
        inner = (value as Record<string, unknown>)[key];
      } catch {
        inner = UNREADABLE;
      }
      putOther(clean, `${name}.${key}`, inner, deeper);
    }
  } catch {
    put(clean, name, UNREADABLE);
  }
}

/** An array of one type of data: a mixed one becomes an array of strings. */
function cleanArray(array: readonly unknown[]): string[] | number[] | boolean[] {
  const elements: (string | number | boolean)[] = [];
  const length = Math.min(array.length, MAX_ELEMENTS);
  const types = new Set<string>();
  for (let index = 0; index < length; index++) {
    const element = array[index];
    if (element === null || element === undefined) continue;
    const clean = scalar(element);
    elements.push(clean);
    types.add(typeof clean);
  }
  return (types.size > 1 ? elements.map(String) : elements) as string[] | number[] | boolean[];
}

function scalar(value: unknown): string | number | boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    default:
      return describe(value);
  }
}

/** A short text for any value, which never throws. */
export function describe(value: unknown): string {
  try {
    return description(value).slice(0, MAX_DESCRIPTION);
  } catch {
    return UNREADABLE;
  }
}

function description(value: unknown): string {
  if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof Map || value instanceof Set) return `[${value.constructor.name} of ${value.size}]`;
  if (ArrayBuffer.isView(value)) return `[${value.constructor.name} of ${value.byteLength} bytes]`;
  if (Array.isArray(value) || isPlain(value)) return JSON.stringify(value);
  const text = String(value);
  return text.startsWith("[object ") ? `[${className(value)}]` : text;
}

function className(value: object): string {
  return value.constructor?.name || "object";
}

function isPlain(value: unknown): value is object {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
