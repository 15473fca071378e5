/**
 * A back end for tests: it keeps what was recorded as plain, ordered data, without globals, so that tests may
 * run in parallel.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.logInfo("Paid", { amount: 12 }));
 *
 * assertEquals(observability.scopes[0].status, "ok");
 * assertEquals(observability.logs[0].attributes, { amount: 12 });
 * ```
 *
 * @module
 */

import { type Attributes, type CleanAttributes, cleanAttributes, type LogAttributes } from "./attributes.ts";
import { text } from "./console_format.ts";
import { describeException, type Exception, type Failure, refusal } from "./errors.ts";
import { newSpanId, newTraceId } from "./ids.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import type {
  EventOptions,
  Metric,
  MetricKind,
  Observability,
  Recorder,
  ScopeKind,
  ScopeOptions,
} from "./observability.ts";

export type { Attributes, AttributeValue, CleanAttributes, CleanValue, LogAttributes } from "./attributes.ts";
export type { Exception, Failure } from "./errors.ts";
export type { ObservabilityLevel } from "./level.ts";
export type {
  EventOptions,
  Metric,
  MetricKind,
  Observability,
  Recorder,
  ScopeKind,
  ScopeOptions,
} from "./observability.ts";

/** How {@linkcode MemoryObservability} behaves. */
export interface MemoryObservabilityOptions {
  /** Logs below it are left out. Default `"debug"`: everything is kept. */
  readonly level?: ObservabilityLevel;
}

/** A scope that was opened. */
export interface RecordedScope {
  /** Its name. */
  readonly name: string;
  /** The kind of its span. */
  readonly kind: ScopeKind;
  /** Its trace: 32 lowercase hex digits. */
  readonly traceId: string;
  /** Its span: 16 lowercase hex digits. */
  readonly spanId: string;
  /** The span of the enclosing scope; missing for a root. */
  readonly parentSpanId?: string;
  /** Its attributes, those set later included. */
  readonly attributes: CleanAttributes;
  /** `"open"` until its body settles, then how that ended. */
  status: "open" | "ok" | "error";
  /** What the error said, where the status is `"error"`. */
  message?: string;
  /** The exceptions recorded on it, each once in a trace. */
  readonly exceptions: Exception[];
}

/** What every record says of the scope that it was recorded in. */
export interface RecordedIn {
  /** The name of the scope. */
  readonly scope: string;
  /** The trace of the scope. */
  readonly traceId: string;
  /** The span of the scope. */
  readonly spanId: string;
}

/** A log that was recorded. */
export interface RecordedLog extends RecordedIn {
  /** Its level. */
  readonly level: ObservabilityLevel;
  /** Its message. */
  readonly message: string;
  /** Its attributes, without `exception`. */
  readonly attributes: CleanAttributes;
  /** The exception that it is about. */
  readonly exception?: Exception;
}

/** An event that was recorded. */
export interface RecordedEvent extends RecordedIn {
  /** Its name. */
  readonly name: string;
  /** Its severity. */
  readonly level: ObservabilityLevel;
  /** Its attributes. */
  readonly attributes: CleanAttributes;
}

/** A measurement that was recorded. */
export interface RecordedMetric extends RecordedIn {
  /** The name of the metric. */
  readonly name: string;
  /** The instrument. */
  readonly kind: MetricKind;
  /** The measured value. */
  readonly value: number;
  /** The unit, if one was given. */
  readonly unit?: string;
  /** The description, if one was given. */
  readonly description?: string;
  /** The dimensions. */
  readonly attributes: CleanAttributes;
}

/**
 * A back end that keeps everything in its own properties, in the order in which it happened, as data that
 * `JSON.stringify` and a snapshot can say.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability({ level: "warning" });
 * await ctx.scope("job", { observability }, async () => {
 *   ctx.logInfo("left out");
 *   ctx.recordMetric("jobs", { value: 1, kind: "counter" });
 *   await Promise.resolve();
 * });
 *
 * assertEquals(observability.logs, []);
 * assertEquals(observability.metrics[0].name, "jobs");
 * ```
 */
export class MemoryObservability implements Observability {
  /** Logs below it are left out. */
  readonly level: ObservabilityLevel;
  /** Every scope, in the order of opening. */
  readonly scopes: RecordedScope[] = [];
  /** Every log. */
  readonly logs: RecordedLog[] = [];
  /** Every event. */
  readonly events: RecordedEvent[] = [];
  /** Every measurement. */
  readonly metrics: RecordedMetric[] = [];

  /** Makes an empty back end. */
  constructor(options: MemoryObservabilityOptions = {}) {
    const { level = "debug" } = options;
    if (!isLevel(level)) {
      throw new TypeError(
        refusal("create a MemoryObservability", "level", "be 'debug', 'info', 'warning' or 'error'", level),
      );
    }
    this.level = level;
  }

  /** Opens a root scope. */
  open(name: string, options: ScopeOptions): Recorder {
    return new MemoryRecorder(this, name, options, newTraceId(), undefined);
  }
}

class MemoryRecorder implements Recorder {
  readonly traceFlags = 1;
  readonly spanId: string = newSpanId();
  readonly #memory: MemoryObservability;
  readonly #scope: RecordedScope;
  readonly #in: RecordedIn;

  constructor(
    memory: MemoryObservability,
    name: string,
    options: ScopeOptions,
    readonly traceId: string,
    parentSpanId: string | undefined,
  ) {
    this.#memory = memory;
    this.#in = { scope: name, traceId, spanId: this.spanId };
    this.#scope = {
      name,
      kind: options.kind ?? "internal",
      traceId,
      spanId: this.spanId,
      ...(parentSpanId !== undefined && { parentSpanId }),
      attributes: cleanAttributes(options.attributes),
      status: "open",
      exceptions: [],
    };
    memory.scopes.push(this.#scope);
  }

  open(name: string, options: ScopeOptions): Recorder {
    return new MemoryRecorder(this.#memory, name, options, this.traceId, this.spanId);
  }

  log(
    level: ObservabilityLevel,
    message: string,
    attributes: LogAttributes | undefined,
    failure: Failure | undefined,
  ): void {
    const exception = this.#exception(failure);
    this.#memory.logs.push({
      ...this.#in,
      level,
      message: text(message),
      attributes: cleanAttributes(attributes, "exception"),
      ...(exception !== undefined && { exception }),
    });
  }

  metric(name: string, { value, kind, unit, description, attributes }: Metric): void {
    this.#memory.metrics.push({
      ...this.#in,
      name: text(name),
      kind,
      value,
      ...(unit !== undefined && { unit: text(unit) }),
      ...(description !== undefined && { description: text(description) }),
      attributes: cleanAttributes(attributes),
    });
  }

  event(name: string, event: EventOptions): void {
    this.#memory.events.push({
      ...this.#in,
      name: text(name),
      level: isLevel(event.level) ? event.level : "info",
      attributes: cleanAttributes(event.attributes),
    });
  }

  attributes(attributes: Attributes): void {
    Object.assign(this.#scope.attributes, cleanAttributes(attributes));
  }

  close(failure?: Failure): void {
    if (this.#scope.status !== "open") return;
    this.#scope.status = failure === undefined ? "ok" : "error";
    const exception = this.#exception(failure);
    if (exception !== undefined) this.#scope.message = exception.message;
  }

  #exception(failure: Failure | undefined): Exception | undefined {
    if (failure === undefined) return undefined;
    const exception = describeException(failure.error);
    if (failure.first) this.#scope.exceptions.push(exception);
    return exception;
  }
}
