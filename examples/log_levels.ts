/**
 * The level of a back end is the threshold of its logs. It never costs a metric, an event or an attribute.
 *
 * @module
 */

import { ctx, ObservabilityLevel, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

const observability = OpenTelemetry.observability({ level: ObservabilityLevel.WARNING }); // or "warning"

ctx.scope("critical-operation", { observability }, () => {
  ctx.logDebug("This is left out");
  ctx.logInfo("So is this");
  ctx.logWarning("This is recorded");
  ctx.logError("And this");
  ctx.recordMetric("operations", { value: 1, kind: "counter" });
});

await OpenTelemetry.shutdown();
