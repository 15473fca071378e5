import { type CleanAttributes, cleanAttributes, describe, type LogAttributes } from "./attributes.ts";
import { describeException, type Exception } from "./errors.ts";
import type { ObservabilityLevel } from "./level.ts";
import {
  columns,
  escape,
  pad,
  type Part,
  renderLine,
  shorten,
  type Terminal,
  terminalOf,
} from "./terminal.ts";

/** Where lines of console output go. */
export type Write = (line: string, level: ObservabilityLevel) => void;

/** A log as the console shows it. */
export interface ConsoleLog {
  readonly level: ObservabilityLevel;
  readonly message: string;
  readonly attributes: CleanAttributes;
  readonly exception?: Exception;
  /** The name of its scope, if it was recorded in one. */
  readonly scope?: string;
  readonly traceId?: string;
  /** When, in milliseconds since the epoch. */
  readonly time: number;
}

/** A metric stream as the console shows it: one metric with one combination of attributes. */
export interface ConsoleMetric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly attributes: CleanAttributes;
  /** Of a counter the sum, of a gauge the last value, of a histogram how many values there were. */
  readonly value: number;
  /** How much of the value came in a second. */
  readonly rate?: number;
  readonly distribution?: Distribution;
}

/** What a histogram says of its values. */
export interface Distribution {
  readonly average: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** The terminal that a line of a level is written to: those of trouble go to standard error. */
export function terminalFor(level: ObservabilityLevel): Terminal {
  return terminalOf(level === "error" || level === "warning" ? "stderr" : "stdout");
}

/** Writes a line with the method of `console` that goes with its level. */
export const writeToConsole: Write = (line, level) => {
  if (level === "error") console.error(line);
  else if (level === "warning") console.warn(line);
  else if (level === "debug") console.debug(line);
  else console.info(line);
};

/** The last resort: a log outside of any scope. */
export function logPlainly(
  level: ObservabilityLevel,
  message: string,
  given: LogAttributes | undefined,
): void {
  try {
    const exception = given?.exception;
    const log = {
      level,
      message: text(message),
      attributes: cleanAttributes(given, "exception"),
      exception: exception === undefined || exception === null ? undefined : describeException(exception),
      time: Date.now(),
    };
    writeToConsole(renderLog(log, terminalFor(level)), level);
  } catch {
    // A console that throws must not reach whoever logs.
  }
}

/** The text of a message, whatever was given for one. */
export function text(message: unknown): string {
  return typeof message === "string" ? message : describe(message);
}

/** The text of what may be absent. */
export function optionalText(given: unknown): string | undefined {
  return given === undefined || given === null ? undefined : text(given);
}

const LEVEL_STYLE = { debug: "dim", info: "green", warning: "yellow", error: "red" } as const;
const LEVEL_NAME = { debug: "DEBUG", info: "INFO ", warning: "WARN ", error: "ERROR" } as const;

/** A log in one line, followed by the stack trace of its exception; it is never cut, but a long value in it is. */
export function renderLog(log: ConsoleLog, { colour, width }: Terminal): string {
  const parts: Part[] = [
    [new Date(log.time).toISOString().slice(11, 23), "dim"],
    [" "],
    [LEVEL_NAME[log.level], LEVEL_STYLE[log.level]],
    [` ${escape(log.message)}`],
  ];
  const attributes = renderAttributes(log.attributes, width);
  if (attributes !== "") parts.push([` ${attributes}`, "dim"]);
  const trace = log.traceId?.slice(0, 8);
  const where = [log.scope && escape(log.scope), trace].filter(Boolean).join(" ");
  if (where !== "") parts.push([` [${where}]`, "dim"]);
  const line = renderLine(parts, { colour, width: Infinity });
  const { exception } = log;
  if (exception === undefined) return line;
  const stack = exception.stacktrace ?? `${exception.type}: ${exception.message}`;
  return `${line}\n${stack.split("\n").map((frame) => `  ${escape(frame)}`).join("\n")}`;
}

/** What every request has and few look for: it comes last, where a line may be cut. */
const COMMON = /^(?:server|client|network|user_agent)\.|^url\.scheme$|^http\.request\.method$/;

/** Attributes as `key=value`; a value that is longer than so many columns is cut. */
export function renderAttributes(attributes: CleanAttributes, longest: number): string {
  const entries = Object.entries(attributes);
  return [...entries.filter(([key]) => !COMMON.test(key)), ...entries.filter(([key]) => COMMON.test(key))]
    .map(([key, value]) => `${escape(key)}=${shorten(escape(JSON.stringify(value)), longest)}`)
    .join(" ");
}

/** A duration in the unit that reads best. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds < 1) return `${Math.max(0, milliseconds * 1000).toFixed(0)} µs`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(1)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** Metrics as a table, one row for each combination of attributes; a column that nothing is in is left out. */
export function renderMetrics(metrics: readonly ConsoleMetric[], terminal: Terminal): string {
  const head = ["metric", "kind", "value", "rate", "avg", "p50", "p95", "max", "attributes"];
  const rows = metrics.map(({ name, kind, unit, attributes, value, rate, distribution }) => [
    escape(name),
    kind,
    distribution === undefined ? renderAmount(value, unit) : `${renderNumber(value)}×`,
    rate === undefined ? "" : `${renderNumber(rate, 3)}/s`,
    ...[distribution?.average, distribution?.p50, distribution?.p95, distribution?.max]
      .map((amount) => amount === undefined ? "" : renderAmount(amount, unit)),
    renderAttributes(attributes, terminal.width),
  ]);
  const widths = head.map((title, column) =>
    rows.every((row) => row[column] === "")
      ? 0
      : Math.max(title.length, ...rows.map((row) => columns(row[column])))
  );
  const line = (row: string[], style: (column: number) => Part[1]) =>
    renderLine(
      row.flatMap((cell, column): Part[] => {
        if (widths[column] === 0) return [];
        const isNumber = column > 1 && column < head.length - 1;
        return [[pad(cell, widths[column], isNumber ? "left" : "right"), style(column)], ["  "]];
      }),
      terminal,
    );
  const last = head.length - 1;
  return [
    line(head, () => "dim"),
    ...rows.map((row) => line(row, (column) => column === 1 || column === last ? "dim" : undefined)),
  ].join("\n");
}

/** An amount with its unit; one of time in the unit that reads best. */
function renderAmount(value: number, unit: string): string {
  if (unit === "ms" && value >= 0) return renderDuration(value);
  if (unit === "s" && value >= 0) return renderDuration(value * 1000);
  if (unit === "By" && value >= 1000) return renderBytes(value);
  // UCUM has what is counted in braces, and nothing in particular as 1.
  const shown = unit === "1" ? "" : unit.replace(/^\{(.*)\}$/, "$1");
  return `${renderNumber(value)} ${escape(shown)}`.trimEnd();
}

function renderBytes(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${renderNumber(bytes / 1000 ** power, 3)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** A number as short as it can be said. */
export function renderNumber(value: number, digits = 6): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}
