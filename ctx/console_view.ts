import type { CleanAttributes, CleanValue } from "./attributes.ts";
import { renderAttributes, renderDuration } from "./console_format.ts";
import {
  columns,
  escape,
  pad,
  type Part,
  renderLine,
  shorten,
  type Style,
  type Terminal,
} from "./terminal.ts";

/** A scope in the tree that the console shows. */
export interface ConsoleNode {
  name: string;
  readonly traceId: string;
  /** In milliseconds of one clock; `end` is missing while it is open. */
  readonly start: number;
  end?: number;
  status: "unset" | "ok" | "error";
  message?: string;
  attributes: CleanAttributes;
  readonly events: ConsoleEvent[];
  readonly links: string[];
  readonly children: ConsoleNode[];
  /** How many children are not shown because the tree is full. */
  omitted: number;
}

/** Something that happened in a scope; with the name `exception`, an exception as the semantic conventions say it. */
export interface ConsoleEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: CleanAttributes;
}

/** A line of the tree, and what hangs below it. */
interface Branch {
  readonly name: Part;
  /** What is aligned in columns; a line that has none of it is not aligned. */
  readonly cells?: { readonly duration: Part; readonly status: Part; readonly bar: readonly Part[] };
  readonly rest: readonly Part[];
  readonly below: readonly Branch[];
}

/** A line with the branches that lead to it. */
interface Line extends Branch {
  readonly lead: string;
}

/** What all bars of one tree are measured by. */
interface Scale {
  readonly start: number;
  readonly end: number;
  /** The columns of a bar for all of the time. */
  readonly width: number;
}

/** A longer name does not push the columns away from all the others. */
const MAX_NAME = 60;
/** A shorter piece of a value tells nothing. */
const MIN_VALUE = 16;
/** A row of more scopes that are alike is folded, and so many of them are shown then. */
const MAX_ALIKE = 10;
const SHOWN_ALIKE = 3;
const STATUS_STYLE = { ok: "green", error: "red", unset: "dim" } as const;

/** A finished root scope as a tree: durations beneath each other, and bars for when each scope ran. */
export function renderTree(root: ConsoleNode, terminal: Terminal): string {
  const bars = root.children.length === 0 || terminal.width < 60 ? 0 : terminal.width < 100 ? 10 : 20;
  const longest = Math.max(MIN_VALUE, Math.floor(terminal.width / 3));
  const top = branchOf(root, { start: root.start, end: latestOf(root), width: bars }, longest);
  const trace = `trace=${root.traceId}`;
  const beside = layOut({ ...top, rest: [[trace, "dim"], ...top.rest] }, terminal);
  // Half of a trace id is of no use.
  if (beside[0].includes(trace)) return beside.join("\n");
  return layOut({ ...top, below: [note(trace, "dim"), ...top.below] }, terminal).join("\n");
}

function layOut(top: Branch, terminal: Terminal): string[] {
  const lines = unfold(top);
  const aligned = lines.filter(({ cells }) => cells !== undefined);
  const most = Math.min(MAX_NAME, Math.floor(terminal.width * 0.4));
  const widest = (width: (line: Line) => number) => Math.max(...aligned.map(width));
  const widths = {
    name: Math.min(most, widest(({ lead, name }) => columns(lead) + columns(name[0]))),
    duration: widest(({ cells }) => columns(cells?.duration[0] ?? "")),
    status: widest(({ cells }) => columns(cells?.status[0] ?? "")),
  };
  return lines.map((line) => renderLine(align(line, widths, terminal), terminal));
}

function align(
  { lead, name: [name, style], cells, rest }: Line,
  widths: { readonly name: number; readonly duration: number; readonly status: number },
  { width }: Terminal,
): Part[] {
  const gapped = rest.flatMap((part): Part[] => [["  "], part]);
  if (cells === undefined) return [[lead, "dim"], [name, style], ...gapped];
  const room = Math.max(1, widths.name - columns(lead));
  const fits = width === Infinity ? name : shorten(name, room);
  const { duration, status, bar } = cells;
  return [
    [lead, "dim"],
    [fits, style],
    [pad("", room - columns(fits) + 2)],
    [pad(duration[0], widths.duration, "left"), duration[1]],
    ["  "],
    [pad(status[0], widths.status), status[1]],
    ...bar,
    ...gapped,
  ];
}

