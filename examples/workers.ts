/**
 * A trace that goes into a `Worker` with a message, and comes back out with its answer: `inject` writes it into the
 * message, a `listener` opens a scope in it.
 *
 * ```sh
 * deno run --allow-read examples/workers.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

/** What the two say to each other; a job without a number is the last one. */
type Message = { readonly number?: number; readonly square?: number };
type Port = {
  onmessage: ((event: MessageEvent<Message>) => unknown) | null;
  postMessage(message: Message): void;
};

const isWorker = "WorkerGlobalScope" in globalThis;
const service = isWorker ? "squarer" : "program";
OpenTelemetry.configure({ service, version: "1.0.0", environment: "development" });
if (isWorker) work(globalThis as unknown as Port & { close(): void });
else await program(new Worker(import.meta.url, { type: "module" }));

/** The worker: each job is a scope of the program's trace. */
function work(port: Port & { close(): void }): void {
  const square = OpenTelemetry.listener("square", ({ data: { number = 0 } }: MessageEvent<Message>) => {
    ctx.logInfo("Squaring", { number });
    port.postMessage(OpenTelemetry.inject({ square: number ** 2 }));
  });
  port.onmessage = async (event) => {
    if (event.data.number !== undefined) return square(event);
    await OpenTelemetry.shutdown();
    port.postMessage({});
    port.close();
  };
}

/** The program: it gives a job away, and takes the answer, in one trace. */
async function program(worker: Worker & Port): Promise<void> {
  const answer = OpenTelemetry.listener("answer", ({ data: { square } }: MessageEvent<Message>) => {
    ctx.logInfo("Squared", { square });
    worker.postMessage({});
  });
  const closed = new Promise<void>((resolve) => {
    worker.onmessage = (event: MessageEvent<Message>) =>
      event.data.square === undefined ? resolve() : answer(event);
  });
  ctx.scope("job", () => worker.postMessage(OpenTelemetry.inject({ number: 7 })));
  await closed;
  await OpenTelemetry.shutdown();
}
