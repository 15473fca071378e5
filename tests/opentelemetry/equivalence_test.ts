import { assertEquals } from "@std/assert";
import {
  type Attributes,
  context,
  createContextKey,
  type Link,
  type Logger,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, type ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Metric } from "../../ctx/observability.ts";
import { Instruments } from "../../opentelemetry/metrics/instruments.ts";
import { ScopeLogger } from "../../opentelemetry/logger.ts";
import { ScopeTracerProvider } from "../../opentelemetry/tracing/tracer.ts";

const resource = resourceFromAttributes({ "service.name": "equivalence" });
const limits = {
  attributeCountLimit: 4,
  attributeValueLengthLimit: 20,
  eventCountLimit: 2,
  linkCountLimit: 2,
  attributePerEventCountLimit: 2,
  attributePerLinkCountLimit: 1,
};
const unlimited = {
  attributeCountLimit: 128,
  attributeValueLengthLimit: Infinity,
  eventCountLimit: 128,
  linkCountLimit: 128,
  attributePerEventCountLimit: 128,
  attributePerLinkCountLimit: 128,
};
const remote = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
  isRemote: true,
  traceState: new TraceState("a=1,b=2"),
};
const START = 1_700_000_000_000;
const attributes: Attributes = {
  text: "a text that is longer than the limit",
  count: 3,
  share: 0.5,
  flag: true,
  list: ["a", "b"],
  numbers: [1, 2.5],
};
const link: Link = { context: remote, attributes: { why: "retry", again: 2 } };
const under = trace.setSpanContext(ROOT_CONTEXT, remote);

/** What a program may do with a span of either tracer; times are given, ids are equalled afterwards. */
const PROGRAMS: Readonly<Record<string, (tracer: Tracer) => void>> = {
  "a bare span": (tracer) => {
    tracer.startSpan("bare", { startTime: START }).end(START + 1.5);
  },
  "kinds": (tracer) => {
    for (const kind of [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
      tracer.startSpan("kind", { kind, startTime: START }).end(START + 1);
    }
  },
  "attributes at the start and later, beyond the limits": (tracer) => {
    const span = tracer.startSpan("attributes", { attributes, startTime: START });
    span.setAttribute("late", 1).setAttributes({ text: "again", more: "x", nothing: undefined });
    span.end(START + 1);
  },
  "attributes later only": (tracer) => {
    const span = tracer.startSpan("attributes", { startTime: START });
    span.setAttributes(attributes).end(START + 1);
  },
  "events, with and without attributes, beyond the limits": (tracer) => {
    const span = tracer.startSpan("events", { startTime: START });
    span.addEvent("first", START + 1);
    span.addEvent("second", { a: 1, b: "two", c: false }, START + 2);
    span.addEvent("third", {}, new Date(START + 3));
    span.end([1_700_000_001, 5]);
  },
  "links at the start and later, beyond the limits": (tracer) => {
    const span = tracer.startSpan("links", { links: [link], startTime: START });
    span.addLink(link).addLinks([{ context: remote }]).end(START + 1);
  },
  "statuses": (tracer) => {
    const status = (...codes: [SpanStatusCode, string?][]) => {
      const span = tracer.startSpan("status", { startTime: START });
      for (const [code, message] of codes) span.setStatus({ code, message });
      span.end(START + 1);
    };
    status([SpanStatusCode.OK]);
    status([SpanStatusCode.ERROR, "failed"]);
    status([SpanStatusCode.ERROR], [SpanStatusCode.OK, "ignored"], [SpanStatusCode.ERROR, "too late"]);
    status([SpanStatusCode.UNSET]);
  },
  "a remote parent with a trace state": (tracer) => {
    tracer.startSpan("child", { startTime: START }, under).end(START + 1);
    tracer.startSpan("root", { startTime: START, root: true }, under).end(START + 1);
  },
  "a local parent": (tracer) => {
    const parent = tracer.startSpan("parent", { startTime: START }, under);
    tracer.startSpan("child", { startTime: START }, trace.setSpan(ROOT_CONTEXT, parent)).end(START + 1);
    const unrelated = trace.setSpan(ROOT_CONTEXT, parent).setValue(createContextKey("other"), 1);
    tracer.startSpan("child", { startTime: START }, unrelated).end(START + 1);
    parent.end(START + 2);
  },
  "a name that is changed, and calls after the end": (tracer) => {
    const span = tracer.startSpan("first", { startTime: START }).updateName("second");
    span.end(START + 1);
    span.updateName("third").setAttribute("late", 1).addEvent("late").setStatus({ code: 2 }).addLink(link);
  },
  "an end before the start": (tracer) => {
    tracer.startSpan("back", { startTime: START }).end(START - 5);
  },
};

for (const [name, limit] of [["limits", limits], ["the defaults", unlimited]] as const) {
  for (const [program, run] of Object.entries(PROGRAMS)) {
    Deno.test(`a span of the scopes' tracer is exported as the SDK's, with ${name}: ${program}`, () => {
      const exported = (make: (processor: SpanProcessor) => Tracer): ReadableSpan[] => {
        const spans: ReadableSpan[] = [];
        run(make({
          onStart() {},
          onEnd: (span) => void spans.push(span),
          forceFlush: () => Promise.resolve(),
          shutdown: () => Promise.resolve(),
        }));
        return spans;
      };
      const sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() });
      const ours = exported((processor) =>
        new ScopeTracerProvider({
          resource,
          sampler,
          parentBased: true,
          limits: limit,
          processors: [processor],
        }).getTracer("equivalence", "1")
      );
      const theirs = exported((processor) =>
        new TracerProvider({ resource, sampler, spanLimits: limit, spanProcessors: [processor] })
          .getTracer("equivalence", "1")
      );
      equalIds(ours, theirs);
      assertEquals(
        parsed(JsonTraceSerializer.serializeRequest(ours)),
        parsed(
          JsonTraceSerializer.serializeRequest(theirs),
        ),
      );
      assertEquals(
        ProtobufTraceSerializer.serializeRequest(ours),
        ProtobufTraceSerializer.serializeRequest(theirs),
      );
    });
  }
}

