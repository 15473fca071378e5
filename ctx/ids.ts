/** Random bytes are drawn in batches: a call for eight of them costs as much as one for thousands. */
const pool = new Uint8Array(4096);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
let next = pool.length;

/** A new trace id: 32 lowercase hex digits, never all zero. */
export function newTraceId(): string {
  return newSpanId() + newSpanId();
}

/** A new span id: 16 lowercase hex digits, never all zero. */
export function newSpanId(): string {
  if (next === pool.length) {
    crypto.getRandomValues(pool);
    next = 0;
  }
  const at = next;
  next += 8;
  const id = HEX[pool[at]] + HEX[pool[at + 1]] + HEX[pool[at + 2]] + HEX[pool[at + 3]] +
    HEX[pool[at + 4]] + HEX[pool[at + 5]] + HEX[pool[at + 6]] + HEX[pool[at + 7]];
  return id === "0000000000000000" ? newSpanId() : id;
}
