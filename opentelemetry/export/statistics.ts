import { diagnose } from "../../ctx/diagnostics.ts";
import type { Signal } from "../configuration/endpoint.ts";

/**
 * Why something was given up:
 *
 * - `queue_full`: it came faster than it could be put into batches, and the buffer was full;
 * - `buffer_full`: the collector was away for longer than the buffer lasts;
 * - `refused`: the collector answered a status that is not worth another try;
 * - `rejected`: the collector took the rest of the batch, and not these;
 * - `shutdown`: the collector did not take it before the end;
 * - `encoding`: it could not be encoded;
 * - `spool_full`: the spool on the disk had no more room;
 * - `unreadable`: what was in the spool was damaged.
 *
 * ```ts
 * import { type DropReason, OpenTelemetry } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const lost = (reason: DropReason) => OpenTelemetry.stats().traces.dropped[reason] ?? 0;
 * assertEquals(lost("queue_full"), 0);
 * ```
 */
export type DropReason =
  | "queue_full"
  | "buffer_full"
  | "refused"
  | "rejected"
  | "shutdown"
  | "encoding"
  | "spool_full"
  | "unreadable";

/**
 * What became of one signal: see {@linkcode Stats}.
 *
 * ```ts
 * import { OpenTelemetry, type SignalStats } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const traces: SignalStats = OpenTelemetry.stats().traces;
 * assertEquals([traces.created, traces.exported, traces.queued], [0, 0, 0]);
 * ```
 */
export interface SignalStats {
  /**
   * How many came to be exported: spans that ended and are sampled, logs, data points of metrics; and those that an
   * earlier process has left in the spool.
   */
  readonly created: number;
  /** How many the collector has taken. */
  readonly exported: number;
  /** How many wait in the process, those on the way to the collector included. */
  readonly queued: number;
  /** How many lie on the disk for a later try; see the option `spool`. */
  readonly spooled: number;
  /** How many of those created an earlier process has left in the spool. */
  readonly recovered: number;
  /** How many were given up, by the reason; a reason that did not occur is missing. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** How many requests failed, those included that were tried again. */
  readonly failures: number;
  /** How many batches were done with, whatever came of them. */
  readonly exports: number;
  /** How long they took, from the first try to the last answer, in milliseconds. */
  readonly exportMillis: number;
}

/**
 * What became of everything that was recorded, of each signal that is exported over OTLP. At any time, `created` is
 * the sum of `exported`, `queued`, `spooled` and all that was `dropped`.
 *
 * ```ts
 * import { OpenTelemetry, type Stats } from "@haiway/otel";
 *
 * // A health check that tells whether telemetry is lost.
 * const isWhole = ({ traces, metrics, logs }: Stats) =>
 *   [traces, metrics, logs].every(({ dropped }) => Object.keys(dropped).length === 0);
 * console.log(isWhole(OpenTelemetry.stats()));
 * ```
 */
export interface Stats {
  /** Spans. */
  readonly traces: SignalStats;
  /** Data points of metrics. */
  readonly metrics: SignalStats;
  /** Logs and events. */
  readonly logs: SignalStats;
}

/** What a signal is counted in. */
export const NOUN: Record<Signal, string> = { traces: "spans", metrics: "data points", logs: "logs" };

/** Which option helps against a loss. */
export const HELP: Partial<Record<DropReason, string>> = {
  queue_full: "a lower 'sampling' or a larger OTEL_BSP_MAX_QUEUE_SIZE helps",
  buffer_full: "'spool' keeps them on the disk",
  shutdown: "'spool' keeps them for the next start, and 'shutdownTimeoutMillis' is how long it waits",
  spool_full: "free the disk, or let a process send what lies there",
};
const STATUS_HELP: Record<string, string> = {
  "HTTP 401": "check 'otlpHeaders'",
  "HTTP 403": "check 'otlpHeaders'",
  "HTTP 404": "check 'otlpEndpoint'",
  "HTTP 413": "'limits' keep a record small",
};

