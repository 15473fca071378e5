import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nativeEnvironment } from "./support/native.ts";
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from "./support/receiver.ts";
import { run } from "./support/subprocess.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

/** Runs an example that sends to a receiver, as its user would point it at a collector. */
async function runAgainst(receiver: OtlpReceiver, example: string, flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(`await import("${new URL(example, EXAMPLES)}");`, {
    flags: ["--no-prompt", ...flags],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

function named({ spans }: OtlpReceiver, name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  assertEquals(found.length, 1, `one '${name}' among ${spans.map((span) => span.name)}`);
  return found[0];
}

/** The spans under a span, by their names. */
function under({ spans }: OtlpReceiver, { spanId }: ReceivedSpan): string[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name).sort();
}

Deno.test("the HTTP server and its client arrive as one trace, named by routes", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "http_server.ts", ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"]);
  const visit = named(receiver, "visit");
  assertEquals(new Set(receiver.spans.map(({ traceId }) => traceId)), new Set([visit.traceId]));
  assertEquals(under(receiver, visit), ["GET", "GET", "GET", "GET"]);
  const user = named(receiver, "GET /users/:id");
  assertEquals([user.attributes["url.query"], under(receiver, user)], ["sig=REDACTED", ["find-user"]]);
  const countdown = named(receiver, "GET /countdown");
  assert(countdown.endTimeUnixNano - countdown.startTimeUnixNano >= 30_000_000n, "the body is covered");
  assertEquals(
    receiver.logs.filter(({ spanId }) => spanId === countdown.spanId).map(({ body }) => body),
    ["Counting", "Counting", "Counting"],
  );
  const orders = named(receiver, "GET /orders");
  assertEquals([orders.status, orders.attributes["error.type"]], [
    { code: 2, message: "out of stock" },
    "RangeError",
  ]);
  assertEquals(receiver.latest("http.server.active_requests")?.value, 0);
});

Deno.test("the Hono application arrives with its route patterns as names", async () => {
  await using receiver = startReceiver();
  const stdout = await runAgainst(receiver, "hono.ts", ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"]);
  assertEquals(stdout, '200 {"id":"7"}\n500 Sorry\n404 404 Not Found\n');
  assertEquals(under(receiver, named(receiver, "GET /users/:id")), ["find-user"]);
  const orders = named(receiver, "GET /orders");
  assertEquals(orders.events.map(({ attributes }) => attributes["exception.type"]), ["RangeError"]);
});

Deno.test("the Worker's spans are in the program's trace", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "workers.ts", ["--allow-net=127.0.0.1", "--allow-env=OTEL_*", "--allow-read"]);
  const [job, square, answer] = ["job", "square", "answer"].map((name) => named(receiver, name));
  assertEquals([square.traceId, square.parentSpanId], [job.traceId, job.spanId]);
  assertEquals([answer.traceId, answer.parentSpanId], [job.traceId, square.spanId]);
  assertEquals(square.resource["service.name"], "squarer");
});

Deno.test("the child process is in the trace of its parent", async () => {
  await using receiver = startReceiver();
  const flags = ["--allow-net=127.0.0.1", "--allow-env", "--allow-run=deno"];
  await runAgainst(receiver, "child_process.ts", flags);
  const [build, compile] = ["build", "compile"].map((name) => named(receiver, name));
  assertEquals([compile.traceId, compile.parentSpanId], [build.traceId, build.spanId]);
  assertEquals(compile.resource["service.name"], "compiler");
  assertEquals(build.attributes["process.exit.code"], 0);
});

Deno.test("the handler for Deno Deploy is served as it is by deno serve", async () => {
  await using receiver = startReceiver();
  // Whatever fails, a server is not left behind.
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "--no-prompt", "--host=127.0.0.1", "--port=0", "--allow-env", "--allow-net=127.0.0.1"]
      .concat(
        new URL("deno_deploy.ts", EXAMPLES).pathname,
      ),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "50", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let said = "";
  const stderr = child.stderr.pipeThrough(new TextDecoderStream());
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += chunk;
    if (/Listening on \S+\n/.test(said)) break;
  }
  assertMatch(said, /Listening on http:\/\/127\.0\.0\.1:\d+\//);
  const url = said.match(/http:\/\/127\.0\.0\.1:\d+\//)![0];
  const response = await fetch(`${url}greetings/Deno`);
  assertEquals([response.status, await response.text()], [200, "Hello Deno\n"]);
  assertStringIncludes(await (await fetch(`${url}elsewhere`)).text(), "Try /greetings/you");
  await receiver.until(() => receiver.spans.length === 2);
  child.kill("SIGTERM");
  await stderr.cancel();
  await child.stdout.cancel();
  await child.status;
  assertEquals(receiver.spans.map(({ name }) => name), ["GET /greetings/:name", "GET"]);
});

Deno.test("scopes and Deno's own spans arrive as one trace, with their logs and metrics", async () => {
  await using receiver = startReceiver();
  const { code, stderr } = await run(`await import("${new URL("deno_native.ts", EXAMPLES)}");`, {
    flags: ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env=OTEL_*"],
    env: nativeEnvironment(receiver),
  });
  assertEquals([code, stderr], [0, ""]);
  const checkout = named(receiver, "checkout");
  assertEquals(new Set(receiver.spans.map(({ traceId }) => traceId)), new Set([checkout.traceId]));
  const price = named(receiver, "GET /prices/:item");
  assertEquals([price.scope.name, under(receiver, price)], ["deno", ["look-up"]]);
  assertEquals(
    receiver.logs.map(({ body, spanId, attributes }) => [body, spanId, attributes]),
    [
      ["Priced", price.spanId, { item: "tea", price: 250 }],
      ["Sold", checkout.spanId, { total: 250 }],
    ],
  );
  assertEquals(receiver.latest("orders")?.value, 1);
});
