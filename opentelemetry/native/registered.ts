import {
  type ContextManager,
  type LoggerProvider,
  type MeterProvider,
  metrics,
  type TextMapPropagator,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";

/** What is registered in the OpenTelemetry API of this process, by whichever copy of it. */
export interface Registered {
  /** The version of the copy that registered first, and of all that may register after it. */
  readonly version: string;
  readonly trace?: TracerProvider;
  readonly metrics?: MeterProvider;
  readonly logs?: LoggerProvider;
  readonly context?: ContextManager;
  readonly propagation?: TextMapPropagator;
}

const API = Symbol.for("opentelemetry.js.api.1");
/** Where `@opentelemetry/api-logs`, which was a package of its own before API 1.10, keeps a function that gives it. */
const API_LOGS = Symbol.for("io.opentelemetry.js.api.logs");

type Globals = Record<symbol, unknown>;

/**
 * What is registered, read past the API's check of versions: an API hides what a copy of a lower version has
 * registered, though all of them agree on the shapes.
 */
export function registered(): Registered {
  const api = (globalThis as unknown as Globals)[API] as Registered | undefined;
  const { version = "", trace, metrics, context, propagation, logs = oldLogs() } = api ?? {};
  return { version, trace, metrics, context, propagation, logs };
}

/** Whether what is registered hides from this library's copy of the API, and so from all who share it. */
export function isHidden(api: Registered): boolean {
  return (api.trace !== undefined && trace.getTracerProvider() !== api.trace) ||
    (api.metrics !== undefined && metrics.getMeterProvider() !== api.metrics);
}

/** Whether Deno's built-in OpenTelemetry is on and is what the API hands out. */
export function isNative({ trace, metrics }: Registered): boolean {
  // Deno loads its own at the first look at it, which is in vain where there is none.
  if (trace === undefined && metrics === undefined) return false;
  const { tracerProvider, meterProvider } = Deno.telemetry ?? {};
  return (trace !== undefined && trace === tracerProvider) ||
    (metrics !== undefined && metrics === meterProvider);
}

/**
 * Hands a logger provider to everybody who logs through the API under Deno's built-in OpenTelemetry, which has
 * none, and under which the API lets nobody register; gives what takes it back.
 */
export function registerNativeLogs(provider: LoggerProvider): () => void {
  const api = (globalThis as unknown as Globals)[API] as { logs?: LoggerProvider } | undefined;
  if (api === undefined || api.logs !== undefined) return () => {};
  api.logs = provider;
  return () => {
    if (api.logs === provider) delete api.logs;
  };
}

function oldLogs(): LoggerProvider | undefined {
  const get = (globalThis as unknown as Globals)[API_LOGS];
  return typeof get === "function" ? get(1) : undefined;
}
