import { context, diag, DiagLogLevel, logs, metrics, propagation, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { ConfigurationError, refusal } from "../ctx/errors.ts";
import type { ObservabilityLevel } from "../ctx/level.ts";
import { noopObservability, type Observability } from "../ctx/observability.ts";
import { setDefaultObservability } from "../ctx/scope.ts";
import { type Configuration, resolveConfiguration, resolveLevel } from "./configuration.ts";
import { ScopeContextManager } from "./context_manager.ts";
import { diagLogger } from "./diag.ts";
import { OpenTelemetryObservability } from "./observability.ts";
import type { ConfigureOptions } from "./options.ts";
import { externalLink, remoteParent, type RemoteTrace } from "./propagation.ts";
import { createPipeline, type Pipeline } from "./providers.ts";

/** How a back end of `OpenTelemetry.observability` behaves. */
export interface ObservabilityOptions extends RemoteTrace {
  /** Logs below it are left out. Default: the level given to `configure`. */
  readonly level?: ObservabilityLevel;
}

/** The calls that set OpenTelemetry up: see {@linkcode OpenTelemetry}. */
export interface OpenTelemetryFacade {
  /**
   * Installs the providers of all three signals, the context manager and the W3C propagators, and makes
   * OpenTelemetry the back end of root scopes that name none. Once per process, unless `shutdown` came between.
   *
   * Throws a `TypeError`, a `RangeError` or a {@linkcode ConfigurationError} that names the option, the rule and
   * the value.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * ctx.scope("startup", () => ctx.logInfo("Ready"));
   * await OpenTelemetry.shutdown();
   * ```
   */
  configure(options: ConfigureOptions): OpenTelemetryFacade;
  /**
   * A back end for `ctx.scope`: made once and shared by any number of concurrent root scopes, or made for each
   * request with the trace that came along. Throws a {@linkcode ConfigurationError} before `configure`.
   *
   * ```ts
   * import { ctx, OpenTelemetry } from "@haiway/otel";
   * import { assertEquals } from "@std/assert";
   *
   * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
   * const headers = new Headers({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
   * const observability = OpenTelemetry.observability({ traceparent: headers.get("traceparent") });
   * ctx.scope("request", { observability }, (scope) => {
   *   assertEquals(scope.traceId, "0af7651916cd43dd8448eb211c80319c");
   * });
   * await OpenTelemetry.shutdown();
   * ```
   */
  observability(options?: ObservabilityOptions): Observability;
  /** Exports what was recorded so far; resolves when it has arrived, or the export time limit is over. */
  forceFlush(): Promise<void>;
  /**
   * Exports what was recorded, for at most 5 seconds, and ends the pipeline; `configure` may be called again
   * afterwards. Scopes that are still open go on, unrecorded.
   */
  shutdown(): Promise<void>;
}

const SHUTDOWN_TIMEOUT = 5000;

interface Installed {
  readonly configuration: Configuration;
  readonly pipeline: Pipeline | undefined;
  readonly uninstall: () => void;
}

let installed: Installed | undefined;

/**
 * Sets OpenTelemetry up, and makes the back ends that send scopes to it.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 *
 * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
 * await ctx.scope("application", { observability: OpenTelemetry.observability() }, async () => {
 *   ctx.recordMetric("orders", { value: 1, kind: "counter" });
 *   await Promise.resolve();
 * });
 * await OpenTelemetry.shutdown();
 * ```
 */
export const OpenTelemetry: OpenTelemetryFacade = {
  configure(options: ConfigureOptions): OpenTelemetryFacade {
    if (installed !== undefined) {
      const { service } = installed.configuration;
      throw new ConfigurationError(
        refusal("configure OpenTelemetry", "configure", "be called once per process", service),
      );
    }
    const configuration = resolveConfiguration(options);
    installed = configuration.disabled
      ? { configuration, pipeline: undefined, uninstall: () => {} }
      : install(configuration);
    setDefaultObservability(OpenTelemetry.observability());
    return OpenTelemetry;
  },

  observability(options: ObservabilityOptions = {}): Observability {
    if (installed === undefined) {
      throw new ConfigurationError(
        refusal("create an observability", "OpenTelemetry.configure", "be called before", undefined),
      );
    }
    const level = options.level === undefined
      ? installed.configuration.level
      : resolveLevel(options.level, "create an observability");
    if (installed.pipeline === undefined) return noopObservability;
    const { engine } = installed.pipeline;
    return new OpenTelemetryObservability(engine, level, remoteParent(options), externalLink(options));
  },

  async forceFlush(): Promise<void> {
    await installed?.pipeline?.forceFlush(installed.configuration.exportTimeoutMillis);
  },

  async shutdown(): Promise<void> {
    if (installed === undefined) return;
    const { pipeline, uninstall } = installed;
    installed = undefined;
    setDefaultObservability(undefined);
    uninstall();
    await pipeline?.shutdown(SHUTDOWN_TIMEOUT);
  },
};

/** Registers a pipeline with the API, for every library that uses it; what is taken already is left alone. */
function install(configuration: Configuration): Installed {
  const pipeline = createPipeline(configuration);
  const undo: (() => void)[] = [];
  const register = (accepted: boolean, api: { disable(): void }) => {
    if (accepted) undo.push(() => api.disable());
  };
  register(diag.setLogger(diagLogger, diagLevel(configuration)), diag);
  register(context.setGlobalContextManager(new ScopeContextManager(pipeline.engine)), context);
  register(trace.setGlobalTracerProvider(pipeline.tracerProvider), trace);
  register(metrics.setGlobalMeterProvider(pipeline.meterProvider), metrics);
  register(logs.setGlobalLoggerProvider(pipeline.loggerProvider), logs);
  const propagators = { tracecontext: W3CTraceContextPropagator, baggage: W3CBaggagePropagator };
  const propagator = new CompositePropagator({
    propagators: configuration.propagators.map((name) => new propagators[name]()),
  });
  register(propagation.setGlobalPropagator(propagator), propagation);
  return { configuration, pipeline, uninstall: () => undo.forEach((undo) => undo()) };
}

function diagLevel({ diagnosticLevel }: Configuration): DiagLogLevel {
  return DiagLogLevel[diagnosticLevel.toUpperCase() as keyof typeof DiagLogLevel];
}
