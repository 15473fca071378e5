import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ctx, type DoctorFinding, type DoctorOptions, OpenTelemetry } from "@haiway/otel";
import { NOBODY } from "../support/ports.ts";
import { startReceiver } from "../support/receiver.ts";
import { kept, run } from "../support/subprocess.ts";

/** What the doctor finds of an endpoint and the clock, each code once. */
async function codesOf(options: DoctorOptions): Promise<string[]> {
  const { findings } = await OpenTelemetry.doctor(options);
  return [...new Set(about(findings, "endpoint", "clock").map(({ code }) => code))];
}

function about(findings: readonly DoctorFinding[], ...checks: DoctorFinding["check"][]): DoctorFinding[] {
  return findings.filter(({ check }) => checks.includes(check));
}

Deno.test("the doctor finds a receiver of OTLP well, and leaves no telemetry in it", async () => {
  await using receiver = startReceiver({ fault: undefined });
  const report = await OpenTelemetry.doctor({ otlpEndpoint: receiver.endpoint });
  assertEquals(about(report.findings, "endpoint").map(({ severity, code }) => [severity, code]), [
    ["ok", "endpoint-ok"],
    ["ok", "endpoint-ok"],
    ["ok", "endpoint-ok"],
  ]);
  assertEquals([receiver.spans, receiver.logs, receiver.points], [[], [], []]);
  assertEquals(JSON.parse(JSON.stringify(report)), { ok: report.ok, findings: report.findings });
  assertMatch(
    String(report),
    /^✓ endpoint {5}http:\/\/127\.0\.0\.1:\d+\/v1\/traces took an empty export of traces in/,
  );
});

const ANSWERS: Readonly<Record<string, readonly [Response, string, string]>> = {
  "401": [
    new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } }),
    "endpoint-unauthorized",
    "otlpHeaders",
  ],
  "403": [new Response(null, { status: 403 }), "endpoint-unauthorized", "otlpHeaders"],
  "404": [new Response(null, { status: 404 }), "endpoint-path", "base URL"],
  "415": [new Response(null, { status: 415 }), "endpoint-encoding", "http/protobuf"],
  "301": [
    new Response(null, { status: 301, headers: { location: "https://elsewhere/?secret" } }),
    "endpoint-redirect",
    "URL",
  ],
  "503": [new Response(null, { status: 503 }), "endpoint-busy", "receiver"],
  "500": [new Response(null, { status: 500 }), "endpoint-refused", "log of the receiver"],
  "the page of a web server": [
    new Response("<html>", { headers: { "content-type": "text/html" } }),
    "endpoint-not-otlp",
    "receiver",
  ],
  "a TLS server that was spoken to in plain HTTP": [
    new Response("Client sent an HTTP request to an HTTPS server.", { status: 400 }),
    "endpoint-tls",
    "https://",
  ],
  "a clock of another day": [
    Response.json({}, { headers: { date: "Mon, 01 Jan 2024 00:00:00 GMT" } }),
    "clock-off",
    "NTP",
  ],
};

Deno.test("the doctor says what an answer of the endpoint means, and what to do about it", async (t) => {
  for (const [what, [response, code, fix]] of Object.entries(ANSWERS)) {
    await t.step(what, async () => {
      await using receiver = startReceiver({ fault: () => response.clone() });
      const otlpHeaders = { "x-key": "SECRET" };
      const report = await OpenTelemetry.doctor({ otlpEndpoint: receiver.endpoint, otlpHeaders });
      const finding = report.findings.find((finding) => finding.code === code);
      assert(finding !== undefined, String(report));
      assertStringIncludes(finding.fix ?? "", fix);
      assert(!/secret/i.test(String(report)), String(report));
      assertEquals(report.ok, finding.severity === "warning");
    });
  }
});

Deno.test("the doctor tells that nothing listens, that a name is unknown, and that nobody answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const otlpEndpoint = `http://127.0.0.1:${listener.addr.port}`;
  assertEquals(await codesOf({ otlpEndpoint, timeoutMillis: 50 }), ["endpoint-timeout"]);
  listener.close();
  assertEquals(await codesOf({ otlpEndpoint: NOBODY }), ["endpoint-unreachable"]);
  assertEquals(await codesOf({ otlpEndpoint: "http://nowhere.invalid:4318" }), ["endpoint-unknown-host"]);
  assertEquals(await codesOf({ otlpEndpoint: "ftp://localhost" }), ["endpoint-invalid"]);
});

