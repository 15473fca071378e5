/**
 * A log carries the trace and the span that it was written in, attributes, and the error that it is about.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

class UserNotFound extends Error {
  constructor(id: string) {
    super(`There is no user ${id}`);
  }
}

OpenTelemetry.configure({
  service: "shop",
  version: "1.0.0",
  environment: "development",
  level: "debug",
});

await ctx.scope("user-service", async () => {
  ctx.logInfo("Processing user request");
  for (const userId of ["user-456", "user-789"]) {
    try {
      const name = await fetchUser(userId);
      ctx.logDebug("User fetched successfully", { user_id: userId, name });
    } catch (exception) {
      ctx.logError("User not found", { user_id: userId, exception });
    }
  }
});

await OpenTelemetry.shutdown();

function fetchUser(id: string): Promise<string> {
  return id === "user-456" ? Promise.resolve("Ada") : Promise.reject(new UserNotFound(id));
}
