/** What Deno keeps behind a response: a body is a stream, which may have been made of data that it keeps too. */
interface Inner {
  readonly body?: { readonly streamOrStatic?: unknown; readonly source?: unknown } | null;
}

/**
 * The stream that a response was made with, if it was made with one. The public `body` cannot tell: asked for the
 * body of a text it makes a stream of it, which costs the `Content-Length` and the fast path of the server.
 */
export function streamOf(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
  const made = innerOf(response)?.body;
  if (!(made?.streamOrStatic instanceof ReadableStream) || made.source !== null) return undefined;
  const { body } = response;
  // One that was read or locked is for the server to refuse.
  return body === null || body.locked || response.bodyUsed ? undefined : body;
}

/** It lies under a symbol; where it no longer does, no body is taken for a stream. */
function innerOf(response: Response): Inner | undefined {
  const key = Object.getOwnPropertySymbols(response).find(({ description }) => description === "response");
  return key && (response as Response & Record<symbol, Inner>)[key];
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
