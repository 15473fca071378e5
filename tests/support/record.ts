/**
 * Records into a receiver: what most tests of the OTLP output begin and end with.
 *
 * @module
 */

import { type ConfigureOptions, OpenTelemetry } from "@haiway/otel";
import { type OtlpReceiver, startReceiver } from "./receiver.ts";

/** Configures, runs the body, shuts down; gives the receiver, which is closed, with all that arrived. */
export async function record(
  options: Partial<ConfigureOptions>,
  body: (receiver: OtlpReceiver) => unknown,
): Promise<OtlpReceiver> {
  await using receiver = startReceiver();
  OpenTelemetry.configure({
    service: "shop",
    version: "1.0.0",
    environment: "test",
    otlpEndpoint: receiver.endpoint,
    ...options,
  });
  try {
    await body(receiver);
  } finally {
    await OpenTelemetry.shutdown();
  }
  return receiver;
}
