import { type Attributes, type CleanAttributes, cleanAttributes, type LogAttributes } from "./attributes.ts";
import {
  consolePaint,
  type Paint,
  renderLog,
  renderMetrics,
  renderNumber,
  renderTree,
  text,
  type Write,
  writeToConsole,
} from "./console_format.ts";
import { type ConsoleTreeNode, ConsoleTrees } from "./console_tree.ts";
import { diagnoseFailure } from "./diagnostics.ts";
import { describeException, type Failure, refusal } from "./errors.ts";
import { newSpanId, newTraceId } from "./ids.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import type { EventOptions, Metric, Observability, Recorder, ScopeOptions } from "./observability.ts";

/** How {@linkcode ConsoleObservability} behaves. */
export interface ConsoleObservabilityOptions {
  /** Logs below it are left out. Default `"info"`. */
  readonly level?: ObservabilityLevel;
  /** Where lines go. Default: the method of `console` that goes with the level, without colour off a terminal. */
  readonly write?: (line: string, level: ObservabilityLevel) => void;
}

/**
 * A back end for the eye: each log as one line when it happens; each root scope, once it has ended, as a tree
 * with durations and statuses and a table of its metrics. It needs no set-up and no permission, and is what a
 * root scope has that names no back end in a program that configured none.
 *
 * ```ts
 * import { ConsoleObservability, ctx } from "@haiway/otel";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const lines: string[] = [];
 * const observability = new ConsoleObservability({ level: "debug", write: (line) => lines.push(line) });
 *
 * ctx.scope("startup", { observability }, () => ctx.logDebug("Reading the configuration"));
 *
 * assertStringIncludes(lines[0], "Reading the configuration");
 * assertStringIncludes(lines[1], "startup");
 * ```
 */
export class ConsoleObservability implements Observability {
  /** Logs below it are left out. */
  readonly level: ObservabilityLevel;
  readonly #write: Write;
  readonly #paint: Paint;
  readonly #trees: ConsoleTrees;

  /** Makes the back end; any number of root scopes may share it. */
  constructor(options: ConsoleObservabilityOptions = {}) {
    const { level = "info", write = writeToConsole } = options;
    if (!isLevel(level)) {
      throw new TypeError(
        refusal("create a ConsoleObservability", "level", "be 'debug', 'info', 'warning' or 'error'", level),
      );
    }
    this.level = level;
    this.#write = write;
    this.#paint = options.write === undefined ? consolePaint() : (_style, text) => text;
    this.#trees = new ConsoleTrees((node) => this.#say(renderTree(node, this.#paint), "info"));
  }

  /** Opens a root scope. */
  open(name: string, options: ScopeOptions): Recorder {
    const metrics = new Metrics();
    return new ConsoleRecorder(this.#trees, metrics, undefined, name, newTraceId(), options, {
      log: (log) => this.#say(renderLog(log, this.#paint), log.level),
      closed: () => {
        const rows = metrics.take();
        if (rows.length > 0) this.#say(renderMetrics(rows, this.#paint), "info");
      },
    });
  }

  #say(line: string, level: ObservabilityLevel): void {
    try {
      this.#write(line, level);
    } catch (error) {
      diagnoseFailure("write to the console", error);
    }
  }
}

interface Output {
  log(log: Parameters<typeof renderLog>[0]): void;
  closed(): void;
}

class ConsoleRecorder implements Recorder {
  readonly spanId: string = newSpanId();
  readonly traceFlags = 1;
  readonly node: ConsoleTreeNode;
  #closed = false;

  constructor(
    private readonly trees: ConsoleTrees,
    private readonly metrics: Metrics,
    private readonly parent: ConsoleRecorder | undefined,
    private readonly name: string,
    readonly traceId: string,
    options: ScopeOptions,
    private readonly output: Output,
  ) {
    const attributes = cleanAttributes(options.attributes);
    this.node = trees.open(parent?.node, name, traceId, attributes, performance.now());
  }

  open(name: string, options: ScopeOptions): Recorder {
    return new ConsoleRecorder(this.trees, this.metrics, this, name, this.traceId, options, this.output);
  }

  log(
    level: ObservabilityLevel,
    message: string,
    attributes: LogAttributes | undefined,
    failure: Failure | undefined,
  ): void {
    this.output.log({
      level,
      message: text(message),
      attributes: cleanAttributes(attributes, "exception"),
      exception: failure && describeException(failure.error),
      scope: this.name,
      traceId: this.traceId,
      time: Date.now(),
    });
  }

  metric(name: string, metric: Metric): void {
    this.metrics.record(text(name), metric);
  }

  event(name: string, event: EventOptions): void {
    this.trees.event(this.node, text(name), cleanAttributes(event.attributes));
  }

  attributes(attributes: Attributes): void {
    Object.assign(this.node.attributes, cleanAttributes(attributes));
  }

  close(failure?: Failure): void {
    if (this.#closed) return;
    this.#closed = true;
    this.node.status = failure === undefined ? "ok" : "error";
    if (failure !== undefined) {
      const { type, message } = describeException(failure.error);
      this.node.message = message || type;
    }
    this.trees.close(this.node, performance.now());
    if (this.parent === undefined) this.output.closed();
  }
}

interface Stream {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly attributes: CleanAttributes;
  count: number;
  sum: number;
  min: number;
  max: number;
  last: number;
}

/** The metrics of one root scope. */
class Metrics {
  #streams = new Map<string, Stream>();

  record(name: string, metric: Metric): void {
    const { value, kind } = metric;
    const unit = metric.unit === undefined ? "" : text(metric.unit);
    const attributes = cleanAttributes(metric.attributes);
    const key = JSON.stringify([name, kind, unit, Object.entries(attributes).sort()]);
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = { name, kind, unit, attributes, count: 0, sum: 0, min: value, max: value, last: value };
      this.#streams.set(key, stream);
    }
    stream.count++;
    stream.sum += value;
    stream.min = Math.min(stream.min, value);
    stream.max = Math.max(stream.max, value);
    stream.last = value;
  }

  /** What has been recorded, as rows of a table; the next call starts anew. */
  take(): { name: string; kind: string; unit: string; attributes: CleanAttributes; value: string }[] {
    const streams = [...this.#streams.values()];
    this.#streams = new Map();
    return streams.map((stream) => ({ ...stream, value: renderValue(stream) }));
  }
}

function renderValue({ kind, count, sum, min, max, last }: Stream): string {
  if (kind === "counter") return renderNumber(sum);
  if (kind === "gauge") return renderNumber(last);
  const average = renderNumber(sum / count);
  return `${average} avg, ${renderNumber(min)} to ${renderNumber(max)}, ${count} times`;
}
