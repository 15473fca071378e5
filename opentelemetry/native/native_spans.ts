import {
  type Attributes,
  type Context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  type Span,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { AdoptedSpan } from "./adopted_span.ts";
import { spanOf } from "../context/context.ts";
import type { LiveSpans } from "../tracing/live_spans.ts";
import { withIntegers } from "./native.ts";
import type { Engine } from "../recorder.ts";
import type { Redactor } from "../export/redaction.ts";
import { TrackedSpan } from "./tracked_span.ts";

/**
 * The spans of Deno's tracer, with what that tracer has no notion of: suppression, `tracestate`, redaction, a status
 * that can be read, and an end with the process.
 */
export function nativeSpans(
  tracer: Tracer,
  redactor: Redactor | undefined,
  live: LiveSpans | undefined,
): Pick<Engine, "startSpan" | "adopt"> {
  const adapt = (attributes: Attributes) => withIntegers(redactor?.attributes(attributes) ?? attributes);
  const text = (text: string) => redactor?.text(text) ?? text;
  const common = { adapt, text, live };
  const adaptLink = ({ attributes = {}, ...link }: Link): Link => ({
    ...link,
    attributes: adapt(attributes),
  });
  return {
    startSpan(name, kind, attributes = {}, links, context): Span {
      if (isTracingSuppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
      const parent = spanOf(context)?.spanContext();
      // Of an invalid parent Deno's tracer would make an invalid span.
      const root = parent === undefined || !isSpanContextValid(parent);
      const span = tracer.startSpan(text(name), { kind, links: links?.map(adaptLink), root }, context);
      const traceState = root ? undefined : parent.traceState;
      const identity = traceState === undefined ? span.spanContext() : { ...span.spanContext(), traceState };
      // A native span says that it records even if it is not sampled.
      if (!(identity.traceFlags & TraceFlags.SAMPLED)) return trace.wrapSpanContext(identity);
      return new TrackedSpan({ span, name, identity, attributes, ...common });
    },
    adopt(context: Context, name: string): Span | undefined {
      const span = spanOf(context);
      if (span === undefined || span instanceof TrackedSpan || !span.isRecording()) return undefined;
      return new AdoptedSpan({ span, name, identity: span.spanContext(), attributes: {}, ...common });
    },
  };
}
