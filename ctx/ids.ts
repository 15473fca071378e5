const ZERO = "0".charCodeAt(0);
/** Random digits are drawn in batches: a call for a few of them costs as much as one for thousands. */
const pool = new Uint8Array(4096);
let digits = "";
let next = 0;

/** A new trace id: 32 lowercase hex digits, never all zero. */
export function newTraceId(): string {
  return newId(32);
}

/** A new span id: 16 lowercase hex digits, never all zero. */
export function newSpanId(): string {
  return newId(16);
}

function newId(length: number): string {
  if (next + length > digits.length) {
    digits = hexOf(crypto.getRandomValues(pool));
    next = 0;
  }
  const id = digits.slice(next, next += length);
  return id.charCodeAt(0) !== ZERO || /[^0]/.test(id) ? id : newId(length);
}

function hexOf(bytes: Uint8Array): string {
  // Deno has it from 2.5 on.
  if ("toHex" in bytes) return bytes.toHex();
  return Array.from(bytes as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
