import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nativeEnvironment, runNative } from "../support/native.ts";
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from "../support/receiver.ts";
import { start } from "../support/subprocess.ts";

const HEAD = `
import { context, logs, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import { ctx, OpenTelemetry } from "@haiway/otel";
const endpoint = Deno.env.get("OTEL_EXPORTER_OTLP_ENDPOINT");
`;
const AUTOCONFIGURE = `${HEAD}
OpenTelemetry.autoconfigure({ service: "shop", version: "1.0.0", environment: "test" });
`;

/** A receiver that answers anything else than exports as well. */
function startServer(): OtlpReceiver {
  return startReceiver({ fault: (_, path) => path.startsWith("/v1/") ? undefined : new Response("ok") });
}

function named({ spans }: OtlpReceiver, name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  assertEquals(found.length, 1, `expected one span '${name}' among: ${spans.map(({ name }) => name)}`);
  return found[0];
}

Deno.test("native: scopes, logs, events and metrics arrive correlated, each once", async () => {
  await using receiver = startServer();
  const { code, stderr } = await runNative(
    receiver,
    `${AUTOCONFIGURE}
    await ctx.scope("outer", { attributes: { items: 2, share: 0.5 } }, async () => {
      ctx.logInfo("hello", { n: 5 });
      ctx.recordMetric("orders", { value: 3, kind: "counter", attributes: { code: 200 } });
      ctx.recordMetric("orders", { value: -3, kind: "counter" });
      ctx.recordEvent("created", { attributes: { order: 7 } });
      await ctx.scope("inner", { kind: "producer" }, () => Promise.resolve());
    });
    await OpenTelemetry.shutdown();`,
  );
  assertEquals(code, 0, stderr);
  const outer = named(receiver, "outer");
  const inner = named(receiver, "inner");
  assertEquals(inner.parentSpanId, outer.spanId);
  assertEquals([outer.kind, inner.kind], [1, 4]);
  assertEquals(outer.status.code, 1);
  assertEquals(outer.events.map(({ name, attributes }) => [name, attributes]), [["created", { order: 7 }]]);
  assertEquals(
    receiver.logs.map(({ body, eventName, spanId, attributes }) => [body, eventName, spanId, attributes]),
    [
      ["hello", undefined, outer.spanId, { n: 5 }],
      [undefined, "created", outer.spanId, { order: 7 }],
    ],
  );
  assertEquals(receiver.logs[0].resource["service.name"], "shop");
  assertEquals(receiver.latest("orders", { code: 200 })?.value, 3);
  assertEquals(receiver.spans.length, 2, "no export traces itself");
});

Deno.test("native: integers stay integers, and each attribute is written once", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    ctx.scope("typed", { attributes: { n: 1, twice: "a" } }, () => {
      ctx.recordAttributes({ twice: "b", list: [1, 2], mixed: [1, 1.5], nested: { deep: true } });
      trace.getActiveSpan().setAttribute("twice", "c").setAttributes({ half: 0.5, n: 2 });
      ctx.recordEvent("event", { attributes: { n: 3 } });
      ctx.recordMetric("typed", { value: 1, kind: "gauge", attributes: { n: 4 } });
    });`,
  );
  const { attributes, events } = receiver.bodies.find(({ path }) => path === "/v1/traces")!
    .body.resourceSpans[0].scopeSpans[0].spans[0];
  const wire = Object.fromEntries(
    attributes.map(({ key, value }: { key: string; value: unknown }) => [key, value]),
  );
  assertEquals(attributes.length, Object.keys(wire).length);
  const list = (...values: unknown[]) => ({ arrayValue: { values } });
  assertEquals(wire, {
    n: { intValue: "2" },
    twice: { stringValue: "c" },
    list: list({ intValue: "1" }, { intValue: "2" }),
    mixed: list({ doubleValue: 1 }, { doubleValue: 1.5 }),
    "nested.deep": { boolValue: true },
    half: { doubleValue: 0.5 },
  });
  assertEquals(events[0].attributes, [{ key: "n", value: { intValue: "3" } }]);
  const point = receiver.bodies.filter(({ path }) => path === "/v1/metrics").flatMap(({ body }) =>
    JSON.stringify(body).match(/"typed".*?"attributes":(\[.*?\])/)?.[1] ?? []
  );
  assertStringIncludes(point[0], `{"key":"n","value":{"intValue":"4"}}`);
});

Deno.test("native: a status that the body has set stays; a failure has the last word", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    ctx.scope("untouched", () => {});
    ctx.scope("set", () => trace.getActiveSpan().setStatus({ code: SpanStatusCode.ERROR, message: "told" }));
    try {
      ctx.scope("failed", () => {
        trace.getActiveSpan().setStatus({ code: SpanStatusCode.OK });
        throw new RangeError("broken");
      });
    } catch {}`,
  );
  const statusOf = (
    name: string,
  ) => [named(receiver, name).status.code, named(receiver, name).status.message || ""];
  assertEquals(statusOf("untouched"), [1, ""]);
  assertEquals(statusOf("set"), [2, "told"]);
  assertEquals(statusOf("failed"), [2, "broken"]);
  const failed = named(receiver, "failed");
  assertEquals(failed.attributes["error.type"], "RangeError");
  assertEquals(failed.events.map(({ attributes }) => attributes["exception.message"]), ["broken"]);
});

