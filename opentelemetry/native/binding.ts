import {
  createNoopMeter,
  type LoggerProvider,
  type Meter,
  type MeterProvider,
  metrics,
  type Span,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { diagnose, diagnoseFailure } from "../../ctx/diagnostics.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { Ending } from "../exit/ending.ts";
import { ForeignContexts } from "../context/foreign_contexts.ts";
import { Instruments } from "../metrics/instruments.ts";
import { LiveSpans } from "../tracing/live_spans.ts";
import { nativeMeter } from "./native.ts";
import { nativeSpans } from "./native_spans.ts";
import { createPrivateLogs, type PrivateLogs } from "./private_logs.ts";
import type { Pipeline } from "../providers.ts";
import type { Engine } from "../recorder.ts";
import { isNative, type Registered } from "./registered.ts";
import type { Redactor } from "../export/redaction.ts";
import { NO_STATS } from "../export/statistics.ts";
import { TrackedSpan } from "./tracked_span.ts";
import { NAME, VERSION } from "../version.ts";

/** Makes a pipeline of what somebody else has registered in the API; what is missing there is recorded nowhere. */
export function bindPipeline(api: Registered, configuration: Configuration): Pipeline {
  const native = isNative(api);
  const tracerProvider = api.trace ?? trace.getTracerProvider();
  const meterProvider = api.metrics ?? metrics.getMeterProvider();
  const logs: PrivateLogs | undefined = api.logs === undefined
    ? createPrivateLogs(configuration, native)
    : undefined;
  const loggerProvider = api.logs ?? logs!.provider;
  if (!native && api.trace !== undefined && api.logs === undefined) {
    diagnose(
      "autoconfigure:logs",
      "No logger provider is registered beside the tracer provider: logs go to the console",
    );
  }
  const tracer = tracerProvider.getTracer(NAME, VERSION);
  const live = native && configuration.handleExit
    ? new LiveSpans(configuration.environment === "development")
    : undefined;
  const engine: Engine = {
    ...(native ? nativeSpans(tracer, configuration.redactor, live) : foreignSpans(tracer)),
    logger: loggerProvider.getLogger(NAME, VERSION),
    instruments: new Instruments(meterOf(meterProvider, native, configuration.redactor)),
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
    ending: new Ending({ queues: [], deliveries: [], ...logs, live }),
    stats: () => logs?.stats() ?? NO_STATS,
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

/** The spans of any other tracer; where their status cannot be read, the library keeps it. */
function foreignSpans(tracer: Tracer): Pick<Engine, "startSpan"> {
  const same = <T>(given: T): T => given;
  return {
    startSpan(name, kind, attributes, links, context): Span {
      const span = tracer.startSpan(name, { kind, attributes, links }, context);
      if (!span.isRecording() || "status" in span) return span;
      const identity = span.spanContext();
      return new TrackedSpan({ span, name, identity, attributes: {}, adapt: same, text: same });
    },
  };
}

function meterOf(provider: MeterProvider, native: boolean, redactor: Redactor | undefined): Meter {
  try {
    const meter = provider.getMeter(NAME, VERSION);
    return native ? nativeMeter(meter, redactor) : meter;
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
