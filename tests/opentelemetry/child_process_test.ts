import { assert, assertEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { received } from "../support/configured.ts";
import { run } from "../support/subprocess.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

const CHILD = `
  import { ctx, OpenTelemetry } from "@haiway/otel";
  OpenTelemetry.configure({ service: "child", version: "1", environment: "test" });
  const observability = OpenTelemetry.observability(OpenTelemetry.extract());
  ctx.scope("child", { observability }, () => console.log(JSON.stringify(OpenTelemetry.inject({}))));
  await OpenTelemetry.shutdown();
`;

/** Runs the child with the environment of these tests and what is added to it; gives what it printed. */
async function runChild(env: Record<string, string>): Promise<Record<string, string>> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--allow-net=127.0.0.1", "-"],
    cwd: new URL("../../", import.meta.url),
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(CHILD));
  await writer.close();
  const { success, stdout } = await process.output();
  assert(success);
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a child process goes on with the trace that Deno.Command was given in its environment", async () => {
  const remote = { traceparent: TRACEPARENT, tracestate: "v=1", baggage: "user=7" };
  const receiver = await received(({ endpoint }) =>
    ctx.scope("parent", { observability: OpenTelemetry.observability(remote) }, async (scope) => {
      const environment = OpenTelemetry.environment();
      assertEquals(environment, { TRACEPARENT: scope.traceparent, TRACESTATE: "v=1", BAGGAGE: "user=7" });
      const handedOn = await runChild({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...environment });
      assertEquals([handedOn.tracestate, handedOn.baggage], ["v=1", "user=7"]);
    })
  );
  const span = (name: string) => receiver.spans.find((span) => span.name === name);
  assertEquals(span("child")?.traceId, TRACE);
  assertEquals(span("child")?.parentSpanId, span("parent")?.spanId);
  assertEquals(span("child")?.resource["service.name"], "child");
});

Deno.test("OpenTelemetry.environment() is empty outside of a trace, and hides what was inherited within", async () => {
  const { stdout } = await run(
    `import { ctx, OpenTelemetry } from "@haiway/otel";
    import { MemoryObservability } from "@haiway/otel/testing";
    const inherited = [OpenTelemetry.environment(), OpenTelemetry.extract(), OpenTelemetry.extract(undefined)];
    ctx.scope("build", { observability: new MemoryObservability() }, (scope) => {
      const { TRACEPARENT, ...others } = OpenTelemetry.environment();
      console.log(JSON.stringify([...inherited, TRACEPARENT === scope.traceparent, others]));
    });`,
    {
      flags: ["--no-prompt", "--allow-env=TRACEPARENT,TRACESTATE,BAGGAGE"],
      env: { TRACEPARENT, BAGGAGE: "inherited=1" },
    },
  );
  const carried = { traceparent: TRACEPARENT, baggage: "inherited=1" };
  // A message without data is no environment.
  assertEquals(JSON.parse(stdout), [{}, carried, {}, true, { BAGGAGE: "" }]);
});

Deno.test("without the permission to read the environment nothing is extracted from it, and nobody is asked", async () => {
  const { code, stdout, stderr } = await run(
    `import { OpenTelemetry } from "@haiway/otel";
    console.log(JSON.stringify(OpenTelemetry.extract()));`,
    { env: { TRACEPARENT } },
  );
  assertEquals([code, stdout, stderr], [0, "{}\n", ""]);
});
