import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type OtlpReceiver, startReceiver } from "./support/receiver.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an example with exactly these flags, and nothing of the environment of the tests that the library reads. */
async function run(
  example: string,
  { flags = [], args = [], env = {} }: {
    flags?: string[];
    args?: string[];
    env?: Record<string, string>;
  } = {},
): Promise<Ran> {
  const inherited = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !/^(OTEL|DENO_DEPLOY|FORCE_COLOR)/.test(name)),
  );
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, `examples/${example}`, ...args],
    cwd: new URL("../", EXAMPLES),
    clearEnv: true,
    env: { ...inherited, ...env, NO_COLOR: "1" },
  }).output();
  const said = { stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  assert(success, `${example} fails:\n${said.stdout}\n${said.stderr}`);
  return said;
}

/** Runs an example against a receiver, as its user would point it at a collector: by the environment. */
async function runAgainst(receiver: OtlpReceiver, example: string, flags: string[] = []): Promise<void> {
  const { stdout, stderr } = await run(example, {
    flags: [`--allow-net=127.0.0.1:${receiver.port}`, "--allow-env=OTEL_*", ...flags],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
  });
  assertEquals(stdout, "", "OTLP mode mirrors nothing to the console");
  if (example !== "external_trace.ts") assertEquals(stderr, "");
}

/** Each span as a path from its root, in the order of names. */
function paths({ spans }: OtlpReceiver): string[] {
  const path = (id: string): string => {
    const span = spans.find(({ spanId }) => spanId === id);
    if (span === undefined) return "(remote)";
    return span.parentSpanId === undefined ? span.name : `${path(span.parentSpanId)}/${span.name}`;
  };
  return spans.map(({ spanId }) => path(spanId)).sort();
}

Deno.test("the index of the examples names each of them, and nothing else", async () => {
  const index = await Deno.readTextFile(new URL("README.md", EXAMPLES));
  const listed = [...index.matchAll(/^\| \[([a-z_]+\.ts)\]\(\1\) +\|/gm)].map(([, name]) => name);
  const found = [...Deno.readDirSync(EXAMPLES)].map(({ name }) => name).filter((name) =>
    name.endsWith(".ts")
  );
  assertEquals(listed.toSorted(), found.toSorted());
});

Deno.test("the quick start shows the trace as a tree, the metrics and the correlated logs as received", async () => {
  const { stdout, stderr } = await run("quickstart.ts", { flags: ["--allow-net", "--allow-env=OTEL_*"] });
  assertEquals(stderr, "");
  assertMatch(stdout, /^Receiving OTLP at http:\/\/127\.0\.0\.1:\d+\n\nTrace ([0-9a-f]{32}) of my-service\n/);
  const traceId = stdout.match(/Trace ([0-9a-f]{32})/)?.[1];
  assertMatch(
    stdout,
    /\napplication {2}[\d.]+ ms {2}OK\n└─ request-processing {2}[\d.]+ ms {2}OK\n {3}├─ • {2}batch\.started/,
  );
  assertMatch(stdout, /\n {3}└─ individual-request {2}1\d\d\.\d ms {2}OK {2}request\.id="req-123"/);
  assertMatch(stdout, /\nrequests\.processed +sum +10\n/);
  assertMatch(stdout, /\nrequest\.duration +histogram +1 values, in all 100 ms\n/);
  assertMatch(
    stdout,
    new RegExp(`\nINFO +Processing batch of requests +trace=${traceId} span=[0-9a-f]{16}\n`),
  );
  assertMatch(
    stdout,
    new RegExp(`\nINFO +event batch\\.started +trace=${traceId} span=[0-9a-f]{16} +batch_size=10`),
  );
});

