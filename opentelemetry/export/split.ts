import type { Signal } from "../configuration/endpoint.ts";
import type { Batch } from "./sender.ts";
import { pickProtobuf } from "./split_protobuf.ts";

/** An OTLP request in JSON, by its shape: resources hold scopes, scopes hold items. */
type Request = Record<string, Resource[]>;
type Resource = Record<string, unknown>;
type Item = Record<string, { dataPoints?: unknown[] } | undefined>;

/** What the lists are called in the requests of the three signals. */
const SCOPES = ["scopeSpans", "scopeLogs", "scopeMetrics"];
const ITEMS = ["spans", "logRecords", "metrics"];

/** What is left of a request. */
interface Picked {
  readonly body: Uint8Array<ArrayBuffer>;
  /** How many items there were to choose from: spans, logs, metrics. */
  readonly count: number;
  /** How many a collector counts in what is left, metrics by their data points. */
  readonly items: number;
}

/** Splits a batch that is too large for the collector in two, or says that it cannot be, as it holds one item. */
export async function halve(batch: Batch, signal: Signal): Promise<Batch[]> {
  try {
    const plain = new Blob([batch.body]).stream();
    const stream = batch.compressed ? plain.pipeThrough(new DecompressionStream("gzip")) : plain;
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const pick = batch.type === "json" ? pickerOf(bytes) : pickProtobuf.bind(undefined, bytes, signal);
    const { count } = pick(() => false);
    if (count < 2) return [];
    const middle = Math.ceil(count / 2);
    return [(index: number) => index < middle, (index: number) => index >= middle].map((keep) => {
      const { body, items } = pick(keep);
      return { body, items, compressed: false, type: batch.type };
    });
  } catch {
    return [];
  }
}

function pickerOf(bytes: Uint8Array): (keep: (index: number) => boolean) => Picked {
  const request: Request = JSON.parse(new TextDecoder().decode(bytes));
  return (keep) => {
    const { half, count, items } = pick(request, keep);
    return { body: new TextEncoder().encode(JSON.stringify(half)), count, items };
  };
}

/** A request in JSON with some of its items. */
function pick(
  request: Request,
  keep: (index: number) => boolean,
): { half: Request; count: number; items: number } {
  let count = 0;
  let items = 0;
  const mapped = (list: Resource[], key: string, change: (inner: Resource[]) => Resource[]): Resource[] =>
    list.map((entry) => ({ ...entry, [key]: change(entry[key] as Resource[]) }));
  const half: Request = {};
  for (const [name, resources] of Object.entries(request)) {
    const scopes = SCOPES.find((key) => key in resources[0])!;
    half[name] = mapped(resources, scopes, (list) => {
      const leaf = ITEMS.find((key) => key in list[0])!;
      return mapped(list, leaf, (inner) =>
        inner.filter((item) => {
          if (!keep(count++)) return false;
          items += leaf === "metrics" ? pointsOf(item as Item) : 1;
          return true;
        }));
    });
  }
  return { half, count, items };
}

function pointsOf(metric: Item): number {
  return Object.values(metric).reduce((sum, data) => sum + (data?.dataPoints?.length ?? 0), 0);
}
