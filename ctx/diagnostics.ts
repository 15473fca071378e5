/** How long a kind of diagnostic stays quiet after its line, in milliseconds. */
const WINDOW = 60_000;

interface Kind {
  quietUntil: number;
  suppressed: number;
}

const kinds = new Map<string, Kind>();
const encoder = new TextEncoder();

/**
 * The one way in which the library speaks of its own failures: a line on standard error, at most one per kind
 * and minute, with the number of those kept back since. Never `console`, which Deno may export as telemetry.
 */
export function diagnose(kind: string, message: string): void {
  const now = performance.now();
  const known = kinds.get(kind);
  if (known !== undefined && now < known.quietUntil) {
    known.suppressed++;
    return;
  }
  const again = known?.suppressed ? ` (and ${known.suppressed} more like it since)` : "";
  kinds.set(kind, { quietUntil: now + WINDOW, suppressed: 0 });
  writeLine(`[@haiway/otel] ${message}${again}`);
}

/** Says that something could not be done, and of what; the kind is what was to be done, whatever it was done to. */
export function diagnoseFailure(what: string, error: unknown, of?: string): void {
  diagnose(`failed:${what}`, `Cannot ${what}${of === undefined ? "" : ` '${of}'`}: ${reason(error)}`);
}

/** The message of an error in one short line, whatever was thrown. */
export function reason(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message || error.name : error);
  } catch {
    return "the error cannot be read";
  }
}

function writeLine(line: string): void {
  try {
    let bytes = encoder.encode(oneLine(line) + "\n");
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  } catch {
    // Standard error is closed or full: there is nobody left to tell.
  }
}

/** Control characters could forge a second line, or drive a terminal. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 1000);
}
