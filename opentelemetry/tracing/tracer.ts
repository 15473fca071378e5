import {
  type Attributes,
  type Context,
  context as contextApi,
  type HrTime,
  INVALID_SPAN_CONTEXT,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  trace,
  TraceFlags,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { cleanAttributes, type InstrumentationScope, isTracingSuppressed } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  type Sampler,
  SamplingDecision,
  type SpanLimits,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { newSpanId, newTraceId } from "../../ctx/ids.ts";
import { now } from "../clock.ts";
import { spanOf, withoutSpan } from "../context/context.ts";
import { BareSpan, identityOf } from "./bare_span.ts";
import type { LiveSpans } from "./live_spans.ts";
import { instantOf } from "../instant.ts";
import { NO_ATTRIBUTES, ScopeSpan } from "./span.ts";

/** What the tracers of one provider share. */
export interface TracingState {
  readonly resource: Resource;
  readonly sampler: Sampler;
  /** Whether the sampler decides below a local span as was decided for that span. */
  readonly parentBased: boolean;
  readonly limits: Required<SpanLimits>;
  readonly processors: readonly SpanProcessor[];
  /** Knows the open spans, where they are to be ended with the process. */
  readonly live?: LiveSpans;
}

const NO_LIMITS = { attributeCountLimit: Infinity, attributeValueLengthLimit: Infinity };
const NO_LINKS: Link[] = [];

/** A tracer of the API that makes {@linkcode ScopeSpan}s, with the SDK's sampler, limits and processors. */
export class ScopeTracer implements Tracer {
  constructor(readonly shared: TracingState, readonly instrumentationScope: InstrumentationScope) {}

  startSpan(name: string, options: SpanOptions = {}, context: Context = contextApi.active()): Span {
    const parent = options.root ? trace.deleteSpan(context) : context;
    const { attributes = NO_ATTRIBUTES, droppedAttributesCount } = readAttributes(options);
    const start = options.startTime === undefined ? undefined : instantOf(options.startTime);
    return this.open(
      name,
      options.kind ?? SpanKind.INTERNAL,
      attributes,
      options.links,
      parent,
      start,
      droppedAttributesCount,
    );
  }

  startActiveSpan<F extends (span: Span) => ReturnType<F>>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => ReturnType<F>>(
    name: string,
    options: SpanOptions,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => ReturnType<F>>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => ReturnType<F>>(
    name: string,
    ...rest: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F> {
    const fn = rest[rest.length - 1] as F;
    const options = rest.length > 1 ? rest[0] as SpanOptions : {};
    const parent = (rest.length > 2 ? rest[1] as Context | undefined : undefined) ?? contextApi.active();
    const span = this.startSpan(name, options, parent);
    return contextApi.with(trace.setSpan(parent, span), fn, undefined, span);
  }

  /** Starts a span with attributes that are clean and the span's own from now on, or {@linkcode NO_ATTRIBUTES}. */
  open(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[] | undefined,
    context: Context,
    start?: number | HrTime,
    dropped: number = 0,
  ): Span {
    if (isSuppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    const { sampler, parentBased, limits, processors, live } = this.shared;
    const above = spanOf(context);
    const parent = above === undefined ? undefined : identityOf(above);
    const traceId = parent === undefined ? newTraceId() : parent.traceId;
    let { traceState } = parent ?? {};
    let flags = TraceFlags.SAMPLED;
    // Below a span of this process a parent-based sampler says what it said of that one: no need to ask it.
    if (parentBased && above instanceof BareSpan && above.traceFlags === TraceFlags.NONE) {
      return new BareSpan(traceId, newSpanId(), TraceFlags.NONE, traceState);
    }
    if (!parentBased || !(parent instanceof BareSpan) || parent.traceFlags !== TraceFlags.SAMPLED) {
      const sampling = sampler.shouldSample(context, traceId, name, kind, attributes, links ?? NO_LINKS);
      if (sampling.traceState !== undefined) traceState = sampling.traceState;
      if (sampling.decision !== SamplingDecision.RECORD_AND_SAMPLED) flags = TraceFlags.NONE;
      if (sampling.decision === SamplingDecision.NOT_RECORD) {
        return new BareSpan(traceId, newSpanId(), flags, traceState);
      }
      if (sampling.attributes !== undefined) {
        const all = cleanAttributes({ ...attributes, ...sampling.attributes }, limits);
        attributes = all.attributes ?? NO_ATTRIBUTES;
        dropped += all.droppedAttributesCount ?? 0;
      }
    }
    let count = 0;
    for (const _ in attributes) count++;
    const limited = count > limits.attributeCountLimit || limits.attributeValueLengthLimit !== Infinity;
    const span = new ScopeSpan(
      this,
      name,
      kind,
      new BareSpan(traceId, newSpanId(), flags, traceState),
      parent,
      limited ? NO_ATTRIBUTES : attributes,
      limited ? 0 : count,
      start ?? now(),
      dropped,
    );
    if (limited) span.setAttributes(attributes);
    if (links !== undefined) span.addLinks(links);
    live?.open(span);
    for (const processor of processors) processor.onStart(span, context);
    return span;
  }
}

/** Whether somebody up the context wants no spans; a context that holds nothing but a span need not be searched. */
function isSuppressed(context: Context): boolean {
  return withoutSpan(context) !== ROOT_CONTEXT && isTracingSuppressed(context);
}

/** A copy of what a library gave; a getter of its that throws must not cost the library its span. */
function readAttributes({ attributes }: SpanOptions): ReturnType<typeof cleanAttributes> {
  try {
    return cleanAttributes(attributes, NO_LIMITS);
  } catch (error) {
    diagnoseFailure("read the attributes of a span", error);
    return {};
  }
}

/** The provider that the API is given: a tracer for each library, all of one pipeline. */
export class ScopeTracerProvider implements TracerProvider {
  readonly #tracers = new Map<string, ScopeTracer>();

  constructor(readonly shared: TracingState) {}

  getTracer(name: string, version?: string, options?: { schemaUrl?: string }): ScopeTracer {
    const key = JSON.stringify([name, version, options?.schemaUrl]);
    let tracer = this.#tracers.get(key);
    if (tracer === undefined) {
      const scope = { name: name ?? "", version, schemaUrl: options?.schemaUrl };
      tracer = new ScopeTracer(this.shared, scope);
      this.#tracers.set(key, tracer);
    }
    return tracer;
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.shared.processors.map((processor) => processor.forceFlush()));
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.shared.processors.map((processor) => processor.shutdown()));
  }
}
