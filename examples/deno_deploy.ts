/**
 * A handler that can be deployed to Deno Deploy as it is. There it records through Deno's built-in OpenTelemetry,
 * which Deploy keeps on; on this machine it prints, or sends to where `OTEL_EXPORTER_OTLP_ENDPOINT` says.
 *
 * ```sh
 * deno serve --allow-env examples/deno_deploy.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({
  service: "greeter",
  version: Deno.env.get("DENO_DEPLOYMENT_ID") ?? "local",
  environment: Deno.env.get("DENO_TIMELINE") ?? "development",
});

const greetings = new URLPattern({ pathname: "/greetings/:name" });

export default {
  fetch: OpenTelemetry.handler((request) => {
    const name = greetings.exec(request.url)?.pathname.groups.name;
    if (name === undefined) return new Response("Try /greetings/you\n", { status: 404 });
    ctx.logInfo("Greeting", { name });
    ctx.recordMetric("greetings", { value: 1, kind: "counter" });
    return new Response(`Hello ${name}\n`);
  }, { route: greetings }),
} satisfies Deno.ServeDefaultExport;
