import type {
  Attributes,
  Context,
  HrTime,
  Logger,
  LogRecord,
  SpanContext,
  TimeInput,
} from "@opentelemetry/api";
import { cleanAttributes, type InstrumentationScope } from "@opentelemetry/core";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { now } from "./clock.ts";
import { spanOf } from "./context/context.ts";
import { hrTimeOf, instantOf } from "./instant.ts";
import { identityOf } from "./tracing/bare_span.ts";
import { NO_ATTRIBUTES } from "./tracing/span.ts";

/** What the loggers of one pipeline share. */
export interface LoggingState {
  readonly resource: ReadableLogRecord["resource"];
  readonly limits: { readonly attributeCountLimit: number; readonly attributeValueLengthLimit: number };
  readonly processors: readonly { onEmit(record: ReadableLogRecord, context?: Context): void }[];
}

/**
 * The logger of the scopes: it makes records for the processors of the pipeline of what the recorder has cleaned,
 * and made its own, already. Other libraries have the logger of the SDK, before the same processors.
 */
export class ScopeLogger implements Logger {
  constructor(readonly shared: LoggingState, readonly instrumentationScope: InstrumentationScope) {}

  emit(record: LogRecord): void {
    const { context } = record;
    const span = context && spanOf(context);
    const emitted = new ScopeLogRecord(this, record, span && identityOf(span));
    for (const processor of this.shared.processors) processor.onEmit(emitted, context);
  }

  /** Whether somebody takes a record; the level is the facade's business. */
  enabled(): boolean {
    return this.shared.processors.length > 0;
  }
}

/** A log as the exporters read it: what was recorded, kept as it came; times are converted when it is exported. */
class ScopeLogRecord implements ReadableLogRecord {
  readonly spanContext: SpanContext | undefined;
  readonly severityNumber: ReadableLogRecord["severityNumber"];
  readonly severityText: string | undefined;
  readonly body: ReadableLogRecord["body"];
  readonly eventName: string | undefined;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  // Not `#private`: a redacted record is an object before this one.
  private readonly logger: ScopeLogger;
  private readonly time: number | HrTime;
  private readonly observed: number | HrTime;

  constructor(logger: ScopeLogger, record: LogRecord, spanContext: SpanContext | undefined) {
    const { timestamp, observedTimestamp, attributes } = record;
    this.logger = logger;
    this.time = timestamp === undefined ? now() : timeOf(timestamp);
    this.observed = observedTimestamp === undefined ? this.time : timeOf(observedTimestamp);
    this.spanContext = spanContext;
    this.severityNumber = record.severityNumber;
    this.severityText = record.severityText;
    this.body = record.body;
    this.eventName = record.eventName;
    const limited = attributes && limit(attributes, logger.shared.limits);
    this.attributes = limited?.attributes ?? attributes ?? NO_ATTRIBUTES;
    this.droppedAttributesCount = limited?.droppedAttributesCount ?? 0;
  }

  get hrTime(): HrTime {
    return hrTimeOf(this.time);
  }

  get hrTimeObserved(): HrTime {
    return hrTimeOf(this.observed);
  }

  get resource(): ReadableLogRecord["resource"] {
    return this.logger.shared.resource;
  }

  get instrumentationScope(): InstrumentationScope {
    return this.logger.instrumentationScope;
  }
}

/** A number is milliseconds since the epoch: the recorder has read the clock. */
function timeOf(time: TimeInput): number | HrTime {
  return typeof time === "number" ? time : instantOf(time);
}

/** What is left within the limits, if they are reached at all. */
function limit(
  attributes: Attributes,
  limits: LoggingState["limits"],
): ReturnType<typeof cleanAttributes> | undefined {
  let count = 0;
  for (const _ in attributes) count++;
  const within = count <= limits.attributeCountLimit && limits.attributeValueLengthLimit === Infinity;
  return within ? undefined : cleanAttributes(attributes, limits);
}
