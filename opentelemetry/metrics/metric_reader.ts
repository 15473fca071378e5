import type { Attributes, HrTime } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import {
  type CollectionResult,
  type MetricData,
  type MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
  type ScopeMetrics,
} from "@opentelemetry/sdk-metrics";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { limitSeries, type SeriesStorage } from "./cardinality.ts";

/** The inside of the SDK, as far as it is needed to collect without waiting; its versions are pinned. */
interface Collector {
  readonly _sharedState: {
    readonly resource: ResourceMetrics["resource"];
    readonly meterSharedStates: ReadonlyMap<string, MeterState>;
  };
}
interface MeterState {
  readonly _instrumentationScope: ScopeMetrics["scope"];
  readonly metricStorageRegistry: { getStorages(collector: Collector): Storage[] };
  readonly observableRegistry: {
    readonly _callbacks: { callback: (result: ObservableResult) => unknown; instrument: Observable }[];
    readonly _batchCallbacks: { callback: (result: BatchResult) => unknown }[];
  };
}
interface Storage extends SeriesStorage {
  collect(collector: Collector, time: HrTime): MetricData | undefined;
  record(measurements: { entries(): Iterable<Measured> }, time: HrTime): void;
}
interface Observable {
  readonly _metricStorages: Storage[];
}
interface ObservableResult {
  observe(value: number, attributes?: Attributes): void;
}
interface BatchResult {
  observe(instrument: Observable, value: number, attributes?: Attributes): void;
}
type Measured = readonly [Attributes, number];

/**
 * The SDK's periodic reader, which besides can export at once, when the process ends and waits for no promise.
 * There is no public way to do so: this one reads the private state of the pinned version.
 */
export class ScopeMetricReader extends PeriodicExportingMetricReader {
  readonly #exporter: PushMetricExporter;

  constructor(
    options: { exporter: PushMetricExporter; exportIntervalMillis: number; timeoutMillis: number },
  ) {
    const { exporter, exportIntervalMillis, timeoutMillis } = options;
    super({
      exporter,
      exportIntervalMillis,
      exportTimeoutMillis: Math.min(timeoutMillis, exportIntervalMillis),
    });
    this.#exporter = exporter;
  }

  /** Whether something was measured since the last collection, but for what the export itself measures. */
  get hasNews(): boolean {
    const collector = collectorOf(this);
    return metersOf(collector).some(({ metricStorageRegistry }) =>
      metricStorageRegistry.getStorages(collector).some(({ _instrumentDescriptor, _deltaMetricStorage }) =>
        _deltaMetricStorage._activeCollectionStorage.size > 0 &&
        !_instrumentDescriptor.name.startsWith("otel.sdk.")
      )
    );
  }

  override async collect(
    options?: Parameters<MetricReader["collect"]>[0],
  ): Promise<CollectionResult> {
    const result = await super.collect(options);
    try {
      const collector = collectorOf(this);
      for (const { metricStorageRegistry } of metersOf(collector)) {
        for (const storage of metricStorageRegistry.getStorages(collector)) limitSeries(storage, collector);
      }
    } catch (error) {
      diagnoseFailure("limit the series of metrics", error);
    }
    return result;
  }

  /** Exports what was measured, observables that answer at once included, before it returns. */
  exportNow(): void {
    try {
      const collector = collectorOf(this);
      const time = millisToHrTime(Date.now());
      const scopeMetrics: ScopeMetrics[] = [];
      for (const meter of metersOf(collector)) {
        observe(meter, time);
        const metrics = meter.metricStorageRegistry.getStorages(collector)
          .map((storage) => storage.collect(collector, time))
          .filter((data) => data !== undefined);
        if (metrics.length > 0) scopeMetrics.push({ scope: meter._instrumentationScope, metrics });
      }
      if (scopeMetrics.length === 0) return;
      this.#exporter.export({ resource: collector._sharedState.resource, scopeMetrics }, () => {});
    } catch (error) {
      diagnoseFailure("collect the last metrics", error);
    }
  }
}

function collectorOf(reader: MetricReader): Collector {
  return (reader as unknown as { readonly _sdkMetricProducer: Collector })._sdkMetricProducer;
}

function metersOf(collector: Collector): MeterState[] {
  return [...collector._sharedState.meterSharedStates.values()];
}

/** Asks the observables; one that answers later, or fails, keeps the value that it had. */
function observe({ observableRegistry }: MeterState, time: HrTime): void {
  const measured = new Map<Observable, Measured[]>();
  const take = (instrument: Observable, value: number, attributes: Attributes = {}): void => {
    if (!measured.has(instrument)) measured.set(instrument, []);
    measured.get(instrument)?.push([attributes, value]);
  };
  for (const { callback, instrument } of observableRegistry._callbacks) {
    attempt(() => callback({ observe: (value, attributes) => take(instrument, value, attributes) }));
  }
  for (const { callback } of observableRegistry._batchCallbacks) attempt(() => callback({ observe: take }));
  for (const [{ _metricStorages }, entries] of measured) {
    for (const storage of _metricStorages) storage.record({ entries: () => entries }, time);
  }
}

function attempt(callback: () => unknown): void {
  try {
    const later = callback();
    if (later instanceof Promise) later.catch(() => {});
  } catch (error) {
    diagnoseFailure("observe a metric", error);
  }
}
