import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { type ConfigureOptions, ctx, type Observability, OpenTelemetry } from "@haiway/otel";
import { MemoryObservability } from "@haiway/otel/testing";
import { cleanAttributes } from "../ctx/attributes.ts";
import { Redactor } from "../opentelemetry/export/redaction.ts";
import { modelOf, type Plan, plans, play, type Seen } from "./support/plans.ts";
import { startReceiver } from "./support/receiver.ts";

const SETTINGS = { service: "properties", version: "1", environment: "test" };

/** Plays a plan with its steps in an order that fast-check chooses, and gives back what was seen of it. */
async function check(observability: Observability, seen: () => Promise<Seen[]> | Seen[], numRuns: number) {
  await fc.assert(
    fc.asyncProperty(plans, fc.scheduler(), async (plan: Plan, scheduler) => {
      const played = play(plan, observability, async () => await scheduler.schedule(Promise.resolve()));
      await scheduler.waitFor(played);
      assertEquals(await seen(), modelOf(plan));
    }),
    { numRuns },
  );
}

function sorted(seen: Seen[]): Seen[] {
  return seen.sort((a, b) => a.name < b.name ? -1 : 1);
}

Deno.test("whatever scopes do, MemoryObservability keeps the tree of the model", async () => {
  const memory = new MemoryObservability({ level: "info" });
  await check(memory, () => {
    const nameOf = (spanId?: string) => memory.scopes.find((scope) => scope.spanId === spanId)?.name;
    const seen = memory.scopes.map(
      ({ name, spanId, parentSpanId, status, message, attributes, exceptions }) => {
        const { "stream.time_to_first_chunk": _, ...rest } = attributes;
        return {
          name,
          parent: nameOf(parentSpanId),
          status,
          message,
          attributes: rest,
          exceptions: exceptions.map(({ message }) => message),
          logs: memory.logs.filter((log) => log.spanId === spanId).map(({ level, message }) =>
            `${level} ${message}`
          ),
          events: memory.events.filter((event) => event.spanId === spanId).map(({ name }) => name),
        };
      },
    );
    memory.clear();
    return sorted(seen as Seen[]);
  }, 500);
});

Deno.test("whatever scopes do, what arrives over OTLP is the tree of the model", async () => {
  await using receiver = startReceiver();
  OpenTelemetry.configure({ ...SETTINGS, otlpEndpoint: receiver.endpoint, exportIntervalMillis: 60_000 });
  await check(OpenTelemetry.observability(), async () => {
    await OpenTelemetry.forceFlush();
    const spans = receiver.spans.splice(0);
    const logs = receiver.logs.splice(0);
    assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1);
    const nameOf = (spanId?: string) => spans.find((span) => span.spanId === spanId)?.name;
    return sorted(spans.map(({ name, spanId, parentSpanId, status, attributes, events }) => {
      const { "error.type": _, "stream.time_to_first_chunk": __, ...rest } = attributes;
      const own = logs.filter((log) => log.spanId === spanId);
      const named = events.filter((event) => event.name !== "exception").map(({ name }) => name);
      assertEquals(
        own.filter(({ eventName }) => eventName !== undefined).map(({ eventName }) => eventName),
        named,
      );
      return {
        name,
        parent: nameOf(parentSpanId),
        status: status.code === 2 ? "error" : status.code === 1 ? "ok" : "open",
        message: status.message || undefined,
        attributes: rest,
        exceptions: events.filter((event) => event.name === "exception").map(({ attributes }) =>
          String(attributes["exception.message"])
        ),
        logs: own.filter(({ eventName }) => eventName === undefined).map(({ severityText, body }) =>
          `${severityText === "WARN" ? "warning" : severityText.toLowerCase()} ${body}`
        ),
        events: named,
      } as Seen;
    }));
  }, 200);
  await OpenTelemetry.shutdown();
  assertEquals(OpenTelemetry.stats().traces.dropped, {});
});

