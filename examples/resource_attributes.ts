/**
 * The resource says who the telemetry comes from: further attributes of it are on every span, metric and log.
 *
 * ```sh
 * INSTANCE_ID=payments-1 deno run --allow-env=OTEL_*,INSTANCE_ID examples/resource_attributes.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({
  service: "payment-service",
  version: "2.1.0",
  environment: "production",
  instance: Deno.env.get("INSTANCE_ID"), // left out: a random UUID
  attributes: {
    "service.namespace": "payments",
    "deployment.version": "v2.1.0-rc.1",
    team: "payments-team",
    region: "us-east-1",
  },
});

ctx.scope("payment", () => ctx.logInfo("Paid", { amount: 99.99, currency: "USD" }));

await OpenTelemetry.shutdown();
