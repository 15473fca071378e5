import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { LogRecordExporter, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { reason } from "../../ctx/diagnostics.ts";
import type { Delivery } from "./delivery.ts";
import type { Endpoint } from "../configuration/endpoint.ts";
import type { Redactor } from "./redaction.ts";

type Encode<T> = (items: T) => Uint8Array | undefined;

/** A request beyond this is sent in halves: receivers limit what they take, and the buffer counts by requests. */
const MAX_REQUEST = 4 * 1024 * 1024;

/**
 * Encodes what a processor hands it and gives it to the delivery, which owns it from then on: the processor is
 * free for the next batch at once, whatever the collector does.
 */
class OtlpExporter<T> {
  constructor(
    private readonly encode: Encode<T>,
    private readonly delivery: Delivery,
    private readonly count: (items: T) => number,
    private readonly halve: (items: T) => T[],
    private readonly flushTimeout: number,
  ) {}

  export(items: T, done: (result: ExportResult) => void): void {
    this.#hand(items);
    done({ code: ExportResultCode.SUCCESS });
  }

  forceFlush(): Promise<void> {
    return this.delivery.isEnding ? Promise.resolve() : this.delivery.flush(this.flushTimeout);
  }

  /** The delivery is shut down by the pipeline, which knows how long that may take. */
  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  /** One record that is too large or cannot be encoded does not cost those beside it. */
  #hand(items: T): void {
    let body: Uint8Array | undefined;
    let failure: unknown;
    try {
      body = this.encode(items);
    } catch (error) {
      failure = error;
    }
    if (body === undefined || body.byteLength > MAX_REQUEST) {
      const halves = this.halve(items);
      if (halves.length > 1) return halves.forEach((half) => this.#hand(half));
    }
    if (body !== undefined) this.delivery.enqueue(body as Uint8Array<ArrayBuffer>, this.count(items));
    else {this.delivery.counts.drop(
        this.count(items),
        "encoding",
        `they cannot be encoded: ${reason(failure)}`,
      );}
  }
}

/** Halves of an array of more than one. */
function halves<T>(items: T[]): T[][] {
  const middle = Math.ceil(items.length / 2);
  return items.length > 1 ? [items.slice(0, middle), items.slice(middle)] : [];
}

function encoder<T>(
  json: ISerializer<T, unknown>,
  protobuf: ISerializer<T, unknown>,
  { protocol }: Endpoint,
  redact: (items: T) => T,
): Encode<T> {
  const serializer = protocol === "http/json" ? json : protobuf;
  return (items) => serializer.serializeRequest(redact(items));
}

/** Exports spans. */
export function createSpanExporter(
  endpoint: Endpoint,
  delivery: Delivery,
  redactor?: Redactor,
): SpanExporter {
  const redact = (spans: ReadableSpan[]) => redactor ? spans.map((span) => redactor.span(span)) : spans;
  return new OtlpExporter<ReadableSpan[]>(
    encoder(JsonTraceSerializer, ProtobufTraceSerializer, endpoint, redact),
    delivery,
    (spans) => spans.length,
    halves,
    endpoint.timeoutMillis,
  );
}

/** Exports logs. */
export function createLogExporter(
  endpoint: Endpoint,
  delivery: Delivery,
  redactor?: Redactor,
): LogRecordExporter {
  const redact = (logs: ReadableLogRecord[]) => redactor ? logs.map((log) => redactor.log(log)) : logs;
  return new OtlpExporter<ReadableLogRecord[]>(
    encoder(JsonLogsSerializer, ProtobufLogsSerializer, endpoint, redact),
    delivery,
    (logs) => logs.length,
    halves,
    endpoint.timeoutMillis,
  );
}

/** How counters and histograms are summed: since the start, or since the last export. */
export type Temporality = "cumulative" | "delta" | "lowmemory";

/** Exports metrics. */
export function createMetricExporter(
  endpoint: Endpoint,
  delivery: Delivery,
  temporality: Temporality,
  redactor?: Redactor,
): PushMetricExporter {
  return new OtlpMetricExporter(endpoint, delivery, temporality, redactor);
}

class OtlpMetricExporter extends OtlpExporter<ResourceMetrics> implements PushMetricExporter {
  readonly #temporality: Temporality;

  constructor(endpoint: Endpoint, delivery: Delivery, temporality: Temporality, redactor?: Redactor) {
    const redact = (metrics: ResourceMetrics) => redactor ? redactor.metrics(metrics) : metrics;
    const encode = encoder(JsonMetricsSerializer, ProtobufMetricsSerializer, endpoint, redact);
    super(encode, delivery, countPoints, () => [], endpoint.timeoutMillis);
    this.#temporality = temporality;
  }

  selectAggregationTemporality(instrument: InstrumentType): AggregationTemporality {
    return temporalityOf(this.#temporality, instrument);
  }
}

function countPoints({ scopeMetrics }: ResourceMetrics): number {
  return scopeMetrics.flatMap(({ metrics }) => metrics).reduce(
    (sum, { dataPoints }) => sum + dataPoints.length,
    0,
  );
}

/** As the specification's `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` has it. */
function temporalityOf(preference: Temporality, instrument: InstrumentType): AggregationTemporality {
  const { CUMULATIVE, DELTA } = AggregationTemporality;
  switch (instrument) {
    case InstrumentType.COUNTER:
    case InstrumentType.HISTOGRAM:
      return preference === "cumulative" ? CUMULATIVE : DELTA;
    case InstrumentType.OBSERVABLE_COUNTER:
      return preference === "delta" ? DELTA : CUMULATIVE;
    default:
      return CUMULATIVE;
  }
}
