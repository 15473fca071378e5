import { ConsoleObservability, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { type Adapter, testConformance } from "./conformance.ts";
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

const openTelemetry: Adapter = {
  name: "OpenTelemetry",
  create(level) {
    const receiver = startReceiver();
    OpenTelemetry.configure({
      service: "conformance",
      version: "1.0.0",
      environment: "test",
      otlpEndpoint: receiver.endpoint,
      level,
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

for (const adapter of [memory, console, openTelemetry]) testConformance(adapter);
