import { type Attributes, cleanAttributes, type LogAttributes } from "./attributes.ts";
import { optionalText, text } from "./console_format.ts";
import { describeException, type Exception, type Failure } from "./errors.ts";
import { newSpanId } from "./ids.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import type { EventOptions, Metric, Recorder, ScopeOptions } from "./observability.ts";
import type { RecordedEvent, RecordedIn, RecordedLog, RecordedMetric, RecordedScope } from "./recorded.ts";

/** Where the records go. */
interface Memory {
  readonly scopes: RecordedScope[];
  readonly logs: RecordedLog[];
  readonly events: RecordedEvent[];
  readonly metrics: RecordedMetric[];
}

/** Records one scope in the arrays of a back end for tests. */
export class MemoryRecorder implements Recorder {
  readonly traceFlags = 1;
  readonly spanId: string = newSpanId();
  readonly #memory: Memory;
  readonly #scope: RecordedScope;
  readonly #in: RecordedIn;

  constructor(
    memory: Memory,
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

  metric(name: string, { value, kind, attributes, ...given }: Metric): void {
    const unit = optionalText(given.unit);
    const description = optionalText(given.description);
    this.#memory.metrics.push({
      ...this.#in,
      name: text(name),
      kind,
      value,
      ...(unit !== undefined && { unit }),
      ...(description !== undefined && { description }),
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

  rename(name: string): void {
    this.#scope.name = text(name);
  }

  close(failure?: Failure, status?: "error" | "unset"): void {
    this.#scope.status = failure === undefined && status !== "error" ? "ok" : "error";
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
