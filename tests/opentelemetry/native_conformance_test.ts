import { assertEquals } from "@std/assert";
import { nativeEnvironment } from "../support/native.ts";
import { startReceiver } from "../support/receiver.ts";
import { seenBy } from "../support/seen_receiver.ts";
import { withStd } from "../support/std.ts";
import { run } from "../support/subprocess.ts";

const SUITE = new URL("../conformance.ts", import.meta.url).href;

/**
 * Runs the whole suite and writes what failed. Reading asks this process, which answers when everything recorded
 * before has arrived: Deno's engine has no way to flush, so that a span and a metric say where the end is.
 */
const SCRIPT = `
import { trace } from "@opentelemetry/api";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { checkConformance } from "${SUITE}";

OpenTelemetry.autoconfigure({ service: "conformance" });
let reads = 0;
const failures = await checkConformance({
  name: "native",
  create: (level) => ({
    observability: OpenTelemetry.observability({ level }),
    async read() {
      const mark = "mark-" + ++reads;
      trace.getTracer("test").startSpan(mark).end();
      ctx.scope(mark, () => ctx.recordMetric(mark, { value: 1, kind: "counter" }));
      await OpenTelemetry.forceFlush();
      const answer = await fetch(Deno.env.get("OTEL_EXPORTER_OTLP_ENDPOINT") + "/seen?" + mark);
      return await answer.json();
    },
    close: () => Promise.resolve(),
  }),
});
console.log("\\n@@" + JSON.stringify(failures));
`;

Deno.test("Deno's built-in OpenTelemetry conforms: every claim holds, read back at the receiver", async () => {
  await using receiver = startReceiver({
    fault: (request, path) => path === "/seen" ? seen(new URL(request.url).search.slice(1)) : undefined,
  });
  async function seen(mark: string): Promise<Response> {
    await receiver.until(() =>
      receiver.spans.filter(({ name }) => name === mark).length === 2 && receiver.latest(mark) !== undefined
    );
    return Response.json(seenBy(receiver));
  }
  const { stdout, stderr, code } = await withStd((std) =>
    run(SCRIPT, { flags: ["--allow-all", ...std], env: nativeEnvironment(receiver) })
  );
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout.split("@@")[1]), {});
});