Deno.test("the quick start prints for the eye with --console, whatever the environment says", async () => {
  const { stdout } = await run("quickstart.ts", {
    flags: ["--allow-env=OTEL_*"],
    args: ["--console"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" },
  });
  assertMatch(stdout, /^[\d:.]+ INFO {2}Processing batch of requests/);
  assertMatch(stdout, /\n {3}└─ individual-request .* ok .*━ +request\.id="req-123" user\.id="user-456"\n/);
  assertMatch(stdout, /\nrequests\.processed +counter +10\n/);
});

Deno.test("the quick start sends to where OTEL_EXPORTER_OTLP_ENDPOINT says", async () => {
  await using receiver = startReceiver();
  const { stdout } = await run("quickstart.ts", {
    flags: [`--allow-net=127.0.0.1:${receiver.port}`, "--allow-env=OTEL_*"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
  });
  assertEquals(stdout, "Sending OTLP to where OTEL_EXPORTER_OTLP_ENDPOINT says\n");
  assertEquals(paths(receiver), [
    "application",
    "application/request-processing",
    "application/request-processing/individual-request",
  ]);
});

Deno.test("an example without an endpoint prints, and needs no permission", async () => {
  const { stdout, stderr } = await run("configure_console.ts");
  assertEquals(stderr, "");
  assertMatch(stdout, /^[\d:.]+ DEBUG Reading the configuration\b/);
  assertMatch(stdout, /\nstartup .* ok .* {2}trace=[0-9a-f]{32} {2}config="defaults"\n└─ connect .* ok .*\n/);
  assertMatch(stdout, /\nconnections +gauge +1\n/);
});

Deno.test("an example with an endpoint in code sends there, with its headers, compressed", async () => {
  await using receiver = startReceiver();
  const { stdout } = await run("configure_otlp.ts", {
    flags: [`--allow-net=127.0.0.1:${receiver.port}`, "--allow-env=OTEL_*"],
    args: [receiver.endpoint],
  });
  assertEquals(stdout, "");
  assertEquals(receiver.requests.map(({ path }) => path).sort(), ["/v1/logs", "/v1/metrics", "/v1/traces"]);
  for (const { headers } of receiver.requests) {
    assertEquals(headers.get("x-tenant"), "backend");
    assertEquals(headers.get("content-encoding"), "gzip");
  }
  const { resource } = receiver.spans[0];
  assertEquals([resource.team, resource.component], ["backend", "api"]);
});

Deno.test("resource attributes are on every signal", async () => {
  await using receiver = startReceiver();
  const { stdout, stderr } = await run("resource_attributes.ts", {
    flags: [`--allow-net=127.0.0.1:${receiver.port}`, "--allow-env=OTEL_*,INSTANCE_ID"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, INSTANCE_ID: "payments-1" },
  });
  assertEquals(stdout + stderr, "");
  for (const { resource } of [receiver.spans[0], receiver.logs[0]]) {
    assertEquals(resource["service.name"], "payment-service");
    assertEquals(resource["service.version"], "2.1.0");
    assertEquals(resource["service.instance.id"], "payments-1");
    assertEquals(resource["deployment.environment.name"], "production");
    assertEquals(resource["service.namespace"], "payments");
    assertEquals(resource["deployment.version"], "v2.1.0-rc.1");
    assertEquals(resource.region, "us-east-1");
  }
});

Deno.test("nested scopes arrive as nested spans with their kinds", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "nested_spans.ts");
  assertEquals(paths(receiver), [
    "http-request",
    "http-request/database-query",
    "http-request/database-query/connection",
    "http-request/external-api",
  ]);
  const kinds = receiver.spans.map(({ name, kind }) => [name, kind]);
  assertEquals(Object.fromEntries(kinds), {
    "http-request": 2,
    "database-query": 3,
    connection: 1,
    "external-api": 3,
  });
  const traceId = receiver.spans[0].traceId;
  assertEquals(new Set(receiver.spans.map((span) => span.traceId)), new Set([traceId]));
  assertEquals(receiver.logs.at(-1)?.attributes, { trace: traceId });
});

Deno.test("concurrent children arrive under the scope that started them", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "concurrent_children.ts");
  assertEquals(receiver.spans.length, 8);
  for (const name of ["first", "second"]) {
    const root = receiver.spans.find((span) => span.name === name);
    const children = receiver.spans.filter(({ attributes }) => attributes.parent === name);
    assertEquals(children.map((child) => child.name).sort(), ["child-0", "child-1", "child-2"]);
    for (const child of children) {
      assertEquals([child.traceId, child.parentSpanId], [root?.traceId, root?.spanId]);
      const log = receiver.logs.find(({ spanId }) => spanId === child.spanId);
      assertEquals(log?.attributes.parent, name);
    }
  }
});

