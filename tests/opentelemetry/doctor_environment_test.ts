import { assert, assertEquals } from "@std/assert";
import { distanceBetween, examineVariables } from "../../opentelemetry/doctor/environment.ts";
import { examineProxy } from "../../opentelemetry/doctor/proxy.ts";
import { sourcePaths, textOf } from "../support/sources.ts";

function codes(variables: Record<string, string>, deploy = false): string[] {
  return examineVariables(variables, deploy).map(({ code }) => code);
}

Deno.test("the doctor finds misspelt variables by what was meant", () => {
  const meant = (name: string) => examineVariables({ [name]: "SECRET" }, false)[0].fix;
  assertEquals(meant("OTEL_EXPORTER_OTPL_ENDPOINT"), "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?");
  assertEquals(meant("OTEL_EXPORTER_OTLP_HEADER"), "did you mean OTEL_EXPORTER_OTLP_HEADERS?");
  assertEquals(meant("otel_service_name"), "did you mean OTEL_SERVICE_NAME?");
  assertEquals(meant("OTLE_SERVICE_NAME"), "did you mean OTEL_SERVICE_NAME?");
  assertEquals(meant("OTEL-SERVICE-NAME"), "did you mean OTEL_SERVICE_NAME?");
  assertEquals(codes({ OTEL_JAVAAGENT_ENABLED: "1" }), ["environment-unknown"]);
  assertEquals(examineVariables({ OTEL_EXPORTER_OTLP_CERTIFICATE: "ca.pem" }, false)[0].fix, "set DENO_CERT");
  assertEquals(codes({ PATH: "/bin", HOME: "/", DENO_DIR: "/", NAME: "x", HOTEL_NAME: "y" }), [
    "environment-ok",
  ]);
  assert(!JSON.stringify(examineVariables({ OTEL_SERVICE_NAM: "SECRET" }, true)).includes("SECRET"));
});

Deno.test("the doctor knows every variable that the library reads", () => {
  const names = sourcePaths("opentelemetry/").map(textOf).join().match(/\bOTEL_[A-Z_]*[A-Z]\b(?![_*])/g) ??
    [];
  assert(names.length > 50);
  for (const name of new Set(names)) {
    if (name === "OTEL_BSP" || name === "OTEL_BLRP") continue;
    const found = examineVariables({ [name]: "1" }, false).map(({ code }) => code);
    assert(!found.includes("environment-misspelt") && !found.includes("environment-unknown"), name);
  }
});

Deno.test("the doctor finds variables that contradict each other, or say nothing", () => {
  const otlp = "OTEL_EXPORTER_OTLP";
  assertEquals(codes({ OTEL_SDK_DISABLED: "true" }), ["environment-disabled"]);
  assertEquals(codes({ OTEL_SDK_DISABLED: "" }), ["environment-ok"]);
  assertEquals(codes({ OTEL_TRACES_SAMPLER_ARG: "0.1" }), ["environment-sampler"]);
  assertEquals(codes({ OTEL_TRACES_SAMPLER_ARG: "0.1", OTEL_TRACES_SAMPLER: "traceidratio" }), [
    "environment-ok",
  ]);
  assertEquals(codes({ OTEL_TRACES_SAMPLER: "always_off" }), ["environment-sampler"]);
  assertEquals(codes({ [`${otlp}_ENDPOINT`]: "http://c:4318/v1/traces" }), ["environment-endpoint"]);
  assertEquals(codes({ [`${otlp}_TRACES_ENDPOINT`]: "http://c:4318" }), ["environment-endpoint"]);
  assertEquals(codes({ [`${otlp}_TRACES_ENDPOINT`]: "http://c:4318/v1/traces" }), ["environment-ok"]);
  assertEquals(codes({ [`${otlp}_HEADERS`]: "authorization: Bearer SECRET" }), ["environment-headers"]);
  assertEquals(codes({ [`${otlp}_HEADERS`]: "authorization=Bearer%20x, a = b," }), ["environment-ok"]);
  assertEquals(codes({ [`${otlp}_LOGS_PROTOCOL`]: "grpc" }), ["environment-protocol"]);
  assertEquals(codes({ [`${otlp}_INSECURE`]: "true", [`${otlp}_ENDPOINT`]: "https://c" }), [
    "environment-insecure",
  ]);
  assertEquals(codes({ OTEL_BSP_MAX_QUEUE_SIZE: "100" }), ["environment-batch"]);
  assertEquals(
    codes({ OTEL_SERVICE_NAME: "a", OTEL_RESOURCE_ATTRIBUTES: "x=1, service.name=b" }),
    ["environment-service"],
  );
});

Deno.test("the doctor says what Deno Deploy refuses, and the option to use instead", () => {
  const findings = examineVariables({
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c",
    OTEL_PROPAGATORS: "none",
  }, true);
  assertEquals(findings.map(({ code, fix }) => [code, fix]), [
    ["environment-deploy", "give 'otlpEndpoint' to OpenTelemetry.configure, from a variable of another name"],
    ["environment-deploy", "do without it there"],
  ]);
});

Deno.test("the doctor says that exports go through a proxy, unless its exceptions have the host", () => {
  const codes = (url: string, variables: Record<string, string>) =>
    examineProxy([url, url], (name) => variables[name]).map(({ severity, message }) =>
      `${severity} ${message}`
    );
  assertEquals(codes("http://localhost:4318/v1/traces", { HTTP_PROXY: "http://u:SECRET@p" }), [
    "warning Exports to localhost go through the proxy of HTTP_PROXY",
  ]);
  assertEquals(codes("https://otlp.example.com/v1/logs", { ALL_PROXY: "http://p" }), [
    "info Exports to otlp.example.com go through the proxy of ALL_PROXY",
  ]);
  assertEquals(codes("https://c", { HTTP_PROXY: "http://p" }), []);
  for (const exceptions of ["*", "otlp.example.com", "a, .example.com", "*.example.com", "example.com"]) {
    assertEquals(codes("http://otlp.example.com", { HTTP_PROXY: "http://p", NO_PROXY: exceptions }), []);
  }
});

Deno.test("the distance between two names is how many letters were mistaken", () => {
  assertEquals(["", "abc", "acb", "abcd", "xbc"].map((text) => distanceBetween(text, "abc")), [
    3,
    0,
    1,
    1,
    1,
  ]);
  assertEquals(distanceBetween("kitten", "sitting"), 3);
  assertEquals(distanceBetween("a", "abcdef", 3), 3);
});