Deno.test("the doctor knows a gRPC server and a plain one by how they answer", async () => {
  // Whoever speaks gRPC without TLS begins with a frame of settings.
  const grpc = answering(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  assertEquals(await codesOf({ otlpEndpoint: `http://127.0.0.1:${grpc.port}` }), ["endpoint-grpc"]);
  assertEquals(await codesOf({ otlpEndpoint: `https://127.0.0.1:${grpc.port}` }), ["endpoint-plain"]);
  await grpc.close();
  const garbage = answering(new TextEncoder().encode("220 mail.example.com\r\n"));
  assertEquals(await codesOf({ otlpEndpoint: `http://127.0.0.1:${garbage.port}` }), ["endpoint-failed"]);
  await garbage.close();
});

const certificate = await selfSigned();

Deno.test({
  name: "the doctor knows a TLS server, and a certificate that is not trusted",
  ignore: certificate === undefined,
  async fn() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...certificate! },
      () => Response.json({}),
    );
    const { port } = server.addr;
    assertEquals(await codesOf({ otlpEndpoint: `https://127.0.0.1:${port}` }), ["endpoint-certificate"]);
    assertEquals(await codesOf({ otlpEndpoint: `http://127.0.0.1:${port}` }), ["endpoint-tls"]);
    await server.shutdown();
  },
});

Deno.test("the doctor examines what configure was given, and says who is registered", async () => {
  await using receiver = startReceiver();
  OpenTelemetry.configure({
    service: "shop",
    version: "1.0.0",
    environment: "test",
    otlpEndpoint: receiver.endpoint,
    otlpHeaders: { "x-key": "SECRET" },
  });
  const report = await OpenTelemetry.doctor();
  await OpenTelemetry.shutdown();
  assertEquals(receiver.requests[0].headers.get("x-key"), "SECRET");
  const [providers] = about(report.findings, "providers");
  assertEquals([providers.severity, providers.code], ["ok", "providers-own"]);
  assertMatch(
    providers.message,
    /^Registered: trace by ScopeTracerProvider, metrics by MeterProvider, logs by/,
  );
  assertEquals(about(report.findings, "api").map(({ code }) => code), ["api-ok"]);
});

Deno.test("the doctor tells what has been lost already, and why", async () => {
  await using receiver = startReceiver({ fault: () => new Response(null, { status: 400 }) });
  const { endpoint } = receiver;
  const pipeline = { service: "shop", version: "1.0.0", environment: "test", otlpEndpoint: endpoint };
  OpenTelemetry.configure(pipeline);
  ctx.scope("lost", () => {});
  await OpenTelemetry.forceFlush();
  const report = await OpenTelemetry.doctor();
  await OpenTelemetry.shutdown();
  assertEquals(about(report.findings, "delivery"), [{
    check: "delivery",
    severity: "warning",
    code: "delivery-refused",
    message: "1 spans were dropped: refused",
    fix: "look at standard error, where each loss is told with its cause",
  }]);
});

const DOCTOR = `
  import { OpenTelemetry } from "@haiway/otel";
  console.log(JSON.stringify(await OpenTelemetry.doctor({ otlpEndpoint: "http://127.0.0.1:9" })));
`;

Deno.test("without permissions the doctor asks for none, and names those that are missing", async () => {
  const { code, stdout, stderr } = await run(DOCTOR);
  assertEquals([code, stderr], [0, ""]);
  const permissions = about(JSON.parse(stdout).findings, "permissions");
  assertEquals(permissions.map(({ code, fix }) => [code, fix]), [
    ["permission-net", "run with --allow-net=127.0.0.1:9"],
    ["permission-env", "run with --allow-env=OTEL_*"],
  ]);
});

Deno.test("with the variables of the specification alone the doctor says what it cannot look for", async () => {
  const { stdout } = await run(DOCTOR, {
    flags: ["--allow-env=OTEL_*"],
    env: { OTEL_TRACES_SAMPLER_ARG: "1", OTEL_SERVICE_NAM: "x" },
  });
  const { findings } = JSON.parse(stdout);
  assertEquals(about(findings, "environment").map(({ code }) => code), ["environment-sampler"]);
  assertEquals(about(findings, "permissions").map(({ code }) => code), [
    "permission-net",
    "permission-env-list",
  ]);
});

