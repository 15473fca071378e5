import { ctx, OpenTelemetry } from "@haiway/otel";
import { drive } from "./drive.ts";

OpenTelemetry.configure({
  service: "bench",
  version: "1",
  environment: "bench",
  otlpEndpoint: Deno.args[0],
});

await drive(
  () =>
    ctx.scope("work", {
      attributes: { "user.id": "user-456", "user.role": "admin", items: 3, retry: false },
    }, async () => {
      await null;
    }),
  () => OpenTelemetry.forceFlush(),
);
