/** The name of this distribution, as telemetry says it. */
export const NAME = "@haiway/otel";
/** Its version: the one of `deno.json`, which a test holds it to. */
export const VERSION = "0.1.0";
