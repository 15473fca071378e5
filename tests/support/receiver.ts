/**
 * An OTLP receiver over HTTP on the loopback: it decodes what arrives, and can be told to misbehave.
 *
 * @module
 */

/** A span as it arrived, with what its resource and instrumentation scope say of it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly flags: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Record<string, unknown>;
  readonly events: { name: string; timeUnixNano: bigint; attributes: Record<string, unknown> }[];
  readonly links: { traceId: string; spanId: string; attributes: Record<string, unknown> }[];
  /** 0 unset, 1 OK, 2 ERROR. */
  readonly status: { code: number; message: string | undefined };
  readonly droppedAttributesCount: number;
  readonly resource: Record<string, unknown>;
  readonly scope: { name: string; version: string | undefined };
}

/** A log record as it arrived. */
export interface ReceivedLog {
  readonly body: unknown;
  readonly eventName: string | undefined;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly timeUnixNano: bigint;
  readonly attributes: Record<string, unknown>;
  readonly resource: Record<string, unknown>;
  readonly scope: { name: string; version: string | undefined };
}

/** A data point as it arrived, with its metric. */
export interface ReceivedPoint {
  readonly metric: string;
  readonly kind: "sum" | "gauge" | "histogram";
  readonly unit: string;
  readonly description: string;
  readonly monotonic: boolean | undefined;
  /** 1 delta, 2 cumulative. */
  readonly temporality: number | undefined;
  readonly attributes: Record<string, unknown>;
  /** Of a sum or a gauge. */
  readonly value: number | undefined;
  /** Of a histogram. */
  readonly count: number | undefined;
  readonly sum: number | undefined;
  readonly bounds: number[] | undefined;
  readonly bucketCounts: number[] | undefined;
  readonly resource: Record<string, unknown>;
}

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: Headers;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** What the receiver answered. */
  readonly status: number;
  readonly at: number;
}

/** How the receiver answers a request, instead of taking it; `undefined` takes it. */
export type Fault = (request: Request, path: string) => Response | Promise<Response> | undefined;

/** A running receiver. */
export interface OtlpReceiver extends AsyncDisposable {
  /** The base URL to give to `otlpEndpoint`. */
  readonly endpoint: string;
  readonly port: number;
  readonly spans: ReceivedSpan[];
  readonly logs: ReceivedLog[];
  /** Every data point of every export; see {@linkcode OtlpReceiver.latest}. */
  readonly points: ReceivedPoint[];
  readonly requests: ReceivedRequest[];
  /** Decoded bodies that were taken, in order, by path. */
  readonly bodies: { path: string; body: Json }[];
  /** Set, it decides each answer. */
  fault: Fault | undefined;
  /** The last point of a metric, by attributes if given. */
  latest(metric: string, attributes?: Record<string, unknown>): ReceivedPoint | undefined;
  /** Resolves when a condition over what was received holds; rejects after the time limit. */
  until(condition: () => boolean, timeoutMillis?: number): Promise<void>;
  close(): Promise<void>;
}

// deno-lint-ignore no-explicit-any -- OTLP as JSON, read by shape alone
type Json = any;

/** Starts a receiver, on a free port unless one is given. */
export function startReceiver(options: { port?: number; fault?: Fault } = {}): OtlpReceiver {
  const waiting = new Set<() => void>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      const raw = new Uint8Array(await request.arrayBuffer().catch(() => new ArrayBuffer(0)));
      const answer = await answerTo(request, path, raw);
      receiver.requests.push({
        path,
        headers: request.headers,
        bytes: raw.byteLength,
        status: answer.status,
        at: performance.now(),
      });
      for (const check of [...waiting]) check();
      return answer;
    },
  );

  async function answerTo(request: Request, path: string, raw: Uint8Array<ArrayBuffer>): Promise<Response> {
    const faulty = await receiver.fault?.(request, path);
    if (faulty !== undefined) return faulty;
    const body = JSON.parse(await decode(raw, request.headers.get("content-encoding")));
    receiver.bodies.push({ path, body });
    if (path.endsWith("/v1/traces")) receiver.spans.push(...spansOf(body));
    else if (path.endsWith("/v1/logs")) receiver.logs.push(...logsOf(body));
    else if (path.endsWith("/v1/metrics")) receiver.points.push(...pointsOf(body));
    else return new Response("not found", { status: 404 });
    return Response.json({});
  }

  const receiver: OtlpReceiver = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    spans: [],
    logs: [],
    points: [],
    requests: [],
    bodies: [],
    fault: options.fault,
    latest(metric, attributes) {
      const wanted = attributes && JSON.stringify(Object.entries(attributes).sort());
      return receiver.points.findLast((point) =>
        point.metric === metric &&
        (wanted === undefined || JSON.stringify(Object.entries(point.attributes).sort()) === wanted)
      );
    },
    until(condition, timeoutMillis = 10_000) {
      if (condition()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          const { spans, logs, points, requests } = receiver;
          reject(
            new Error(
              `Not received within ${timeoutMillis} ms; so far ${spans.length} spans, ${logs.length} logs, ` +
                `${points.length} points in ${requests.length} requests`,
            ),
          );
        }, timeoutMillis);
        const check = () => {
          if (!condition()) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve();
        };
        waiting.add(check);
      });
    },
    async close() {
      await server.shutdown();
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
  return receiver;
}

async function decode(raw: Uint8Array<ArrayBuffer>, encoding: string | null): Promise<string> {
  if (encoding !== "gzip") return new TextDecoder().decode(raw);
  return await new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function spansOf(body: Json): ReceivedSpan[] {
  return (body.resourceSpans ?? []).flatMap((resourceSpans: Json) =>
    resourceSpans.scopeSpans.flatMap((scopeSpans: Json) =>
      scopeSpans.spans.map((span: Json): ReceivedSpan => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        traceState: span.traceState || undefined,
        flags: span.flags ?? 0,
        startTimeUnixNano: BigInt(span.startTimeUnixNano),
        endTimeUnixNano: BigInt(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes),
        events: (span.events ?? []).map((event: Json) => ({
          name: event.name,
          timeUnixNano: BigInt(event.timeUnixNano),
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

function logsOf(body: Json): ReceivedLog[] {
  return (body.resourceLogs ?? []).flatMap((resourceLogs: Json) =>
    resourceLogs.scopeLogs.flatMap((scopeLogs: Json) =>
      scopeLogs.logRecords.map((record: Json): ReceivedLog => ({
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

function pointsOf(body: Json): ReceivedPoint[] {
  return (body.resourceMetrics ?? []).flatMap((resourceMetrics: Json) =>
    resourceMetrics.scopeMetrics.flatMap((scopeMetrics: Json) =>
      scopeMetrics.metrics.flatMap((metric: Json) => {
        const kind = metric.sum ? "sum" : metric.gauge ? "gauge" : "histogram";
        const data = metric[kind];
        return data.dataPoints.map((point: Json): ReceivedPoint => ({
          metric: metric.name,
          kind,
          unit: metric.unit ?? "",
          description: metric.description ?? "",
          monotonic: data.isMonotonic,
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
  return Object.fromEntries((attributes ?? []).map(({ key, value }: Json) => [key, valueOf(value)]));
}

function valueOf(value: Json): unknown {
  if ("stringValue" in value) return value.stringValue;
  if ("boolValue" in value) return value.boolValue;
  if ("intValue" in value) return Number(value.intValue);
  if ("doubleValue" in value) return value.doubleValue;
  if ("arrayValue" in value) return (value.arrayValue.values ?? []).map(valueOf);
  if ("kvlistValue" in value) return attributesOf(value.kvlistValue.values);
  return undefined;
}
