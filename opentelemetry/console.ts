import { type Context, type HrTime, ROOT_CONTEXT, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, hrTimeToMilliseconds } from "@opentelemetry/core";
import type { LogRecordProcessor, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type PushMetricExporter,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";
import { type CleanAttributes, cleanAttributes, describe } from "../ctx/attributes.ts";
import {
  type ConsoleMetric,
  type Distribution,
  renderLog,
  renderMetrics,
  terminalFor,
  writeToConsole,
} from "../ctx/console_format.ts";
import { type ConsoleTreeNode, ConsoleTrees } from "../ctx/console_tree.ts";
import { renderTree } from "../ctx/console_view.ts";
import type { Exception } from "../ctx/errors.ts";
import { type ObservabilityLevel, SEVERITY } from "../ctx/level.ts";
import { spanOf } from "./context/context.ts";
import type { Redactor } from "./export/redaction.ts";
import { NAME } from "./version.ts";

/** Shows each trace as a tree when its root span has ended, whoever made the spans in it. */
export class ConsoleSpanProcessor implements SpanProcessor {
  readonly #trees: ConsoleTrees = new ConsoleTrees((node) => {
    writeToConsole(renderTree(node, terminalFor("info")), "info");
  });
  /** The nodes of spans that live, and, by it, of their children: an ended span nobody holds takes its node along. */
  readonly #nodes = new WeakMap<object, ConsoleTreeNode>();

  constructor(private readonly redactor?: Redactor) {}

  onStart(span: Span, context: Parameters<SpanProcessor["onStart"]>[1]): void {
    const parent = spanOf(context);
    const node = this.#trees.open(
      parent && this.#nodes.get(parent),
      this.redactor?.text(span.name) ?? span.name,
      span.spanContext().traceId,
      {},
      hrTimeToMilliseconds(span.startTime),
    );
    this.#nodes.set(span, node);
  }

  onEnd(span: ReadableSpan): void {
    const node = this.#nodes.get(span);
    if (node === undefined) return;
    this.redactor?.span(span);
    node.name = span.name;
    node.attributes = cleanAttributes(span.attributes);
    for (const { name, attributes, time } of span.events) {
      this.#trees.event(node, name, cleanAttributes(attributes), hrTimeToMilliseconds(time));
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

/** Writes each log as a line at once, and each event that is not in the tree of its span. */
export class ConsoleLogProcessor implements LogRecordProcessor {
  constructor(
    private readonly redactor?: Redactor,
    /** Whether the events of sampled scopes are in trees. */
    private readonly eventsInTrees: boolean = false,
  ) {}

  onEmit(given: ReadableLogRecord, context: Context = ROOT_CONTEXT): void {
    const record = this.redactor?.log(given) ?? given;
    if (this.eventsInTrees && isInTree(record)) return;
    const { attributes, exception } = takeException(cleanAttributes(record.attributes));
    const level = levelOf(record.severityNumber ?? SEVERITY.info);
    const message = typeof record.body === "string" ? record.body : describe(record.body ?? record.eventName);
    const name = nameOf(spanOf(context));
    const line = renderLog(
      {
        level,
        message,
        attributes,
        exception,
        scope: name && (this.redactor?.text(name) ?? name),
        traceId: record.spanContext?.traceId,
        time: millis(record.hrTime),
      },
      terminalFor(level),
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

/** Events of scopes are on their span as well; exceptions are logs where they are not. */
function isInTree({ eventName, spanContext, instrumentationScope }: ReadableLogRecord): boolean {
  return eventName !== undefined && eventName !== "exception" && instrumentationScope.name === NAME &&
    ((spanContext?.traceFlags ?? TraceFlags.NONE) & TraceFlags.SAMPLED) !== 0;
}

/** What an export showed of a stream, for the next one to go on from. */
interface Shown {
  readonly amount: number;
  readonly at: number;
}

/** A rate over less than this says nothing. */
const MIN_RATE_MILLIS = 1000;

/** Shows the metrics that have changed as a table at each interval, and nothing at one in which none has. */
export class ConsoleMetricExporter implements PushMetricExporter {
  readonly #shown = new Map<string, Shown>();

  constructor(private readonly redactor?: Redactor) {}

  export(given: ResourceMetrics, done: (result: ExportResult) => void): void {
    const { scopeMetrics } = this.redactor?.metrics(given) ?? given;
    const rows = scopeMetrics.flatMap(({ metrics }) => metrics).flatMap((metric) => this.#changed(metric));
    if (rows.length > 0) writeToConsole(renderMetrics(rows, terminalFor("info")), "info");
    done({ code: ExportResultCode.SUCCESS });
  }

  #changed(metric: MetricData): ConsoleMetric[] {
    const { name, unit } = metric.descriptor;
    const kind = kindOf(metric);
    return metric.dataPoints.flatMap((point) => {
      const attributes = cleanAttributes(point.attributes);
      const { value } = point;
      const amount = typeof value === "number" ? value : value.count;
      const key = JSON.stringify([name, kind, unit, Object.entries(attributes).sort()]);
      const before = this.#shown.get(key);
      if (before?.amount === amount) return [];
      const at = millis(point.endTime);
      this.#shown.set(key, { amount, at });
      const seconds = (at - (before?.at ?? millis(point.startTime))) / 1000;
      const grows = (kind === "counter" || kind === "histogram") && seconds * 1000 >= MIN_RATE_MILLIS;
      return [{
        name,
        kind,
        unit,
        attributes,
        value: amount,
        ...(grows && { rate: (amount - (before?.amount ?? 0)) / seconds }),
        ...(typeof value !== "number" && { distribution: distributionOf(value) }),
      }];
    });
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

function kindOf(metric: MetricData): string {
  if (metric.dataPointType === DataPointType.GAUGE) return "gauge";
  if (metric.dataPointType !== DataPointType.SUM) return "histogram";
  return metric.isMonotonic ? "counter" : "updown";
}

/** What the buckets let be said of the values: a percentile lies within its bucket, as far in as its rank is. */
function distributionOf(values: Histogram | ExponentialHistogram): Distribution {
  const { count, sum = 0, min = 0, max = 0 } = values;
  const { boundaries, counts } = "buckets" in values ? values.buckets : { boundaries: [], counts: [] };
  const percentile = (share: number) => {
    let below = 0;
    for (const [index, inside] of counts.entries()) {
      if (inside > 0 && below + inside >= share * count) {
        const from = Math.max(min, boundaries[index - 1] ?? min);
        const to = Math.min(max, boundaries[index] ?? max);
        return from + (to - from) * (share * count - below) / inside;
      }
      below += inside;
    }
    return max;
  };
  return { average: sum / count, p50: percentile(0.5), p95: percentile(0.95), max };
}

/** The name of a span, which the spans of the SDKs tell, though the API does not. */
function nameOf(span: unknown): string | undefined {
  const name = (span as { readonly name?: unknown } | undefined)?.name;
  return typeof name === "string" ? name : undefined;
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
