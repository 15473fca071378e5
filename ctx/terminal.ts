const STYLES = { dim: "2", bold: "1", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

/** How a piece of text looks on a terminal. */
export type Style = keyof typeof STYLES;

/** A piece of a line, and how it looks; plain without a style. */
export type Part = readonly [text: string, style?: Style];

/** What output is rendered for. */
export interface Terminal {
  readonly colour: boolean;
  /** How many columns there are; `Infinity` where nobody would see an end of the line. */
  readonly width: number;
}

/** No terminal: nothing but text, of any length. */
export const PLAIN: Terminal = { colour: false, width: Infinity };

/** The terminal behind a stream, or plain text; asks for no permission. */
export function terminalOf(stream: "stdout" | "stderr"): Terminal {
  const isTerminal = Deno[stream].isTerminal();
  return { colour: isForced() ?? (isTerminal && !Deno.noColor), width: widthOf(isTerminal) };
}

/** A line of parts, each in its style, that ends at the edge of the terminal. */
export function renderLine(parts: readonly Part[], { colour, width }: Terminal): string {
  const texts = cut(parts.map(([text]) => text), width);
  return texts.map((text, index) => paint(text, parts[index][1], colour)).join("").trimEnd();
}

/** How many columns a text takes. */
export function columns(text: string): number {
  // deno-lint-ignore no-control-regex -- the printable characters of ASCII take one column each
  if (!/[^\x00-\x7f]/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) width += isWide(segment) ? 2 : 1;
  return width;
}

/** A text that takes so many columns at most, with an ellipsis in place of what is too much. */
export function shorten(text: string, width: number): string {
  return columns(text) <= width ? text : `${take(text, width - 1)}…`;
}

/** A text with spaces behind it, or before it, up to so many columns. */
export function pad(text: string, width: number, side: "left" | "right" = "right"): string {
  const spaces = " ".repeat(Math.max(0, width - columns(text)));
  return side === "right" ? text + spaces : spaces + text;
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A stranger's text may not forge lines, nor drive the terminal. */
export function escape(value: string): string {
  return value.replace(CONTROL, (character) => {
    const said = JSON.stringify(character).slice(1, -1);
    return said === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : said;
  });
}

/** A pattern of the whole of Unicode takes a third of a millisecond to make, and is made when it is needed. */
function isWide(segment: string): boolean {
  return /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[！-｠]/u
    .test(segment);
}

/** What fits of some texts beside each other: the one at the edge is cut, and those beyond it are gone. */
function cut(texts: string[], width: number): string[] {
  if (columns(texts.join("").trimEnd()) <= width) return texts;
  let left = width;
  return texts.map((text) => {
    const fits = left === 0 ? "" : columns(text) < left ? text : `${take(text, left - 1)}…`;
    left = fits === text ? left - columns(text) : 0;
    return fits;
  });
}

/** As much of the start of a text as takes so many columns at most. */
function take(text: string, width: number): string {
  let taken = "";
  let left = width;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    left -= columns(segment);
    if (left < 0) break;
    taken += segment;
  }
  return taken;
}

function paint(text: string, style: Style | undefined, colour: boolean): string {
  return !colour || style === undefined || text === "" ? text : `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}

/** `FORCE_COLOR` wins over everything, as in Deno itself, if it may be read. */
function isForced(): boolean | undefined {
  const forced = variable("FORCE_COLOR");
  return forced === undefined ? undefined : forced !== "0" && forced !== "false";
}

function widthOf(isTerminal: boolean): number {
  if (isTerminal) {
    try {
      return Deno.consoleSize().columns || Infinity;
    } catch {
      // A terminal that does not tell its size.
    }
  }
  const given = Number(variable("COLUMNS"));
  return Number.isInteger(given) && given > 0 ? given : Infinity;
}

function variable(name: string): string | undefined {
  try {
    if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
    return Deno.env.get(name) || undefined;
  } catch {
    return undefined;
  }
}