Deno.test("an external trace is linked to, or carried on, or reported and ignored", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "external_trace.ts");
  const [linked, continued, ignored] = receiver.spans;
  assertEquals(linked.links.map(({ traceId }) => traceId), ["4bf92f3577b34da6a3ce929d0e0e4736"]);
  assertEquals(linked.parentSpanId, undefined);
  assertEquals(continued.traceId, "0af7651916cd43dd8448eb211c80319c");
  assertEquals(continued.parentSpanId, "b7ad6b7169203331");
  assertEquals(ignored.links, []);

  const { stderr } = await run("external_trace.ts");
  assertMatch(
    stderr,
    /^\[@haiway\/otel\] Ignoring 'externalTraceId' as it must be 32 hex digits.*nonsense.*\n$/,
  );
});

Deno.test("the three kinds of metrics arrive with their units and attributes", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "metrics.ts");
  const requests = receiver.latest("requests.total");
  assertEquals([requests?.kind, requests?.monotonic, requests?.value], ["sum", true, 3]);
  const duration = receiver.latest("request.duration");
  assertEquals([duration?.kind, duration?.unit], ["histogram", "ms"]);
  assertEquals([duration?.count, duration?.sum], [3, 450]);
  assertEquals(receiver.latest("response.size")?.unit, "By");
  assertEquals(receiver.latest("active_connections")?.value, 42);
  const cpu = receiver.latest("cpu.usage");
  assertEquals([cpu?.kind, cpu?.unit, cpu?.value], ["gauge", "%", 75.5]);
  assertEquals(receiver.latest("request.rate")?.unit, "1/s");
  const processed = (status: string) =>
    receiver.latest("requests.processed", { method: "POST", endpoint: "/api/users", status });
  assertEquals([processed("success")?.value, processed("failure")?.value], [2, 1]);
  assertEquals(processed("success")?.description, "Requests that were answered");
});

Deno.test("logs arrive correlated, with severity, attributes and exception", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "logs.ts");
  const [span] = receiver.spans;
  assertEquals(
    receiver.logs.map(({ severityText, severityNumber, body }) => [severityText, severityNumber, body]),
    [
      ["INFO", 9, "Processing user request"],
      ["DEBUG", 5, "User fetched successfully"],
      ["ERROR", 17, "User not found"],
    ],
  );
  for (const log of receiver.logs) assertEquals([log.traceId, log.spanId], [span.traceId, span.spanId]);
  const { "exception.stacktrace": stack, ...failed } = receiver.logs[2].attributes;
  assertEquals(failed, {
    user_id: "user-789",
    "exception.type": "UserNotFound",
    "exception.message": "There is no user user-789",
  });
  assertStringIncludes(String(stack), "examples/logs.ts");
  assertEquals(span.events.map(({ name }) => name), ["exception"]);
});

Deno.test("a level is a threshold for logs, and costs no metric", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "log_levels.ts");
  assertEquals(receiver.logs.map(({ body }) => body), ["This is recorded", "And this"]);
  assertEquals(receiver.latest("operations")?.value, 1);
});

Deno.test("events arrive as named logs and as events of the span", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "events.ts");
  assertEquals(receiver.logs.map(({ eventName }) => eventName), ["user.login", "order.created"]);
  assertEquals(receiver.spans[0].events.map(({ name }) => name), ["user.login", "order.created"]);
  assertEquals(receiver.logs[1].attributes, {
    order_id: "ord-789",
    customer_id: "cust-456",
    total_amount: 99.99,
    currency: "USD",
    items_count: 3,
  });
  assertEquals(receiver.spans[0].events[0].attributes.success, true);
});

Deno.test("a failure arrives as ERROR, with the exception once, where it first escaped", async () => {
  await using receiver = startReceiver();
  await runAgainst(receiver, "errors.ts");
  const span = (name: string) => receiver.spans.find((span) => span.name === name);
  assertEquals(span("application")?.status.code, 1);
  assertEquals(span("safe-operation")?.status.code, 1);
  for (const name of ["risky-operation", "query"]) {
    assertEquals(span(name)?.status, { code: 2, message: "out of stock" });
    assertEquals(span(name)?.attributes["error.type"], "RangeError");
  }
  assertEquals(receiver.spans.flatMap(({ name, events }) => events.map((event) => [name, event.name])), [
    ["query", "exception"],
  ]);
});
