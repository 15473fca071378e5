/**
 * What runs at the same time keeps its place in the trace: each child is a span under the scope that started it.
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });

// One back end is enough for any number of traces.
const observability = OpenTelemetry.observability();
await Promise.all([parent("first"), parent("second")]);

await OpenTelemetry.shutdown();

function parent(name: string): Promise<void> {
  return ctx.scope(name, { observability }, async () => {
    await Promise.all([0, 1, 2].map((number) => child(name, number)));
  });
}

function child(parent: string, number: number): Promise<void> {
  return ctx.scope(`child-${number}`, { attributes: { parent } }, async () => {
    await new Promise((done) => setTimeout(done, 10));
    ctx.logInfo("Done", { parent, number });
  });
}
