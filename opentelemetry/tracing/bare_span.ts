import { isSpanContextValid, type Span, type SpanContext, type TraceState } from "@opentelemetry/api";

/**
 * The identity of a span and, as a span that records nothing, what is left of one that has ended or was never sampled:
 * one object for both, as every scope needs it.
 */
export class BareSpan implements Span, SpanContext {
  constructor(
    readonly traceId: string,
    readonly spanId: string,
    readonly traceFlags: number,
    readonly traceState: TraceState | undefined,
  ) {}

  spanContext(): SpanContext {
    return this;
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}

/** The identity of a span, if it is one that can be a parent: that of a span of ours always can. */
export function identityOf(span: Span): SpanContext | undefined {
  const identity = span.spanContext();
  return identity instanceof BareSpan || isSpanContextValid(identity) ? identity : undefined;
}
