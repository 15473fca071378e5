/**
 * Examines how telemetry is set up, as far as the environment tells, and prints each finding with its fix:
 *
 * ```sh
 * deno run --allow-net --allow-env jsr:@haiway/otel/doctor
 * deno run --allow-net --allow-env jsr:@haiway/otel/doctor --endpoint=http://localhost:4318 --json
 * ```
 *
 * | argument | meaning |
 * | --- | --- |
 * | `--endpoint=URL` | examines this endpoint instead of the one of the environment |
 * | `--deploy` | looks for what Deno Deploy refuses as well |
 * | `--json` | prints the report as JSON |
 *
 * It exits with 0 if nothing was found that loses telemetry, with 1 if something was, with 2 if it does not know an
 * argument. `OpenTelemetry.doctor()` gives the same within a program, and knows what `configure` was given.
 *
 * @module
 */

import { PLAIN, terminalOf } from "../../ctx/terminal.ts";
import { examine } from "./doctor.ts";
import { renderReport } from "./report.ts";

const ENDPOINT = "--endpoint=";

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== "--json" && arg !== "--deploy" && !arg.startsWith(ENDPOINT));
  if (unknown.length > 0) {
    console.error(`There is no argument ${unknown.join(" ")}: use --endpoint=URL, --deploy, --json`);
    return 2;
  }
  const otlpEndpoint = args.find((arg) => arg.startsWith(ENDPOINT))?.slice(ENDPOINT.length);
  const report = await examine({ otlpEndpoint, deploy: args.includes("--deploy") || undefined });
  if (args.includes("--json")) console.log(JSON.stringify(report, undefined, 2));
  // A fix that is cut at the edge of the terminal is none.
  else console.log(renderReport(report, { ...PLAIN, colour: terminalOf("stdout").colour }));
  return report.ok ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
