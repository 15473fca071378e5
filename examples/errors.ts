/**
 * A body that throws makes its span an ERROR, with the exception recorded once, where it first escaped; the same
 * error is thrown on. A body that returns makes it OK, also when it has handled an error.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

await ctx.scope("application", async () => {
  await ctx.scope("safe-operation", () => Promise.resolve("fine"));
  try {
    await ctx.scope("risky-operation", () => potentiallyFailingOperation());
  } catch (exception) {
    ctx.logError("Operation failed", { exception });
  }
});

await OpenTelemetry.shutdown();

function potentiallyFailingOperation(): Promise<string> {
  return ctx.scope("query", () => Promise.reject(new RangeError("out of stock")));
}
