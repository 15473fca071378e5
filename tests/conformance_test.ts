import { ConsoleObservability, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { type Adapter, testConformance } from "./conformance.ts";
import { environment } from "./support/environment.ts";
import { startReceiver } from "./support/receiver.ts";
import { seenOnConsole } from "./support/seen_console.ts";
import { seenInMemory } from "./support/seen_memory.ts";
import { seenBy } from "./support/seen_receiver.ts";

const memory: Adapter = {
  name: "MemoryObservability",
  create(level) {
    const observability = new MemoryObservability({ level });
    return {
      observability,
      read: () => Promise.resolve(seenInMemory(observability)),
      close: () => Promise.resolve(),
    };
  },
};

const console: Adapter = {
  name: "ConsoleObservability",
  create(level) {
    const written: string[] = [];
    const observability = new ConsoleObservability({ level, write: (text) => void written.push(text) });
    return {
      observability,
      read: () => Promise.resolve(seenOnConsole(written)),
      close: () => Promise.resolve(),
    };
  },
};

/** Records into a receiver, in an encoding. */
function openTelemetry(name: string, protocol: string, compression: "none" | "gzip"): Adapter {
  return {
    name,
    create(level) {
      const receiver = startReceiver();
      using _ = environment({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
      OpenTelemetry.configure({
        service: "conformance",
        version: "1.0.0",
        environment: "test",
        otlpEndpoint: receiver.endpoint,
        level,
        compression,
        events: "log",
      });
      return {
        observability: OpenTelemetry.observability(),
        async read() {
          await OpenTelemetry.forceFlush();
          return seenBy(receiver);
        },
        async close() {
          await OpenTelemetry.shutdown();
          await receiver.close();
        },
      };
    },
  };
}

const adapters = [
  memory,
  console,
  openTelemetry("OpenTelemetry", "http/json", "none"),
  openTelemetry("OpenTelemetry in gzipped protobuf", "http/protobuf", "gzip"),
];
for (const adapter of adapters) testConformance(adapter);
