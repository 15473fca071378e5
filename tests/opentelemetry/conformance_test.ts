import { assertEquals, assertStringIncludes } from "@std/assert";
import { FOREIGN, startForeign } from "../support/foreign.ts";
import { startNative } from "../support/native.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
import { seenBy } from "../support/seen_receiver.ts";
import { withStd } from "../support/std.ts";
import type { Running } from "../support/subprocess.ts";

const SUITE = new URL("../conformance.ts", import.meta.url).href;

/**
 * Runs the whole suite over what `autoconfigure` finds, and writes what failed. Reading asks this process, which
 * answers when everything recorded before has arrived: not every engine can be flushed, so that a span and a metric
 * say where the end is.
 */
const SCRIPT = `
import { ctx, OpenTelemetry } from "@haiway/otel";
import { checkConformance } from "${SUITE}";

OpenTelemetry.autoconfigure({ service: "conformance" });
let reads = 0;
const failures = await checkConformance({
  name: "autoconfigured",
  create: (level) => ({
    observability: OpenTelemetry.observability({ level }),
    async read() {
      const mark = "mark-" + ++reads;
      ctx.scope(mark, () => ctx.recordMetric(mark, { value: 1, kind: "counter" }));
      await OpenTelemetry.forceFlush();
      return await (await fetch(Deno.env.get("RECEIVER") + "/seen?" + mark)).json();
    },
    close: () => Promise.resolve(),
  }),
});
console.log("\\n@@" + JSON.stringify(failures));
await fetch(Deno.env.get("RECEIVER") + "/done");
`;

/** Starts a script in a process that exports to a receiver. */
type Start = (receiver: OtlpReceiver, source: string, std: string[], env: Record<string, string>) => Running;

/** Runs the suite in a process that exports to a receiver here; gives what failed, by claim. */
async function conform(start: Start): Promise<unknown> {
  let running: Running | undefined;
  await using receiver = startReceiver({
    fault: (request, path) => {
      if (path === "/seen") return seen(new URL(request.url).search.slice(1));
      // Deno's engine may wait for ever at an exit within a collection of metrics, of which here are many.
      if (path !== "/done") return undefined;
      running?.process.kill("SIGKILL");
      return new Response();
    },
  });
  async function seen(mark: string): Promise<Response> {
    const isMark = ({ name }: { name: string }) => name === mark;
    await receiver.until(() => receiver.spans.some(isMark) && receiver.latest(mark) !== undefined);
    // Every export holds every metric again: what was read once is not kept.
    const answer = Response.json(seenBy(receiver));
    receiver.points.length = receiver.bodies.length = 0;
    return answer;
  }
  return await withStd(async (std) => {
    running = start(receiver, SCRIPT, std, { RECEIVER: receiver.endpoint });
    const { stdout, stderr } = await running.ended;
    assertStringIncludes(stdout, "@@", stderr);
    return JSON.parse(stdout.split("@@")[1]);
  });
}

Deno.test("Deno's built-in OpenTelemetry conforms: every claim holds, read back at the receiver", async () => {
  assertEquals(
    await conform((receiver, source, std, env) =>
      startNative(receiver, source, {
        flags: ["--allow-all", ...std],
        env: { ...env, OTEL_METRIC_EXPORT_INTERVAL: "20" },
      })
    ),
    {},
  );
});

Deno.test("a provider of SDK 2 conforms: every claim holds, read back at the receiver", async () => {
  assertEquals(
    await conform((receiver, source, std, env) =>
      startForeign(receiver, FOREIGN["SDK 2"] + source, { flags: std, env })
    ),
    {},
  );
});
