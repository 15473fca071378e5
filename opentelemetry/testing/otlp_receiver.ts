import {
  logsOf,
  pointsOf,
  type ReceivedLog,
  type ReceivedPoint,
  type ReceivedSpan,
  spansOf,
} from "./otlp_decode.ts";
import { decodeProtobuf } from "./otlp_protobuf.ts";

/**
 * A request as it arrived.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver, type ReceivedRequest } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * OpenTelemetry.configure({
 *   service: "shop",
 *   version: "1.0.0",
 *   environment: "test",
 *   otlpEndpoint: receiver.endpoint,
 * });
 * ctx.scope("checkout", () => {});
 * await OpenTelemetry.shutdown();
 *
 * const request: ReceivedRequest = receiver.requests[0];
 * assertEquals([request.path, request.status], ["/v1/traces", 200]);
 * ```
 */
export interface ReceivedRequest {
  /** The path of its URL, such as `/v1/traces`. */
  readonly path: string;
  /** Its headers. */
  readonly headers: Headers;
  /** How many bytes of body were on the wire. */
  readonly bytes: number;
  /** What the receiver answered. */
  readonly status: number;
  /** When it was answered, as `performance.now` has it. */
  readonly at: number;
}

/**
 * How a receiver answers a request instead of taking it; `undefined` takes it.
 *
 * ```ts
 * import { otlpReceiver, type ReceiverFault } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const refuseLogs: ReceiverFault = (_request, path) =>
 *   path.endsWith("/v1/logs") ? new Response(null, { status: 503 }) : undefined;
 *
 * await using receiver = otlpReceiver({ fault: refuseLogs });
 * const response = await fetch(`${receiver.endpoint}/v1/logs`, { method: "POST", body: "{}" });
 * await response.body?.cancel();
 * assertEquals(response.status, 503);
 * ```
 */
export type ReceiverFault = (
  request: Request,
  path: string,
) => Response | Promise<Response | undefined> | undefined;

/**
 * How {@linkcode otlpReceiver} behaves.
 *
 * ```ts
 * import { otlpReceiver, type OtlpReceiverOptions } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const outage: OtlpReceiverOptions = { fault: () => new Response(null, { status: 503 }) };
 * await using receiver = otlpReceiver(outage);
 * assertEquals(receiver.spans, []);
 * ```
 */
export interface OtlpReceiverOptions {
  /** The port on the loopback. Default: one that is free. */
  readonly port?: number;
  /** Decides each answer, for tests of outages; see {@linkcode OtlpReceiver.fault}. */
  readonly fault?: ReceiverFault;
}

/**
 * A running receiver: see {@linkcode otlpReceiver}.
 *
 * ```ts
 * import { type OtlpReceiver, otlpReceiver } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const receiver: OtlpReceiver = otlpReceiver();
 * assertEquals(receiver.endpoint, `http://127.0.0.1:${receiver.port}`);
 * await receiver.close();
 * ```
 */
export interface OtlpReceiver extends AsyncDisposable {
  /** The base URL to give to `otlpEndpoint`. */
  readonly endpoint: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Every span, in the order of arrival. */
  readonly spans: ReceivedSpan[];
  /** Every log record, in the order of arrival. */
  readonly logs: ReceivedLog[];
  /** Every data point of every export; see {@linkcode OtlpReceiver.latest}. */
  readonly metrics: ReceivedPoint[];
  /** Every request, those refused included. */
  readonly requests: ReceivedRequest[];
  /** The bodies that were taken, as OTLP has them in JSON. */
  readonly bodies: { path: string; body: unknown }[];
  /** Set, it decides each answer: `() => new Response(null, { status: 503 })` is an outage. */
  fault: ReceiverFault | undefined;
  /** The last data point of a metric, and of these attributes if given. */
  latest(metric: string, attributes?: Record<string, unknown>): ReceivedPoint | undefined;
  /**
   * Resolves when a condition over what was received holds, which is looked at after each request; rejects after
   * the time limit, by default 10 seconds.
   */
  until(condition: () => boolean, timeoutMillis?: number): Promise<void>;
  /** Stops it. */
  close(): Promise<void>;
}

