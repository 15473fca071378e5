import type { Attributes, Context } from "@opentelemetry/api";
import { type Attributes as GivenAttributes, cleanAttributes } from "../../ctx/attributes.ts";

/** Takes a measurement with attributes that are clean, and the instrument's own from now on. */
export type Measure = (value: number, attributes: Attributes, context: Context) => void;

/** The inside of an instrument of the SDK, as far as it is needed to find a sum again; its version is pinned. */
interface Storage {
  readonly _attributesProcessor?: unknown;
  readonly _deltaMetricStorage?: { readonly _activeCollectionStorage: Accumulations };
}
/** The sums since the last collection, which puts new ones in their place. */
interface Accumulations {
  get(attributes: Attributes): Accumulation | undefined;
}
interface Accumulation {
  record(value: number): void;
}

/** One combination of attributes, and the sum that it went to last. */
interface Stream {
  readonly attributes: Attributes;
  /** In which interval between two collections that was. */
  interval: number;
  accumulation: Accumulation | undefined;
}

/** A place on the way to a stream: one attribute for each step. */
interface Node {
  /** The attribute that mostly comes next, and where its values lead. */
  key: string | undefined;
  values: Map<unknown, Node> | undefined;
  others: Map<string, Map<unknown, Node>> | undefined;
  stream: Stream | undefined;
}

/** Beyond this many the attributes are of no use as dimensions, and the way is made anew. */
const MAX_NODES = 10_000;
const NEVER = 0;

/**
 * The streams of one instrument. The SDK makes a string of the attributes for each measurement, to find the sum that
 * it goes to; here the sum is found by the attributes themselves, which need no copy then. The first measurement of
 * each collection goes through the SDK, with its limits and its times; so does each where a view wants the attributes
 * changed, where the limit of combinations is reached, or where the instrument is none of the SDK's.
 */
export class Streams {
  readonly #measure: Measure;
  readonly #storage: Storage | undefined;
  #root: Node = newNode();
  #nodes = 0;
  #current: Accumulations | undefined;
  #interval = 0;

  constructor(instrument: object, measure: Measure) {
    this.#measure = measure;
    const storage = (instrument as { readonly _writableMetricStorage?: Storage })._writableMetricStorage;
    const plain = storage?._deltaMetricStorage !== undefined && storage._attributesProcessor === undefined;
    this.#storage = plain ? storage : undefined;
  }

  record(value: number, given: GivenAttributes | undefined, context: Context): void {
    const stream = this.#storage && this.#find(given);
    if (stream === undefined) return this.#measure(value, cleanAttributes(given), context);
    const current = this.#storage!._deltaMetricStorage!._activeCollectionStorage;
    if (current !== this.#current) {
      this.#current = current;
      this.#interval++;
    }
    if (stream.interval === this.#interval) return stream.accumulation!.record(value);
    this.#measure(value, stream.attributes, context);
    stream.accumulation = current.get(stream.attributes);
    stream.interval = stream.accumulation === undefined ? NEVER : this.#interval;
  }

  /** The stream of attributes that are clean as they are; whoever else they belong to. */
  #find(given: GivenAttributes | undefined): Stream | undefined {
    try {
      let node = this.#root;
      for (const key in given) {
        if (!Object.hasOwn(given, key)) continue;
        const value = given[key];
        if (!isSimple(value) || key === "" || key === "__proto__") return undefined;
        const known = node.key === key ? node.values!.get(value) : undefined;
        node = known ?? this.#grow(node, key, value);
      }
      return node.stream ??= {
        attributes: cleanAttributes(given),
        interval: NEVER,
        accumulation: undefined,
      };
    } catch {
      return undefined;
    }
  }

  #grow(node: Node, key: string, value: unknown): Node {
    if (node.key === undefined) {
      node.key = key;
      node.values = new Map();
    }
    let values = node.values!;
    if (node.key !== key) {
      const others = node.others ??= new Map();
      values = others.get(key) ?? new Map();
      others.set(key, values);
    }
    let next = values.get(value);
    if (next === undefined) {
      values.set(value, next = newNode());
      if (++this.#nodes > MAX_NODES) {
        this.#root = newNode();
        this.#nodes = 0;
      }
    }
    return next;
  }
}

function newNode(): Node {
  return { key: undefined, values: undefined, others: undefined, stream: undefined };
}

function isSimple(value: unknown): boolean {
  const type = typeof value;
  return type === "string" || type === "boolean" || (type === "number" && Number.isFinite(value));
}
