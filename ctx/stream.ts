import type { Attributes } from "./attributes.ts";
import { diagnoseFailure } from "./diagnostics.ts";
import type { OpenScope } from "./open_scope.ts";
import { currentScope, endScope, failScope, openScope, runIn, runWithin } from "./scope.ts";

/**
 * What `ctx.stream` makes an `AsyncIterable` of: one, or a function that gives one at the first pull.
 *
 * ```ts
 * import { ctx, type StreamSource } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const source: StreamSource<string> = async function* () {
 *   yield await Promise.resolve("Hello");
 * };
 * for await (const token of ctx.stream("completion", source)) assertEquals(token, "Hello");
 * ```
 */
export type StreamSource<T> = AsyncIterable<T> | (() => AsyncIterable<T>);

/** Wraps a source in a scope that lives from the first pull to the end of the consumption. */
export function openStream<T>(name: string, source: StreamSource<T>): AsyncIterable<T> {
  const parent = currentScope();
  if (source instanceof ReadableStream) return wrapReadable(name, source as ReadableStream<T>, parent);
  const produce = typeof source === "function" ? source : () => source;
  return {
    [Symbol.asyncIterator]: () => {
      const start = () => produce()[Symbol.asyncIterator]();
      return new ScopedIterator(new Consumption(name, start, parent));
    },
  };
}

function wrapReadable<T>(name: string, source: ReadableStream<T>, parent?: OpenScope): ReadableStream<T> {
  const consumption = new Consumption(name, () => iterate(source), parent);
  const wrapped = new ReadableStream<T>({
    async pull(controller) {
      const result = await consumption.next();
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    async cancel(reason) {
      if (consumption.life.scope === undefined) await source.cancel(reason);
      await consumption.return(reason);
    },
  }, { highWaterMark: 0 });
  abandoned.register(wrapped, consumption.life);
  return wrapped;
}

/** A stream as an iterator whose `return` cancels at once, where the stream's own waits for a pending read. */
function iterate<T>(stream: ReadableStream<T>): AsyncIterator<T> {
  const reader = stream.getReader();
  return {
    async next() {
      const result = await reader.read();
      return result.done ? { done: true, value: undefined } : result;
    },
    async return(reason) {
      await reader.cancel(reason);
      return { done: true, value: undefined };
    },
  };
}

/** Hands out one consumption as an iterator; collected before the end, it takes the scope along. */
class ScopedIterator<T> implements AsyncIterator<T> {
  readonly #consumption: Consumption<T>;

  constructor(consumption: Consumption<T>) {
    this.#consumption = consumption;
    abandoned.register(this, consumption.life);
  }

  next(): Promise<IteratorResult<T>> {
    return this.#consumption.next();
  }

  return(value?: unknown): Promise<IteratorResult<T>> {
    return this.#consumption.return(value);
  }

  throw(error?: unknown): Promise<IteratorResult<T>> {
    return this.#consumption.throw(error);
  }
}

/** One consumption of a source: its producer runs in the scope, whoever pulls. */
class Consumption<T> {
  readonly life = new Life();
  readonly #name: string;
  readonly #start: () => AsyncIterator<T>;
  readonly #parent: OpenScope | undefined;
  #iterator: AsyncIterator<T> | undefined;

  constructor(name: string, start: () => AsyncIterator<T>, parent: OpenScope | undefined) {
    this.#name = name;
    this.#start = start;
    this.#parent = parent;
  }

  next(): Promise<IteratorResult<T>> {
    return this.#step((iterator) => iterator.next());
  }

  /** A `break`, or an exception of the consumer: the producer is told, and the scope ends OK. */
  return(value?: unknown): Promise<IteratorResult<T>> {
    if (this.life.scope === undefined) this.life.end();
    return this.#step(async (iterator) => {
      await iterator.return?.(value);
      return { done: true, value };
    });
  }

  throw(error?: unknown): Promise<IteratorResult<T>> {
    return this.#step((iterator) => {
      if (iterator.throw === undefined) throw error;
      return iterator.throw(error);
    });
  }

  async #step(
    step: (iterator: AsyncIterator<T>) => Promise<IteratorResult<T>>,
  ): Promise<IteratorResult<T>> {
    if (this.life.ended) return { done: true, value: undefined };
    const scope = this.life.scope ?? this.life.open(this.#name, this.#parent);
    let result: IteratorResult<T>;
    try {
      result = await runWithin(scope, () => step(this.#iterator ??= this.#start()));
    } catch (error) {
      if (!this.life.end()) throw error;
      return await failScope(scope, error);
    }
    if (!result.done) this.life.count();
    else if (this.life.end()) return await endScope(scope, result);
    return result;
  }
}

/** The scope of one consumption, apart from whoever consumes, so that it can outlive them. */
class Life {
  scope: OpenScope | undefined;
  ended = false;
  #chunks = 0;
  #openedAt = 0;
  #firstAfter: number | undefined;

  open(name: string, parent: OpenScope | undefined): OpenScope {
    this.#openedAt = performance.now();
    return this.scope = runIn(parent, () => openScope(name, {}));
  }

  count(): void {
    if (this.#chunks++ === 0) this.#firstAfter = (performance.now() - this.#openedAt) / 1000;
  }

  /** Says what was streamed, and whether the scope has to be ended now: once, if it was opened at all. */
  end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    if (this.scope === undefined) return false;
    record(this.scope, {
      "stream.chunk_count": this.#chunks,
      "stream.time_to_first_chunk": this.#firstAfter,
    });
    return true;
  }
}

const abandoned = new FinalizationRegistry<Life>((life) => {
  if (life.end()) life.scope?.close();
});

function record(scope: OpenScope, attributes: Attributes): void {
  try {
    scope.recorder.attributes(attributes);
  } catch (error) {
    diagnoseFailure("record attributes", error);
  }
}
