import { type CleanAttributes, cleanAttributes, describe } from "../../ctx/attributes.ts";
import { diagnose } from "../../ctx/diagnostics.ts";
import { ConfigurationError, refusal } from "../../ctx/errors.ts";
import { isLevel, type ObservabilityLevel } from "../../ctx/level.ts";
import { type Batching, resolveBatching } from "./batching.ts";
import { type Endpoint, resolveEndpoints, type Signal } from "./endpoint.ts";
import { Environment, granted, ignored } from "./environment.ts";
import { resolveLimits } from "./limits.ts";
import type { AutoconfigureOptions, ConfigureOptions, Limits } from "./options.ts";
import { resolveMethods } from "../http/attributes.ts";
import { nativeEndpoint } from "../native/private_logs.ts";
import type { Destination } from "../recorder.ts";
import { type Redactor, resolveRedactor } from "../export/redaction.ts";

/** How new traces are sampled. */
export interface Sampling {
  readonly ratio: number;
  /** Whether a trace that was begun elsewhere goes on as it was decided there. */
  readonly parentBased: boolean;
}

/** Everything that is known once options and environment have been read: valid, complete, frozen. */
export interface Configuration {
  readonly disabled: boolean;
  readonly service: string;
  /** What is not known only where somebody else has set the providers up. */
  readonly version: string | undefined;
  readonly environment: string | undefined;
  readonly instance: string;
  readonly attributes: CleanAttributes;
  /** Where each signal goes: to an endpoint, to the console, or nowhere. */
  readonly outputs: Readonly<Record<Signal, Endpoint | "console" | "none">>;
  readonly exportIntervalMillis: number;
  readonly exportTimeoutMillis: number;
  readonly shutdownTimeoutMillis: number;
  /** Whether what was recorded is brought out when the process ends without a shutdown. */
  readonly handleExit: boolean;
  readonly temporality: "cumulative" | "delta" | "lowmemory";
  readonly sampling: Sampling;
  readonly level: ObservabilityLevel;
  readonly events: Destination;
  readonly exceptions: Destination;
  /** What keeps secrets in, unless it is turned off. */
  readonly redactor: Redactor | undefined;
  /** Whether the library's own numbers are exported. */
  readonly selfMetrics: boolean;
  /** The directory for what cannot be delivered. */
  readonly spool?: string | undefined;
  readonly spanLimits: Required<Limits>;
  readonly logLimits: { readonly attributeCountLimit: number; readonly attributeValueLengthLimit: number };
  readonly spanBatches: Batching;
  readonly logBatches: Batching;
  readonly propagators: readonly ("tracecontext" | "baggage")[];
  /** The HTTP methods that are told apart. */
  readonly knownMethods: readonly string[];
  readonly diagnosticLevel: "none" | "error" | "warn" | "info" | "debug" | "verbose" | "all";
}

const ACTION = "configure OpenTelemetry";

/** Reads options and environment; what is wrong in code is thrown, what is wrong in the environment reported. */
export function resolveConfiguration(options: ConfigureOptions): Configuration {
  const environment = new Environment();
  requireObject(options);
  for (const name of ["service", "version", "environment"] as const) requireText(options, name);
  const configuration = resolve(options, environment);
  requirePermissions(configuration, environment);
  return configuration;
}

/** The same beside the providers of somebody else: nothing has to be given, and nothing has to be reachable. */
export function resolveBinding(options: AutoconfigureOptions, native: boolean): Configuration {
  requireObject(options);
  const environment = new Environment();
  return resolve(native ? { ...nativeEndpoint(environment), ...options } : options, environment);
}

function requireObject(options: unknown): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(refusal(ACTION, "options", "be an object", options));
}

