import type { DoctorFinding } from "./report.ts";

/** The value of a variable of the specification, named without `OTEL_` in front. */
type Get = (name: string) => string | undefined;

const SIGNALS = ["TRACES", "METRICS", "LOGS"] as const;
/** The variables of all signals, and those of one. */
const OTLP = ["EXPORTER_OTLP", ...SIGNALS.map((signal) => `EXPORTER_OTLP_${signal}`)];

/** A finding about the environment. */
export function found(
  severity: DoctorFinding["severity"],
  code: string,
  message: string,
  fix?: string,
): DoctorFinding {
  const finding = { check: "environment", severity, code, message } as const;
  return fix === undefined ? finding : { ...finding, fix };
}

/** What variables say against each other, or to nobody. */
export function conflicts(get: Get): DoctorFinding[] {
  return [
    ...disabled(get),
    ...sampler(get),
    ...endpoints(get),
    ...OTLP.flatMap((prefix) => [...headers(prefix, get), ...protocol(prefix, get)]),
    ...["BSP", "BLRP"].flatMap((batch) => batches(batch, get)),
    ...service(get),
  ];
}

function disabled(get: Get): DoctorFinding[] {
  if (get("SDK_DISABLED")?.toLowerCase() !== "true") return [];
  return [
    found("warning", "environment-disabled", "OTEL_SDK_DISABLED is true: nothing is recorded", "unset it"),
  ];
}

function sampler(get: Get): DoctorFinding[] {
  const sampler = get("TRACES_SAMPLER")?.toLowerCase();
  const code = "environment-sampler";
  if (sampler?.endsWith("always_off")) {
    const fix = "set it to parentbased_always_on";
    return [found("warning", code, "OTEL_TRACES_SAMPLER begins no trace", fix)];
  }
  if (get("TRACES_SAMPLER_ARG") === undefined || sampler?.endsWith("traceidratio")) return [];
  return [found(
    "warning",
    code,
    "OTEL_TRACES_SAMPLER_ARG says nothing without a sampler by ratio",
    "set OTEL_TRACES_SAMPLER=parentbased_traceidratio",
  )];
}

function endpoints(get: Get): DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  const base = get("EXPORTER_OTLP_ENDPOINT");
  if (/\/v1\/(traces|metrics|logs)\/?$/.test(base ?? "")) {
    findings.push(found(
      "warning",
      "environment-endpoint",
      "OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, to which /v1/traces and its like are added",
      "leave the path away, or use OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ));
  }
  if (get("EXPORTER_OTLP_INSECURE")?.toLowerCase() === "true" && base?.startsWith("https:")) {
    const message = "OTEL_EXPORTER_OTLP_INSECURE says nothing of an endpoint that begins with https://";
    findings.push(found("info", "environment-insecure", message));
  }
  for (const signal of SIGNALS) {
    const path = `/v1/${signal.toLowerCase()}`;
    if (get(`EXPORTER_OTLP_${signal}_ENDPOINT`)?.endsWith(path) ?? true) continue;
    findings.push(found(
      "warning",
      "environment-endpoint",
      `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT is used as it is, and does not end with ${path}`,
      `add ${path}, unless the receiver has a path of its own`,
    ));
  }
  return findings;
}

function headers(prefix: string, get: Get): DoctorFinding[] {
  const pairs = get(`${prefix}_HEADERS`)?.split(",") ?? [];
  if (pairs.every((pair) => pair.trim() === "" || /^\s*[^=:\s]+\s*=/.test(pair))) return [];
  return [found(
    "warning",
    "environment-headers",
    `OTEL_${prefix}_HEADERS is no list of key=value`,
    "write authorization=Bearer%20KEY: with =, percent-encoded, and a comma between two headers",
  )];
}

function protocol(prefix: string, get: Get): DoctorFinding[] {
  if (get(`${prefix}_PROTOCOL`)?.toLowerCase() !== "grpc") return [];
  return [found(
    "warning",
    "environment-protocol",
    `OTEL_${prefix}_PROTOCOL is grpc, which this library does not speak`,
    "set it to http/protobuf, and use the HTTP port of the receiver",
  )];
}

function batches(batch: string, get: Get): DoctorFinding[] {
  const [size, queue] = [
    get(`${batch}_MAX_EXPORT_BATCH_SIZE`) ?? 512,
    get(`${batch}_MAX_QUEUE_SIZE`) ?? 2048,
  ];
  if (!(Number(size) > Number(queue))) return [];
  return [found(
    "warning",
    "environment-batch",
    `OTEL_${batch}_MAX_EXPORT_BATCH_SIZE is more than the queue holds`,
    `raise OTEL_${batch}_MAX_QUEUE_SIZE`,
  )];
}

function service(get: Get): DoctorFinding[] {
  const named = /(?:^|,)\s*service\.name\s*=([^,]*)/.exec(get("RESOURCE_ATTRIBUTES") ?? "")?.[1].trim();
  const service = get("SERVICE_NAME");
  if (named === undefined || service === undefined || named === service) return [];
  return [found(
    "warning",
    "environment-service",
    "OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME name different services",
    "leave service.name out of OTEL_RESOURCE_ATTRIBUTES",
  )];
}
