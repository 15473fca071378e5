import { assertEquals } from "@std/assert";
import { ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";
import { SpanBatchProcessor } from "../../opentelemetry/export/processors.ts";
import { ScopeLogger } from "../../opentelemetry/logger.ts";
import { ScopeSpan } from "../../opentelemetry/tracing/span.ts";
import { ScopeTracerProvider } from "../../opentelemetry/tracing/tracer.ts";
import { type Adapter, testConformance } from "../conformance.ts";
import { startReceiver } from "../support/receiver.ts";
import { seenBy } from "../support/seen_receiver.ts";
import { type Part, PARTS, sdkExporters, swapped } from "../support/swaps.ts";
import { Wire } from "../support/wire.ts";

/** Records with these parts of the SDK, into exporters of the tests. */
function withParts(name: string, parts: readonly Part[]): Adapter {
  return {
    name,
    create(level) {
      const wire = new Wire();
      const swap = swapped(parts, wire.exporters, { level, events: "log" });
      return {
        observability: swap.observability,
        async read() {
          await swap.flush();
          return seenBy(wire);
        },
        close: swap.close,
      };
    },
  };
}

/** Records with these parts of the SDK, into its exporters, and reads back what arrives. */
function withExporters(name: string, parts: readonly Part[]): Adapter {
  return {
    name,
    create(level) {
      const receiver = startReceiver();
      const swap = swapped(parts, sdkExporters(receiver.endpoint), { level, events: "log" });
      return {
        observability: swap.observability,
        async read() {
          await swap.flush();
          return seenBy(receiver);
        },
        async close() {
          await swap.close();
          await receiver.close();
        },
      };
    },
  };
}

for (const part of PARTS) testConformance(withParts(`with the SDK's ${part}`, [part]));
testConformance(withExporters("with the SDK's exporters", []));
testConformance(withExporters("with the SDK's parts alone", PARTS));

Deno.test("a swap replaces what it names, and leaves the rest ours", async () => {
  for (const part of PARTS) {
    const swap = swapped([part], new Wire().exporters);
    const { engine, tracerProvider } = swap.pipeline;
    const span = engine.startSpan("span", SpanKind.INTERNAL, undefined, undefined, ROOT_CONTEXT);
    const ours = {
      tracer: span instanceof ScopeSpan,
      "batch processors": !(tracerProvider instanceof ScopeTracerProvider) ||
        tracerProvider.shared.processors[0] instanceof SpanBatchProcessor,
      logger: engine.logger instanceof ScopeLogger,
      "context manager": engine.contexts === undefined,
    };
    await swap.close();
    for (const [name, is] of Object.entries(ours)) assertEquals(is, name !== part, `${name} with ${part}`);
  }
});
