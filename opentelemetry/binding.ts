import {
  type Attributes,
  type Context,
  createNoopMeter,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  type LoggerProvider,
  type Meter,
  type MeterProvider,
  metrics,
  type Span,
  type SpanKind,
  trace,
  TraceFlags,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { diagnoseFailure } from "../ctx/diagnostics.ts";
import type { Configuration } from "./configuration.ts";
import { spanOf } from "./context.ts";
import { ForeignContexts } from "./foreign_contexts.ts";
import { Instruments } from "./instruments.ts";
import { nativeMeter, withIntegers } from "./native.ts";
import { createPrivateLogs, type PrivateLogs } from "./private_logs.ts";
import type { Pipeline } from "./providers.ts";
import type { Engine } from "./recorder.ts";
import { isNative, type Registered } from "./registered.ts";
import { NO_STATS } from "./statistics.ts";
import { TrackedSpan } from "./tracked_span.ts";
import { NAME, VERSION } from "./version.ts";

/** Makes a pipeline of what somebody else has registered in the API; what is missing there is recorded nowhere. */
export function bindPipeline(api: Registered, configuration: Configuration): Pipeline {
  const native = isNative(api);
  const tracerProvider = api.trace ?? trace.getTracerProvider();
  const meterProvider = api.metrics ?? metrics.getMeterProvider();
  const logs: PrivateLogs | undefined = api.logs === undefined
    ? createPrivateLogs(configuration, native)
    : undefined;
  const loggerProvider = api.logs ?? logs!.provider;
  const startSpan = native ? startNativeSpan : startForeignSpan;
  const tracer = tracerProvider.getTracer(NAME, VERSION);
  const engine: Engine = {
    startSpan: (name, kind, attributes, links, context) =>
      startSpan(tracer, name, kind, attributes ?? {}, links, context),
    logger: loggerProvider.getLogger(NAME, VERSION),
    instruments: new Instruments(meterOf(meterProvider, native)),
    events: configuration.events,
    exceptions: configuration.exceptions,
    contexts: api.context && new ForeignContexts(api.context),
  };
  const flush = async (): Promise<void> => {
    for (const provider of [tracerProvider, meterProvider, loggerProvider]) await flushProvider(provider);
  };
  return {
    engine,
    tracerProvider,
    meterProvider,
    loggerProvider,
    ending: logs?.ending,
    stats: () => NO_STATS,
    async forceFlush(timeoutMillis: number): Promise<void> {
      await within(flush(), timeoutMillis);
      await logs?.flush(timeoutMillis);
    },
    /** Whoever registered the providers ends them; what is the library's own ends here. */
    async shutdown(timeoutMillis: number): Promise<void> {
      await within(flush(), timeoutMillis);
      await logs?.shutdown(timeoutMillis);
    },
  };
}

/** A span of Deno's tracer, with what that tracer has no notion of: suppression, `tracestate`, a readable status. */
function startNativeSpan(
  tracer: Tracer,
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  links: Link[] | undefined,
  context: Context,
): Span {
  if (isTracingSuppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  const parent = spanOf(context)?.spanContext();
  // Of an invalid parent Deno's tracer would make an invalid span.
  const root = parent === undefined || !isSpanContextValid(parent);
  const span = tracer.startSpan(name, { kind, links: links?.map(linkWithIntegers), root }, context);
  const identity = { ...span.spanContext() };
  if (!root && parent.traceState !== undefined) identity.traceState = parent.traceState;
  // A native span says that it records even if it is not sampled.
  if (!(identity.traceFlags & TraceFlags.SAMPLED)) return trace.wrapSpanContext(identity);
  return new TrackedSpan(span, identity, attributes, withIntegers);
}

function linkWithIntegers({ attributes, ...link }: Link): Link {
  return attributes === undefined ? link : { ...link, attributes: withIntegers(attributes) };
}

/** A span of any other tracer; where its status cannot be read, the library keeps it. */
function startForeignSpan(
  tracer: Tracer,
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  links: Link[] | undefined,
  context: Context,
): Span {
  const span = tracer.startSpan(name, { kind, attributes, links }, context);
  if (!span.isRecording() || "status" in span) return span;
  return new TrackedSpan(span, span.spanContext(), {}, (attributes) => attributes);
}

function meterOf(
  provider: MeterProvider,
  native: boolean,
): Pick<Meter, keyof ReturnType<typeof nativeMeter>> {
  try {
    const meter = provider.getMeter(NAME, VERSION);
    return native ? nativeMeter(meter) : meter;
  } catch (error) {
    diagnoseFailure("bind to the registered meter provider", error);
    return createNoopMeter();
  }
}

/** The API does not know of flushing; most providers do, and that of traces is behind a proxy. */
async function flushProvider(provider: TracerProvider | MeterProvider | LoggerProvider): Promise<void> {
  const behind = provider as { getDelegate?: () => unknown; _getDelegate?: () => unknown };
  const actual = (behind.getDelegate?.() ?? behind._getDelegate?.() ?? provider) as {
    forceFlush?: () => Promise<void>;
  };
  try {
    await actual.forceFlush?.();
  } catch (error) {
    diagnoseFailure("flush a provider", error);
  }
}

async function within(promise: Promise<void>, millis: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, millis));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