function unfold(branch: Branch, lead = "", indent = ""): Line[] {
  const last = branch.below.length - 1;
  return [
    { ...branch, lead },
    ...branch.below.flatMap((below, index) =>
      unfold(
        below,
        `${indent}${index === last ? "└─ " : "├─ "}`,
        `${indent}${index === last ? "   " : "│  "}`,
      )
    ),
  ];
}

function branchOf(node: ConsoleNode, scale: Scale, longest: number): Branch {
  const { start, end = scale.end, status } = node;
  const isOpen = node.end === undefined;
  const { "error.type": type, "http.response.status_code": code, ...others } = node.attributes;
  const said = type === String(code) || explains(node, (exception) => exception["exception.type"] === type);
  const shown = type === undefined || said ? others : { ...others, "error.type": type };
  const attributes = renderAttributes(shown, longest);
  return {
    name: [escape(node.name) || "(no name)", "bold"],
    cells: {
      duration: isOpen ? ["open", "yellow"] : [renderDuration(end - start), "cyan"],
      status: isOpen ? [""] : statusOf(status, code),
      bar: barOf({ start, end }, isOpen ? "╌" : "━", status === "error" ? "red" : "cyan", scale),
    },
    rest: attributes === "" ? [] : [[attributes, "dim"]],
    below: below(node, scale, longest),
  };
}

/** Of a request its own status says more than that of its span. */
function statusOf(status: ConsoleNode["status"], code: CleanValue | undefined): Part {
  if (code === undefined) return [status, STATUS_STYLE[status]];
  return [String(code), status === "error" ? "red" : Number(code) >= 400 ? "yellow" : "green"];
}

/** What is in a scope: links, which were there before all else, and the rest in the order in which it happened. */
function below(node: ConsoleNode, scale: Scale, longest: number): Branch[] {
  const happened = [
    ...node.events.map((event) => ({ at: event.time, branch: eventOf(event, scale, longest) })),
    ...node.children.map((child) => ({ at: child.start, branch: branchOf(child, scale, longest), child })),
  ].sort((a, b) => a.at - b.at);
  const branches = [
    ...node.links.map((traceId) => note(`↗ trace=${traceId}`, "dim")),
    ...folded(happened),
  ];
  const { status, message } = node;
  const isMessage = (exception: CleanAttributes) =>
    (exception["exception.message"] || exception["exception.type"]) === message;
  if (status === "error" && message && !explains(node, isMessage)) {
    branches.push(note(`✗ ${escape(message)}`, "red"));
  }
  if (node.omitted > 0) branches.push(note(`… and ${node.omitted} more`, "dim"));
  return branches;
}

/** A long row of scopes that are alike is said by its first ones, as nobody reads a hundred of them. */
function folded(happened: readonly { readonly branch: Branch; readonly child?: ConsoleNode }[]): Branch[] {
  const branches: Branch[] = [];
  for (let from = 0, to = 0; from < happened.length; from = to) {
    const { child: first } = happened[from];
    while (to < happened.length && (to === from || isAlike(first, happened[to].child))) to++;
    const row = happened.slice(from, to);
    const shown = row.length > MAX_ALIKE ? SHOWN_ALIKE : row.length;
    branches.push(...row.slice(0, shown).map(({ branch }) => branch));
    if (shown === row.length || first === undefined) continue;
    const durations = row.slice(shown).map(({ child }) => child === undefined ? 0 : durationOf(child));
    const longest = renderDuration(Math.max(...durations));
    branches.push(note(`… and ${durations.length} more ${escape(first.name)}, of ${longest} at most`, "dim"));
  }
  return branches;
}

