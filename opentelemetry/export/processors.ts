import { TraceFlags } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import type { LogRecordProcessor, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { reason } from "../../ctx/diagnostics.ts";
import { Batches } from "./batches.ts";
import type { Batching } from "../configuration/batching.ts";
import { type Delivery, within } from "./delivery.ts";
import type { Counts } from "./statistics.ts";
import { weighLog, weighSpan } from "./weight.ts";

/** What an exporter of spans and one of logs have in common. */
interface Exporter<T> {
  export(items: T[], done: (result: ExportResult) => void): void;
  forceFlush?(): Promise<void>;
}

/** What both processors are: batches before an exporter. */
class BatchProcessor<T> {
  readonly batches: Batches<T>;
  readonly #exporter: Exporter<T>;
  readonly #timeoutMillis: number;
  #open = true;

  constructor(
    exporter: Exporter<T>,
    batching: Batching,
    delivery: Delivery | undefined,
    weigh: (item: T) => number,
  ) {
    this.#exporter = exporter;
    this.#timeoutMillis = batching.exportTimeoutMillis;
    this.batches = new Batches({
      take: (items) => {
        try {
          exporter.export(items, () => {});
        } catch (error) {
          delivery?.counts.drop(items.length, "encoding", `they cannot be exported: ${reason(error)}`);
        }
      },
      hasRoom: () => delivery?.hasRoom ?? true,
      overflow: () => delivery && overflow(delivery.counts),
      weigh,
    }, batching);
  }

  async forceFlush(): Promise<void> {
    await this.batches.flush();
    await within(this.#exporter.forceFlush?.() ?? Promise.resolve(), this.#timeoutMillis);
  }

  /** The delivery behind the exporter is shut down by the pipeline, which knows how long that may take. */
  async shutdown(): Promise<void> {
    this.#open = false;
    await this.batches.flush();
    this.batches.drain();
  }

  protected add(item: T): void {
    if (this.#open) this.batches.add(item);
  }
}

/** Batches ended spans that are sampled. */
export class SpanBatchProcessor extends BatchProcessor<ReadableSpan> implements SpanProcessor {
  started = 0;
  ended = 0;

  constructor(exporter: Exporter<ReadableSpan>, batching: Batching, delivery?: Delivery) {
    super(exporter, batching, delivery, weighSpan);
  }

  onStart(): void {
    this.started++;
  }

  onEnd(span: ReadableSpan): void {
    this.ended++;
    if (span.spanContext().traceFlags & TraceFlags.SAMPLED) this.add(span);
  }
}

/** Batches logs. */
export class LogBatchProcessor extends BatchProcessor<ReadableLogRecord> implements LogRecordProcessor {
  constructor(exporter: Exporter<ReadableLogRecord>, batching: Batching, delivery?: Delivery) {
    super(exporter, batching, delivery, weighLog);
  }

  onEmit(record: ReadableLogRecord): void {
    this.add(record);
  }
}

/** A burst can drop a million, one by one: only the first is worth words. */
function overflow(counts: Counts): void {
  if (counts.drops.has("queue_full")) counts.dropMore(1, "queue_full");
  else counts.drop(1, "queue_full", "they came faster than they could be sent");
}
