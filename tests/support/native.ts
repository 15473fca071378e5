/**
 * Runs a script under Deno's built-in OpenTelemetry, exporting to a receiver of the tests.
 *
 * @module
 */

import type { OtlpReceiver } from "./receiver.ts";
import { type Ran, run } from "./subprocess.ts";

/** The environment that turns Deno's built-in OpenTelemetry on, exporting in short intervals. */
export function nativeEnvironment(receiver: Pick<OtlpReceiver, "endpoint">): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "native",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    OTEL_METRIC_EXPORT_INTERVAL: "20",
  };
}

/** Runs a script to its end; what it recorded has arrived then, as Deno exports at exit. */
export async function runNative(
  receiver: OtlpReceiver,
  source: string,
  options: { flags?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Ran> {
  return await run(source, {
    flags: options.flags ?? ["--allow-all"],
    env: { ...nativeEnvironment(receiver), ...options.env },
  });
}
