/**
 * A span as it arrived, with what its resource and its instrumentation scope say of it.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver, type ReceivedSpan } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * OpenTelemetry.configure({
 *   service: "shop",
 *   version: "1.0.0",
 *   environment: "test",
 *   otlpEndpoint: receiver.endpoint,
 * });
 * ctx.scope("checkout", { kind: "server" }, () => {});
 * await OpenTelemetry.shutdown();
 *
 * const span: ReceivedSpan = receiver.spans[0];
 * assertEquals([span.name, span.kind, span.status.code], ["checkout", 2, 1]);
 * ```
 */
export interface ReceivedSpan {
  /** Its name. */
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Its trace: 32 lowercase hex digits. */
  readonly traceId: string;
  /** Its id: 16 lowercase hex digits. */
  readonly spanId: string;
  /** The span above it; `undefined` for a root. */
  readonly parentSpanId: string | undefined;
  /** The W3C trace state, if there is one. */
  readonly traceState: string | undefined;
  /** The W3C flags, and whether the parent is remote. */
  readonly flags: number;
  /** When it started, in nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint;
  /** When it ended, in nanoseconds since the epoch. */
  readonly endTimeUnixNano: bigint;
  /** Its attributes. */
  readonly attributes: Record<string, unknown>;
  /** Its events, in order. */
  readonly events: { name: string; timeUnixNano: bigint; attributes: Record<string, unknown> }[];
  /** Its links. */
  readonly links: { traceId: string; spanId: string; attributes: Record<string, unknown> }[];
  /** The code is 0 for unset, 1 for OK, 2 for ERROR. */
  readonly status: { code: number; message: string | undefined };
  /** How many attributes were beyond the limit. */
  readonly droppedAttributesCount: number;
  /** The attributes of the resource: the service and so on. */
  readonly resource: Record<string, unknown>;
  /** Who made the span. */
  readonly scope: { name: string; version: string | undefined };
}

/**
 * A log record as it arrived.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver, type ReceivedLog } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * OpenTelemetry.configure({
 *   service: "shop",
 *   version: "1.0.0",
 *   environment: "test",
 *   otlpEndpoint: receiver.endpoint,
 * });
 * ctx.scope("checkout", () => ctx.logWarning("Slow"));
 * await OpenTelemetry.shutdown();
 *
 * const log: ReceivedLog = receiver.logs[0];
 * assertEquals([log.body, log.severityText, log.traceId], ["Slow", "WARN", receiver.spans[0].traceId]);
 * ```
 */
export interface ReceivedLog {
  /** The message. */
  readonly body: unknown;
  /** The name, if it is an event. */
  readonly eventName: string | undefined;
  /** 5 debug, 9 info, 13 warning, 17 error. */
  readonly severityNumber: number;
  /** `"INFO"` and so on. */
  readonly severityText: string;
  /** The trace that it was recorded in; empty if there was none. */
  readonly traceId: string;
  /** The span that it was recorded in; empty if there was none. */
  readonly spanId: string;
  /** When, in nanoseconds since the epoch. */
  readonly timeUnixNano: bigint;
  /** Its attributes. */
  readonly attributes: Record<string, unknown>;
  /** The attributes of the resource: the service and so on. */
  readonly resource: Record<string, unknown>;
  /** Who made the record. */
  readonly scope: { name: string; version: string | undefined };
}

/**
 * A data point as it arrived, with its metric.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver, type ReceivedPoint } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * OpenTelemetry.configure({
 *   service: "shop",
 *   version: "1.0.0",
 *   environment: "test",
 *   otlpEndpoint: receiver.endpoint,
 * });
 * ctx.scope("checkout", () => ctx.recordMetric("orders", { value: 2, kind: "counter" }));
 * await OpenTelemetry.shutdown();
 *
 * const point: ReceivedPoint | undefined = receiver.latest("orders");
 * assertEquals([point?.kind, point?.value], ["sum", 2]);
 * ```
 */
export interface ReceivedPoint {
  /** The name of the metric. */
  readonly metric: string;
  /** How it was aggregated; a counter is a monotonic sum. */
  readonly kind: "sum" | "gauge" | "histogram";
  /** The unit; empty if there is none. */
  readonly unit: string;
  /** The description; empty if there is none. */
  readonly description: string;
  /** Of a sum: whether it only goes up. */
  readonly monotonic: boolean | undefined;
  /** 1 since the last export, 2 since the start. */
  readonly temporality: number | undefined;
  /** The dimensions. */
  readonly attributes: Record<string, unknown>;
  /** Of a sum or a gauge. */
  readonly value: number | undefined;
  /** Of a histogram: how many values. */
  readonly count: number | undefined;
  /** Of a histogram: their sum. */
  readonly sum: number | undefined;
  /** Of a histogram: the upper bounds of all buckets but the last. */
  readonly bounds: number[] | undefined;
  /** Of a histogram: how many values each bucket has. */
  readonly bucketCounts: number[] | undefined;
  /** The attributes of the resource: the service and so on. */
  readonly resource: Record<string, unknown>;
}