Deno.test("a log of the scopes' logger is exported as the SDK's", () => {
  for (const limit of [limits, unlimited]) {
    const exported = (make: (onEmit: (record: ReadableLogRecord) => void) => Logger) => {
      const records: ReadableLogRecord[] = [];
      const logger = make((record) => records.push(record));
      for (const given of [undefined, {}, attributes]) {
        for (const context of [ROOT_CONTEXT, under, undefined]) {
          logger.emit({
            timestamp: START,
            observedTimestamp: START + 1,
            severityNumber: 9,
            severityText: "INFO",
            body: "said",
            attributes: given,
            context,
          });
          logger.emit({
            timestamp: START,
            observedTimestamp: START,
            eventName: "happened",
            attributes: given,
            context,
          });
        }
      }
      return records;
    };
    const processor = (onEmit: (record: ReadableLogRecord) => void) => ({
      onEmit,
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    });
    const ours = exported((onEmit) =>
      new ScopeLogger({ resource, limits: limit, processors: [{ onEmit }] }, {
        name: "equivalence",
        version: "1",
      })
    );
    const theirs = exported((onEmit) =>
      new LoggerProvider({ resource, logRecordLimits: limit, processors: [processor(onEmit)] })
        .getLogger("equivalence", "1")
    );
    assertEquals(
      parsed(JsonLogsSerializer.serializeRequest(ours)),
      parsed(JsonLogsSerializer.serializeRequest(theirs)),
    );
    assertEquals(
      ProtobufLogsSerializer.serializeRequest(ours),
      ProtobufLogsSerializer.serializeRequest(theirs),
    );
  }
});

for (const temporality of [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA]) {
  Deno.test(`measurements of the scopes are exported as the SDK's: ${AggregationTemporality[temporality]}`, async () => {
    const kinds = ["counter", "histogram", "gauge"] as const;
    const given: Metric["attributes"][] = [
      undefined,
      {},
      { method: "GET", status: 200 },
      { status: 200, method: "GET" },
      { method: "GET", status: "200" },
      { method: "GET" },
      { method: "GET", status: 200, cached: true },
      { nested: { deep: 1 }, list: ["a"], when: new Date(0), nothing: null },
    ];
    const rounds = [[1, 2.5, 0], [], [3, 1e9], [0.1, 0.2, 0.3, 10, 100]];
    const ours = await collected(temporality, (meter) => {
      const instruments = new Instruments(meter);
      return (kind, value, attributes) =>
        instruments.record(kind, { kind, value, attributes }, context.active());
    });
    const theirs = await collected(temporality, (meter) => {
      const counter = meter.createCounter("counter");
      const histogram = meter.createHistogram("histogram");
      const gauge = meter.createGauge("gauge");
      return (kind, value, attributes) => {
        const clean = attributes?.nested === undefined
          ? attributes as Attributes
          : { "nested.deep": 1, list: ["a"], when: new Date(0).toISOString() };
        if (kind === "counter") counter.add(value, clean);
        else (kind === "gauge" ? gauge : histogram).record(value, clean);
      };
    });
    assertEquals(ours, theirs);

    async function collected(
      temporality: AggregationTemporality,
      make: (
        meter: ReturnType<MeterProvider["getMeter"]>,
      ) => (kind: Metric["kind"], value: number, attributes: Metric["attributes"]) => void,
    ): Promise<unknown[]> {
      const reader = new ManualReader({
        aggregationTemporalitySelector: () => temporality,
        cardinalitySelector: () => 6,
      });
      const record = make(new MeterProvider({ resource, readers: [reader] }).getMeter("equivalence", "1"));
      const exports: unknown[] = [];
      for (const values of rounds) {
        for (const kind of kinds) {
          for (const value of values) for (const attributes of given) record(kind, value, attributes);
        }
        const { resourceMetrics } = await reader.collect();
        exports.push(withoutTimes(parsed(JsonMetricsSerializer.serializeRequest(resourceMetrics))));
      }
      return exports;
    }
  });
}

class ManualReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Gives the spans of one tracer the ids of the other's. */
function equalIds(ours: readonly ReadableSpan[], theirs: readonly ReadableSpan[]): void {
  const ids = new Map<string, string>();
  for (const [index, span] of ours.entries()) {
    ids.set(span.spanContext().traceId, theirs[index]?.spanContext().traceId);
    ids.set(span.spanContext().spanId, theirs[index]?.spanContext().spanId);
  }
  for (const span of ours) {
    const identity = (span as unknown as Span).spanContext();
    Object.assign(identity, { traceId: ids.get(identity.traceId), spanId: ids.get(identity.spanId) });
  }
}

function parsed(bytes: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function withoutTimes(request: unknown): unknown {
  return JSON.parse(
    JSON.stringify(request, (key, value) => /timeUnixNano$/i.test(key) ? undefined : value),
  );
}
