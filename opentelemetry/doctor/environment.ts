import { conflicts, found } from "./conflicts.ts";
import type { DoctorFinding } from "./report.ts";
import { granted } from "../configuration/environment.ts";

type Variables = Readonly<Record<string, string>>;

/** What the library and Deno read, without `OTEL_` in front; with the option that says the same in code. */
const KNOWN: Readonly<Record<string, string | undefined>> = {
  ...Object.fromEntries(
    [
      "SDK_DISABLED,LOG_LEVEL,PROPAGATORS,TRACES_EXPORTER,METRICS_EXPORTER,LOGS_EXPORTER",
      "SEMCONV_EXCEPTION_SIGNAL_OPT_IN,INSTRUMENTATION_HTTP_KNOWN_METHODS",
      "EXPORTER_OTLP_PROTOCOL,EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
      "DENO,DENO_CONSOLE,DENO_TRACING,DENO_METRICS",
      ...["BSP", "BLRP"].flatMap((batch) =>
        ["SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"].map((name) =>
          `${batch}_${name}`
        )
      ),
      ...["TRACES", "METRICS", "LOGS"].flatMap((signal) =>
        ["ENDPOINT", "HEADERS", "COMPRESSION", "TIMEOUT", "PROTOCOL"].map((name) =>
          `EXPORTER_OTLP_${signal}_${name}`
        )
      ),
    ].flatMap((names) => names.split(",")).map((name) => [name, undefined]),
  ),
  SERVICE_NAME: "service",
  RESOURCE_ATTRIBUTES: "attributes",
  TRACES_SAMPLER: "sampling",
  TRACES_SAMPLER_ARG: "sampling",
  METRIC_EXPORT_INTERVAL: "exportIntervalMillis",
  EXPORTER_OTLP_ENDPOINT: "otlpEndpoint",
  EXPORTER_OTLP_HEADERS: "otlpHeaders",
  EXPORTER_OTLP_INSECURE: "insecure",
  EXPORTER_OTLP_COMPRESSION: "compression",
  EXPORTER_OTLP_TIMEOUT: "exportTimeoutMillis",
  ATTRIBUTE_COUNT_LIMIT: "limits",
  ATTRIBUTE_VALUE_LENGTH_LIMIT: "limits",
  SPAN_ATTRIBUTE_COUNT_LIMIT: "limits",
  SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "limits",
  SPAN_EVENT_COUNT_LIMIT: "limits",
  SPAN_LINK_COUNT_LIMIT: "limits",
  EVENT_ATTRIBUTE_COUNT_LIMIT: "limits",
  LINK_ATTRIBUTE_COUNT_LIMIT: "limits",
  LOGRECORD_ATTRIBUTE_COUNT_LIMIT: "limits",
  LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: "limits",
};
/** What the specification has and the library does not read; with what to do instead. */
const UNREAD: Readonly<Record<string, string | undefined>> = {
  METRIC_EXPORT_TIMEOUT: "set OTEL_EXPORTER_OTLP_TIMEOUT",
  METRICS_EXEMPLAR_FILTER: undefined,
  SEMCONV_STABILITY_OPT_IN: undefined,
  CONFIG_FILE: "give the options to OpenTelemetry.configure",
  EXPORTER_OTLP_CERTIFICATE: "set DENO_CERT",
  EXPORTER_OTLP_CLIENT_KEY: undefined,
  EXPORTER_OTLP_CLIENT_CERTIFICATE: undefined,
  EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: undefined,
};
const PREFIX = "OTEL_";
/** How many letters a misspelt name may be away. */
const MAX_DISTANCE = 2;

/** Looks at the variables that may be read. */
export function examineEnvironment(deploy: boolean | undefined): DoctorFinding[] {
  if (granted({ name: "env" })) {
    const variables = Deno.env.toObject();
    return examineVariables(variables, deploy ?? variables.DENO_DEPLOY === "true");
  }
  const read = Object.keys(KNOWN).map((name) => PREFIX + name).filter((variable) =>
    granted({ name: "env", variable })
  );
  const variables = Object.fromEntries(read.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
  const notice: DoctorFinding = read.length > 0
    ? found("info", "permission-env-list", "Misspelt variables cannot be looked for", "run with --allow-env")
    : found(
      "warning",
      "permission-env",
      "The environment cannot be read, so that OTEL_* variables are ignored",
      "run with --allow-env=OTEL_*",
    );
  return [{ ...notice, check: "permissions" }, ...examineVariables(variables, deploy ?? false)];
}

/** What is wrong with some variables; their values, which may be secrets, are not said. */
export function examineVariables(variables: Variables, deploy: boolean): DoctorFinding[] {
  const names = Object.keys(variables).filter((name) => variables[name] !== "");
  const findings = [
    ...names.flatMap(misspelling),
    ...conflicts((name) => variables[PREFIX + name]?.trim() || undefined),
    ...(deploy ? names.flatMap(forbidden) : []),
  ];
  if (findings.length > 0) return findings;
  const known = names.filter((name) => isKnown(name)).length;
  const message = known === 0 ? "No OTEL_* variable is set" : `${known} OTEL_* variables are set, in harmony`;
  return [found("ok", "environment-ok", message)];
}

function misspelling(name: string): DoctorFinding[] {
  if (isKnown(name)) return [];
  const specified = name.startsWith(PREFIX) && Object.hasOwn(UNREAD, name.slice(PREFIX.length));
  const meant = specified ? undefined : nearest(name);
  if (meant !== undefined) {
    return [found("warning", "environment-misspelt", `Nobody reads ${name}`, `did you mean ${meant}?`)];
  }
  if (!name.startsWith(PREFIX)) return [];
  const instead = UNREAD[name.slice(PREFIX.length)];
  return [found("info", "environment-unknown", `${name} is not read by this library`, instead)];
}

/** Deno Deploy refuses the variables of users that begin with `OTEL_`. */
function forbidden(name: string): DoctorFinding[] {
  if (!name.startsWith(PREFIX) || name.startsWith(`${PREFIX}DENO`)) return [];
  const option = KNOWN[name.slice(PREFIX.length)];
  return [found(
    "warning",
    "environment-deploy",
    `Deno Deploy does not let ${name} be set`,
    option === undefined
      ? "do without it there"
      : `give '${option}' to OpenTelemetry.configure, from a variable of another name`,
  )];
}

function isKnown(name: string): boolean {
  return name.startsWith(PREFIX) && Object.hasOwn(KNOWN, name.slice(PREFIX.length));
}

/** The known name that somebody who wrote this one may have meant. */
function nearest(name: string): string | undefined {
  const written = name.toUpperCase().replaceAll("-", "_");
  let best: string | undefined;
  let least = MAX_DISTANCE + 1;
  for (const known in KNOWN) {
    const distance = distanceBetween(written, PREFIX + known, least);
    if (distance < least) [best, least] = [PREFIX + known, distance];
  }
  return best;
}

/** How many letters have to be changed, added, left out or swapped; `limit` if it is that many or more. */
export function distanceBetween(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(changed, above[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    [before, above] = [above, row];
  }
  return above[b.length];
}