/** Whether two scopes say the same to whoever looks for something: neither failed, and nothing happened in them. */
function isAlike(a: ConsoleNode | undefined, b: ConsoleNode | undefined): boolean {
  return a !== undefined && b !== undefined && a.name === b.name && isPlain(a) && isPlain(b);
}

function isPlain({ status, end, events, links, children }: ConsoleNode): boolean {
  return status !== "error" && end !== undefined && events.length + links.length + children.length === 0;
}

function durationOf({ start, end = start }: ConsoleNode): number {
  return end - start;
}

function note(text: string, style: Style, rest: readonly Part[] = []): Branch {
  return { name: [text, style], rest, below: [] };
}

function eventOf({ name, time, attributes }: ConsoleEvent, scale: Scale, longest: number): Branch {
  const {
    "exception.type": type = "Error",
    "exception.message": message = "",
    "exception.stacktrace": stack,
    ...others
  } = attributes;
  const shown = renderAttributes(name === "exception" ? others : attributes, longest);
  const rest: Part[] = shown === "" ? [] : [[shown, "dim"]];
  if (name === "exception") {
    const frame = stack === undefined ? undefined : ownFrame(String(stack));
    if (frame !== undefined) rest.unshift([`at ${escape(frame)}`, "dim"]);
    return note(`✗ ${escape(`${type}: ${message}`.replace(/: $/, ""))}`, "red", rest);
  }
  const cells = {
    duration: [`+${renderDuration(time - scale.start)}`, "dim"],
    status: [""],
    bar: barOf({ start: time, end: time }, "·", "dim", scale),
  } as const;
  return { name: [`• ${escape(name)}`], cells, rest, below: [] };
}

/** Whether such an exception is shown in a scope or below it, so that it need not be said again. */
function explains(node: ConsoleNode, isSuch: (exception: CleanAttributes) => boolean): boolean {
  return node.events.some(({ name, attributes }) => name === "exception" && isSuch(attributes)) ||
    node.children.some((child) => explains(child, isSuch));
}

/** When in the time of the tree something was; at least one column, so that it is seen. */
function barOf(span: { start: number; end: number }, stroke: string, style: Style, scale: Scale): Part[] {
  if (scale.width === 0) return [];
  const column = (time: number) => {
    const share = (time - scale.start) / (scale.end - scale.start || 1);
    return Math.min(scale.width, Math.max(0, Math.round(share * scale.width)));
  };
  const from = Math.min(column(span.start), scale.width - 1);
  const to = Math.max(column(span.end), from + 1);
  return [["  "], [" ".repeat(from)], [stroke.repeat(to - from), style], [" ".repeat(scale.width - to)]];
}

function latestOf(node: ConsoleNode): number {
  return node.children.reduce((latest, child) => Math.max(latest, latestOf(child)), node.end ?? node.start);
}

/** The package that this file is in: its own frames say nothing about the user's code. */
const LIBRARY = new URL("../", import.meta.url).href;
/** A longer line is no frame; a stranger's message may be of any length, and is part of the stack. */
const MAX_FRAME = 1000;
const FRAME = /^\s*at (?:(?:async )?(.*?) \()?((?:file|https?):.*?:\d+:\d+)\)?$/;

/** Where in the user's own code an exception comes from: neither here, nor in a dependency, nor in the runtime. */
export function ownFrame(stack: string): string | undefined {
  for (const line of stack.split("\n")) {
    const [, name, place = ""] = FRAME.exec(line.slice(0, MAX_FRAME)) ?? [];
    if (!place.startsWith("file:") || place.includes("/node_modules/")) continue;
    if (place.startsWith(LIBRARY) && /^(?:mod\.ts|ctx\/|opentelemetry\/)/.test(place.slice(LIBRARY.length))) {
      continue;
    }
    const path = decoded(place.slice("file://".length));
    return name === undefined ? path : `${name} (${path})`;
  }
  return undefined;
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
