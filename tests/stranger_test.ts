import { assertEquals, assertMatch } from "@std/assert";
import { startReceiver } from "./support/receiver.ts";
import { kept, type Ran, run } from "./support/subprocess.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));
const ENDPOINT = /^ {2}otlpEndpoint: "http:\/\/localhost:4318",.*\n/m;

/** The first block of a language behind some words of the README. */
function block(language: string, behind: string): string {
  const from = README.indexOf(behind);
  const [, code] = README.slice(from).match(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m"))!;
  return code;
}

const QUICK_START = block("ts", "## Five minutes");

/** Runs a program of somebody who has the library from JSR, which is this one, and nothing else. */
async function runAsStranger(
  source: string,
  options: { flags?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const directory = await Deno.makeTempDir({ prefix: "stranger_" });
  try {
    const config = `${directory}/deno.json`;
    const imports = { "@haiway/otel": `jsr:@haiway/otel@${version}` };
    await Deno.writeTextFile(config, JSON.stringify({ links: [ROOT.pathname], imports }));
    return await run(source, { ...options, config });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What differs from run to run, made the same: times, ids, and how long the bars are. */
function normalised(output: string): string[] {
  return output
    .replaceAll(/[\d.]+ (µs|ms|s)\b/g, "T")
    .replaceAll(/^[\d:.]{12}/gm, "NOW")
    .replaceAll(/\b(?:[0-9a-f]{32}|[0-9a-f]{8}(?=\]))/g, "ID")
    .replaceAll(/ *[━·]+ */g, " BAR ")
    .replaceAll(/ {2,}/g, " ")
    .trim()
    .split(/ *\n/);
}

Deno.test("the picture in the README is what the quick start prints without an endpoint", async () => {
  const { code, stdout, stderr } = await runAsStranger(QUICK_START.replace(ENDPOINT, ""));
  assertEquals([code, stderr], [0, ""]);
  assertEquals(normalised(stdout), normalised(block("text", "# @haiway/otel")));
});

Deno.test("a stranger pastes the quick start into an empty file, and it arrives", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await runAsStranger(
    QUICK_START.replace(ENDPOINT, `  otlpEndpoint: "${receiver.endpoint}",\n`),
    { flags: [`--allow-net=127.0.0.1:${receiver.port}`, "--allow-env=OTEL_*"] },
  );
  assertEquals([code, stdout, stderr], [0, "", ""]);
  assertEquals(receiver.spans.map(({ name }) => name), [
    "individual-request",
    "request-processing",
    "application",
  ]);
  assertEquals(receiver.logs.map(({ body, eventName }) => body ?? eventName), [
    "Processing batch of requests",
    "batch.started",
  ]);
  assertEquals(receiver.latest("requests.processed")?.value, 10);
  assertEquals(receiver.latest("request.duration")?.sum, 100);
});

Deno.test("without --allow-net the quick start names the flag", async () => {
  const { code, stderr } = await runAsStranger(QUICK_START);
  assertEquals(code, 1);
  assertMatch(stderr, /ConfigurationError: Cannot configure OpenTelemetry .* --allow-net=localhost:4318/);
});

Deno.test("a stranger uses each entry point that the library has", async () => {
  const { code, stdout, stderr } = await runAsStranger(`
    import { ctx } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const memory = new MemoryObservability();
    ctx.scope("job", { observability: memory }, () => {});
    console.log(memory.assertScope("job").status);
    await import("@haiway/otel/doctor");
  `);
  assertEquals([code, stdout, stderr], [0, "ok\n", ""]);
});

Deno.test("the report in the README is what the doctor says of a gRPC port and a misspelt variable", async () => {
  // Whoever speaks gRPC begins with a frame of settings.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (using connection of listener) {
      await connection.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      await connection.read(new Uint8Array(1024)).catch(() => {});
    }
  })();
  const { port } = listener.addr;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", "--allow-env", "opentelemetry/doctor/cli.ts"],
    cwd: ROOT,
    clearEnv: true,
    env: {
      ...kept(),
      NO_COLOR: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTPL_HEADERS: "key=value",
    },
  }).output();
  listener.close();
  await answering;
  const said = new TextDecoder().decode(stdout).replaceAll(`127.0.0.1:${port}`, "localhost:4317");
  assertEquals(said, block("text", "jsr:@haiway/otel/doctor"));
});
