import type { HrTime } from "@opentelemetry/api";
import { SpanStatusCode } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, hrTimeToMilliseconds } from "@opentelemetry/core";
import type { LogRecordProcessor, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";
import { type CleanAttributes, cleanAttributes, describe } from "../ctx/attributes.ts";
import {
  type ConsoleMetric,
  consolePaint,
  renderLog,
  renderMetrics,
  renderNumber,
  renderTree,
  writeToConsole,
} from "../ctx/console_format.ts";
import { type ConsoleTreeNode, ConsoleTrees } from "../ctx/console_tree.ts";
import type { Exception } from "../ctx/errors.ts";
import { type ObservabilityLevel, SEVERITY } from "../ctx/level.ts";
import { spanOf } from "./context.ts";

/** Shows each trace as a tree when its root span has ended, whoever made the spans in it. */
export class ConsoleSpanProcessor implements SpanProcessor {
  readonly #trees: ConsoleTrees = new ConsoleTrees((node) => {
    writeToConsole(renderTree(node, consolePaint()), "info");
  });
  /** The nodes of spans that live, and, by it, of their children: an ended span nobody holds takes its node along. */
  readonly #nodes = new WeakMap<object, ConsoleTreeNode>();

  onStart(span: Span, context: Parameters<SpanProcessor["onStart"]>[1]): void {
    const parent = spanOf(context);
    const node = this.#trees.open(
      parent && this.#nodes.get(parent),
      span.name,
      span.spanContext().traceId,
      {},
      hrTimeToMilliseconds(span.startTime),
    );
    this.#nodes.set(span, node);
  }

  onEnd(span: ReadableSpan): void {
    const node = this.#nodes.get(span);
    if (node === undefined) return;
    node.attributes = cleanAttributes(span.attributes);
    for (const { name, attributes } of span.events) {
      this.#trees.event(node, name, cleanAttributes(attributes));
    }
    for (const { context } of span.links) node.links.push(context.traceId);
    const { code, message } = span.status;
    node.status = code === SpanStatusCode.ERROR ? "error" : code === SpanStatusCode.OK ? "ok" : "unset";
    if (message !== undefined) node.message = message;
    this.#trees.close(node, hrTimeToMilliseconds(span.endTime));
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Writes each log as a line at once; events are in the tree of their span. */
export class ConsoleLogProcessor implements LogRecordProcessor {
  onEmit(record: ReadableLogRecord): void {
    if (record.eventName !== undefined && record.spanContext !== undefined) return;
    const { attributes, exception } = takeException(cleanAttributes(record.attributes));
    const level = levelOf(record.severityNumber ?? SEVERITY.info);
    const message = typeof record.body === "string" ? record.body : describe(record.body ?? record.eventName);
    const line = renderLog(
      {
        level,
        message,
        attributes,
        exception,
        traceId: record.spanContext?.traceId,
        time: millis(record.hrTime),
      },
      consolePaint(),
    );
    writeToConsole(line, level);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Shows the metrics as a table at each interval in which one of them has changed. */
export class ConsoleMetricExporter implements PushMetricExporter {
  #shown = "";

  export({ scopeMetrics }: ResourceMetrics, done: (result: ExportResult) => void): void {
    const rows = scopeMetrics.flatMap(({ metrics }) => metrics).flatMap(rowsOf);
    const table = renderMetrics(rows, consolePaint());
    if (rows.length > 0 && table !== this.#shown) writeToConsole(table, "info");
    this.#shown = table;
    done({ code: ExportResultCode.SUCCESS });
  }

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const KIND = {
  [DataPointType.SUM]: "counter",
  [DataPointType.GAUGE]: "gauge",
  [DataPointType.HISTOGRAM]: "histogram",
  [DataPointType.EXPONENTIAL_HISTOGRAM]: "histogram",
} as const;

function rowsOf(metric: MetricData): ConsoleMetric[] {
  const { name, unit } = metric.descriptor;
  const kind = KIND[metric.dataPointType];
  return metric.dataPoints.map(({ attributes, value }) => ({
    name,
    kind,
    unit,
    attributes: cleanAttributes(attributes),
    value: typeof value === "number" ? renderNumber(value) : renderDistribution(value),
  }));
}

function renderDistribution(
  { count, sum, min, max }: { count: number; sum?: number; min?: number; max?: number },
): string {
  const average = renderNumber((sum ?? 0) / count);
  return `${average} avg, ${renderNumber(min ?? 0)} to ${renderNumber(max ?? 0)}, ${count} times`;
}

function levelOf(severity: number): ObservabilityLevel {
  if (severity < SEVERITY.info) return "debug";
  if (severity < SEVERITY.warning) return "info";
  return severity < SEVERITY.error ? "warning" : "error";
}

/** The exception of a log is shown as its stack, not as attributes. */
function takeException(given: CleanAttributes): { attributes: CleanAttributes; exception?: Exception } {
  const {
    "exception.type": type,
    "exception.message": message,
    "exception.stacktrace": stacktrace,
    ...attributes
  } = given;
  if (type === undefined) return { attributes };
  const exception = { type: String(type), message: String(message) };
  return {
    attributes,
    exception: stacktrace === undefined ? exception : { ...exception, stacktrace: String(stacktrace) },
  };
}

function millis(time: HrTime): number {
  return hrTimeToMilliseconds(time);
}
