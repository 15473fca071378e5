/**
 * Without an endpoint everything is printed for the eye: logs when they happen, a trace when its root has ended,
 * metrics as a table.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({
  service: "my-service",
  version: "1.0.0",
  environment: "development",
  level: "debug",
});

await ctx.scope("startup", { attributes: { config: "defaults" } }, async () => {
  ctx.logDebug("Reading the configuration");
  await ctx.scope("connect", () => Promise.resolve());
  ctx.recordMetric("connections", { value: 1, kind: "gauge" });
  ctx.logInfo("Ready");
});

await OpenTelemetry.shutdown();
