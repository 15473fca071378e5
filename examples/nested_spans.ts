/**
 * Every scope is a span, and a scope within a scope is its child, across functions and `await`.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

await ctx.scope("http-request", { kind: "server" }, async (scope) => {
  ctx.logInfo("Request", { traceparent: scope.traceparent });
  const user = await queryDatabase("user-456");
  ctx.recordAttributes({ "user.id": user });
  await callExternalService(user);
});

await OpenTelemetry.shutdown();

function queryDatabase(user: string): Promise<string> {
  return ctx.scope(
    "database-query",
    { kind: "client", attributes: { "db.system.name": "postgresql" } },
    () => {
      return ctx.scope("connection", () => Promise.resolve(user));
    },
  );
}

function callExternalService(user: string): Promise<void> {
  return ctx.scope("external-api", { kind: "client" }, async () => {
    await Promise.resolve(user);
    ctx.logInfo("Called", { trace: ctx.traceId() });
  });
}
