import { assert, assertEquals } from "@std/assert";
import type { Configuration } from "../../opentelemetry/configuration/configuration.ts";
import { run } from "../support/subprocess.ts";

const CONFIGURATION = new URL("../../opentelemetry/configuration/configuration.ts", import.meta.url);

/** The configuration that options and an environment come to, and what is said about them. */
async function resolve(
  env: Record<string, string>,
  options: Record<string, unknown> = {},
): Promise<{ configuration: Configuration; said: string[] }> {
  const { code, stdout, stderr } = await run(
    `
    import { resolveConfiguration } from "${CONFIGURATION}";
    const given = { service: "s", version: "1", environment: "test", ...${JSON.stringify(options)} };
    const infinity = (_key, value) => value === Infinity ? "Infinity" : value;
    console.log(JSON.stringify(resolveConfiguration(given), infinity));
    `,
    { env, flags: ["--allow-env", "--allow-net"] },
  );
  assertEquals(code, 0, stderr);
  return {
    configuration: JSON.parse(stdout, (_key, value) => value === "Infinity" ? Infinity : value),
    // Deno has something of its own to say about some of the variables.
    said: stderr.split("\n").filter((line) => line.startsWith("[@haiway/otel]")),
  };
}

Deno.test("without options and variables everything has the default of the specification or of the design", async () => {
  const { configuration, said } = await resolve({});
  const { instance, redactor: _, ...rest } = configuration;
  assertEquals(said, []);
  assert(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(instance));
  assertEquals(rest as Partial<Configuration>, {
    selfMetrics: false,
    disabled: false,
    service: "s",
    version: "1",
    environment: "test",
    attributes: {},
    outputs: { traces: "console", metrics: "console", logs: "console" },
    exportIntervalMillis: 5000,
    exportTimeoutMillis: 10_000,
    temporality: "cumulative",
    sampling: { ratio: 1, parentBased: true },
    level: "info",
    events: "both",
    exceptions: "span",
    spanLimits: {
      attributeCountLimit: 128,
      attributeValueLengthLimit: Infinity,
      eventCountLimit: 128,
      linkCountLimit: 128,
      attributePerEventCountLimit: 128,
      attributePerLinkCountLimit: 128,
    },
    logLimits: { attributeCountLimit: 128, attributeValueLengthLimit: Infinity },
    spanBatches: {
      scheduledDelayMillis: 5000,
      exportTimeoutMillis: 30_000,
      maxQueueSize: 2048,
      maxExportBatchSize: 512,
    },
    logBatches: {
      scheduledDelayMillis: 1000,
      exportTimeoutMillis: 30_000,
      maxQueueSize: 2048,
      maxExportBatchSize: 512,
    },
    shutdownTimeoutMillis: 5000,
    handleExit: true,
    propagators: ["tracecontext", "baggage"],
    knownMethods: ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"],
    diagnosticLevel: "warn",
  });
});

Deno.test("every variable is read", async () => {
  const { configuration, said } = await resolve({
    OTEL_SDK_DISABLED: "TRUE",
    OTEL_RESOURCE_ATTRIBUTES:
      "team=blue,key%20with=value%2Cwith, empty=,broken, service.instance.id=from-env",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4318/base",
    OTEL_EXPORTER_OTLP_HEADERS: "X-Api-Key=secret%20one,x-two=2",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_TIMEOUT: "7000",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_INSECURE: "false",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "Delta",
    OTEL_METRIC_EXPORT_INTERVAL: "1234",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: "GET, PURGE",
    OTEL_PROPAGATORS: "baggage",
    OTEL_LOG_LEVEL: "ERROR",
    OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: "logs/dup",
    OTEL_ATTRIBUTE_COUNT_LIMIT: "10",
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "20",
    OTEL_SPAN_EVENT_COUNT_LIMIT: "1",
    OTEL_SPAN_LINK_COUNT_LIMIT: "2",
    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: "3",
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: "0",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BSP_EXPORT_TIMEOUT: "200",
    OTEL_BSP_MAX_QUEUE_SIZE: "300",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "40",
    OTEL_BLRP_SCHEDULE_DELAY: "500",
    OTEL_BLRP_EXPORT_TIMEOUT: "600",
    OTEL_BLRP_MAX_QUEUE_SIZE: "700",
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "80",
  });
  const endpoint = (signal: string) => ({
    url: `https://collector:4318/base/v1/${signal}`,
    headers: { "x-api-key": "secret one", "x-two": "2" },
    compression: "gzip" as const,
    timeoutMillis: 7000,
    protocol: "http/protobuf" as const,
  });
  assertEquals(said, []);
  assertEquals(configuration as Partial<Configuration>, {
    redactor: configuration.redactor,
    selfMetrics: false,
    disabled: true,
    service: "s",
    version: "1",
    environment: "test",
    instance: configuration.instance,
    attributes: {
      team: "blue",
      "key with": "value,with",
      empty: "",
      "service.instance.id": "from-env",
    },
    outputs: { traces: endpoint("traces"), metrics: endpoint("metrics"), logs: endpoint("logs") },
    exportIntervalMillis: 1234,
    exportTimeoutMillis: 7000,
    shutdownTimeoutMillis: 5000,
    handleExit: true,
    temporality: "delta",
    sampling: { ratio: 0.25, parentBased: false },
    level: "info",
    events: "both",
    exceptions: "both",
    spanLimits: {
      attributeCountLimit: 10,
      attributeValueLengthLimit: 20,
      eventCountLimit: 1,
      linkCountLimit: 2,
      attributePerEventCountLimit: 3,
      attributePerLinkCountLimit: 0,
    },
    logLimits: { attributeCountLimit: 10, attributeValueLengthLimit: 20 },
    spanBatches: {
      scheduledDelayMillis: 100,
      exportTimeoutMillis: 200,
      maxQueueSize: 300,
      maxExportBatchSize: 40,
    },
    logBatches: {
      scheduledDelayMillis: 500,
      exportTimeoutMillis: 600,
      maxQueueSize: 700,
      maxExportBatchSize: 80,
    },
    propagators: ["baggage"],
    knownMethods: ["GET", "PURGE"],
    diagnosticLevel: "error",
  });
});

