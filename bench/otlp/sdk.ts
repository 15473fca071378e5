import { SpanStatusCode, trace } from "@opentelemetry/api";
import { configureByHand } from "../sdk_pipeline.ts";
import { drive } from "./drive.ts";

const provider = configureByHand(Deno.args[0]);
const tracer = trace.getTracer("bench", "1");

await drive(
  () =>
    tracer.startActiveSpan("work", {
      attributes: { "user.id": "user-456", "user.role": "admin", items: 3, retry: false },
    }, async (span) => {
      try {
        await null;
        span.setStatus({ code: SpanStatusCode.OK });
      } catch (error) {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
        throw error;
      } finally {
        span.end();
      }
    }),
  () => provider.forceFlush(),
);
