import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type OtlpReceiver, startReceiver } from "./support/receiver.ts";
import { type Ran, run } from "./support/subprocess.ts";

/** How a script ended, and every permission that it asked for, granted or not. */
interface Audited extends Ran {
  readonly asked: string[];
}

async function audit(
  source: string,
  flags: string[] = [],
  env: Record<string, string> = {},
): Promise<Audited> {
  const file = await Deno.makeTempFile({ prefix: "audit_" });
  try {
    const ran = await run(source, { flags, env: { ...env, DENO_AUDIT_PERMISSIONS: file } });
    const lines = (await Deno.readTextFile(file)).split("\n").filter((line) => line !== "");
    const asked = lines.map((line) => JSON.parse(line)).map(({ permission, value }) =>
      `${permission} ${value}`
    );
    return { ...ran, asked };
  } finally {
    await Deno.remove(file);
  }
}

const USE = `
  const observability = OpenTelemetry.observability();
  await ctx.scope("root", { observability }, async () => {
    ctx.logInfo("log");
    ctx.recordMetric("metric", { value: 1, kind: "counter" });
    ctx.recordEvent("event");
    await ctx.scope("child", () => Promise.resolve());
  });
`;

const program = (options: string, end = "await OpenTelemetry.shutdown();") => `
  import { ctx, OpenTelemetry } from "@haiway/otel";
  OpenTelemetry.configure({ service: "s", version: "1", environment: "test", ${options} });
  ${USE}
  ${end}
  console.log("done");
`;

function assertReceived(receiver: OtlpReceiver): void {
  assertEquals(receiver.spans.map(({ name }) => name).sort(), ["child", "root"]);
  assertEquals(receiver.logs.length, 2);
  assertEquals(receiver.latest("metric")?.value, 1);
}

Deno.test("the audit sees what a program asks for", async () => {
  const { asked } = await audit(`try { Deno.env.get("SECRET"); } catch {}`);
  assertEquals(asked, ["env SECRET"]);
});

Deno.test("importing the module, or its testing kit, asks for nothing", async () => {
  for (const entry of ["@haiway/otel", "@haiway/otel/testing"]) {
    const { code, stdout, stderr, asked } = await audit(`await import("${entry}"); console.log("imported");`);
    assertEquals([code, stdout, stderr, asked], [0, "imported\n", "", []], entry);
  }
});

Deno.test("console mode runs with no permission at all, and asks for none; shut down or not", async () => {
  for (const end of [undefined, "", "Deno.exit(0);"]) {
    const { code, stdout, stderr, asked } = await audit(program("", end));
    assertEquals([code, stderr, asked], [0, "", []], end);
    assertStringIncludes(stdout, "INFO  log");
    assert(/^root .*ok/m.test(stdout), stdout);
    assert(/^metric +counter +1$/m.test(stdout), stdout);
  }
});

Deno.test("scopes without any set-up run with no permission at all, and ask for none", async () => {
  const { code, stdout, stderr, asked } = await audit(`
    import { ctx } from "@haiway/otel";
    ctx.logInfo("outside");
    await ctx.scope("root", async () => {
      ctx.logInfo("inside");
      await Promise.resolve();
    });
  `);
  assertEquals([code, stderr, asked], [0, "", []]);
  assertStringIncludes(stdout, "outside");
  assertStringIncludes(stdout, "inside");
});

Deno.test("OTLP mode runs with --allow-net=HOST alone: a warning names --allow-env=OTEL_*", async () => {
  for (const host of ["127.0.0.1", "127.0.0.1:PORT"]) {
    await using receiver = startReceiver();
    const flag = `--allow-net=${host.replace("PORT", String(receiver.port))}`;
    const options = `otlpEndpoint: "${receiver.endpoint}", otlpHeaders: { "x-key": "code" }`;
    const { code, stdout, stderr, asked } = await audit(program(options), [flag]);
    assertEquals([code, stdout], [0, "done\n"], stderr);
    assertEquals(
      stderr,
      "[@haiway/otel] Using the options given in code alone: the environment cannot be read without the permission " +
        "--allow-env=OTEL_*\n",
    );
    assertEquals(asked.filter((what) => !/^net (http:\/\/)?127\.0\.0\.1:/.test(what)), [], flag);
    assertReceived(receiver);
    assertEquals(receiver.requests[0].headers.get("x-key"), "code");
  }
});