Deno.test("the variables of one signal win over the general ones", async () => {
  const { configuration, said } = await resolve({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://general:4318",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:1234/as/it/is",
    OTEL_EXPORTER_OTLP_HEADERS: "a=general,b=general",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=traces",
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "1",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "console",
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "1",
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "2",
    OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: "3",
    OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: "4",
    OTEL_ATTRIBUTE_COUNT_LIMIT: "5",
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "6",
  });
  assertEquals(said, []);
  assertEquals(configuration.outputs, {
    traces: {
      url: "http://traces:1234/as/it/is",
      headers: { a: "general", b: "traces" },
      compression: "gzip",
      timeoutMillis: 1,
      protocol: "http/protobuf",
    },
    metrics: "none",
    logs: "console",
  });
  const { spanLimits, logLimits } = configuration;
  assertEquals([spanLimits.attributeCountLimit, spanLimits.attributeValueLengthLimit], [1, 2]);
  assertEquals(logLimits, { attributeCountLimit: 3, attributeValueLengthLimit: 4 });
});

Deno.test("what is given in code wins, option by option and header by header", async () => {
  const { configuration, said } = await resolve({
    OTEL_SERVICE_NAME: "from-env",
    OTEL_RESOURCE_ATTRIBUTES:
      "service.name=from-env,service.version=from-env,service.instance.id=from-env,deployment.environment=from-env," +
      "deployment.environment.name=from-env,team=from-env,kept=from-env",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://from-env:4318",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://from-env:4318",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=from-env,kept=from-env",
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: "x-key=from-env,kept-too=from-env",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2",
    OTEL_METRIC_EXPORT_INTERVAL: "3",
    OTEL_TRACES_SAMPLER: "always_off",
    OTEL_ATTRIBUTE_COUNT_LIMIT: "4",
    OTEL_EXPORTER_OTLP_INSECURE: "false",
  }, {
    instance: "code",
    attributes: { team: "code" },
    otlpEndpoint: "code:1",
    insecure: true,
    otlpHeaders: { "X-Key": "code" },
    compression: "none",
    exportTimeoutMillis: 5000,
    exportIntervalMillis: 6000,
    sampling: 0.5,
    limits: { attributeCountLimit: 7 },
  });
  assertEquals(said, []);
  assertEquals(configuration.service, "s");
  assertEquals(configuration.instance, "code");
  assertEquals(configuration.attributes, { team: "code", kept: "from-env" });
  assertEquals(configuration.outputs, {
    traces: {
      url: "http://code:1/v1/traces",
      headers: { "x-key": "code", kept: "from-env" },
      compression: "none",
      timeoutMillis: 5000,
      protocol: "http/json",
    },
    metrics: {
      url: "http://code:1/v1/metrics",
      headers: { "x-key": "code", kept: "from-env" },
      compression: "none",
      timeoutMillis: 5000,
      protocol: "http/json",
    },
    logs: {
      url: "http://code:1/v1/logs",
      headers: { "x-key": "code", kept: "from-env", "kept-too": "from-env" },
      compression: "none",
      timeoutMillis: 5000,
      protocol: "http/json",
    },
  });
  assertEquals([configuration.exportIntervalMillis, configuration.exportTimeoutMillis], [6000, 5000]);
  assertEquals(configuration.sampling, { ratio: 0.5, parentBased: true });
  assertEquals(configuration.spanLimits.attributeCountLimit, 7);
});

