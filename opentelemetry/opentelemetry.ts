import { context, diag, DiagLogLevel, logs, metrics, propagation, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { ConfigurationError, refusal } from "../ctx/errors.ts";
import { noopObservability, type Observability } from "../ctx/observability.ts";
import { setDefaultObservability } from "../ctx/scope.ts";
import {
  type Carrier,
  extract,
  extractEnvironment,
  inject,
  injectEnvironment,
  type TraceContext,
} from "./carrier.ts";
import { type Configuration, resolveConfiguration, resolveLevel } from "./configuration.ts";
import { ScopeContextManager } from "./context_manager.ts";
import { diagLogger } from "./diag.ts";
import { OpenTelemetryObservability } from "./observability.ts";
import type { ObservabilityOptions, OpenTelemetryFacade } from "./facade.ts";
import type { ConfigureOptions } from "./options.ts";
import { resolveRemote } from "./propagation.ts";
import { createPipeline, type Pipeline } from "./providers.ts";

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
    return new OpenTelemetryObservability(engine, level, resolveRemote(options));
  },

  inject: <C extends Carrier>(carrier: C): C => inject(carrier, propagators()),

  extract: (...given: unknown[]): TraceContext =>
    given.length === 0 ? extractEnvironment(propagators()) : extract(given[0], propagators()),

  environment: () => injectEnvironment(propagators()),

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

/** How traces travel; before any set-up, as the specification has it. */
function propagators(): Configuration["propagators"] {
  return installed?.configuration.propagators ?? ["tracecontext", "baggage"];
}

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
