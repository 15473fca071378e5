/**
 * A model's answer, streamed: the scope of a stream lives as long as somebody reads it, its producer runs in it
 * whoever reads, and the span says how many chunks there were and when the first one came.
 *
 * ```sh
 * deno run examples/streaming.ts
 * ```
 *
 * @module
 */

import { ctx } from "@haiway/otel";

async function* completion(prompt: string): AsyncGenerator<string> {
  ctx.logInfo("Asking the model", { prompt });
  for (const token of ["Scopes", " are", " spans."]) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    yield token;
  }
}

await ctx.scope("chat", async () => {
  let answer = "";
  for await (const token of ctx.stream("completion", () => completion("What are scopes?"))) answer += token;
  ctx.logInfo(answer);

  // A ReadableStream stays one, so that it can be the body of a response.
  const body = ReadableStream.from(completion("Once more?")).pipeThrough(new TextEncoderStream());
  const response = new Response(ctx.stream("response body", body));
  ctx.logInfo(await response.text());
});