Deno.test("attributes are data, whatever was given, and what was given is left as it was", () => {
  const given = fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true }));
  fc.assert(
    fc.property(given, (attributes) => {
      const before = fc.stringify(attributes);
      const clean = cleanAttributes(attributes);
      assertEquals(fc.stringify(attributes), before);
      const json = JSON.stringify(clean);
      assertEquals(JSON.stringify(JSON.parse(json)), json);
      assertEquals(Object.getPrototypeOf(clean), Object.prototype);
      for (const value of Object.values(clean)) {
        const elements = Array.isArray(value) ? value : [value];
        assert(new Set(elements.map((element) => typeof element)).size <= 1);
        for (const element of elements) assert(["string", "number", "boolean"].includes(typeof element));
      }
      for (const [key, value] of Object.entries(attributes)) {
        if (key !== "" && (typeof value === "string" || typeof value === "boolean")) {
          assert(Object.values(clean).includes(value));
        }
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("no header of a stranger throws, and what is injected is what is extracted", () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFxyz-"), minLength: 0, maxLength: length });
  const traceparent = fc.oneof(
    fc.string(),
    fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join("-")),
    fc.anything() as fc.Arbitrary<string>,
  );
  OpenTelemetry.configure(SETTINGS);
  fc.assert(
    fc.property(traceparent, fc.string(), fc.string(), (traceparent, tracestate, baggage) => {
      const carrier = { traceparent, tracestate, baggage };
      const remote = OpenTelemetry.extract(carrier);
      OpenTelemetry.observability({ ...remote });
      OpenTelemetry.observability({ externalTraceId: traceparent, traceparent, tracestate, baggage });
    }),
    { numRuns: 300 },
  );
  ctx.scope("caller", { observability: OpenTelemetry.observability() }, (scope) => {
    assertEquals(OpenTelemetry.extract(OpenTelemetry.inject(new Headers())).traceparent, scope.traceparent);
  });
  return OpenTelemetry.shutdown();
});

Deno.test("an option is taken, or refused in the one form", async () => {
  const names: (keyof ConfigureOptions)[] = [
    "service",
    "version",
    "environment",
    "instance",
    "otlpHeaders",
    "insecure",
    "exportIntervalMillis",
    "exportTimeoutMillis",
    "shutdownTimeoutMillis",
    "handleExit",
    "compression",
    "attributes",
    "sampling",
    "level",
    "events",
    "limits",
    "redact",
    "selfMetrics",
  ];
  const value = fc.oneof(
    fc.anything(),
    fc.integer(),
    fc.double(),
    fc.constantFrom("", "info", "gzip", "both", true, false, null, {}, [], Infinity, -1),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), value, async (name, value) => {
      try {
        OpenTelemetry.configure({ ...SETTINGS, handleExit: false, [name]: value });
      } catch (error) {
        assert(
          error instanceof Error && ["TypeError", "RangeError", "ConfigurationError"].includes(error.name),
          `${error}`,
        );
        assert(
          /^Cannot configure OpenTelemetry as '[\w.]+.*' must .*: current value is /s.test(error.message),
          error.message,
        );
        return;
      }
      await OpenTelemetry.shutdown();
    }),
    { numRuns: 300 },
  );
});

Deno.test("what is redacted once stays as it is, and a secret does not survive in any text", () => {
  const redactor = new Redactor();
  const secret = fc.stringMatching(/^[a-z0-9]{12,20}$/).filter((text) =>
    !/redacted|token|key|basic|bearer/.test(text)
  );
  const around = fc.constantFrom("", "x ", '{"a": 1, ', "https://host/?q=1&", "(");
  const form = fc.constantFrom(
    (secret: string) => `password=${secret}`,
    (secret: string) => `"api_key": "${secret}"`,
    (secret: string) => `https://user:${secret}@host/`,
    (secret: string) => `Bearer ${secret}`,
    (secret: string) => `?sig=${secret}&`,
  );
  fc.assert(
    fc.property(secret, around, form, fc.string(), (secret, before, form, after) => {
      const clean = redactor.text(`${before}${form(secret)} ${after}`);
      assert(!clean.includes(secret), clean);
      assertEquals(redactor.text(clean), clean);
    }),
    { numRuns: 500 },
  );
});
