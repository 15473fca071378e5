import { type CleanAttributes, cleanAttributes, describe, type LogAttributes } from "./attributes.ts";
import { describeException, type Exception } from "./errors.ts";
import type { ObservabilityLevel } from "./level.ts";

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

/** A finished metric stream as the console shows it. */
export interface ConsoleMetric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly attributes: CleanAttributes;
  readonly value: string;
}

/** A scope in the tree that the console shows. */
export interface ConsoleNode {
  readonly name: string;
  readonly traceId: string;
  /** In milliseconds of one clock; `end` is missing while it is open. */
  readonly start: number;
  end?: number;
  status: "unset" | "ok" | "error";
  message?: string;
  attributes: CleanAttributes;
  readonly events: { readonly name: string; readonly attributes: CleanAttributes }[];
  readonly links: string[];
  readonly children: ConsoleNode[];
  /** How many children are not shown because the tree is full. */
  omitted: number;
}

const STYLES = { dim: "2", bold: "1", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

/** Puts text into a style of the terminal, or leaves it alone. */
export type Paint = (style: keyof typeof STYLES, text: string) => string;

/** Colour only on a terminal, and where `NO_COLOR` is not set. */
export function consolePaint(): Paint {
  const colour = !Deno.noColor && Deno.stdout.isTerminal();
  return colour ? (style, text) => `\x1b[${STYLES[style]}m${text}\x1b[0m` : (_style, text) => text;
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
    writeToConsole(renderLog(log, consolePaint()), level);
  } catch {
    // A console that throws must not reach whoever logs.
  }
}

/** The text of a message, whatever was given for one. */
export function text(message: unknown): string {
  return typeof message === "string" ? message : describe(message);
}

const LEVEL_STYLE = { debug: "dim", info: "green", warning: "yellow", error: "red" } as const;
const LEVEL_NAME = { debug: "DEBUG", info: "INFO ", warning: "WARN ", error: "ERROR" } as const;

/** A log in one line, followed by the stack trace of its exception. */
export function renderLog(log: ConsoleLog, paint: Paint): string {
  const parts = [
    paint("dim", new Date(log.time).toISOString().slice(11, 23)),
    paint(LEVEL_STYLE[log.level], LEVEL_NAME[log.level]),
    escape(log.message),
  ];
  const attributes = renderAttributes(log.attributes);
  if (attributes !== "") parts.push(paint("dim", attributes));
  if (log.scope !== undefined) {
    const trace = log.traceId ? ` ${log.traceId.slice(0, 8)}` : "";
    parts.push(paint("dim", `[${escape(log.scope)}${trace}]`));
  }
  const line = parts.join(" ");
  const { exception } = log;
  if (exception === undefined) return line;
  const stack = exception.stacktrace ?? `${exception.type}: ${exception.message}`;
  return `${line}\n${stack.split("\n").map((frame) => `  ${escape(frame)}`).join("\n")}`;
}

/** A finished root scope as a tree. */
export function renderTree(root: ConsoleNode, paint: Paint): string {
  const head = `${renderNode(root, paint)}  ${paint("dim", `trace ${root.traceId}`)}`;
  return [head, ...renderInside(root, "", paint)].join("\n");
}

function renderInside(node: ConsoleNode, indent: string, paint: Paint): string[] {
  const entries: { line: string; node?: ConsoleNode }[] = [
    ...node.links.map((traceId) => ({ line: paint("dim", `↗ link trace=${traceId}`) })),
    ...node.events.map((event) => ({ line: renderEvent(event, paint) })),
    ...node.children.map((child) => ({ line: renderNode(child, paint), node: child })),
  ];
  if (node.omitted > 0) entries.push({ line: paint("dim", `… and ${node.omitted} more`) });
  return entries.flatMap(({ line, node: child }, index) => {
    const last = index === entries.length - 1;
    const own = `${indent}${paint("dim", last ? "└─ " : "├─ ")}${line}`;
    return child === undefined
      ? [own]
      : [own, ...renderInside(child, indent + (last ? "   " : "│  "), paint)];
  });
}

function renderNode(node: ConsoleNode, paint: Paint): string {
  const duration = node.end === undefined ? "still open" : renderDuration(node.end - node.start);
  const parts = [paint("bold", escape(node.name)), paint("cyan", duration), renderStatus(node, paint)];
  const attributes = renderAttributes(node.attributes);
  if (attributes !== "") parts.push(paint("dim", attributes));
  return parts.join("  ");
}

function renderStatus(node: ConsoleNode, paint: Paint): string {
  if (node.status !== "error") return paint("green", node.status);
  return paint("red", node.message ? `error: ${escape(node.message)}` : "error");
}

function renderEvent(event: ConsoleNode["events"][number], paint: Paint): string {
  const { "exception.stacktrace": _, ...attributes } = event.attributes;
  return `• ${escape(event.name)} ${paint("dim", renderAttributes(attributes))}`.trimEnd();
}

/** A duration in the unit that reads best. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds < 1) return `${Math.max(0, milliseconds * 1000).toFixed(0)} µs`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(1)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** Metrics as a table, one row for each combination of attributes. */
export function renderMetrics(metrics: readonly ConsoleMetric[], paint: Paint): string {
  const rows = metrics.map(({ name, kind, unit, attributes, value }) => [
    escape(name),
    kind,
    value + (unit === "" ? "" : ` ${escape(unit)}`),
    renderAttributes(attributes),
  ]);
  const head = ["metric", "kind", "value", "attributes"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length))
  );
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  return [paint("dim", line(head)), ...rows.map(line)].join("\n");
}

/** A number as short as it can be said. */
export function renderNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function renderAttributes(attributes: CleanAttributes): string {
  return Object.entries(attributes).map(([key, value]) => `${escape(key)}=${escape(JSON.stringify(value))}`)
    .join(" ");
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A stranger's text may not forge lines, nor drive the terminal. */
function escape(value: string): string {
  return value.replace(CONTROL, (character) => {
    const said = JSON.stringify(character).slice(1, -1);
    return said === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : said;
  });
}
