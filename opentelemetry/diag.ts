import type { DiagLogger } from "@opentelemetry/api";
import { describe } from "../ctx/attributes.ts";
import { diagnose } from "../ctx/diagnostics.ts";

const say = (message: string, ...details: unknown[]): void => {
  const said = [message, ...details.map(describe)].join(" ");
  diagnose(kindOf(said), said);
};

/** The first words, as names and numbers follow; a clash of metrics is one kind with what is said of it here. */
function kindOf(said: string): string {
  const [, clashing] = /^A view or instrument with the name\s+(\S+)/.exec(said) ?? [];
  return clashing === undefined ? `sdk:${said.split(" ", 4).join(" ")}` : clashKind(clashing);
}

/** The kind of the diagnostics about two metrics of one name. */
export function clashKind(name: string): string {
  return `clash:${name}`;
}

/** What the OpenTelemetry packages say of themselves, on the library's one channel. */
export const diagLogger: DiagLogger = { error: say, warn: say, info: say, debug: say, verbose: say };
