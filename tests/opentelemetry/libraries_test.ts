import { assert, assertEquals } from "@std/assert";
import { nativeEnvironment } from "../support/native.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
import { run } from "../support/subprocess.ts";

const HEAD = `
import { context, propagation, trace } from "@opentelemetry/api";
import { ctx, OpenTelemetry } from "@haiway/otel";
if (Deno.env.has("OTEL_DENO")) OpenTelemetry.autoconfigure();
else OpenTelemetry.configure({ service: "app", version: "1.0.0", environment: "test" });
`;
const TAIL = `
await OpenTelemetry.shutdown();
Deno.exit();
`;

/** The engines that libraries record through, and what turns each of them on. */
const ENGINES: Readonly<Record<string, (receiver: OtlpReceiver) => Record<string, string>>> = {
  "the library's own pipeline": ({ endpoint }) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
  "Deno's built-in OpenTelemetry": nativeEnvironment,
};

/** Runs a program with libraries from npm, which the lock does not hold, over each engine. */
function test(name: string, source: string, check: (receiver: OtlpReceiver) => void): void {
  for (const [engine, environment] of Object.entries(ENGINES)) {
    Deno.test(`${name}, over ${engine}`, async () => {
      await using receiver = startReceiver();
      const { code, stderr } = await run(HEAD + source + TAIL, {
        flags: ["--allow-all", "--no-lock"],
        env: environment(receiver),
      });
      assertEquals(code, 0, stderr);
      check(receiver);
    });
  }
}

/** Each span as a path from its root, without the spans of Deno itself, in the order of names. */
function paths({ spans }: OtlpReceiver): string[] {
  const path = (id: string | undefined): string => {
    const span = spans.find(({ spanId }) => spanId === id);
    if (span === undefined) return "";
    const above = path(span.parentSpanId);
    return span.scope.name === "deno" ? above : `${above}/${span.name}`;
  };
  return [...new Set(spans.map(({ spanId }) => path(spanId)))].filter((path) => path !== "").sort();
}

test(
  "@hono/otel: the scope of a handler is the child of the middleware's span, and goes on with its client's trace",
  `
  import { Hono } from "npm:hono@4";
  import { httpInstrumentationMiddleware } from "npm:@hono/otel@1";
  const app = new Hono();
  app.use(httpInstrumentationMiddleware());
  app.get("/users/:id", async (c) => {
    ctx.logInfo("in the handler");
    return c.text(await ctx.scope("load user", async () => {
      await Promise.resolve();
      return c.req.param("id");
    }));
  });
  await ctx.scope("client", async () => {
    const headers = OpenTelemetry.inject(new Headers());
    const response = await app.request("/users/7", { headers });
    if (await response.text() !== "7") throw new Error("the middleware broke the answer");
  });
  `,
  (receiver) => {
    assertEquals(paths(receiver), [
      "/client",
      "/client/GET /users/:id",
      "/client/GET /users/:id/load user",
    ]);
    const server = receiver.spans.find(({ name }) => name === "GET /users/:id");
    assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId]), [[
      "in the handler",
      server?.spanId,
    ]]);
  },
);

test(
  "ai: the spans of a generation nest in the scope, and the scopes of its tools in the spans of their calls",
  `
  import { generateText, stepCountIs, tool } from "npm:ai@5";
  import { MockLanguageModelV2 } from "npm:ai@5/test";
  import { z } from "npm:zod@4";
  const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
  let calls = 0;
  const model = new MockLanguageModelV2({
    doGenerate: async () => {
      await ctx.scope("within the model", () => Promise.resolve());
      return ++calls === 1
        ? {
          finishReason: "tool-calls",
          usage,
          warnings: [],
          content: [{ type: "tool-call", toolCallId: "1", toolName: "weather", input: '{"city":"Oslo"}' }],
        }
        : { finishReason: "stop", usage, warnings: [], content: [{ type: "text", text: "Rain" }] };
    },
  });
  await ctx.scope("agent", async () => {
    const { text } = await generateText({
      model,
      prompt: "The weather in Oslo?",
      stopWhen: stepCountIs(2),
      experimental_telemetry: { isEnabled: true },
      tools: {
        weather: tool({
          description: "Tells the weather",
          inputSchema: z.object({ city: z.string() }),
          execute: ({ city }) =>
            ctx.scope("look up", async () => {
              await Promise.resolve();
              ctx.logInfo("looking up " + city);
              return "rain";
            }),
        }),
      },
    });
    if (text !== "Rain") throw new Error("the generation broke");
  });
  `,
  (receiver) => {
    assertEquals(paths(receiver), [
      "/agent",
      "/agent/ai.generateText",
      "/agent/ai.generateText/ai.generateText.doGenerate",
      "/agent/ai.generateText/ai.generateText.doGenerate/within the model",
      "/agent/ai.generateText/ai.toolCall",
      "/agent/ai.generateText/ai.toolCall/look up",
    ]);
    const lookUp = receiver.spans.find(({ name }) => name === "look up");
    assertEquals(receiver.logs.map(({ body, spanId }) => [body, spanId]), [[
      "looking up Oslo",
      lookUp?.spanId,
    ]]);
    assertEquals(new Set(receiver.spans.map(({ traceId }) => traceId)).size, 1);
  },
);

test(
  "a library with API 1.9: its spans nest in both directions, and it sees context and baggage",
  `
  import * as old from "npm:@opentelemetry/api@1.9";
  if (old.trace === trace) throw new Error("there is only one copy of the API");
  const tracer = old.trace.getTracer("lagging");
  const baggage = propagation.createBaggage({ user: { value: "7" } });
  await context.with(propagation.setBaggage(context.active(), baggage), async () => {
    await ctx.scope("outer", async (outer) => {
      await tracer.startActiveSpan("old", async (span) => {
        span.setAttribute("user", old.propagation.getActiveBaggage().getEntry("user").value);
        await ctx.scope("inner", async () => {
          span.setAttribute("current", old.trace.getActiveSpan() === trace.getActiveSpan());
          await Promise.resolve();
          old.context.with(old.ROOT_CONTEXT, () => ctx.scope("detached", () => {}));
        });
        span.end();
      });
    });
  });
  `,
  (receiver) => {
    assertEquals(paths(receiver), ["/detached", "/outer", "/outer/old", "/outer/old/inner"]);
    const span = receiver.spans.find(({ name }) => name === "old");
    assert(span !== undefined);
    assertEquals(span.attributes, { user: "7", current: true });
  },
);
