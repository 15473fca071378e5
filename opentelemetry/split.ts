import type { Batch } from "./sender.ts";

/** An OTLP request in JSON, by its shape: resources hold scopes, scopes hold items. */
type Request = Record<string, Resource[]>;
type Resource = Record<string, unknown>;
type Item = Record<string, { dataPoints?: unknown[] } | undefined>;

/** What the lists are called in the requests of the three signals. */
const SCOPES = ["scopeSpans", "scopeLogs", "scopeMetrics"];
const ITEMS = ["spans", "logRecords", "metrics"];

/**
 * Splits a batch that is too large for the collector in two, or says that it cannot be: it holds one item, or is
 * not JSON.
 */
export async function halve(batch: Batch): Promise<Batch[]> {
  if (batch.items < 2 || batch.type !== "json") return [];
  try {
    const plain = new Blob([batch.body]).stream();
    const text = batch.compressed ? plain.pipeThrough(new DecompressionStream("gzip")) : plain;
    const request: Request = await new Response(text).json();
    const count = pick(request, () => true).count;
    const middle = Math.ceil(count / 2);
    if (count < 2) return [];
    return [(index: number) => index < middle, (index: number) => index >= middle].map((keep) => {
      const { half, items } = pick(request, keep);
      return {
        body: new TextEncoder().encode(JSON.stringify(half)),
        items,
        compressed: false,
        type: batch.type,
      };
    });
  } catch {
    return [];
  }
}

/** A request with some of its items; counts them as a collector does, metrics by their data points. */
function pick(
  request: Request,
  keep: (index: number) => boolean,
): { half: Request; count: number; items: number } {
  let count = 0;
  let items = 0;
  const mapped = (list: Resource[], key: string, change: (inner: Resource[]) => Resource[]): Resource[] =>
    list.map((entry) => ({ ...entry, [key]: change(entry[key] as Resource[]) }))
      .filter((entry) => (entry[key] as Resource[]).length > 0);
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
