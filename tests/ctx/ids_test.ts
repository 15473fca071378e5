import { assertEquals, assertMatch } from "@std/assert";
import { newSpanId, newTraceId } from "../../ctx/ids.ts";
import { run } from "../support/subprocess.ts";

Deno.test("trace ids are 32 and span ids 16 lowercase hex digits, each of them another", () => {
  const ids = new Set<string>();
  for (let turn = 0; turn < 1000; turn++) {
    const [traceId, spanId] = [newTraceId(), newSpanId()];
    assertMatch(traceId, /^[0-9a-f]{32}$/);
    assertMatch(spanId, /^[0-9a-f]{16}$/);
    ids.add(traceId).add(spanId);
  }
  assertEquals(ids.size, 2000);
});

Deno.test("a runtime without Uint8Array's toHex, as Deno before 2.5, draws the same ids", async () => {
  const { code, stdout, stderr } = await run(`
    delete (Uint8Array.prototype as { toHex?: unknown }).toHex;
    const { ctx } = await import("@haiway/otel");
    const { MemoryObservability } = await import("@haiway/otel/testing");
    ctx.scope("old", { observability: new MemoryObservability() }, ({ traceparent }) => console.log(traceparent));
  `);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01\n$/);
});
