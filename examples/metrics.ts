/**
 * The three kinds of metrics, their units and their dimensions.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

ctx.scope("metrics", () => {
  // A counter adds up what only grows.
  ctx.recordMetric("requests.total", { value: 1, kind: "counter" });
  ctx.recordMetric("requests.total", { value: 2, kind: "counter" });

  // A histogram shows how values are distributed: latencies, sizes.
  for (const value of [90, 150, 210]) {
    ctx.recordMetric("request.duration", { value, unit: "ms", kind: "histogram" });
  }
  ctx.recordMetric("response.size", { value: 1024, unit: "By", kind: "histogram" });

  // A gauge is a value of this moment, which goes up and down.
  ctx.recordMetric("active_connections", { value: 42, kind: "gauge" });
  ctx.recordMetric("cpu.usage", { value: 75.5, unit: "%", kind: "gauge" });
  ctx.recordMetric("request.rate", { value: 150, unit: "1/s", kind: "gauge" });

  // Attributes are dimensions: each combination has a value of its own, so keep them few.
  for (const status of ["success", "success", "failure"]) {
    ctx.recordMetric("requests.processed", {
      value: 1,
      kind: "counter",
      unit: "{request}",
      description: "Requests that were answered",
      attributes: { method: "POST", endpoint: "/api/users", status },
    });
  }
});

await OpenTelemetry.shutdown();