function resolve(options: Partial<ConfigureOptions>, environment: Environment): Configuration {
  const limits = resolveLimits(options, environment);
  const exportTimeoutMillis = integer(options, "exportTimeoutMillis", 1) ??
    environment.integer("OTEL_EXPORTER_OTLP_TIMEOUT", 1) ?? 10_000;
  const outputs = resolveEndpoints(options, environment, exportTimeoutMillis);
  const redactor = resolveRedactor(options.redact, ACTION);
  const attributes = resolveAttributes(options, environment);
  const resolved: Configuration = {
    disabled: environment.boolean("OTEL_SDK_DISABLED") ?? false,
    service: optionalText(options, "service") ?? environment.get("OTEL_SERVICE_NAME") ?? "unknown_service",
    version: optionalText(options, "version"),
    environment: optionalText(options, "environment"),
    instance: optionalText(options, "instance") ?? crypto.randomUUID(),
    attributes: redactor?.attributes(attributes) ?? attributes,
    outputs,
    exportIntervalMillis: integer(options, "exportIntervalMillis", 1) ??
      environment.integer("OTEL_METRIC_EXPORT_INTERVAL", 1) ?? 5000,
    exportTimeoutMillis,
    shutdownTimeoutMillis: integer(options, "shutdownTimeoutMillis", 1) ?? 5000,
    handleExit: flag(options, "handleExit") ?? true,
    temporality: environment.choice("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", [
      "cumulative",
      "delta",
      "lowmemory",
    ]) ?? "cumulative",
    sampling: resolveSampling(options, environment),
    level: resolveLevel(options.level, ACTION),
    events: resolveEvents(options),
    exceptions: resolveExceptions(environment),
    redactor,
    selfMetrics: flag(options, "selfMetrics") ?? false,
    spool: optionalText(options, "spool"),
    ...limits,
    spanBatches: resolveBatching("OTEL_BSP", 5000, environment),
    logBatches: resolveBatching("OTEL_BLRP", 1000, environment),
    propagators: resolvePropagators(environment),
    knownMethods: resolveMethods(environment),
    diagnosticLevel: environment.choice("OTEL_LOG_LEVEL", [
      "none",
      "error",
      "warn",
      "info",
      "debug",
      "verbose",
      "all",
    ]) ?? "warn",
  };
  return Object.freeze(resolved);
}

/** A level as an option of set-up, or the default. */
export function resolveLevel(level: unknown, action: string): ObservabilityLevel {
  if (level === undefined) return "info";
  if (isLevel(level)) return level;
  throw new TypeError(refusal(action, "level", "be 'debug', 'info', 'warning' or 'error'", level));
}

type Text = "service" | "version" | "environment" | "instance" | "spool";

function requireText(options: ConfigureOptions, name: Text): void {
  if (optionalText(options, name) !== undefined) return;
  throw new TypeError(refusal(ACTION, name, "be a non-empty string", undefined));
}

function optionalText(options: Partial<ConfigureOptions>, name: Text): string | undefined {
  const value: unknown = options[name];
  if (value === undefined || (typeof value === "string" && value.trim() !== "")) return value;
  throw new TypeError(refusal(ACTION, name, "be a non-empty string", value));
}

