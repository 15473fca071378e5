import type { Terminal } from "../../ctx/terminal.ts";
import { pad, renderLine } from "../../ctx/terminal.ts";

/**
 * What `OpenTelemetry.doctor` looks at; by default at what `configure` was given, or else at the environment.
 *
 * ```ts
 * import { type DoctorOptions, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver } from "@haiway/otel/testing";
 * import { assert } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * const options: DoctorOptions = { otlpEndpoint: receiver.endpoint, timeoutMillis: 1000 };
 * assert((await OpenTelemetry.doctor(options)).ok);
 * ```
 */
export interface DoctorOptions {
  /** The base URL to examine, as `configure` takes it. */
  readonly otlpEndpoint?: string;
  /** The headers to send along, as `configure` takes them; never printed. */
  readonly otlpHeaders?: Readonly<Record<string, string>>;
  /** Whether an endpoint without a scheme is plain HTTP, as `configure` takes it. */
  readonly insecure?: boolean;
  /** How long one request may take, in milliseconds. Default 5000. */
  readonly timeoutMillis?: number;
  /** Whether to look for what Deno Deploy refuses. Default: whether this runs there. */
  readonly deploy?: boolean;
}

/**
 * One thing that was looked at.
 *
 * ```ts
 * import { type DoctorFinding, OpenTelemetry } from "@haiway/otel";
 *
 * const isSerious = ({ severity }: DoctorFinding) => severity === "error" || severity === "warning";
 * const { findings } = await OpenTelemetry.doctor();
 * for (const { check, message, fix } of findings.filter(isSerious)) console.log(check, message, fix);
 * ```
 */
export interface DoctorFinding {
  /** What it is about. */
  readonly check: "endpoint" | "delivery" | "environment" | "permissions" | "api" | "providers" | "clock";
  /** `"error"` loses telemetry, `"warning"` may lose some or surprise, `"ok"` and `"info"` need nothing. */
  readonly severity: "ok" | "info" | "warning" | "error";
  /** A name of the finding that stays the same, such as `"endpoint-unreachable"`. */
  readonly code: string;
  /** What was found; never a secret. */
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/**
 * What `OpenTelemetry.doctor` has found; as a string it is text for people, and `JSON.stringify` gives data.
 *
 * ```ts
 * import { type DoctorReport, OpenTelemetry } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const report: DoctorReport = await OpenTelemetry.doctor();
 * assertEquals(report.ok, report.findings.every(({ severity }) => severity !== "error"));
 * ```
 */
export interface DoctorReport {
  /** Whether nothing of the severity `"error"` was found. */
  readonly ok: boolean;
  /** Everything that was looked at. */
  readonly findings: readonly DoctorFinding[];
  /** The findings with their fixes, in lines. */
  toString(): string;
}

const SIGN = {
  ok: ["✓", "green"],
  info: ["·", "dim"],
  warning: ["!", "yellow"],
  error: ["✗", "red"],
} as const;
const WIDTH = "environment".length;

/** The report of some findings. */
export function reportOf(findings: readonly DoctorFinding[]): DoctorReport {
  const report = { ok: !findings.some(({ severity }) => severity === "error"), findings };
  const text = () => renderReport(report, { colour: false, width: Infinity });
  // Data alone is enumerable, so that a report compares and prints as what it says.
  return Object.defineProperty(report, "toString", { value: text, enumerable: false });
}

/** A report in lines: each finding, and below it what to do. */
export function renderReport({ ok, findings }: DoctorReport, terminal: Terminal): string {
  const lines = findings.flatMap(({ check, severity, message, fix }) => {
    const [sign, style] = SIGN[severity];
    const line = renderLine([[sign, style], [` ${pad(check, WIDTH)}  `, "dim"], [message]], terminal);
    return fix === undefined
      ? [line]
      : [line, renderLine([[`${pad("", WIDTH + 4)}→ ${fix}`, "cyan"]], terminal)];
  });
  const count = (severity: "error" | "warning") => {
    const number = findings.filter((finding) => finding.severity === severity).length;
    return `${number} ${severity}${number === 1 ? "" : "s"}`;
  };
  const summary = `${count("error")}, ${count("warning")}`;
  return [...lines, renderLine([[summary, ok ? "green" : "red"]], terminal)].join("\n");
}
