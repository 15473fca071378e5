import type { Attributes } from "@opentelemetry/api";
import { AggregationTemporality } from "@opentelemetry/sdk-metrics";
import { diagnose } from "../../ctx/diagnostics.ts";

/** The inside of the SDK's storage of one instrument; its versions are pinned. */
export interface SeriesStorage {
  readonly _instrumentDescriptor: { readonly name: string };
  readonly _deltaMetricStorage: { _activeCollectionStorage: Series; readonly _cardinalityLimit: number };
  readonly _temporalMetricStorage: {
    readonly _reportHistory: ReadonlyMap<unknown, {
      readonly accumulations: Series;
      readonly aggregationTemporality: AggregationTemporality;
    }>;
  };
  _attributesProcessor?: { process(attributes: Attributes): Attributes };
}
/** Series by their attributes. */
interface Series {
  readonly size: number;
  has(attributes: Attributes): boolean;
}

/** The series that the specification has for what is beyond the limit. */
const OVERFLOW: Attributes = { "otel.metric.overflow": true };

/**
 * Keeps the series of an instrument within the limit for good. The SDK does so for those of one interval alone, and
 * sums them up over all intervals without end. An instrument is watched from a quarter of the limit on, so that the
 * others do not pay for it.
 */
export function limitSeries(storage: SeriesStorage, collector: unknown): void {
  const history = storage._temporalMetricStorage._reportHistory.get(collector);
  if (history?.aggregationTemporality !== AggregationTemporality.CUMULATIVE) return;
  const known = history.accumulations;
  const limit = storage._deltaMetricStorage._cardinalityLimit;
  if (known.size > limit) say(storage._instrumentDescriptor.name, limit);
  if (storage._attributesProcessor !== undefined || known.size <= limit / 4) return;
  let since = storage._deltaMetricStorage._activeCollectionStorage;
  let fresh = 0;
  storage._attributesProcessor = {
    process(attributes: Attributes): Attributes {
      const active = storage._deltaMetricStorage._activeCollectionStorage;
      if (active !== since) fresh = 0;
      since = active;
      if (known.has(attributes) || active.has(attributes)) return attributes;
      if (known.size + fresh >= limit) return OVERFLOW;
      fresh++;
      return attributes;
    },
  };
}

function say(name: string, limit: number): void {
  diagnose(
    `cardinality:${name}`,
    `The metric '${name}' has ${limit} sets of attributes: what further ones measure is summed up in one series ` +
      "with otel.metric.overflow; attributes of metrics should have few values",
  );
}