function integer(
  options: Partial<ConfigureOptions>,
  name: "exportIntervalMillis" | "exportTimeoutMillis" | "shutdownTimeoutMillis",
  least: 1,
): number | undefined {
  const value: unknown = options[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw new TypeError(refusal(ACTION, name, "be a positive integer", value));
  // A timer of more than 31 bits fires at once.
  if (!Number.isInteger(value) || value < least || value > 2 ** 31 - 1) {
    throw new RangeError(refusal(ACTION, name, "be a positive integer", value));
  }
  return value;
}

/** What the required options say, which win over the environment like any other. */
const GIVEN_IN_CODE = [
  "service.name",
  "service.version",
  "deployment.environment.name",
  "deployment.environment",
];

function flag(options: Partial<ConfigureOptions>, name: "handleExit" | "selfMetrics"): boolean | undefined {
  const value: unknown = options[name];
  if (value === undefined || typeof value === "boolean") return value;
  throw new TypeError(refusal(ACTION, name, "be true or false", value));
}

function resolveAttributes(options: Partial<ConfigureOptions>, environment: Environment): CleanAttributes {
  const given: unknown = options.attributes;
  if (given !== undefined && (typeof given !== "object" || given === null || Array.isArray(given))) {
    throw new TypeError(refusal(ACTION, "attributes", "be an object", given));
  }
  const fromEnvironment = environment.pairs("OTEL_RESOURCE_ATTRIBUTES");
  for (const name of GIVEN_IN_CODE) delete fromEnvironment[name];
  if (options.instance !== undefined) delete fromEnvironment["service.instance.id"];
  return { ...fromEnvironment, ...cleanAttributes(options.attributes) };
}

function resolveSampling(options: Partial<ConfigureOptions>, environment: Environment): Sampling {
  const ratio: unknown = options.sampling;
  if (ratio !== undefined) {
    if (typeof ratio !== "number") {
      throw new TypeError(refusal(ACTION, "sampling", "be a number from 0 to 1", ratio));
    }
    if (!(ratio >= 0 && ratio <= 1)) {
      throw new RangeError(refusal(ACTION, "sampling", "be a number from 0 to 1", ratio));
    }
    return { ratio, parentBased: true };
  }
  const sampler = environment.choice("OTEL_TRACES_SAMPLER", [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
  ]);
  const parentBased = sampler?.startsWith("parentbased_") ?? true;
  if (sampler?.endsWith("always_off")) return { ratio: 0, parentBased };
  if (!sampler?.endsWith("traceidratio")) return { ratio: 1, parentBased };
  const argument = environment.get("OTEL_TRACES_SAMPLER_ARG") ?? "1";
  const share = Number(argument);
  if (share >= 0 && share <= 1) return { ratio: share, parentBased };
  ignored("OTEL_TRACES_SAMPLER_ARG", "be a number from 0 to 1", argument);
  return { ratio: 1, parentBased };
}

function resolveEvents(options: Partial<ConfigureOptions>): Destination {
  const events: unknown = options.events;
  if (events === undefined) return "both";
  if (events === "both" || events === "span" || events === "log") return events;
  throw new TypeError(refusal(ACTION, "events", "be 'both', 'span' or 'log'", events));
}

function resolveExceptions(environment: Environment): Destination {
  const choices = ["logs", "logs/dup"] as const;
  const choice = environment.choice("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", choices);
  return choice === "logs" ? "log" : choice === "logs/dup" ? "both" : "span";
}

function resolvePropagators(environment: Environment): Configuration["propagators"] {
  const propagators = new Set<"tracecontext" | "baggage">();
  for (const name of (environment.get("OTEL_PROPAGATORS") ?? "tracecontext,baggage").split(",")) {
    const known = name.trim().toLowerCase();
    if (known === "tracecontext" || known === "baggage") propagators.add(known);
    else if (known !== "none" && known !== "") {
      ignored("OTEL_PROPAGATORS", "hold 'tracecontext', 'baggage' or 'none'", known);
    }
  }
  return [...propagators];
}

/** OTLP needs the network; a missing flag has to be known now, not at the first export that fails. */
function requirePermissions(configuration: Configuration, environment: Environment): void {
  const endpoints = Object.values(configuration.outputs).filter((output) => typeof output === "object");
  if (endpoints.length === 0 || configuration.disabled) return;
  for (const { url } of endpoints) {
    const { hostname, port, protocol } = new URL(url);
    const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
    if (!granted({ name: "net", host })) {
      throw new ConfigurationError(
        `Cannot configure OpenTelemetry as 'otlpEndpoint' must be reachable with the permission ` +
          `--allow-net=${host}: current value is ${describe(`"${hostname}" without it`)}`,
      );
    }
  }
  const { spool } = configuration;
  const path = { path: spool };
  if (spool !== undefined && !(granted({ name: "read", ...path }) && granted({ name: "write", ...path }))) {
    const rule = `be a directory with the permissions --allow-read=${spool} --allow-write=${spool}`;
    throw new ConfigurationError(refusal(ACTION, "spool", rule, spool));
  }
  if (environment.restricted) {
    diagnose(
      "permission:env",
      "Using the options given in code alone: the environment cannot be read without the permission " +
        "--allow-env=OTEL_*",
    );
  }
}
