/**
 * A small OTLP receiver on the loopback: what a collector does with a request, in a few lines. It takes OTLP as
 * JSON over HTTP and keeps it in the shape in which a person would ask for it.
 *
 * @module
 */

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Missing for the root. */
  readonly parentSpanId?: string;
  readonly durationMillis: number;
  readonly status: "UNSET" | "OK" | "ERROR";
  readonly attributes: Attributes;
  readonly events: { readonly name: string; readonly attributes: Attributes }[];
}

/** A metric as it arrived, with the value and unit of each combination of attributes. */
export interface ReceivedMetric {
  readonly name: string;
  readonly kind: "sum" | "gauge" | "histogram";
  readonly points: { readonly value: string; readonly attributes: Attributes }[];
}

/** A log as it arrived; an event is a log with a name. */
export interface ReceivedLog {
  readonly severity: string;
  readonly text: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** Attributes as they were recorded. */
export type Attributes = Readonly<Record<string, unknown>>;

/** A running receiver and what it has received. */
export interface Receiver extends AsyncDisposable {
  /** The base URL, which `otlpEndpoint` takes. */
  readonly endpoint: string;
  /** The resource that everything came from. */
  resource: Attributes;
  readonly spans: ReceivedSpan[];
  /** The last export of each metric, by its name: sums are cumulative. */
  readonly metrics: Map<string, ReceivedMetric>;
  readonly logs: ReceivedLog[];
}

/** Starts a receiver on a free port. */
export function startReceiver(): Receiver {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body: Otlp = await request.json();
    for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
      receiver.resource = attributesOf(resource.attributes);
      for (const { spans } of scopeSpans) receiver.spans.push(...spans.map(spanOf));
    }
    for (const { scopeMetrics } of body.resourceMetrics ?? []) {
      for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        receiver.metrics.set(metric.name, metricOf(metric));
      }
    }
    for (const { scopeLogs } of body.resourceLogs ?? []) {
      for (const { logRecords } of scopeLogs) receiver.logs.push(...logRecords.map(logOf));
    }
    return Response.json({});
  });
  const receiver: Receiver = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    resource: {},
    spans: [],
    metrics: new Map(),
    logs: [],
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return receiver;
}

/** The parts of OTLP that are read here. */
interface Otlp {
  resourceSpans?: { resource: { attributes: Pair[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
  resourceMetrics?: { scopeMetrics: { metrics: OtlpMetric[] }[] }[];
  resourceLogs?: { scopeLogs: { logRecords: OtlpLog[] }[] }[];
}

interface Pair {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number };
  attributes?: Pair[];
  events?: { name: string; attributes?: Pair[] }[];
}

interface OtlpPoint {
  asDouble?: number;
  asInt?: number | string;
  count?: number | string;
  sum?: number;
  attributes?: Pair[];
}

interface OtlpMetric {
  name: string;
  unit?: string;
  sum?: { dataPoints: OtlpPoint[] };
  gauge?: { dataPoints: OtlpPoint[] };
  histogram?: { dataPoints: OtlpPoint[] };
}

interface OtlpLog {
  severityText?: string;
  body?: Record<string, unknown>;
  eventName?: string;
  traceId?: string;
  spanId?: string;
  attributes?: Pair[];
}

function spanOf(span: OtlpSpan): ReceivedSpan {
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    durationMillis: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    status: (["UNSET", "OK", "ERROR"] as const)[span.status?.code ?? 0],
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map(({ name, attributes }) => ({
      name,
      attributes: attributesOf(attributes),
    })),
  };
}

function metricOf({ name, unit = "", sum, gauge, histogram }: OtlpMetric): ReceivedMetric {
  const kind = sum ? "sum" : gauge ? "gauge" : "histogram";
  const points = (sum ?? gauge ?? histogram)?.dataPoints ?? [];
  return {
    name,
    kind,
    points: points.map(({ asDouble, asInt, count, sum, attributes }) => ({
      value: `${asDouble ?? asInt ?? `${count} values, in all ${sum}`} ${unit}`.trimEnd(),
      attributes: attributesOf(attributes),
    })),
  };
}

function logOf(log: OtlpLog): ReceivedLog {
  return {
    severity: log.severityText ?? "",
    text: String(Object.values(log.body ?? {})[0] ?? `event ${log.eventName}`),
    traceId: log.traceId ?? "",
    spanId: log.spanId ?? "",
    attributes: attributesOf(log.attributes),
  };
}

/** `{ stringValue: "a" }` and its like: the one value in it is what was recorded. */
function attributesOf(pairs: Pair[] = []): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