/**
 * Starts a receiver of OTLP over HTTP on the loopback, for tests of a whole pipeline: it takes JSON and protobuf,
 * compressed or not, and gives what arrived decoded. It needs `--allow-net=127.0.0.1`.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 * import { otlpReceiver } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using receiver = otlpReceiver();
 * OpenTelemetry.configure({
 *   service: "shop",
 *   version: "1.0.0",
 *   environment: "test",
 *   otlpEndpoint: receiver.endpoint,
 * });
 * ctx.scope("checkout", () => ctx.logInfo("Paid"));
 * await OpenTelemetry.shutdown();
 *
 * assertEquals(receiver.spans[0].name, "checkout");
 * assertEquals(receiver.logs[0].spanId, receiver.spans[0].spanId);
 * ```
 */
export function otlpReceiver(options: OtlpReceiverOptions = {}): OtlpReceiver {
  const waiting = new Set<() => void>();
  const closing = Promise.withResolvers<Response>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      // A sender that breaks off in the middle is a request with nothing in it.
      const raw = new Uint8Array(await request.arrayBuffer().catch(() => new ArrayBuffer(0)));
      const answer = await answerTo(request, path, raw);
      const { headers } = request;
      const { status } = answer;
      receiver.requests.push({ path, headers, bytes: raw.byteLength, status, at: performance.now() });
      for (const check of [...waiting]) check();
      return answer;
    },
  );

  async function answerTo(request: Request, path: string, raw: Uint8Array<ArrayBuffer>): Promise<Response> {
    const faulty = await Promise.race([receiver.fault?.(request, path), closing.promise]);
    if (faulty !== undefined) return faulty;
    const signal = /\/v1\/(traces|logs|metrics)$/.exec(path)?.[1] as
      | "traces"
      | "logs"
      | "metrics"
      | undefined;
    if (signal === undefined) return new Response("not found", { status: 404 });
    let body: unknown;
    try {
      body = await decode(signal, raw, request.headers);
    } catch (error) {
      return new Response(`not OTLP: ${error}`, { status: 400 });
    }
    receiver.bodies.push({ path, body });
    if (signal === "traces") receiver.spans.push(...spansOf(body));
    else if (signal === "logs") receiver.logs.push(...logsOf(body));
    else receiver.metrics.push(...pointsOf(body));
    return accepted(request.headers);
  }

  const receiver: OtlpReceiver = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    spans: [],
    logs: [],
    metrics: [],
    requests: [],
    bodies: [],
    fault: options.fault,
    latest(metric, attributes) {
      const wanted = attributes && canonical(attributes);
      return receiver.metrics.findLast((point) =>
        point.metric === metric && (wanted === undefined || canonical(point.attributes) === wanted)
      );
    },
    until(condition, timeoutMillis = 10_000) {
      if (condition()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`Not received within ${timeoutMillis} ms; so far ${summary(receiver)}`));
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
    close() {
      // Whoever a fault still keeps waiting is let go.
      closing.resolve(new Response(null, { status: 503 }));
      return server.shutdown();
    },
    [Symbol.asyncDispose]: () => receiver.close(),
  };
  return receiver;
}

async function decode(
  signal: "traces" | "logs" | "metrics",
  raw: Uint8Array<ArrayBuffer>,
  headers: Headers,
): Promise<unknown> {
  const bytes = headers.get("content-encoding") === "gzip" ? await unzip(raw) : raw;
  if (isProtobuf(headers)) return decodeProtobuf(signal, bytes);
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function unzip(raw: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function isProtobuf(headers: Headers): boolean {
  return headers.get("content-type")?.startsWith("application/x-protobuf") ?? false;
}

/** A full success, which is an empty message in either encoding. */
function accepted(headers: Headers): Response {
  if (!isProtobuf(headers)) return Response.json({});
  return new Response(null, { headers: { "content-type": "application/x-protobuf" } });
}

function canonical(attributes: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(attributes).sort());
}

function summary({ spans, logs, metrics, requests }: OtlpReceiver): string {
  const names = [...new Set(spans.map(({ name }) => name))].slice(0, 10).join(", ");
  return `${spans.length} spans${names && ` (${names})`}, ${logs.length} logs, ${metrics.length} points in ` +
    `${requests.length} requests`;
}
