import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** What a record takes without its texts, in bytes. */
const RECORD = 500;
const NUMBER = 8;

/** About how many bytes a span takes. */
export function weighSpan({ attributes, events }: ReadableSpan): number {
  let weight = RECORD + weighAll(attributes);
  for (const event of events) weight += RECORD + weighAll(event.attributes ?? {});
  return weight;
}

/** About how many bytes a log takes. */
export function weighLog({ attributes, body }: ReadableLogRecord): number {
  return RECORD + weighAll(attributes) + weighValue(body);
}

function weighAll(attributes: Readonly<Record<string, unknown>>): number {
  let weight = 0;
  for (const key in attributes) weight += key.length + weighValue(attributes[key]);
  return weight;
}

function weighValue(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (!Array.isArray(value)) return NUMBER;
  let weight = 0;
  for (const element of value) weight += typeof element === "string" ? element.length : NUMBER;
  return weight;
}
