/** What Deno keeps behind a response: a body is a stream, which may have been made of data that it keeps too. */
interface Inner {
  readonly body?: { readonly streamOrStatic?: unknown; readonly source?: unknown } | null;
}

/** The key under which Deno keeps it, if it still does; where it does not, no body is taken for a stream. */
const INNER: symbol =
  Object.getOwnPropertySymbols(new Response("")).find(({ description }) => description === "response") ??
    Symbol("unknown");

/**
 * The stream that a response was made with, if it was made with one. The public `body` cannot tell: asked for the
 * body of a text it makes a stream of it, which costs the `Content-Length` and the fast path of the server.
 */
export function streamOf(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
  const inner = (response as Response & Partial<Record<symbol, Inner>>)[INNER];
  if (!(inner?.body?.streamOrStatic instanceof ReadableStream) || inner.body.source !== null) {
    return undefined;
  }
  const { body } = response;
  // One that was read or locked is for the server to refuse.
  return body === null || body.locked || response.bodyUsed ? undefined : body;
}

/** Who is told how a stream went. */
export interface StreamObserver {
  /** Runs the producer of the stream where it belongs. */
  run<T>(produce: () => T): T;
  /** It was read to its end, or whoever read it went away. */
  ended(): void;
  failed(error: unknown): void;
}

/** The same stream, pulled only when it is read, whose end somebody is told. */
export function observeStream<T>(stream: ReadableStream<T>, observer: StreamObserver): ReadableStream<T> {
  const reader = stream.getReader();
  return new ReadableStream<T>({
    async pull(controller) {
      try {
        const result = await observer.run(() => reader.read());
        if (!result.done) return controller.enqueue(result.value);
        observer.ended();
        controller.close();
      } catch (error) {
        observer.failed(error);
        throw error;
      }
    },
    async cancel(reason) {
      observer.ended();
      await observer.run(() => reader.cancel(reason));
    },
  }, { highWaterMark: 0 });
}
