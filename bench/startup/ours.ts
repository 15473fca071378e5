import { OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({
  service: "bench",
  version: "1",
  environment: "bench",
  otlpEndpoint: "http://127.0.0.1:4318",
});
console.log(performance.timeOrigin + performance.now());
setTimeout(() => Deno.exit(0));