Deno.test("a variable with a value that cannot be used is a warning, named with rule and value, and is ignored", async () => {
  const defaults = (await resolve({})).configuration;
  const invalid = {
    OTEL_SDK_DISABLED: "yes",
    OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://user:secret@collector?key=secret",
    OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "sometimes",
    OTEL_METRIC_EXPORT_INTERVAL: "0",
    OTEL_TRACES_SAMPLER: "often",
    OTEL_PROPAGATORS: "b3,tracecontext,baggage",
    OTEL_LOG_LEVEL: "loud",
    OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: "events",
    OTEL_ATTRIBUTE_COUNT_LIMIT: "-1",
    OTEL_SPAN_EVENT_COUNT_LIMIT: "1.5",
    OTEL_BSP_MAX_QUEUE_SIZE: "0",
    OTEL_BLRP_SCHEDULE_DELAY: "NaN",
    OTEL_TRACES_EXPORTER: "zipkin",
    OTEL_EXPORTER_OTLP_INSECURE: "1",
  };
  const { configuration, said } = await resolve(invalid);
  assertEquals({ ...configuration, instance: "" }, {
    ...defaults,
    instance: "",
    outputs: configuration.outputs,
  });
  assertEquals(
    said.map((line) =>
      /^\[@haiway\/otel\] Ignoring (\w+) as it must .+: current value is ".+"$/.exec(line)?.[1]
    )
      .sort(),
    Object.keys(invalid).sort(),
  );
  assert(!said.some((line) => line.includes("secret")), said.join("\n"));
});

Deno.test("an empty variable is unset", async () => {
  const names = [
    "OTEL_SDK_DISABLED",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_PROPAGATORS",
    "OTEL_RESOURCE_ATTRIBUTES",
  ];
  const empty = await resolve(Object.fromEntries(names.map((name) => [name, " "])));
  const unset = await resolve({});
  assertEquals({ ...empty.configuration, instance: "" }, { ...unset.configuration, instance: "" });
  assertEquals(empty.said, []);
});

Deno.test("each sampler of the specification is known", async () => {
  const samplers: Record<string, { ratio: number; parentBased: boolean }> = {
    always_on: { ratio: 1, parentBased: false },
    always_off: { ratio: 0, parentBased: false },
    traceidratio: { ratio: 0.5, parentBased: false },
    parentbased_always_on: { ratio: 1, parentBased: true },
    parentbased_always_off: { ratio: 0, parentBased: true },
    parentbased_traceidratio: { ratio: 0.5, parentBased: true },
  };
  for (const [name, sampling] of Object.entries(samplers)) {
    const { configuration } = await resolve({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: "0.5" });
    assertEquals(configuration.sampling, sampling, name);
  }
});

Deno.test("a share of traces that is none is ignored, and all are sampled", async () => {
  for (const argument of ["1.5", "-1", "often"]) {
    const env = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: argument };
    const { configuration, said } = await resolve(env);
    assertEquals(configuration.sampling, { ratio: 1, parentBased: false });
    assertEquals(said, [
      "[@haiway/otel] Ignoring OTEL_TRACES_SAMPLER_ARG as it must be a number from 0 to 1: " +
      `current value is "${argument}"`,
    ]);
  }
});

Deno.test("a header in the environment that is none is ignored, and its value never shown", async () => {
  const { configuration, said } = await resolve({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    OTEL_EXPORTER_OTLP_HEADERS: "good=1,bad name=secret,x-key=sec%0Aret",
  });
  const { traces } = configuration.outputs;
  assertEquals(typeof traces === "object" && traces.headers, { good: "1" });
  assertEquals(said, [
    '[@haiway/otel] Ignoring OTEL_EXPORTER_OTLP_HEADERS as it must hold valid headers: current value is "(hidden)"',
  ]);
});

Deno.test("gRPC as a protocol is a warning, and HTTP is spoken", async () => {
  const { configuration, said } = await resolve({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  });
  const { traces } = configuration.outputs;
  assertEquals(typeof traces === "object" && traces.protocol, "http/json");
  assertEquals(said.length, 1);
});

Deno.test("OTEL_PROPAGATORS=none is none", async () => {
  assertEquals((await resolve({ OTEL_PROPAGATORS: "none" })).configuration.propagators, []);
});

Deno.test("plain http from the environment is refused where it says that it must not be", async () => {
  const { code, stderr } = await run(
    `
    import { resolveConfiguration } from "${CONFIGURATION}";
    resolveConfiguration({ service: "s", version: "1", environment: "test" });
    `,
    {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_EXPORTER_OTLP_INSECURE: "false" },
      flags: ["--allow-env", "--allow-net"],
    },
  );
  assertEquals(code, 1);
  assert(
    stderr.includes(
      "ConfigurationError: Cannot configure OpenTelemetry as 'OTEL_EXPORTER_OTLP_ENDPOINT' must begin with https:// " +
        "where 'insecure' is false: current value is \"http://collector:4318\"",
    ),
    stderr,
  );
});