Deno.test("OTLP mode with --allow-net=HOST and --allow-env=OTEL_* says nothing, and asks for no more", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr, asked } = await audit(
    program(""),
    ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"],
    { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_HEADERS: "x-key=environment" },
  );
  assertEquals([code, stdout, stderr], [0, "done\n", ""]);
  assertEquals(asked.filter((what) => !/^(net (http:\/\/)?127\.0\.0\.1:|env OTEL_)/.test(what)), []);
  assertReceived(receiver);
  assertEquals(receiver.requests[0].headers.get("x-key"), "environment");
});

Deno.test("OTLP mode delivers with no more than these at every end of a program", async () => {
  for (const end of ["", "Deno.exit(0);"]) {
    await using receiver = startReceiver();
    const { code, stderr, asked } = await audit(
      program(`otlpEndpoint: "${receiver.endpoint}"`, end),
      ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"],
    );
    assertEquals([code, stderr], [0, ""], end);
    assertEquals(asked.filter((what) => !/^(net (http:\/\/)?127\.0\.0\.1:|env OTEL_)/.test(what)), [], end);
    assertReceived(receiver);
  }
});

Deno.test("OTLP mode without the network fails at set-up, with an error that names the flag", async () => {
  const hosts: [endpoint: string, host: string, flags: string[]][] = [
    ["http://127.0.0.1:4318", "127.0.0.1:4318", []],
    ["http://collector", "collector:80", ["--allow-env"]],
    ["https://collector", "collector:443", ["--allow-net=elsewhere"]],
    ["http://[::1]:4318", "[::1]:4318", ["--allow-net=127.0.0.1"]],
    ["http://127.0.0.1:4318", "127.0.0.1:4318", ["--allow-net=127.0.0.1:4319"]],
    ["http://collector", "collector:80", ["--allow-net", "--deny-net=collector"]],
  ];
  for (const [endpoint, host, flags] of hosts) {
    const { code, stdout, stderr, asked } = await audit(
      `
      import { ConfigurationError, OpenTelemetry } from "@haiway/otel";
      try {
        OpenTelemetry.configure({ service: "s", version: "1", environment: "test", otlpEndpoint: "${endpoint}" });
      } catch (error) {
        console.log(error instanceof ConfigurationError, error.message);
      }
      `,
      flags,
    );
    assertEquals([code, stderr], [0, ""]);
    assert(stdout.startsWith("true Cannot configure OpenTelemetry as 'otlpEndpoint' must "), stdout);
    assertStringIncludes(stdout, `--allow-net=${host}`);
    assertStringIncludes(stdout, ": current value is ");
    assertEquals(asked.filter((what) => what.startsWith("net")), []);
  }
});

const hasScript = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name: "nothing is ever prompted for, not even at a terminal",
  ignore: !hasScript,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const config = new URL("../deno.json", import.meta.url).pathname;
      for (const options of ["", `otlpEndpoint: "http://127.0.0.1:4318"`]) {
        const body = program(options).replace(/import .*;/, "");
        await Deno.writeTextFile(
          `${directory}/script.ts`,
          `import { ctx, OpenTelemetry } from "@haiway/otel"; try { ${body} } catch {} console.log("at the end");`,
        );
        const command = `${Deno.execPath()} run --quiet --config=${config} ${directory}/script.ts`;
        const { stdout } = await new Deno.Command("script", {
          args: ["-qec", command, "/dev/null"],
          stdin: "null",
        }).output();
        const screen = new TextDecoder().decode(stdout);
        assert(!/Deno requests|Allow\?/.test(screen), screen);
        assertStringIncludes(screen, "at the end");
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
