/**
 * Events: what happened, as data. Each is a log record with a name, and an event of the span as well, so that a
 * back end for traces alone shows it.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

ctx.scope("session", () => {
  ctx.recordEvent("user.login", {
    attributes: { user_id: "user-123", login_method: "oauth", client_ip: "192.168.1.100", success: true },
  });
  ctx.recordEvent("cache.miss", {
    level: "debug", // with a level of its own an event is left out where the threshold is above it
    attributes: { cache_key: "user:profile:123", ttl: 3600 },
  });
  ctx.recordEvent("order.created", {
    attributes: {
      order_id: "ord-789",
      customer_id: "cust-456",
      total_amount: 99.99,
      currency: "USD",
      items_count: 3,
    },
  });
});

await OpenTelemetry.shutdown();
