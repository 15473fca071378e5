import { diagnose } from "../../ctx/diagnostics.ts";
import { ConfigurationError, refusal } from "../../ctx/errors.ts";
import { decode, type Environment, ignored } from "./environment.ts";
import type { ConfigureOptions } from "./options.ts";

/** The three kinds of telemetry. */
export type Signal = "traces" | "metrics" | "logs";

/** Where and how one signal is sent. */
export interface Endpoint {
  readonly url: string;
  /** May hold secrets: never printed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "none" | "gzip";
  readonly timeoutMillis: number;
  readonly protocol: "http/json" | "http/protobuf";
}

const ACTION = "configure OpenTelemetry";
const SIGNALS: readonly Signal[] = ["traces", "metrics", "logs"];
/** The ports of OTLP and Jaeger that speak gRPC, which this library does not. */
const GRPC_PORTS = new Set(["4317", "14250"]);
const DEFAULT_ENDPOINT = "http://localhost:4318";

/** Where each signal goes, from options and environment. */
export function resolveEndpoints(
  options: Partial<ConfigureOptions>,
  environment: Environment,
  timeoutMillis: number,
): Record<Signal, Endpoint | "console" | "none"> {
  const insecure = resolveInsecure(options, environment);
  const base = resolveBase(options, environment, insecure);
  const headers = resolveHeaders(options);
  const compression = resolveCompression(options);
  const own = (signal: Signal) => environment.get(variable(signal, "ENDPOINT"));
  const any = base !== undefined || SIGNALS.some((signal) => own(signal) !== undefined);

  const resolve = (signal: Signal): Endpoint | "console" | "none" => {
    const exporter = environment.choice(`OTEL_${signal.toUpperCase()}_EXPORTER`, ["otlp", "console", "none"]);
    if (exporter === "none" || exporter === "console") return exporter;
    const ownUrl = options.otlpEndpoint === undefined
      ? ownEndpoint(signal, own(signal), insecure)
      : undefined;
    if (!any && exporter !== "otlp") return "console";
    const url = ownUrl ?? below(base ?? new URL(DEFAULT_ENDPOINT), signal);
    const authorization = takeCredentials(url);
    return {
      url: url.href,
      headers: {
        ...authorization,
        ...headersFrom(environment, "OTEL_EXPORTER_OTLP_HEADERS"),
        ...headersFrom(environment, variable(signal, "HEADERS")),
        ...headers,
      },
      compression: compression ?? either(environment, signal, "COMPRESSION", ["none", "gzip"]) ?? "none",
      timeoutMillis: options.exportTimeoutMillis ?? environment.integer(variable(signal, "TIMEOUT"), 1) ??
        timeoutMillis,
      protocol: resolveProtocol(environment, signal),
    };
  };
  return { traces: resolve("traces"), metrics: resolve("metrics"), logs: resolve("logs") };
}

function variable(signal: Signal, name: string): string {
  return `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`;
}

function either<T extends string>(
  environment: Environment,
  signal: Signal,
  name: string,
  among: readonly T[],
): T | undefined {
  return environment.choice(variable(signal, name), among) ??
    environment.choice(`OTEL_EXPORTER_OTLP_${name}`, among);
}

function resolveProtocol(environment: Environment, signal: Signal): Endpoint["protocol"] {
  const protocol = either(environment, signal, "PROTOCOL", ["http/json", "http/protobuf", "grpc"]);
  if (protocol !== "grpc") return protocol ?? "http/json";
  ignored(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "be 'http/json' or 'http/protobuf', as gRPC is not spoken here",
    protocol,
  );
  return "http/json";
}

function resolveInsecure(options: Partial<ConfigureOptions>, environment: Environment): boolean {
  const insecure: unknown = options.insecure;
  if (insecure !== undefined && typeof insecure !== "boolean") {
    throw new TypeError(refusal(ACTION, "insecure", "be a boolean", insecure));
  }
  return insecure ?? environment.boolean("OTEL_EXPORTER_OTLP_INSECURE") ?? true;
}

function resolveBase(
  options: Partial<ConfigureOptions>,
  environment: Environment,
  insecure: boolean,
): URL | undefined {
  const given: unknown = options.otlpEndpoint;
  if (given === undefined) {
    const name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const value = environment.get(name);
    return value === undefined ? undefined : fromEnvironment(name, value, insecure);
  }
  if (typeof given !== "string" || given.trim() === "") {
    throw new TypeError(refusal(ACTION, "otlpEndpoint", "be the URL of an OTLP receiver over HTTP", given));
  }
  const url = parse(given, insecure);
  if (url === undefined) {
    throw new TypeError(
      refusal(
        ACTION,
        "otlpEndpoint",
        "be a URL of http or https, such as 'http://localhost:4318'",
        masked(given),
      ),
    );
  }
  if (isRefused(url, insecure)) {
    throw new ConfigurationError(
      refusal(ACTION, "otlpEndpoint", "begin with https:// where 'insecure' is false", masked(given)),
    );
  }
  warnOfGrpc(url);
  return url;
}

function ownEndpoint(signal: Signal, value: string | undefined, insecure: boolean): URL | undefined {
  return value === undefined ? undefined : fromEnvironment(variable(signal, "ENDPOINT"), value, insecure);
}

function fromEnvironment(name: string, value: string, insecure: boolean): URL | undefined {
  const url = parse(value, insecure);
  if (url === undefined) return ignored(name, "be a URL of http or https", masked(value));
  if (isRefused(url, insecure)) {
    throw new ConfigurationError(
      refusal(ACTION, name, "begin with https:// where 'insecure' is false", masked(value)),
    );
  }
  warnOfGrpc(url);
  return url;
}

/** A URL of http or https; without a scheme `insecure` decides which. */
function parse(value: string, insecure: boolean): URL | undefined {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `${insecure ? "http" : "https"}://${value}`;
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") ? url : undefined;
}

function isRefused(url: URL, insecure: boolean): boolean {
  return !insecure && url.protocol === "http:";
}

function warnOfGrpc(url: URL): void {
  if (!GRPC_PORTS.has(url.port)) return;
  diagnose(
    `grpc:${url.port}`,
    `The port ${url.port} of the OTLP endpoint speaks gRPC, and this library OTLP over HTTP: use port 4318`,
  );
}

function below(base: URL, signal: Signal): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/${signal}`;
  return url;
}

/** Credentials in a URL are not sent by `fetch`: they become the header that they stand for. */
function takeCredentials(url: URL): Record<string, string> {
  if (url.username === "" && url.password === "") return {};
  const credentials = new TextEncoder().encode(`${decode(url.username)}:${decode(url.password)}`);
  url.username = url.password = "";
  return { authorization: `Basic ${btoa(String.fromCharCode(...credentials))}` };
}

/** An endpoint as it may be shown: without what may be credentials, wherever they end, and without a query. */
function masked(endpoint: string): string {
  return endpoint.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@.*$/is, "$1***").replace(/[?#].*$/s, "?***");
}

function resolveHeaders(options: Partial<ConfigureOptions>): Record<string, string> {
  const given: unknown = options.otlpHeaders;
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(refusal(ACTION, "otlpHeaders", "be an object of strings", typeof given));
  }
  for (const [name, value] of Object.entries(given)) {
    try {
      if (typeof value !== "string") throw new TypeError("not a string");
      new Headers({ [name]: value });
    } catch {
      throw new TypeError(
        refusal(ACTION, `otlpHeaders.${name}`, "be a valid header with a string", "(hidden)"),
      );
    }
  }
  return lowercased(given as Record<string, string>);
}

function headersFrom(environment: Environment, variable: string): Record<string, string> {
  const valid = Object.entries(environment.pairs(variable)).filter(([name, value]) =>
    isHeader(name, value) || ignored(variable, "hold valid headers", "(hidden)")
  );
  return lowercased(Object.fromEntries(valid));
}

function isHeader(name: string, value: unknown): boolean {
  try {
    return typeof value === "string" && new Headers({ [name]: value }).has(name);
  } catch {
    return false;
  }
}

function resolveCompression(options: Partial<ConfigureOptions>): "none" | "gzip" | undefined {
  const compression: unknown = options.compression;
  if (compression === undefined || compression === "none" || compression === "gzip") return compression;
  throw new TypeError(refusal(ACTION, "compression", "be 'none' or 'gzip'", compression));
}

function lowercased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
