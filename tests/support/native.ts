/**
 * Runs a script under Deno's built-in OpenTelemetry, exporting to a receiver of the tests.
 *
 * @module
 */

import type { OtlpReceiver } from "./receiver.ts";
import { type Ran, type Running, start } from "./subprocess.ts";

/** The environment that turns Deno's built-in OpenTelemetry on, exporting spans in short intervals. */
export function nativeEnvironment(receiver: Pick<OtlpReceiver, "endpoint">): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "native",
    OTEL_BSP_SCHEDULE_DELAY: "20",
  };
}

/** What a script may be given besides. */
export interface NativeOptions {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a script. */
export function startNative(receiver: OtlpReceiver, source: string, options: NativeOptions = {}): Running {
  return start(source, {
    flags: options.flags ?? ["--allow-all"],
    env: { ...nativeEnvironment(receiver), ...options.env },
  });
}

/** Runs a script to its end; what it recorded has arrived then, as Deno exports at exit. */
export async function runNative(
  receiver: OtlpReceiver,
  source: string,
  options: NativeOptions = {},
): Promise<Ran> {
  return await startNative(receiver, source, options).ended;
}
