import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ConfigurationError } from "@haiway/otel";
import { type Endpoint, resolveEndpoints } from "../../opentelemetry/configuration/endpoint.ts";
import { Environment } from "../../opentelemetry/configuration/environment.ts";
import type { ConfigureOptions } from "../../opentelemetry/configuration/options.ts";
import { run } from "../support/subprocess.ts";

const VALID = { service: "shop", version: "1.0.0", environment: "test" };

function endpoints(options: Partial<ConfigureOptions>): Record<string, Endpoint> {
  const resolved = resolveEndpoints({ ...VALID, ...options }, new Environment(), 10_000);
  return resolved as Record<string, Endpoint>;
}

function urls(options: Partial<ConfigureOptions>): string[] {
  return Object.values(endpoints(options)).map(({ url }) => url);
}

Deno.test("the paths of the three signals are added to the base URL", () => {
  assertEquals(urls({ otlpEndpoint: "http://localhost:4318" }), [
    "http://localhost:4318/v1/traces",
    "http://localhost:4318/v1/metrics",
    "http://localhost:4318/v1/logs",
  ]);
  for (const otlpEndpoint of ["http://host/otlp", "http://host/otlp/", "http://host/otlp//"]) {
    assertEquals(urls({ otlpEndpoint })[0], "http://host/otlp/v1/traces");
  }
  assertEquals(
    urls({ otlpEndpoint: "https://host/base?tenant=a" })[0],
    "https://host/base/v1/traces?tenant=a",
  );
});

Deno.test("without a scheme 'insecure' decides between http and https", () => {
  assertEquals(urls({ otlpEndpoint: "collector:4318" })[0], "http://collector:4318/v1/traces");
  assertEquals(urls({ otlpEndpoint: "localhost" })[0], "http://localhost/v1/traces");
  assertEquals(
    urls({ otlpEndpoint: "collector:4318", insecure: true })[0],
    "http://collector:4318/v1/traces",
  );
  assertEquals(
    urls({ otlpEndpoint: "collector:4318", insecure: false })[0],
    "https://collector:4318/v1/traces",
  );
  assertEquals(urls({ otlpEndpoint: "[::1]:4318" })[0], "http://[::1]:4318/v1/traces");
});

Deno.test("a scheme that is given stays, but plain http is refused where 'insecure' is false", () => {
  assertEquals(urls({ otlpEndpoint: "https://host", insecure: true })[0], "https://host/v1/traces");
  assertEquals(urls({ otlpEndpoint: "HTTPS://host", insecure: false })[0], "https://host/v1/traces");
  try {
    urls({ otlpEndpoint: "http://host:4318", insecure: false });
    assert(false, "accepted");
  } catch (error) {
    assert(error instanceof ConfigurationError);
    assertEquals(
      error.message,
      "Cannot configure OpenTelemetry as 'otlpEndpoint' must begin with https:// where 'insecure' is false: " +
        'current value is "http://host:4318"',
    );
  }
});

Deno.test("credentials in the URL become a header, and leave the URL", () => {
  const { traces } = endpoints({ otlpEndpoint: "https://user:p%40ss@host" });
  assertEquals(traces.url, "https://host/v1/traces");
  assertEquals(traces.headers, { authorization: `Basic ${btoa("user:p@ss")}` });
});

Deno.test("a URL that is refused is shown without its credentials and its query", () => {
  for (
    const otlpEndpoint of [
      "ftp://user:secret@host/path",
      "http://user:secret@host:port",
      "http://user:sec/ret@host:port",
      "user:secret@host:port",
      "http://host:port?api-key=secret",
      "http://user:secret@host",
      "http://us?er:secret@host:port",
      "http://host:port?key=a@secret",
      "http://host?key=secret#secret",
    ]
  ) {
    try {
      urls({ otlpEndpoint, insecure: false });
      assert(false, `accepted: ${otlpEndpoint}`);
    } catch (error) {
      assert(error instanceof Error);
      assertStringIncludes(error.message, "'otlpEndpoint' must");
      assert(!/sec\/?ret/.test(error.message), error.message);
    }
  }
});

Deno.test("a header that is refused is named, and its value never shown", () => {
  for (
    const [name, value] of [["x-key", "sec\nret"], ["bad name", "secret"], ["x-key", 5], ["x-key", "sécrèt✓"]]
  ) {
    try {
      endpoints({ otlpEndpoint: "http://host", otlpHeaders: { [name]: value as string } });
      assert(false, `accepted: ${name}`);
    } catch (error) {
      assert(error instanceof TypeError);
      assertEquals(
        error.message,
        `Cannot configure OpenTelemetry as 'otlpHeaders.${name}' must be a valid header with a string: ` +
          'current value is "(hidden)"',
      );
    }
  }
});

Deno.test("the ports of gRPC are accepted with a warning that names 4318", async () => {
  const endpoint = (port: number) => `http://127.0.0.1:${port}`;
  for (
    const { port, given, env } of [
      { port: 4317, given: `otlpEndpoint: "${endpoint(4317)}",`, env: {} },
      { port: 14250, given: `otlpEndpoint: "${endpoint(14250)}",`, env: {} },
      { port: 4317, given: "", env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(4317) } },
    ]
  ) {
    const { code, stderr } = await run(
      `
      import { OpenTelemetry } from "@haiway/otel";
      OpenTelemetry.configure({ service: "s", version: "1", environment: "test", ${given} });
      await OpenTelemetry.shutdown();
      `,
      { flags: ["--allow-net=127.0.0.1", "--allow-env"], env },
    );
    assertEquals(code, 0);
    assertStringIncludes(
      stderr,
      `[@haiway/otel] The port ${port} of the OTLP endpoint speaks gRPC, and this library OTLP over HTTP: use port 4318\n`,
    );
  }
});

Deno.test("there is no warning about other ports", async () => {
  const { code, stderr } = await run(
    `
    import { OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "http://127.0.0.1:4318",
    });
    await OpenTelemetry.shutdown();
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env"] },
  );
  assertEquals([code, stderr], [0, ""]);
});
