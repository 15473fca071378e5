import { setDefaultObservability } from "../ctx/default.ts";
import { ConfigurationError, refusal } from "../ctx/errors.ts";
import { noopObservability, type Observability } from "../ctx/observability.ts";
import {
  type Carrier,
  extract,
  extractEnvironment,
  inject,
  injectEnvironment,
  type TraceContext,
} from "./propagation/carrier.ts";
import { resolveConfiguration, resolveLevel } from "./configuration/configuration.ts";
import type { DoctorOptions, DoctorReport } from "./doctor/report.ts";
import type { ObservabilityOptions, OpenTelemetryFacade } from "./facade.ts";
import { KNOWN_METHODS } from "./http/attributes.ts";
import { type FetchInit, observedFetch } from "./http/client.ts";
import { type HandlerOptions, type HttpHandler, type HttpSettings, observeHandler } from "./http/server.ts";
import { bindsToNative, disabled, installBinding, type Installed, installPipeline } from "./installation.ts";
import { type ListenerOptions, observeListener } from "./propagation/messages.ts";
import { OpenTelemetryObservability } from "./observability.ts";
import type { AutoconfigureOptions, ConfigureOptions } from "./configuration/options.ts";
import { resolveRemote } from "./propagation/propagation.ts";
import { NO_STATS, type Stats } from "./export/statistics.ts";

let installed: Installed | undefined;
/** Those of the pipeline that was shut down last. */
let lastStats: Stats = NO_STATS;

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
    refuseTwice("configure");
    const configuration = resolveConfiguration(options);
    if (configuration.disabled) installed = disabled(configuration);
    else if (bindsToNative(options)) installed = installBinding(options);
    else installed = installPipeline(configuration);
    setDefaultObservability(OpenTelemetry.observability());
    return OpenTelemetry;
  },

  autoconfigure(options: AutoconfigureOptions = {}): OpenTelemetryFacade {
    refuseTwice("autoconfigure");
    installed = installBinding(options);
    setDefaultObservability(OpenTelemetry.observability());
    return OpenTelemetry;
  },

  observability(options: ObservabilityOptions = {}): Observability {
    if (installed === undefined) {
      throw new ConfigurationError(
        refusal("create an observability", "OpenTelemetry.configure", "be called before", undefined),
      );
    }
    if (typeof options !== "object" || options === null) {
      throw new TypeError(refusal("create an observability", "options", "be an object", options));
    }
    const level = options.level === undefined
      ? installed.configuration.level
      : resolveLevel(options.level, "create an observability");
    if (installed.pipeline === undefined) return noopObservability;
    const { engine } = installed.pipeline;
    return new OpenTelemetryObservability(engine, level, resolveRemote(options));
  },

  inject: <C extends Carrier>(carrier: C): C => inject(carrier, settings().propagators),

  extract: (...given: unknown[]): TraceContext =>
    given.length === 0
      ? extractEnvironment(settings().propagators)
      : extract(given[0], settings().propagators),

  environment: () => injectEnvironment(settings().propagators),

  handler: <Rest extends unknown[]>(handler: HttpHandler<Rest>, options: HandlerOptions = {}) =>
    observeHandler(handler, options, settings),

  fetch: (input: RequestInfo | URL, init?: FetchInit) => observedFetch(input, init, settings()),

  listener: <Message extends { readonly data: unknown }, T>(
    name: string,
    listener: (message: Message) => T,
    options: ListenerOptions = {},
  ) => observeListener(name, listener, options, settings),

  stats: () => installed?.pipeline?.stats() ?? lastStats,

  async forceFlush(): Promise<void> {
    await installed?.pipeline?.forceFlush(installed.configuration.exportTimeoutMillis);
  },

  async shutdown(): Promise<void> {
    if (installed === undefined) return;
    const { pipeline, uninstall, unwatch, configuration } = installed;
    installed = undefined;
    setDefaultObservability(undefined);
    uninstall();
    await pipeline?.shutdown(configuration.shutdownTimeoutMillis);
    // Until then the process may end under a shutdown that nobody awaits.
    unwatch();
    lastStats = pipeline?.stats() ?? NO_STATS;
  },

  async doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
    // Loaded when it is asked for, so that no program starts any slower.
    const { examine } = await import("./doctor/doctor.ts");
    return await examine(options, installed?.configuration, OpenTelemetry.stats());
  },
};

/** What is configured of HTTP and propagation; before any set-up, as the specification has it. */
function settings(): HttpSettings {
  return installed?.configuration ??
    { propagators: ["tracecontext", "baggage"], knownMethods: KNOWN_METHODS };
}

function refuseTwice(call: "configure" | "autoconfigure"): void {
  if (installed === undefined) return;
  const { service } = installed.configuration;
  throw new ConfigurationError(
    refusal("configure OpenTelemetry", call, "be called once per process", service),
  );
}
