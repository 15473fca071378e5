/**
 * What a console back end has written, read as a person would read it, in the terms of the conformance suite.
 *
 * @module
 */

import type { ObservabilityLevel } from "@haiway/otel";
import type { Seen, SeenEvent, SeenLog, SeenMetric, SeenScope } from "../conformance.ts";

const STRING = String.raw`"(?:[^"\\]|\\.)*"`;
const JSON_VALUE = String.raw`(?:${STRING}|\[(?:${STRING}|[^\]"])*\]|true|false|-?[\d.]+(?:e[+-]?\d+)?)`;
const ATTRIBUTE = String.raw`[^\s=]+=${JSON_VALUE}`;
const ATTRIBUTES = String.raw`${ATTRIBUTE}(?: ${ATTRIBUTE})*`;
const LOG = new RegExp(
  String.raw`^[\d:.]{12} (DEBUG|INFO |WARN |ERROR) (.*?)(?: (${ATTRIBUTES}))? \[(.*) ([0-9a-f]{8})\]$`,
);
const DURATION = String.raw`[\d.]+ (?:µs|ms|s)`;
const NODE = new RegExp(
  String.raw`^(.*?) {2,}(${DURATION}|open) {2}(unset|ok|error)? *[━╌]* *(?:trace=([0-9a-f]{32}))? *(.*)$`,
);
const EVENT = new RegExp(String.raw`^• (.*?) {2,}\+${DURATION} *·? *(.*)$`);
const EXCEPTION = /^✗ ([\w.]+)(?:: (.*?))?(?: {2}at .*)?$/;
const LEVEL: Readonly<Record<string, ObservabilityLevel>> = {
  "DEBUG": "debug",
  "INFO ": "info",
  "WARN ": "warning",
  "ERROR": "error",
};

/** Reads what was written, one text for each call of `write`. */
export function seenOnConsole(written: readonly string[]): Seen {
  const scopes: SeenScope[] = [];
  const events: SeenEvent[] = [];
  const logs: SeenLog[] = [];
  const metrics: SeenMetric[] = [];
  for (const text of written) {
    const log = LOG.exec(text.split("\n")[0]);
    if (log !== null) logs.push(readLog(log, text));
    else if (text.startsWith("metric ")) metrics.push(...readTable(text.split("\n")));
    else readTree(text.split("\n"), scopes, events);
  }
  return { scopes, logs, events, metrics };
}

function readLog([, level, message, attributes, scope, traceId]: RegExpExecArray, text: string): SeenLog {
  const exception = /^ {2}(?:Uncaught )?([\w.]+): (.*)$/.exec(text.split("\n")[1] ?? "");
  return {
    traceId,
    scope,
    level: LEVEL[level],
    message,
    attributes: readAttributes(attributes),
    exception: exception === null ? undefined : { type: exception[1], message: exception[2] },
  };
}

/** A scope still open in a tree is shown again, alone, when it ends: its place is known from the first time. */
function readTree(lines: string[], scopes: SeenScope[], events: SeenEvent[]): void {
  const path: string[] = [];
  let traceId = "";
  for (const line of lines) {
    const [, indent, content] = /^((?:[├└│ ][─ ] )*)(.*)$/.exec(line)!;
    const depth = indent.length / 3;
    const event = EVENT.exec(content);
    if (event !== null) {
      const scope = path[depth - 1];
      events.push({ traceId, scope, name: event[1], attributes: readAttributes(event[2]) });
      continue;
    }
    const exception = EXCEPTION.exec(content);
    if (exception !== null) {
      const at = scopes.findLastIndex(({ name }) => name === path[depth - 1]);
      const [, type, message = ""] = exception;
      const exceptions = [...scopes[at].exceptions ?? [], { type, message }];
      scopes[at] = { ...scopes[at], message: message || type, exceptions };
      continue;
    }
    const node = NODE.exec(content);
    if (node === null) continue;
    const [, name, , status = "unset", trace, attributes] = node;
    if (depth === 0) traceId = trace;
    path[depth] = name;
    const before = scopes.findIndex((scope) => scope.name === name && scope.traceId === traceId);
    const known = before >= 0 && scopes[before].status === "unset" ? scopes.splice(before, 1)[0] : undefined;
    scopes.push({
      name,
      traceId,
      parent: known?.parent ?? path[depth - 1],
      status: status as "unset" | "ok" | "error",
      message: undefined,
      attributes: readAttributes(attributes),
      exceptions: [],
    });
  }
}

/** Numbers end where the titles of their columns end; the rest begins where its title does. */
function readTable([head, ...rows]: string[]): SeenMetric[] {
  const endOf = (title: string) => head.indexOf(` ${title}`) + 1 + title.length;
  const [kindAt, valueAt] = [head.indexOf(" kind ") + 1, endOf("kind     ")];
  const averageAt = endOf("value");
  const attributesAt = head.includes(" attributes") ? head.indexOf(" attributes") + 1 : Infinity;
  return rows.map((row): SeenMetric => {
    const [, number, times, unit] = /^([^\s×]+)(×)? ?(.*)$/.exec(row.slice(valueAt, averageAt).trim())!;
    const average = times && /^(\S+) ?(.*)$/.exec(row.slice(averageAt, endOf("avg")).trim())!;
    return {
      name: row.slice(0, kindAt).trim(),
      kind: row.slice(kindAt, valueAt).trim(),
      unit: average ? average[2] : unit,
      attributes: readAttributes(row.slice(attributesAt)),
      value: average ? Number(number) * Number(average[1]) : Number(number),
      count: average ? Number(number) : undefined,
    };
  });
}

function readAttributes(text: string | undefined): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [, key, value] of (text ?? "").matchAll(new RegExp(`([^\\s=]+)=(${JSON_VALUE})`, "g"))) {
    attributes[key] = JSON.parse(value);
  }
  return attributes;
}
