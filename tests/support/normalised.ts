/**
 * OTLP without what differs from run to run.
 *
 * @module
 */

/** Times from then on are those of the run; what a program gives by hand is earlier. */
const SINCE = BigInt(Math.floor(performance.timeOrigin - 1000)) * 1_000_000n;

/** The same requests, with ids numbered as they appear, and one word for what a clock told. */
export function normalised(requests: unknown): unknown {
  const ids = new Map<string, string>();
  return JSON.parse(JSON.stringify(requests), (key, value) => {
    if (/^(trace|span|parentSpan)Id$/.test(key) && value !== "") {
      if (!ids.has(value)) ids.set(value, `${value.length === 32 ? "trace" : "span"} ${ids.size}`);
      return ids.get(value);
    }
    if (/unixNano$/i.test(key) && BigInt(value) > SINCE) return "now";
    if (value?.key === "stream.time_to_first_chunk") return { key: value.key };
    // A stack goes through the code of whoever records it.
    if (key === "stringValue" && /\n +at /.test(value)) return value.split("\n")[0];
    return value;
  });
}
