/**
 * A worker for the tests: it answers each message within the trace that the message carries.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

/** What the worker is asked. */
export interface Asked {
  readonly endpoint: string;
  readonly number: number;
}

/** What it answers. */
export interface Answered {
  readonly square: number;
  readonly traceId: string | undefined;
}

declare const self: {
  onmessage: ((event: MessageEvent<Asked>) => unknown) | null;
  postMessage(message: Answered): void;
  close(): void;
};

self.onmessage = async (event) => {
  const { endpoint, number } = event.data;
  OpenTelemetry.configure({ service: "worker", version: "1", environment: "test", otlpEndpoint: endpoint });
  const answered = OpenTelemetry.listener("square", async (_event: MessageEvent<Asked>) => {
    await Promise.resolve();
    ctx.logInfo("Squaring", { number });
    return OpenTelemetry.inject({ square: number ** 2, traceId: ctx.traceId() });
  })(event);
  const answer = await answered;
  await OpenTelemetry.shutdown();
  self.postMessage(answer);
  self.close();
};
