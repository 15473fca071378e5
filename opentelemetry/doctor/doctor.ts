import { reason } from "../../ctx/diagnostics.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { examineEndpoint } from "./endpoint.ts";
import { examineEnvironment } from "./environment.ts";
import { examineProxy } from "./proxy.ts";
import { type DoctorFinding, type DoctorOptions, type DoctorReport, reportOf } from "./report.ts";
import { type Endpoint, resolveEndpoints, type Signal } from "../configuration/endpoint.ts";
import { Environment } from "../configuration/environment.ts";
import { isHidden, isNative, type Registered, registered } from "../native/registered.ts";
import { type DropReason, HELP, NOUN, type SignalStats, type Stats } from "../export/statistics.ts";
import { ScopeTracerProvider } from "../tracing/tracer.ts";

const TIMEOUT = 5000;
const API = "opentelemetry.js.api.";

/** Looks at everything that telemetry may be lost by; never throws, and sends no telemetry. */
export async function examine(
  options: DoctorOptions,
  configuration?: Configuration,
  stats?: Stats,
): Promise<DoctorReport> {
  const { timeoutMillis = TIMEOUT } = options;
  const outputs = resolveOutputs(options, configuration);
  const findings = "check" in outputs ? [outputs] : await examineOutputs(outputs, timeoutMillis);
  const api = registered();
  const environment = new Environment();
  return reportOf([
    ...unique(findings),
    ...("check" in outputs ? [] : examineProxy(urlsOf(outputs), (name) => environment.get(name))),
    ...(stats === undefined ? [] : examineDelivery(stats)),
    ...examineEnvironment(options.deploy),
    ...examineApi(api),
    ...examineProviders(api, configuration),
  ]);
}

type Outputs = Configuration["outputs"];

/** Where telemetry goes: as the options say if they say it, else as it was configured, else as the environment. */
function resolveOutputs(
  options: DoctorOptions,
  configuration: Configuration | undefined,
): Outputs | DoctorFinding {
  const { otlpEndpoint, otlpHeaders, insecure, timeoutMillis = TIMEOUT } = options;
  const isGiven = otlpEndpoint !== undefined || otlpHeaders !== undefined || insecure !== undefined;
  if (!isGiven && configuration !== undefined) return configuration.outputs;
  try {
    return resolveEndpoints({ otlpEndpoint, otlpHeaders, insecure }, new Environment(), timeoutMillis);
  } catch (error) {
    return {
      check: "endpoint",
      severity: "error",
      code: "endpoint-invalid",
      message: reason(error),
      fix: "correct the option or the variable that is named",
    };
  }
}

async function examineOutputs(outputs: Outputs, timeoutMillis: number): Promise<DoctorFinding[]> {
  const entries = Object.entries(outputs) as [Signal, Endpoint | "console" | "none"][];
  const findings = await Promise.all(
    entries.map(([signal, output]) =>
      typeof output === "string" ? [] : examineEndpoint(signal, output, timeoutMillis)
    ),
  );
  const going = (to: "console" | "none") =>
    entries.filter(([, output]) => output === to).map(([signal]) => signal);
  return [...findings.flat(), ...examinePrinted(going("console")), ...examineNone(going("none"))];
}

/** What has been lost already, and why. */
function examineDelivery(stats: Stats): DoctorFinding[] {
  return (Object.entries(stats) as [Signal, SignalStats][]).flatMap(([signal, { dropped }]) =>
    (Object.entries(dropped) as [DropReason, number][]).map(([reason, number]): DoctorFinding => ({
      check: "delivery",
      severity: "warning",
      code: `delivery-${reason.replaceAll("_", "-")}`,
      message: `${number} ${NOUN[signal]} were dropped: ${reason.replaceAll("_", " ")}`,
      fix: HELP[reason] ?? "look at standard error, where each loss is told with its cause",
    }))
  );
}

function urlsOf(outputs: Outputs): string[] {
  return Object.values(outputs).flatMap((output) => typeof output === "string" ? [] : output.url);
}

function examinePrinted(signals: Signal[]): DoctorFinding[] {
  if (signals.length === 0) return [];
  const message = `Printed, and sent nowhere, are ${signals.join(", ")}`;
  const fix = "give 'otlpEndpoint', or set OTEL_EXPORTER_OTLP_ENDPOINT, to send them";
  return [{ check: "endpoint", severity: "info", code: "endpoint-console", message, fix }];
}

function examineNone(signals: Signal[]): DoctorFinding[] {
  if (signals.length === 0) return [];
  const message = `Switched off are ${signals.join(", ")}`;
  return [{ check: "endpoint", severity: "info", code: "endpoint-none", message }];
}

function examineApi(api: Registered): DoctorFinding[] {
  const others = Object.getOwnPropertySymbols(globalThis).flatMap((symbol) => symbol.description ?? [])
    .filter((name) => name.startsWith(API) && name !== `${API}1`);
  if (others.length > 0) {
    return [{
      check: "api",
      severity: "warning",
      code: "api-major",
      message: `Another major version of @opentelemetry/api is loaded, which shares nothing with this one: ${
        others.join(", ")
      }`,
      fix: "import one version of it everywhere: see deno info, and 'imports' of deno.json",
    }];
  }
  if (isHidden(api)) {
    return [{
      check: "api",
      severity: "error",
      code: "api-hidden",
      message:
        `Version ${api.version} of @opentelemetry/api registered first, and hides its providers from this one`,
      fix: "import one version of it everywhere, at least 1.10",
    }];
  }
  if (api.version === "") {
    return [{
      check: "api",
      severity: "ok",
      code: "api-free",
      message: "Nobody has registered with the API",
    }];
  }
  const message = `All copies of the API that are loaded share version ${api.version} of it`;
  return [{ check: "api", severity: "ok", code: "api-ok", message }];
}

function examineProviders(api: Registered, configuration: Configuration | undefined): DoctorFinding[] {
  const check = "providers";
  const parts = (["trace", "metrics", "logs", "context", "propagation"] as const).flatMap((part) => {
    const name = api[part] === undefined ? undefined : nameOf(api[part]);
    return name === undefined ? [] : [`${part} by ${name}`];
  });
  const who = isNative(api) ? "Deno's built-in OpenTelemetry is on" : "Registered";
  const message = parts.length === 0 ? "No providers are registered" : `${who}: ${parts.join(", ")}`;
  if (configuration === undefined && parts.length > 0) {
    const fix = "call OpenTelemetry.autoconfigure() to record through them";
    return [{ check, severity: "info", code: "providers-foreign", message, fix }];
  }
  if (configuration === undefined) return [];
  const isOwn = actual(api.trace) instanceof ScopeTracerProvider;
  return [{
    check,
    severity: isOwn ? "ok" : "info",
    code: isOwn ? "providers-own" : "providers-beside",
    message,
  }];
}

/** The API keeps a proxy in front of a tracer provider. */
function actual(provider: unknown): unknown {
  return (provider as { getDelegate?: () => unknown } | undefined)?.getDelegate?.() ?? provider;
}

function nameOf(provider: unknown): string {
  // A bundler that keeps two classes of one name apart numbers them.
  return (actual(provider) as object).constructor?.name.replace(/\$\d+$/, "") || "an object";
}

/** Three signals that go the same way find the same: it is said once. */
function unique(findings: DoctorFinding[]): DoctorFinding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, message }) => {
    const key = `${code} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
