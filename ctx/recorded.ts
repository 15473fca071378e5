import type { CleanAttributes } from "./attributes.ts";
import type { Exception } from "./errors.ts";
import type { ObservabilityLevel } from "./level.ts";
import type { MetricKind, ScopeKind } from "./observability.ts";

/**
 * A scope that was opened.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type RecordedScope } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability, attributes: { items: 2 } }, () => {});
 *
 * const scope: RecordedScope = observability.scopes[0];
 * assertEquals([scope.name, scope.status, scope.attributes], ["checkout", "ok", { items: 2 }]);
 * ```
 */
export interface RecordedScope {
  /** Its name, the last one if it was renamed. */
  name: string;
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

/**
 * What every record says of the scope that it was recorded in.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type RecordedIn } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.logInfo("Paid"));
 *
 * const within: RecordedIn = observability.logs[0];
 * assertEquals([within.scope, within.spanId], ["checkout", observability.scopes[0].spanId]);
 * ```
 */
export interface RecordedIn {
  /** The name of the scope. */
  readonly scope: string;
  /** The trace of the scope. */
  readonly traceId: string;
  /** The span of the scope. */
  readonly spanId: string;
}

/**
 * A log that was recorded.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type RecordedLog } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.logWarning("Slow", { ms: 900 }));
 *
 * const log: RecordedLog = observability.logs[0];
 * assertEquals([log.level, log.message, log.attributes], ["warning", "Slow", { ms: 900 }]);
 * ```
 */
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

/**
 * An event that was recorded.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type RecordedEvent } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.recordEvent("order.created", { attributes: { items: 3 } }));
 *
 * const event: RecordedEvent = observability.events[0];
 * assertEquals([event.name, event.level, event.attributes], ["order.created", "info", { items: 3 }]);
 * ```
 */
export interface RecordedEvent extends RecordedIn {
  /** Its name. */
  readonly name: string;
  /** Its severity. */
  readonly level: ObservabilityLevel;
  /** Its attributes. */
  readonly attributes: CleanAttributes;
}

/**
 * A measurement that was recorded.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type RecordedMetric } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.recordMetric("orders", { value: 1, kind: "counter" }));
 *
 * const metric: RecordedMetric = observability.metrics[0];
 * assertEquals([metric.name, metric.kind, metric.value], ["orders", "counter", 1]);
 * ```
 */
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
 * Everything that a back end for tests keeps, in the order in which it happened.
 *
 * ```ts
 * import { ctx } from "@haiway/otel";
 * import { MemoryObservability, type Recorded } from "@haiway/otel/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const observability = new MemoryObservability();
 * ctx.scope("checkout", { observability }, () => ctx.logInfo("Paid"));
 *
 * const recorded: Recorded = observability;
 * assertEquals([recorded.scopes.length, recorded.logs.length, recorded.metrics.length], [1, 1, 0]);
 * ```
 */
export interface Recorded {
  /** Every scope, in the order of opening. */
  readonly scopes: readonly RecordedScope[];
  /** Every log. */
  readonly logs: readonly RecordedLog[];
  /** Every event. */
  readonly events: readonly RecordedEvent[];
  /** Every measurement. */
  readonly metrics: readonly RecordedMetric[];
}
