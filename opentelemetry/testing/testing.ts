/**
 * For tests: a back end that keeps what was recorded as plain, ordered data and answers a test author's questions,
 * and a receiver of OTLP on the loopback that gives back what a whole pipeline sent. Neither has globals, so that
 * tests may run in parallel.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryObservability();
 * ctx.scope("checkout", { observability: memory }, () => {
 *   ctx.scope("payment", () => ctx.logInfo("Paid", { amount: 12 }));
 * });
 *
 * memory.assertScope("checkout/payment", { status: "ok" });
 * assertEquals(memory.logsAt("info")[0].message, "Paid");
 * ```
 *
 * @module
 */

export * from "../../ctx/memory.ts";
export type { ReceivedLog, ReceivedPoint, ReceivedSpan } from "./otlp_decode.ts";
export {
  type OtlpReceiver,
  otlpReceiver,
  type OtlpReceiverOptions,
  type ReceivedRequest,
  type ReceiverFault,
} from "./otlp_receiver.ts";
