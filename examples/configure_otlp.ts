/**
 * With an endpoint everything is sent there over HTTP, and nothing is printed.
 *
 * ```sh
 * deno run --allow-net=localhost:4318 --allow-env=OTEL_* examples/configure_otlp.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({
  service: "my-service",
  version: "1.0.0",
  environment: "production",
  otlpEndpoint: Deno.args[0] ?? "http://localhost:4318",
  otlpHeaders: { "x-tenant": "backend" },
  insecure: true,
  exportIntervalMillis: 5000,
  compression: "gzip",
  attributes: { team: "backend", component: "api" },
});

ctx.scope("startup", () => {
  ctx.logInfo("Ready");
  ctx.recordMetric("starts", { value: 1, kind: "counter" });
});

await OpenTelemetry.shutdown();