// deno-lint-ignore no-explicit-any -- OTLP as JSON, read by shape alone
type Json = any;

/** The spans of an export request. */
export function spansOf(body: Json): ReceivedSpan[] {
  return (body.resourceSpans ?? []).flatMap((resourceSpans: Json) =>
    (resourceSpans.scopeSpans ?? []).flatMap((scopeSpans: Json) =>
      (scopeSpans.spans ?? []).map((span: Json): ReceivedSpan => ({
        name: span.name ?? "",
        kind: span.kind ?? 0,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        traceState: span.traceState || undefined,
        flags: span.flags ?? 0,
        startTimeUnixNano: BigInt(span.startTimeUnixNano ?? 0),
        endTimeUnixNano: BigInt(span.endTimeUnixNano ?? 0),
        attributes: attributesOf(span.attributes),
        events: (span.events ?? []).map((event: Json) => ({
          name: event.name ?? "",
          timeUnixNano: BigInt(event.timeUnixNano ?? 0),
          attributes: attributesOf(event.attributes),
        })),
        links: (span.links ?? []).map((link: Json) => ({
          traceId: link.traceId,
          spanId: link.spanId,
          attributes: attributesOf(link.attributes),
        })),
        status: { code: span.status?.code ?? 0, message: span.status?.message },
        droppedAttributesCount: span.droppedAttributesCount ?? 0,
        resource: attributesOf(resourceSpans.resource?.attributes),
        scope: { name: scopeSpans.scope?.name, version: scopeSpans.scope?.version },
      }))
    )
  );
}

/** The log records of an export request. */
export function logsOf(body: Json): ReceivedLog[] {
  return (body.resourceLogs ?? []).flatMap((resourceLogs: Json) =>
    (resourceLogs.scopeLogs ?? []).flatMap((scopeLogs: Json) =>
      (scopeLogs.logRecords ?? []).map((record: Json): ReceivedLog => ({
        body: record.body === undefined ? undefined : valueOf(record.body),
        eventName: record.eventName || undefined,
        severityNumber: record.severityNumber ?? 0,
        severityText: record.severityText ?? "",
        traceId: record.traceId ?? "",
        spanId: record.spanId ?? "",
        timeUnixNano: BigInt(record.timeUnixNano ?? 0),
        attributes: attributesOf(record.attributes),
        resource: attributesOf(resourceLogs.resource?.attributes),
        scope: { name: scopeLogs.scope?.name, version: scopeLogs.scope?.version },
      }))
    )
  );
}

/** The data points of an export request. */
export function pointsOf(body: Json): ReceivedPoint[] {
  return (body.resourceMetrics ?? []).flatMap((resourceMetrics: Json) =>
    (resourceMetrics.scopeMetrics ?? []).flatMap((scopeMetrics: Json) =>
      (scopeMetrics.metrics ?? []).flatMap((metric: Json) => {
        const kind = metric.sum ? "sum" : metric.gauge ? "gauge" : "histogram";
        const data = metric[kind];
        return (data?.dataPoints ?? []).map((point: Json): ReceivedPoint => ({
          metric: metric.name,
          kind,
          unit: metric.unit ?? "",
          description: metric.description ?? "",
          monotonic: kind === "sum" ? data.isMonotonic ?? false : undefined,
          temporality: data.aggregationTemporality,
          attributes: attributesOf(point.attributes),
          value: point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt)),
          count: point.count === undefined ? undefined : Number(point.count),
          sum: point.sum,
          bounds: point.explicitBounds,
          bucketCounts: point.bucketCounts?.map(Number),
          resource: attributesOf(resourceMetrics.resource?.attributes),
        }));
      })
    )
  );
}

function attributesOf(attributes: Json): Record<string, unknown> {
  return Object.fromEntries((attributes ?? []).map(({ key, value }: Json) => [key, valueOf(value ?? {})]));
}

function valueOf(value: Json): unknown {
  if ("stringValue" in value) return value.stringValue;
  if ("boolValue" in value) return value.boolValue;
  if ("intValue" in value) return Number(value.intValue);
  if ("doubleValue" in value) return value.doubleValue;
  if ("arrayValue" in value) return (value.arrayValue.values ?? []).map(valueOf);
  if ("kvlistValue" in value) return attributesOf(value.kvlistValue.values);
  return value.bytesValue;
}
