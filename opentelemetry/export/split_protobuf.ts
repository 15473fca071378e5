import type { Signal } from "../configuration/endpoint.ts";

/** A field of a message: its number, where it begins, and where its content does. */
interface Field {
  readonly number: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/**
 * The requests of the three signals have one shape: field 1 holds resources, whose field 2 holds scopes, whose
 * field 2 holds the items.
 */
const PATH = [1, 2, 2];
/** The fields of a metric that hold data, whose field 1 are the data points. */
const DATA = new Set([5, 7, 9, 10, 11]);

/** A request in protobuf with some of its items, of which nothing is read but where they are. */
export function pickProtobuf(
  request: Uint8Array,
  signal: Signal,
  keep: (index: number) => boolean,
): { body: Uint8Array<ArrayBuffer>; count: number; items: number } {
  let count = 0;
  let items = 0;
  const pick = (message: Uint8Array, depth: number): Uint8Array[] => {
    const parts: Uint8Array[] = [];
    for (const { number, start, content, end } of fieldsOf(message)) {
      const whole = message.subarray(start, end);
      if (number !== PATH[depth]) parts.push(whole);
      else if (depth === PATH.length - 1) {
        if (!keep(count++)) continue;
        parts.push(whole);
        items += signal === "metrics" ? pointsOf(message.subarray(content, end)) : 1;
      } else {
        const inner = pick(message.subarray(content, end), depth + 1);
        const length = inner.reduce((sum, part) => sum + part.length, 0);
        parts.push(new Uint8Array([number << 3 | 2, ...varint(length)]), ...inner);
      }
    }
    return parts;
  };
  const parts = pick(request, 0);
  const body = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return { body, count, items };
}

function pointsOf(metric: Uint8Array): number {
  return fieldsOf(metric).filter(({ number }) => DATA.has(number)).reduce(
    (sum, { content, end }) =>
      sum + fieldsOf(metric.subarray(content, end)).filter(({ number }) => number === 1).length,
    0,
  );
}

function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const read = (): number => {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = read();
    let content = at;
    if ((tag & 7) === 0) read();
    else if ((tag & 7) === 1) at += 8;
    else if ((tag & 7) === 5) at += 4;
    else if ((tag & 7) === 2) {
      const length = read();
      content = at;
      at += length;
    } else throw new RangeError("the message has a field of an unknown type");
    if (at > message.length) throw new RangeError("the message ends in the middle of a field");
    fields.push({ number: Math.floor(tag / 8), start, content, end: at });
  }
  return fields;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  bytes.push(value);
  return bytes;
}
