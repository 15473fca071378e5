/**
 * A trace that began in another service: linked to, where only its id is known, or carried on, where the caller
 * sent a `traceparent`. What is malformed is reported on standard error and ignored.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

await linked(new Headers({ "x-trace-id": "4bf92f3577b34da6a3ce929d0e0e4736" }));
await continued(new Headers({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }));
await linked(new Headers({ "x-trace-id": "nonsense" }));

await OpenTelemetry.shutdown();

/** A trace of its own, with a link to the other: 32 hex digits, a UUID or a whole `traceparent`. */
function linked(headers: Headers): Promise<void> {
  const observability = OpenTelemetry.observability({ externalTraceId: headers.get("x-trace-id") });
  return ctx.scope("linked-handler", { observability }, () => handle());
}

/** The same trace: the caller's span is the parent. */
function continued(headers: Headers): Promise<void> {
  const observability = OpenTelemetry.observability({
    traceparent: headers.get("traceparent"),
    tracestate: headers.get("tracestate"),
  });
  return ctx.scope("continued-handler", { observability, kind: "server" }, () => handle());
}

async function handle(): Promise<void> {
  await Promise.resolve();
  ctx.logInfo("Handled", { trace: ctx.traceId() });
}