Deno.test("the doctor tells of a copy of the API that hides what is registered, and of another major one", async () => {
  const hidden = await run(`
    const provider = { getTracer: () => ({}) };
    globalThis[Symbol.for("opentelemetry.js.api.1")] = { version: "1.0.0", trace: provider };
    const { OpenTelemetry } = await import("@haiway/otel");
    console.log(JSON.stringify(await OpenTelemetry.doctor()));
  `);
  assertEquals(about(JSON.parse(hidden.stdout).findings, "api", "providers").map(({ code }) => code), [
    "api-hidden",
    "providers-foreign",
  ]);
  const major = await run(`
    globalThis[Symbol.for("opentelemetry.js.api.2")] = { version: "2.0.0" };
    const { OpenTelemetry } = await import("@haiway/otel");
    console.log(JSON.stringify(await OpenTelemetry.doctor()));
  `);
  assertEquals(about(JSON.parse(major.stdout).findings, "api").map(({ code }) => code), ["api-major"]);
});

Deno.test("the doctor knows Deno's built-in OpenTelemetry", async () => {
  const { stdout } = await run(DOCTOR, { flags: ["--allow-env"], env: { OTEL_DENO: "true" } });
  const [providers] = about(JSON.parse(stdout).findings, "providers");
  assertMatch(providers.message, /^Deno's built-in OpenTelemetry is on: trace by/);
});

/** Runs the command that `deno task doctor` runs. */
async function command(args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", "--allow-env", "opentelemetry/doctor/cli.ts", ...args],
    cwd: new URL("../../", import.meta.url),
    clearEnv: true,
    env: { ...kept(), NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("the command prints each finding with its fix, or JSON, and its exit code is for CI", async () => {
  await using receiver = startReceiver();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  const well = await command([], env);
  assertEquals([well.code, well.stderr], [0, ""]);
  assertMatch(well.stdout, /✓ endpoint .*\n✓ clock .*\n✓ environment .*\n✓ api .*\n0 errors, 0 warnings\n$/s);
  const warned = await command([], { ...env, OTEL_SERVICE_NAM: "x" });
  assertEquals(warned.code, 0);
  assertStringIncludes(
    warned.stdout,
    "! environment  Nobody reads OTEL_SERVICE_NAM\n               → did you mean",
  );
  receiver.fault = () => new Response(null, { status: 404 });
  const failed = await command([`--endpoint=${receiver.endpoint}`, "--json"], {});
  assertEquals(failed.code, 1);
  assertEquals(JSON.parse(failed.stdout).findings[0].code, "endpoint-path");
  const proxy = { HTTP_PROXY: receiver.endpoint, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
  assertStringIncludes((await command([], proxy)).stdout, "Exports to 127.0.0.1 go through the proxy");
  const unknown = await command(["--jsn"], {});
  assertEquals([unknown.code, unknown.stdout], [2, ""]);
  assertStringIncludes(unknown.stderr, "There is no argument --jsn");
});

Deno.test("importing the library loads neither the doctor nor anything for tests", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "mod.ts"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const modules: {
    specifier: string;
    dependencies?: { code?: { specifier: string }; isDynamic?: boolean }[];
  }[] = JSON.parse(new TextDecoder().decode(stdout)).modules;
  const loaded = new Set<string>();
  const load = (specifier: string) => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (
      const { code, isDynamic } of modules.find((module) => module.specifier === specifier)?.dependencies ??
        []
    ) {
      if (code !== undefined && !isDynamic) load(code.specifier);
    }
  };
  load(new URL("../../mod.ts", import.meta.url).href);
  assert(loaded.size > 20);
  assertEquals([...loaded].filter((path) => /doctor|testing|memory|recorded|otlp_/.test(path)), []);
});

/** A server that sends some bytes to everybody and hangs up. */
function answering(bytes: Uint8Array): { port: number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.write(bytes).catch(() => {});
      await connection.read(new Uint8Array(1024)).catch(() => {});
      connection.close();
    }
  })();
  return {
    port: listener.addr.port,
    async close() {
      listener.close();
      await serving;
    },
  };
}

/** A key and a certificate that nobody trusts, if there is a tool to make them. */
async function selfSigned(): Promise<{ key: string; cert: string } | undefined> {
  const directory = await Deno.makeTempDir();
  const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  try {
    const { success } = await new Deno.Command("openssl", {
      args: ["req", "-x509", ...curve, "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=localhost"],
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) return undefined;
    return { key: await Deno.readTextFile(key), cert: await Deno.readTextFile(cert) };
  } catch {
    return undefined;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