/** The end of an export, whatever came of it. */
export type OnExport = (seconds: number, error: string | undefined) => void;

/** The counters of one signal: numbers that are added to, and asked for when somebody wants to know. */
export class Counts {
  delivered = 0;
  spooled = 0;
  recovered = 0;
  failures = 0;
  exports = 0;
  exportMillis = 0;
  readonly drops: Map<DropReason, number> = new Map();
  /** Told of each export, where metrics of the library itself are asked for. */
  onExport: OnExport | undefined = undefined;
  #unsaid = 0;

  constructor(readonly signal: Signal) {}

  get dropped(): number {
    return this.drops.values().reduce((sum, items) => sum + items, 0);
  }

  /** Counts what is given up, and says so: the first of a kind at once, and what more there was in the end. */
  drop(items: number, reason: DropReason, why: string): void {
    if (this.drops.has(reason)) this.dropMore(items, reason);
    else this.drops.set(reason, items);
    const help = HELP[reason] ?? STATUS_HELP[why.match(/HTTP \d+/)?.[0] ?? ""];
    diagnose(
      `drop:${this.signal}:${reason === "refused" ? why : reason}`,
      `Dropped ${items} ${NOUN[this.signal]} (${this.dropped} in all): ${why}${help ? `; ${help}` : ""}`,
    );
  }

  /** Counts what is given up as others were before, and says nothing. */
  dropMore(items: number, reason: DropReason): void {
    this.drops.set(reason, this.drops.get(reason)! + items);
    this.#unsaid += items;
  }

  /** Books a batch that is done with. */
  finish(triedAt: number | undefined, error: string | undefined): void {
    const millis = performance.now() - (triedAt ?? performance.now());
    this.exports++;
    this.exportMillis += millis;
    this.onExport?.(millis / 1000, error);
  }

  /** Says the whole of what was lost, where the lines until then did not. */
  sum(): void {
    if (this.#unsaid === 0) return;
    this.#unsaid = 0;
    const reasons = [...this.drops].map(([reason, items]) => `${items} ${reason}`).join(", ");
    diagnose(`sum:${this.signal}`, `Dropped ${this.dropped} ${NOUN[this.signal]} in all: ${reasons}`);
  }
}

/** A part of the pipeline in which items wait for the delivery. */
interface Processor {
  readonly batches: { readonly created: number; readonly queued: number; readonly capacity: number };
}

/** Where the numbers are read from. */
export interface Sources {
  readonly spans?: Processor & { readonly started: number; readonly ended: number };
  readonly logs?: Processor;
  readonly deliveries: readonly {
    readonly signal: Signal;
    readonly counts: Counts;
    readonly queued: number;
    /** What the semantic conventions say of an exporter. */
    readonly component: Readonly<Record<string, string | number>>;
  }[];
}

/** The numbers as data. */
export function readStats({ spans, logs, deliveries }: Sources): Stats {
  const read = (signal: Signal, batches?: Processor["batches"]): SignalStats => {
    const delivery = deliveries.find((delivery) => delivery.signal === signal);
    const { delivered = 0, spooled = 0, recovered = 0, failures = 0, exports = 0, exportMillis = 0 } =
      delivery?.counts ??
        {};
    const waiting = delivery?.queued ?? 0;
    return {
      created: batches
        ? batches.created + recovered
        : delivered + spooled + waiting + (delivery?.counts.dropped ?? 0),
      exported: delivered,
      queued: waiting + (batches?.queued ?? 0),
      spooled,
      recovered,
      dropped: Object.fromEntries(delivery?.counts.drops ?? []),
      failures,
      exports,
      exportMillis: Math.round(exportMillis),
    };
  };
  return {
    traces: read("traces", spans?.batches),
    metrics: read("metrics"),
    logs: read("logs", logs?.batches),
  };
}

/** What there is to say before anything was set up. */
export const NO_STATS: Stats = readStats({ deliveries: [] });
