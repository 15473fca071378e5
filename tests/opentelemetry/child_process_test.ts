import { assert, assertEquals } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { received } from "../support/configured.ts";

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
  Deno.env.set("BAGGAGE", "inherited=1");
  Deno.env.set("TRACEPARENT", TRACEPARENT);
  try {
    assertEquals(OpenTelemetry.environment(), {});
    assertEquals(OpenTelemetry.extract(), { traceparent: TRACEPARENT, baggage: "inherited=1" });
    assertEquals(OpenTelemetry.extract(undefined), {}, "a message without data is no environment");
    await received(() =>
      ctx.scope("build", (scope) => {
        assertEquals(OpenTelemetry.environment(), { TRACEPARENT: scope.traceparent, BAGGAGE: "" });
      })
    );
  } finally {
    Deno.env.delete("BAGGAGE");
    Deno.env.delete("TRACEPARENT");
  }
});
