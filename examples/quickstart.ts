/**
 * The main job: a program records a trace, metrics and logs, and sends them over OTLP.
 *
 * ```sh
 * deno task example              # to a receiver in this process, which prints what it has received
 * deno task example --console    # for the eye, without any receiver
 * OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 deno task example    # to a collector, Jaeger, SigNoz, …
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";
import { otlpReceiver } from "@haiway/otel/testing";
import { show } from "./support/show.ts";

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

if (Deno.args.includes("--console")) {
  Deno.env.delete(ENDPOINT);
  await main();
} else if (Deno.env.get(ENDPOINT)) {
  console.log(`Sending OTLP to where ${ENDPOINT} says`);
  await main();
} else {
  await using receiver = otlpReceiver();
  console.log(`Receiving OTLP at ${receiver.endpoint}`);
  await main(receiver.endpoint);
  show(receiver);
}

/** The quick start of the README; without an endpoint it prints, or sends to where the environment says. */
async function main(otlpEndpoint?: string): Promise<void> {
  OpenTelemetry.configure({
    service: "my-service",
    version: "1.0.0",
    environment: "production",
    otlpEndpoint,
  });

  await ctx.scope("application", { observability: OpenTelemetry.observability() }, async () => {
    await ctx.scope("request-processing", async () => {
      ctx.logInfo("Processing batch of requests");
      ctx.recordMetric("requests.processed", { value: 10, kind: "counter" });
      ctx.recordEvent("batch.started", { attributes: { batch_size: 10, priority: "high" } });

      await ctx.scope("individual-request", async () => {
        ctx.recordAttributes({ "request.id": "req-123", "user.id": "user-456" });
        await work();
        ctx.recordMetric("request.duration", { value: 100, unit: "ms", kind: "histogram" });
      });
    });
  });

  await OpenTelemetry.shutdown();
}

/** Stands in for what a request really does. */
function work(): Promise<void> {
  return new Promise((done) => setTimeout(done, 100));
}
