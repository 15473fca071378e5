import { type Attributes, type CleanAttributes, cleanAttributes, type LogAttributes } from "./attributes.ts";
import {
  type ConsoleMetric,
  optionalText,
  renderLog,
  renderMetrics,
  terminalFor,
  text,
  type Write,
  writeToConsole,
} from "./console_format.ts";
import { type ConsoleTreeNode, ConsoleTrees } from "./console_tree.ts";
import { renderTree } from "./console_view.ts";
import { diagnoseFailure } from "./diagnostics.ts";
import { describeException, type Exception, type Failure, refusal } from "./errors.ts";
import { newSpanId, newTraceId } from "./ids.ts";
import { isLevel, type ObservabilityLevel } from "./level.ts";
import type { EventOptions, Metric, Observability, Recorder, ScopeOptions } from "./observability.ts";
import { PLAIN, type Terminal } from "./terminal.ts";

/**
 * How {@linkcode ConsoleObservability} behaves.
 *
 * ```ts
 * import { ConsoleObservability, type ConsoleObservabilityOptions, ctx } from "@haiway/otel";
 *
 * const options: ConsoleObservabilityOptions = { level: "debug" };
 * ctx.scope("startup", { observability: new ConsoleObservability(options) }, () => ctx.logDebug("Shown"));
 * ```
 */
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
  readonly #terminal: (level: ObservabilityLevel) => Terminal;
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
    this.#terminal = options.write === undefined ? terminalFor : () => PLAIN;
    this.#trees = new ConsoleTrees((node) => this.#say((terminal) => renderTree(node, terminal), "info"));
  }

  /** Opens a root scope. */
  open(name: string, options: ScopeOptions): Recorder {
    const metrics = new Metrics();
    return new ConsoleRecorder(this.#trees, metrics, undefined, name, newTraceId(), options, {
      log: (log) => this.#say((terminal) => renderLog(log, terminal), log.level),
      closed: () => {
        const rows = metrics.take();
        if (rows.length > 0) this.#say((terminal) => renderMetrics(rows, terminal), "info");
      },
    });
  }

  #say(render: (terminal: Terminal) => string, level: ObservabilityLevel): void {
    try {
      this.#write(render(this.#terminal(level)), level);
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

  constructor(
    private readonly trees: ConsoleTrees,
    private readonly metrics: Metrics,
    parent: ConsoleRecorder | undefined,
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
    const exception = failure && describeException(failure.error);
    if (exception !== undefined && failure?.first) this.#exception(exception);
    this.output.log({
      level,
      message: text(message),
      attributes: cleanAttributes(attributes, "exception"),
      exception,
      scope: this.name,
      traceId: this.traceId,
      time: Date.now(),
    });
  }

  metric(name: string, metric: Metric): void {
    this.metrics.record(text(name), metric);
  }

  event(name: string, event: EventOptions): void {
    this.trees.event(this.node, text(name), cleanAttributes(event.attributes), performance.now());
  }

  attributes(attributes: Attributes): void {
    Object.assign(this.node.attributes, cleanAttributes(attributes));
  }

  rename(name: string): void {
    this.node.name = text(name);
  }

  close(failure?: Failure, status?: "error" | "unset"): void {
    this.node.status = failure === undefined ? status ?? "ok" : "error";
    if (failure !== undefined) {
      const exception = describeException(failure.error);
      this.node.message = exception.message || exception.type;
      if (failure.first) this.#exception(exception);
    }
    this.trees.close(this.node, performance.now());
    if (this.node.tree.shown) this.output.closed();
  }

  #exception({ type, message, stacktrace }: Exception): void {
    const attributes: CleanAttributes = { "exception.type": type, "exception.message": message };
    if (stacktrace !== undefined) attributes["exception.stacktrace"] = stacktrace;
    this.trees.event(this.node, "exception", attributes, performance.now());
  }
}

/** How many values of a histogram are kept for its percentiles; beyond them, any has the same chance to stay. */
const MAX_SAMPLES = 1000;

interface Stream extends Pick<ConsoleMetric, "name" | "kind" | "unit" | "attributes"> {
  count: number;
  sum: number;
  max: number;
  last: number;
  readonly samples: number[];
}

/** The metrics of one root scope. */
class Metrics {
  #streams = new Map<string, Stream>();

  record(name: string, metric: Metric): void {
    const { value, kind } = metric;
    const unit = optionalText(metric.unit) ?? "";
    const attributes = cleanAttributes(metric.attributes);
    const key = JSON.stringify([name, kind, unit, Object.entries(attributes).sort()]);
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = { name, kind, unit, attributes, count: 0, sum: 0, max: value, last: value, samples: [] };
      this.#streams.set(key, stream);
    }
    stream.count++;
    stream.sum += value;
    stream.max = Math.max(stream.max, value);
    stream.last = value;
    if (kind !== "histogram") return;
    const place = stream.count <= MAX_SAMPLES ? stream.count - 1 : Math.floor(Math.random() * stream.count);
    if (place < MAX_SAMPLES) stream.samples[place] = value;
  }

  /** What has been recorded, as rows of a table; the next call starts anew. */
  take(): ConsoleMetric[] {
    const streams = [...this.#streams.values()];
    this.#streams = new Map();
    return streams.map(rowOf);
  }
}

function rowOf({ name, kind, unit, attributes, count, sum, max, last, samples }: Stream): ConsoleMetric {
  const stream = { name, kind, unit, attributes };
  if (kind !== "histogram") return { ...stream, value: kind === "counter" ? sum : last };
  samples.sort((a, b) => a - b);
  const percentile = (share: number) => samples[Math.ceil(samples.length * share) - 1];
  const distribution = { average: sum / count, p50: percentile(0.5), p95: percentile(0.95), max };
  return { ...stream, value: count, distribution };
}
