import {
  type Attributes as ApiAttributes,
  type Context,
  INVALID_SPANID,
  INVALID_TRACEID,
  type Link,
  type Logger,
  type LogRecord,
  type Span,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from "@opentelemetry/api";
import { type Attributes, cleanAttributes, type LogAttributes } from "../ctx/attributes.ts";
import { text } from "../ctx/console_format.ts";
import { describeException, type Exception, type Failure } from "../ctx/errors.ts";
import { isLevel, type ObservabilityLevel, SEVERITY } from "../ctx/level.ts";
import type { EventOptions, Metric, Recorder, ScopeOptions } from "../ctx/observability.ts";
import type { OpenScope } from "../ctx/open_scope.ts";
import { now } from "./clock.ts";
import { SpanContextNode, withoutSpan } from "./context/context.ts";
import type { ForeignContexts } from "./context/foreign_contexts.ts";
import type { Instruments } from "./metrics/instruments.ts";
import { ScopeSpan } from "./tracing/span.ts";
import { TrackedSpan } from "./native/tracked_span.ts";

/** Where a kind of record goes: to the span, to the logs, or to both. */
export type Destination = "span" | "log" | "both";

/** What the recorders of one pipeline share: the parts of the API that they record through. */
export interface Engine {
  /** Starts a span with attributes that are clean and its own from now on. */
  startSpan(
    name: string,
    kind: SpanKind,
    attributes: ApiAttributes | undefined,
    links: Link[] | undefined,
    in_: Context,
  ): Span;
  readonly logger: Logger;
  readonly instruments: Instruments;
  /** Where events go. */
  readonly events: Destination;
  /** Where the exception goes that ended a scope. */
  readonly exceptions: Destination;
  /** Takes over the span that the runtime has made of a request, where the scope of the request needs none of its own. */
  readonly adopt?: (context: Context, name: string) => Span | undefined;
  /** Somebody else's context manager, in which every scope has to be current as well. */
  contexts?: ForeignContexts;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

function isKind(value: unknown): value is keyof typeof KINDS {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

const OK: SpanStatus = Object.freeze({ code: SpanStatusCode.OK });
const ERROR: SpanStatus = Object.freeze({ code: SpanStatusCode.ERROR });

/** The levels as the wire says them. */
const SEVERITY_TEXT = { debug: "DEBUG", info: "INFO", warning: "WARN", error: "ERROR" } as const;

/** Opens the span of a scope in a context. */
export function openSpan(
  engine: Engine,
  name: string,
  options: ScopeOptions,
  context: Context,
  links?: Link[],
): Span {
  const given: unknown = options.kind;
  const kind = given === undefined || !isKind(given) ? SpanKind.INTERNAL : KINDS[given];
  const attributes = options.attributes === undefined ? undefined : cleanAttributes(options.attributes);
  return engine.startSpan(name, kind, attributes, links, context);
}

/** A scope as a span; and, being one object for both, the context in which that span is current. */
export class OpenTelemetryRecorder extends SpanContextNode implements Recorder {
  declare span: Span;
  /** The scope that holds this recorder, once the context manager has seen it. */
  scope: OpenScope | undefined = undefined;

  constructor(readonly engine: Engine, span: Span, rest: Context, scoped: boolean) {
    super(span, rest, scoped);
  }

  get traceId(): string {
    const { traceId } = this.span.spanContext();
    return traceId === INVALID_TRACEID ? "" : traceId;
  }

  get spanId(): string {
    const { spanId } = this.span.spanContext();
    return spanId === INVALID_SPANID ? "" : spanId;
  }

  get traceFlags(): number {
    return this.span.spanContext().traceFlags;
  }

  /** What the context API finds current in the scope. */
  get context(): Context {
    return this;
  }

  /** Only beside somebody else's context manager is there more to enter than the storage of the scopes. */
  get enter(): Recorder["enter"] {
    return this.engine.contexts === undefined ? undefined : this.#enter;
  }

  #enter<T>(body: () => T): T {
    return this.engine.contexts!.enter(this.context, body);
  }

  open(name: string, options: ScopeOptions): Recorder {
    const span = openSpan(this.engine, name, options, this);
    return new OpenTelemetryRecorder(this.engine, span, withoutSpan(this), true);
  }

  log(
    level: ObservabilityLevel,
    message: string,
    given: LogAttributes | undefined,
    failure: Failure | undefined,
  ): void {
    const attributes = cleanAttributes(given, "exception");
    if (failure !== undefined) {
      const exception = describeException(failure.error);
      Object.assign(attributes, exceptionAttributes(exception));
      if (failure.first && this.span.isRecording()) this.#recordException(exception);
    }
    this.#emit(level, { body: text(message), attributes });
  }

  metric(name: string, metric: Metric): void {
    this.engine.instruments.record(name, metric, this.context);
  }

  event(name: string, event: EventOptions): void {
    const { events } = this.engine;
    const eventName = text(name);
    if (events !== "log" && this.span.isRecording()) {
      addEvent(this.span, eventName, cleanAttributes(event.attributes));
    }
    if (events !== "span") {
      const level = isLevel(event.level) ? event.level : "info";
      this.#emit(level, { eventName, attributes: cleanAttributes(event.attributes) });
    }
  }

  attributes(attributes: Attributes): void {
    this.span.setAttributes(cleanAttributes(attributes));
  }

  rename(name: string): void {
    this.span.updateName(text(name));
  }

  close(failure?: Failure, status?: "error" | "unset"): void {
    const { span } = this;
    if (failure !== undefined) this.#fail(failure);
    else if (status !== "unset" && !hasStatus(span)) {
      span.setStatus(status === "error" ? ERROR : OK);
    }
    span.end();
    // Whoever outlives the scope needs to know who it was; what it has recorded goes with the export.
    if (span instanceof ScopeSpan) this.span = span.identity;
  }

  #fail(failure: Failure): void {
    const { span, engine: { exceptions } } = this;
    const exception = describeException(failure.error);
    if (failure.first) {
      if (exceptions !== "log") this.#recordException(exception);
      if (exceptions !== "span") {
        const attributes = exceptionAttributes(exception);
        this.#emit("error", { eventName: "exception", body: exception.message, attributes });
      }
    }
    span.setAttribute("error.type", exception.type);
    const status = { code: SpanStatusCode.ERROR, message: exception.message || exception.type };
    if (span instanceof ScopeSpan || span instanceof TrackedSpan) span.status = status;
    else span.setStatus(status);
  }

  #recordException(exception: Exception): void {
    addEvent(this.span, "exception", exceptionAttributes(exception));
  }

  #emit(level: ObservabilityLevel, record: LogRecord): void {
    record.timestamp = now();
    record.severityNumber = SEVERITY[level];
    record.severityText = SEVERITY_TEXT[level];
    record.context = this.context;
    this.engine.logger.emit(record);
  }
}

/** Adds an event with attributes that are clean, and the event's own from now on. */
function addEvent(span: Span, name: string, attributes: ApiAttributes): void {
  if (span instanceof ScopeSpan) span.addCleanEvent(name, attributes);
  else span.addEvent(name, attributes);
}

function exceptionAttributes({ type, message, stacktrace }: Exception): Record<string, string> {
  const attributes: Record<string, string> = { "exception.type": type, "exception.message": message };
  if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
  return attributes;
}

/** Whether somebody in the body has set the status of the span; the SDKs let it be read, the API does not. */
function hasStatus(span: Span): boolean {
  const { status } = span as Span & { readonly status?: { readonly code: SpanStatusCode } };
  return status !== undefined && status.code !== SpanStatusCode.UNSET;
}
