// The packages that a pipeline of all three signals consists of, and nothing done with them.
import "@opentelemetry/api";
import "@opentelemetry/core";
import "@opentelemetry/otlp-transformer";
import "@opentelemetry/resources";
import "@opentelemetry/sdk-logs";
import "@opentelemetry/sdk-metrics";
import "@opentelemetry/sdk-trace";

console.log(performance.timeOrigin + performance.now());
setTimeout(() => Deno.exit(0));