Deno.test("native: scopes and the spans of Deno.serve, fetch and other libraries nest in each other", async () => {
  await using receiver = startServer();
  const { stderr } = await runNative(
    receiver,
    `${AUTOCONFIGURE}
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
      ctx.logInfo("in the handler");
      return await ctx.scope("handling", async () => {
        await trace.getTracer("library").startActiveSpan("library", async (span) => {
          await ctx.scope("within library", async () => {
            await (await fetch(endpoint + "/upstream")).text();
            await ctx.scope("after fetch", () => Promise.resolve());
          });
          ctx.recordAttributes({ of: "library" });
          span.end();
        });
        return new Response("ok");
      });
    });
    await ctx.scope("client", async () => {
      await (await fetch("http://127.0.0.1:" + server.addr.port)).text();
    });
    await server.shutdown();
    await OpenTelemetry.shutdown();`,
  );
  assertEquals(stderr, "");
  const client = named(receiver, "client");
  const server = receiver.spans.find(({ kind }) => kind === 2)!;
  const request = receiver.spans.find(({ spanId }) => spanId === server.parentSpanId)!;
  const upstream = receiver.spans.find(({ attributes }) => attributes["url.path"] === "/upstream")!;
  assertEquals(request.parentSpanId, client.spanId);
  assertEquals(named(receiver, "handling").parentSpanId, server.spanId);
  assertEquals(named(receiver, "library").parentSpanId, named(receiver, "handling").spanId);
  assertEquals(named(receiver, "library").attributes, { of: "library" });
  assertEquals(named(receiver, "within library").parentSpanId, named(receiver, "library").spanId);
  assertEquals(upstream.parentSpanId, named(receiver, "within library").spanId);
  assertEquals(named(receiver, "after fetch").parentSpanId, named(receiver, "within library").spanId);
  assertEquals(receiver.logs[0].spanId, server.spanId);
  assertEquals(new Set(receiver.spans.map(({ traceId }) => traceId)).size, 1);
});

Deno.test("native: tasks and streams keep their place, whoever awaits them", async () => {
  await using receiver = startServer();
  const { code, stderr } = await runNative(
    receiver,
    `${AUTOCONFIGURE}
    await ctx.scope("producer", async () => {
      ctx.spawn(() => ctx.scope("task", () => new Promise((resolve) => setTimeout(resolve, 5))));
      ctx.spawnBackground(() => ctx.scope("background", () => Promise.resolve()));
      const chunks = ctx.stream("stream", async function* () {
        for (const chunk of ["a", "b"]) {
          await (await fetch(endpoint + "/" + chunk)).text();
          ctx.scope("chunk " + chunk, () => {});
          yield chunk;
        }
      });
      await ctx.scope("consumer", async () => {
        for await (const chunk of chunks) ctx.scope("consumed " + chunk, () => {});
      });
    });`,
  );
  assertEquals(code, 0, stderr);
  const id = (name: string) => named(receiver, name).spanId;
  const parent = (name: string) => named(receiver, name).parentSpanId;
  for (const name of ["task", "background", "stream", "consumer"]) {
    assertEquals(parent(name), id("producer"), name);
  }
  for (const name of ["chunk a", "chunk b"]) assertEquals(parent(name), id("stream"), name);
  for (const name of ["consumed a", "consumed b"]) assertEquals(parent(name), id("consumer"), name);
  const fetches = receiver.spans.filter(({ kind }) => kind === 3);
  assertEquals(fetches.map(({ parentSpanId }) => parentSpanId), [id("stream"), id("stream")]);
});

