import type { DiagLogger } from "@opentelemetry/api";
import { describe } from "../ctx/attributes.ts";
import { diagnose } from "../ctx/diagnostics.ts";

const say = (message: string, ...details: unknown[]): void => {
  const said = [message, ...details.map(describe)].join(" ");
  diagnose(`sdk:${message}`, said);
};

/** What the OpenTelemetry packages say of themselves, on the library's one channel. */
export const diagLogger: DiagLogger = { error: say, warn: say, info: say, debug: say, verbose: say };
