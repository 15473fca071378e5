import { assertEquals } from "@std/assert";
import { type Attributes, context } from "@opentelemetry/api";
import { JsonMetricsSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { Metric } from "../../ctx/observability.ts";
import { Instruments } from "../../opentelemetry/metrics/instruments.ts";
import { normalised } from "../support/normalised.ts";
import { parsed } from "../support/wire.ts";

const resource = resourceFromAttributes({ "service.name": "equivalence" });

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
        exports.push(normalised(parsed(JsonMetricsSerializer.serializeRequest(resourceMetrics))));
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