Deno.test("native: a root scope after an awaited fetch is a root, not a child of the finished request", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    await (await fetch(endpoint + "/first")).text();
    await ctx.scope("root", async () => await Promise.resolve());`,
  );
  assertEquals(named(receiver, "root").parentSpanId, undefined);
});

Deno.test("native: logs made through the API are exported with the span of their scope", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    ctx.scope("logging", () => logs.getLogger("library").emit({ body: "by the API", severityNumber: 9 }));
    await OpenTelemetry.shutdown();
    logs.getLogger("library").emit({ body: "after the end" });`,
  );
  assertEquals(receiver.logs.map(({ body, spanId, scope }) => [body, spanId, scope.name]), [
    ["by the API", named(receiver, "logging").spanId, "library"],
  ]);
});

Deno.test("native: baggage, suppression and a remote parent with its tracestate hold within scopes", async () => {
  await using receiver = startServer();
  const { stdout } = await runNative(
    receiver,
    `${AUTOCONFIGURE}
    import { suppressTracing } from "@opentelemetry/core";
    const remote = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=1" };
    ctx.scope("remote", { observability: OpenTelemetry.observability(remote) }, () => {
      const baggage = propagation.createBaggage({ user: { value: "7" } });
      context.with(propagation.setBaggage(context.active(), baggage), () => {
        ctx.scope("child", () => {
          console.log(propagation.getBaggage(context.active()).getEntry("user").value);
          console.log(trace.getActiveSpan().spanContext().traceState.serialize());
        });
      });
      context.with(suppressTracing(context.active()), () => ctx.scope("suppressed", () => {}));
      context.with(ROOT_CONTEXT, () => ctx.scope("detached", () => {}));
    });`,
  );
  assertEquals(stdout, "7\na=1\n");
  assertEquals(named(receiver, "remote").parentSpanId, "b7ad6b7169203331");
  assertEquals(named(receiver, "child").parentSpanId, named(receiver, "remote").spanId);
  assertEquals(named(receiver, "detached").parentSpanId, undefined);
  assertEquals(receiver.spans.map(({ name }) => name).includes("suppressed"), false);
});

