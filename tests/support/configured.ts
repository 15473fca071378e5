import { type ConfigureOptions, OpenTelemetry } from "@haiway/otel";
import { type OtlpReceiver, startReceiver } from "./receiver.ts";

/** Runs a body with OpenTelemetry configured for a receiver, and gives what has arrived there by its end. */
export async function received(
  body: (receiver: OtlpReceiver) => unknown,
  options: Partial<ConfigureOptions> = {},
): Promise<OtlpReceiver> {
  const receiver = startReceiver();
  try {
    OpenTelemetry.configure({
      service: "tested",
      version: "1.0.0",
      environment: "test",
      otlpEndpoint: receiver.endpoint,
      ...options,
    });
    await body(receiver);
  } finally {
    await OpenTelemetry.shutdown();
    await receiver.close();
  }
  return receiver;
}
