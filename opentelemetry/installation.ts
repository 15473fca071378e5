import { context, diag, DiagLogLevel, logs, metrics, propagation, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { diagnose } from "../ctx/diagnostics.ts";
import { currentScope, enterScope, setLocator } from "../ctx/scope.ts";
import { bindPipeline } from "./native/binding.ts";
import { type Configuration, resolveBinding } from "./configuration/configuration.ts";
import { ScopeContextManager } from "./context/context_manager.ts";
import { diagLogger } from "./diag.ts";
import { ForeignContexts } from "./context/foreign_contexts.ts";
import { handleExits } from "./exit/lifecycle.ts";
import type { AutoconfigureOptions, ConfigureOptions } from "./configuration/options.ts";
import { createPipeline, type Pipeline } from "./providers.ts";
import { isHidden, isNative, type Registered, registered, registerNativeLogs } from "./native/registered.ts";

/** What a set-up has put in place. */
export interface Installed {
  readonly configuration: Configuration;
  /** Missing where OpenTelemetry is disabled. */
  readonly pipeline: Pipeline | undefined;
  /** Takes back what was registered; the pipeline is shut down afterwards. */
  readonly uninstall: () => void;
  /** Leaves the exits of the process alone, once the pipeline is shut down. */
  readonly unwatch: () => void;
}

/** Registers a pipeline with the API, for every library; what is taken already is left alone. */
export function installPipeline(
  configuration: Configuration,
  pipeline: Pipeline = createPipeline(configuration),
): Installed {
  const api = registered();
  const { engine } = pipeline;
  const undo: (() => void)[] = [];
  const register = (taken: unknown, register: () => boolean, api: { disable(): void }) => {
    if (taken === undefined && register()) undo.push(() => api.disable());
  };
  register(undefined, () => diag.setLogger(diagLogger, diagLevel(configuration)), diag);
  const contextManager = new ScopeContextManager(engine);
  register(api.context, () => context.setGlobalContextManager(contextManager), context);
  register(api.trace, () => trace.setGlobalTracerProvider(pipeline.tracerProvider), trace);
  register(api.metrics, () => metrics.setGlobalMeterProvider(pipeline.meterProvider), metrics);
  register(api.logs, () => logs.setGlobalLoggerProvider(pipeline.loggerProvider), logs);
  const propagators = { tracecontext: W3CTraceContextPropagator, baggage: W3CBaggagePropagator };
  const propagator = new CompositePropagator({
    propagators: configuration.propagators.map((name) => new propagators[name]()),
  });
  register(api.propagation, () => propagation.setGlobalPropagator(propagator), propagation);
  if (api.context !== undefined) engine.contexts = new ForeignContexts(api.context);
  undo.push(keepInStep(api, pipeline));
  if (isNative(api)) {
    say("Deno's built-in OpenTelemetry is on, and this pipeline exports beside it, in the same traces");
  } else if (api.trace !== undefined || api.metrics !== undefined) {
    say("Other providers are registered already, and this pipeline exports beside them, in the same traces");
  }
  const unwatch = watchExits(configuration, pipeline);
  return { configuration, pipeline, uninstall: () => undo.forEach((undo) => undo()), unwatch };
}

/** Nothing at all, as the environment asks for it. */
export function disabled(configuration: Configuration): Installed {
  return { configuration, pipeline: undefined, uninstall: () => {}, unwatch: () => {} };
}

/** Records through what somebody else has registered, and registers nothing but what nobody has. */
export function installBinding(options: AutoconfigureOptions): Installed {
  const api = registered();
  const configuration = resolveBinding(options, isNative(api));
  if (configuration.disabled) return disabled(configuration);
  const pipeline = bindPipeline(api, configuration);
  const undo: (() => void)[] = [];
  if (api.trace === undefined && api.metrics === undefined) {
    diagnose(
      "autoconfigure",
      "No provider is registered in the OpenTelemetry API, so that only logs are kept, on the console: start Deno with " +
        "OTEL_DENO=true, register providers before OpenTelemetry.autoconfigure, or use OpenTelemetry.configure",
    );
  } else if (isHidden(api)) {
    diagnose(
      "autoconfigure",
      `The providers were registered by version ${api.version} of @opentelemetry/api, and are hidden from ` +
        "libraries with a higher one, which record nothing: import one version everywhere",
    );
  }
  if (api.trace !== undefined && api.context === undefined) {
    if (context.setGlobalContextManager(new ScopeContextManager(pipeline.engine))) {
      undo.push(() => context.disable());
    }
  }
  undo.push(keepInStep(api, pipeline));
  const unwatch = watchExits(configuration, pipeline);
  return { configuration, pipeline, uninstall: () => undo.forEach((undo) => undo()), unwatch };
}

/** Whether `configure` has to go through Deno's built-in OpenTelemetry: it is on, and no endpoint is given. */
export function bindsToNative({ otlpEndpoint }: ConfigureOptions): boolean {
  if (otlpEndpoint !== undefined || !isNative(registered())) return false;
  say(
    "Deno's built-in OpenTelemetry is on, and scopes are recorded through it: give 'otlpEndpoint' for a " +
      "pipeline of their own",
  );
  return true;
}

/** Lets the scopes follow the context of somebody else, and what else a foreign engine needs; gives the way back. */
function keepInStep(api: Registered, { engine, loggerProvider }: Pipeline): () => void {
  const { contexts } = engine;
  if (contexts === undefined) return () => {};
  let withdrawLogs = () => {};
  if (isNative(api)) {
    // Where no storage was ever entered, the span of an awaited `fetch` stays current for the rest of the program.
    if (currentScope() === undefined) enterScope(undefined);
    withdrawLogs = registerNativeLogs(loggerProvider);
  }
  setLocator((stored) => contexts.locate(engine, stored));
  return () => {
    setLocator(undefined);
    withdrawLogs();
  };
}

function watchExits(
  { handleExit, shutdownTimeoutMillis }: Configuration,
  { ending }: Pipeline,
): () => void {
  return handleExit && ending !== undefined ? handleExits(ending, shutdownTimeoutMillis) : () => {};
}

function say(what: string): void {
  diagnose("configure", what);
}

function diagLevel({ diagnosticLevel }: Configuration): DiagLogLevel {
  return DiagLogLevel[diagnosticLevel.toUpperCase() as keyof typeof DiagLogLevel];
}