Deno.test("native: where the trace is not sampled no span is recorded, and logs still arrive", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    ctx.scope("unsampled", (scope) => {
      ctx.logInfo(scope.traceparent);
      ctx.recordAttributes({ a: 1 });
      ctx.recordEvent("event");
    });
    await OpenTelemetry.shutdown();`,
    { env: { OTEL_TRACES_SAMPLER: "always_off" } },
  );
  assertEquals(receiver.spans, []);
  assertMatch(String(receiver.logs[0].body), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`native: ${signal} ends the process by the signal, and everything arrives once`, async () => {
    await using receiver = startServer();
    const running = start(
      `${AUTOCONFIGURE}
      ctx.scope("before", () => {
        ctx.recordMetric("before", { value: 1, kind: "counter" });
        ctx.logInfo("before");
      });
      ctx.scope("open", () => new Promise(() => {}));
      await fetch(endpoint + "/ready");
      setInterval(() => {}, 1000);`,
      {
        flags: ["--allow-all"],
        env: { ...nativeEnvironment(receiver), OTEL_BSP_SCHEDULE_DELAY: "60000" },
      },
    );
    // Whatever fails, a program that would never end is not left behind.
    await using process = running.process;
    await receiver.until(() => receiver.requests.some(({ path }) => path === "/ready"), 60_000);
    process.kill(signal);
    assertEquals((await running.ended).signal, signal);
    named(receiver, "before");
    assertEquals(receiver.latest("before")?.value, 1);
    assertEquals(receiver.logs.map(({ body }) => body), ["before"]);
    const { attributes, status } = named(receiver, "open");
    assertEquals([attributes["haiway.scope.interrupted"], status.code], [true, 2]);
    const paths = receiver.spans.flatMap(({ attributes }) => attributes["url.path"] ?? []);
    assert(!paths.some((path) => String(path).startsWith("/v1/")), "no export traces itself");
  });
}

const ENDS: Readonly<Record<string, string>> = {
  "the natural end": "",
  "Deno.exit": "Deno.exit(3);",
  "an uncaught error": `setTimeout(() => { throw new Error("uncaught"); });`,
  "an unhandled rejection": `Promise.reject(new Error("unhandled"));`,
};
for (const [name, source] of Object.entries(ENDS)) {
  Deno.test(`native: at ${name} spans, metrics and logs arrive, and no export traces itself`, async () => {
    await using receiver = startServer();
    await runNative(
      receiver,
      `${AUTOCONFIGURE}
      ctx.scope("before", () => {
        ctx.recordMetric("before", { value: 1, kind: "counter" });
        ctx.logInfo("before");
      });
      ${source}`,
    );
    assertEquals(receiver.spans.map(({ name }) => name), ["before"]);
    assertEquals(receiver.latest("before")?.value, 1);
    // Deno exports what it prints of the error itself.
    const logs = receiver.logs.filter(({ scope }) => scope.name !== "deno");
    assertEquals(logs.map(({ body }) => body), ["before"]);
  });
}

Deno.test("native: configure with an endpoint keeps a private pipeline, in one trace with the native spans", async () => {
  await using receiver = startServer();
  await using own = startServer();
  const { stderr, code } = await runNative(
    receiver,
    `${HEAD}
    OpenTelemetry.configure({
      service: "shop", version: "1.0.0", environment: "test", otlpEndpoint: Deno.env.get("OWN"),
    });
    await trace.getTracer("library").startActiveSpan("library", async (span) => {
      await ctx.scope("own", async () => {
        ctx.logInfo("own");
        ctx.recordMetric("own", { value: 1, kind: "counter" });
        await (await fetch(endpoint + "/upstream")).text();
      });
      span.end();
    });
    await OpenTelemetry.shutdown();`,
    { env: { OWN: own.endpoint } },
  );
  assertEquals(code, 0, stderr);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "beside it");
  const scope = named(own, "own");
  assertEquals(scope.parentSpanId, named(receiver, "library").spanId);
  const upstream = receiver.spans.find(({ attributes }) => attributes["url.path"] === "/upstream")!;
  assertEquals(upstream.parentSpanId, scope.spanId);
  assertEquals(own.logs.map(({ body, spanId }) => [body, spanId]), [["own", scope.spanId]]);
  assertEquals(own.latest("own")?.value, 1);
  assertEquals(receiver.spans.length, 2, "no export traces itself");
});

Deno.test("native: configure without an endpoint records through the native engine, and says so once", async () => {
  await using receiver = startServer();
  const { stderr } = await runNative(
    receiver,
    `${HEAD}
    OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "test", level: "debug" });
    ctx.scope("bound", () => ctx.logDebug("bound"));
    await OpenTelemetry.shutdown();`,
  );
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "recorded through it");
  assertEquals(named(receiver, "bound").resource["service.name"], "native");
  assertEquals(receiver.logs.map(({ body, resource }) => [body, resource["service.name"]]), [[
    "bound",
    "shop",
  ]]);
});

Deno.test("native: where the collector cannot be known logs go to the console, exported with their span", async () => {
  await using receiver = startServer();
  const { stdout, stderr, code } = await runNative(
    receiver,
    `import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.autoconfigure();
    ctx.scope("scope", () => ctx.logWarning("as text", { n: 1 }));
    await OpenTelemetry.shutdown();`,
    { flags: [] },
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "--allow-env=OTEL_*");
  assertStringIncludes(stdout + stderr, "as text");
  const log = receiver.logs.find(({ body }) => String(body).includes("as text"));
  assert(log !== undefined);
  assertEquals([log.spanId, log.severityText], [named(receiver, "scope").spanId, "WARN"]);
});

Deno.test("native: on Deno Deploy, whose collector nobody else can reach, logs go to the console", async () => {
  const { code, stdout, stderr } = await start(
    `${AUTOCONFIGURE}
    ctx.scope("scope", () => ctx.logInfo("deployed", { n: 1 }));
    await OpenTelemetry.shutdown();`,
    { flags: ["--allow-all"], env: { OTEL_DENO: "true", DENO_DEPLOY: "true" } },
  ).ended;
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /INFO +deployed n=1 \[scope /);
});

Deno.test("native: secrets are kept out of spans, metrics and logs", async () => {
  await using receiver = startServer();
  await runNative(
    receiver,
    `${AUTOCONFIGURE}
    try {
      ctx.scope("login", { attributes: { "db.password": "hunter2" } }, () => {
        ctx.recordAttributes({ url: "https://user:hunter2@example.com/" });
        ctx.recordEvent("tried", { attributes: { api_key: "hunter2" } });
        ctx.recordMetric("logins", { value: 1, kind: "counter", attributes: { session_token: "hunter2" } });
        ctx.logInfo("password=hunter2");
        throw new Error("refused: Authorization: Bearer hunter2hunter2");
      });
    } catch {}
    await OpenTelemetry.shutdown();`,
  );
  assertEquals(named(receiver, "login").attributes["db.password"], "REDACTED");
  assert(!JSON.stringify(receiver.bodies).includes("hunter2"), JSON.stringify(receiver.bodies));
});
