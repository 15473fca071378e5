import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AnyValue, logs, metrics, trace } from "@opentelemetry/api";
import { ctx, OpenTelemetry, type Redact } from "@haiway/otel";
import { Redactor } from "../../opentelemetry/export/redaction.ts";
import { environment } from "../support/environment.ts";
import { type OtlpReceiver, startReceiver } from "../support/receiver.ts";
import { run } from "../support/subprocess.ts";

const SECRET = "hunter2hunter2";

async function received(
  redact: Redact | false | undefined,
  body: () => void,
  protocol?: "http/protobuf",
): Promise<OtlpReceiver> {
  const receiver = startReceiver();
  using _ = environment(protocol === undefined ? {} : { OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
  OpenTelemetry.configure({
    service: "redaction",
    version: "1",
    environment: "test",
    otlpEndpoint: receiver.endpoint,
    attributes: { "deploy.api_key": SECRET },
    ...(redact !== undefined && { redact }),
  });
  body();
  await OpenTelemetry.shutdown();
  await receiver.close();
  return receiver;
}

/** Puts a secret wherever a program can put one. */
function tell(): void {
  const attributes = {
    "user.password": SECRET,
    "http.request.header.authorization": [`Bearer ${SECRET}`],
    "url.full": `https://me:${SECRET}@host/path?a=1&X-Amz-Signature=${SECRET}&b=2`,
    "url.query": `sig=${SECRET}`,
    nested: { api_key: SECRET, note: `token=${SECRET}; kept` },
  };
  const error = new Error(`Cannot log in with password=${SECRET}`, { cause: new Error(`Bearer ${SECRET}`) });
  try {
    ctx.scope(`GET /?password=${SECRET}`, { attributes }, () => {
      ctx.recordAttributes({ accessToken: SECRET });
      ctx.recordEvent("login", { attributes });
      ctx.recordMetric("logins", { value: 1, kind: "counter", attributes });
      ctx.logInfo(`{"password": "${SECRET}", "user": "me"}`, attributes);
      ctx.logError("Failed", { exception: error });
      const span = trace.getTracer("other").startSpan("other", { links: [] });
      span.addLink({ context: span.spanContext(), attributes: { cookie: SECRET } });
      span.setAttribute("proxy-authorization", SECRET);
      span.end();
      metrics.getMeter("other").createHistogram("sizes").record(1, { secret: SECRET });
      throw error;
    });
  } catch {
    // It was thrown to be recorded.
  }
}

for (const protocol of [undefined, "http/protobuf"] as const) {
  Deno.test(`no secret leaves in ${protocol ?? "http/json"}, wherever a program puts it`, async () => {
    const receiver = await received(undefined, tell, protocol);
    const said = JSON.stringify([receiver.bodies, receiver.spans.map(({ name }) => name)]);
    assert(!said.includes(SECRET), said.slice(Math.max(0, said.indexOf(SECRET) - 200)).slice(0, 300));
    const scope = receiver.spans.find(({ name }) => name.startsWith("GET"))!;
    assertEquals(scope.name, "GET /?password=REDACTED");
    assertEquals(
      scope.attributes["url.full"],
      "https://REDACTED:REDACTED@host/path?a=1&X-Amz-Signature=REDACTED&b=2",
    );
    assertEquals(scope.attributes["nested.note"], "token=REDACTED; kept");
    assertEquals(
      receiver.logs.find(({ body }) => String(body).startsWith("{"))?.body,
      '{"password": "REDACTED", "user": "me"}',
    );
    assertEquals(receiver.latest("logins")?.value, 1);
    assertEquals(scope.resource["deploy.api_key"], "REDACTED");
  });
}

Deno.test("a structured body of a log leaves without its secrets, and is untouched itself", async () => {
  const bytes = new Uint8Array([1, 2]);
  const deep = (depth: number): AnyValue => depth === 0 ? [SECRET] : [deep(depth - 1)];
  const body = () => ({
    user: "ada",
    password: SECRET,
    notes: ["kept", `Bearer ${SECRET}`, { api_key: [SECRET], count: 2 }],
    bytes,
    seven: deep(6),
    eight: deep(7),
  });
  const given = body();
  const plain = { list: ["kept", 1, true, { inner: "kept" }] };
  const { logs: [structured, kept] } = await received(undefined, () => {
    const logger = logs.getLogger("other");
    logger.emit({ body: given });
    logger.emit({ body: plain });
  });
  assertEquals(given, body());
  assertEquals(structured.body, {
    ...given,
    bytes: "AQI=",
    password: "REDACTED",
    notes: ["kept", "Bearer REDACTED", { api_key: "REDACTED", count: 2 }],
    eight: [[[[[[["REDACTED"]]]]]]],
  });
  assertEquals(kept.body, plain);
});

Deno.test("redact: false lets everything out as it is", async () => {
  const receiver = await received(false, () => {
    ctx.scope("login", { attributes: { password: SECRET } }, () => ctx.logInfo(`password=${SECRET}`));
  });
  assertEquals(receiver.spans[0].attributes.password, SECRET);
  assertEquals(receiver.logs[0].body, `password=${SECRET}`);
});

Deno.test("keys and patterns of the program join the defaults, or stand alone", async () => {
  const own = { keys: ["User.Email", /^card\./g], patterns: [/\b\d{4}-\d{4}\b/] };
  const tell = () =>
    ctx.scope(
      "pay",
      {
        attributes: {
          "user.email": "a@b.c",
          "card.holder": "A",
          password: "p",
          note: "1234-5678, 8765-4321",
        },
      },
      () => {},
    );
  const joined = await received(own, tell);
  assertEquals(joined.spans[0].attributes, {
    "user.email": "REDACTED",
    "card.holder": "REDACTED",
    password: "REDACTED",
    note: "REDACTED, REDACTED",
  });
  const alone = await received({ ...own, defaults: false }, tell);
  assertEquals(alone.spans[0].attributes.password, "p");
});

Deno.test("what only looks like a secret stays", () => {
  const redactor = new Redactor();
  const harmless = {
    "gen_ai.usage.input_tokens": 12,
    "llm.time_to_first_token": 0.2,
    "url.full": "https://host:8080/a/b?q=token&page=2#sig",
    "session.id": "abc",
    note: "The token has expired, sign in again: https://host/login",
    key: "value",
    secretary: "Ann",
    "has.password": true,
    cookies: 3,
  };
  assertEquals(redactor.attributes(harmless), harmless);
});

for (
  const [text, clean] of [
    ["postgres://app:s3cret@db/x", "postgres://REDACTED:REDACTED@db/x"],
    ["Authorization: Bearer abcdefghijkl", "Authorization: Bearer REDACTED"],
    ["-H 'Authorization: token abcdef'", "-H 'Authorization: REDACTED abcdef'"],
    ["basic dXNlcjpwYXNz==", "basic REDACTED"],
    ["api-key: 123, next", "api-key: REDACTED, next"],
    ["{client_secret:'abc'}", "{client_secret:'REDACTED'}"],
    ["eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM", "REDACTED"],
    [
      "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
      "-----BEGIN RSA PRIVATE KEY-----REDACTED-----END RSA PRIVATE KEY-----",
    ],
    ["?Signature=abc%3D&x=1", "?Signature=REDACTED&x=1"],
  ]
) {
  Deno.test(`"${text.slice(0, 30).replaceAll("\n", " ")}" leaves without its secret`, () => {
    assertEquals(new Redactor().text(text), clean);
  });
}

Deno.test("the console is no way out for a secret either", async () => {
  const ran = await run(`
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test" });
    ctx.scope("login?password=${SECRET}", { attributes: { password: "${SECRET}" } }, () => {
      ctx.logInfo("password=${SECRET}", { cookie: "${SECRET}" });
      ctx.recordEvent("tried", { attributes: { api_key: "${SECRET}" } });
      ctx.recordMetric("tries", { value: 1, kind: "counter", attributes: { token: "${SECRET}" } });
    });
    await OpenTelemetry.shutdown();
  `);
  assertEquals(ran.code, 0, ran.stderr);
  assert(!(ran.stdout + ran.stderr).includes(SECRET), ran.stdout + ran.stderr);
  assert((ran.stdout + ran.stderr).includes("REDACTED"));
});

Deno.test("a wrong 'redact' is refused by name, rule and value", () => {
  const configure = (redact: unknown) => () =>
    OpenTelemetry.configure({ service: "s", version: "1", environment: "test", redact: redact as Redact });
  assertThrows(
    configure("password"),
    TypeError,
    `'redact' must be false or an object: current value is "password"`,
  );
  assertThrows(
    configure({ keys: "password" }),
    TypeError,
    "'redact.keys' must be an array of non-empty strings",
  );
  assertThrows(configure({ keys: [""] }), TypeError, "'redact.keys' must be an array of non-empty strings");
  assertThrows(configure({ patterns: ["a"] }), TypeError, "'redact.patterns' must be an array of regular");
  assertThrows(configure({ defaults: 1 }), TypeError, "'redact.defaults' must be true or false");
});

Deno.test("a diagnostic never says the headers, the credentials or the query of the endpoint", async () => {
  await using receiver = startReceiver({
    fault: ({ headers }, path) => {
      const errorMessage = `bad key ${headers.get("x-api-key")} of ${headers.get("authorization")}`;
      return path === "/v1/traces"
        ? Response.json({ partialSuccess: { rejectedSpans: 1, errorMessage } })
        : new Response(errorMessage, { status: path === "/v1/logs" ? 401 : 503, statusText: SECRET });
    },
  });
  const host = receiver.endpoint.replace("http://", "");
  const ran = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    const settings = { service: "s", version: "1", environment: "test", exportTimeoutMillis: 300 };
    for (const options of [
      { otlpEndpoint: "ftp://me:${SECRET}@host" },
      { otlpEndpoint: "http://me:${SECRET}@host?key=${SECRET}", insecure: false },
      { otlpEndpoint: "http://me:${SECRET}@elsewhere:1?key=${SECRET}" },
      { otlpHeaders: { "x-api-key": "${SECRET}\\n" } },
      { otlpHeaders: "x-api-key=${SECRET}" },
    ]) {
      try {
        OpenTelemetry.configure({ ...settings, ...options });
        await OpenTelemetry.shutdown();
        console.log("configured", options);
      } catch (error) {
        console.log("refused:", error.message);
      }
    }
    OpenTelemetry.configure({
      ...settings,
      otlpEndpoint: "http://me:${SECRET}@${host}?key=${SECRET}",
      otlpHeaders: { "x-api-key": "${SECRET}" },
    });
    ctx.scope("work", () => {
      ctx.logInfo("log");
      ctx.recordMetric("work", { value: 1, kind: "counter" });
    });
    await OpenTelemetry.shutdown();
  `,
    {
      flags: ["--allow-net=127.0.0.1", "--allow-env=OTEL_*"],
      env: {
        OTEL_EXPORTER_OTLP_HEADERS: `x-key=${SECRET},bad header=${SECRET},authorization=Bearer%20${SECRET}`,
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `ftp://me:${SECRET}@host?key=${SECRET}`,
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: SECRET,
      },
    },
  );
  assertEquals(ran.code, 0, ran.stderr);
  assert(!(ran.stdout + ran.stderr).includes(SECRET), ran.stdout + ran.stderr);
  assertEquals(ran.stdout.trim().split("\n").map((line) => line.split(":")[0]), Array(5).fill("refused"));
  assert(
    ran.stderr.includes("Dropped 1 spans (1 in all): ") && ran.stderr.includes("rejected them: bad key ***"),
  );
  assert(ran.stderr.includes("refused them: HTTP 401"));
  assertEquals(receiver.requests[0].headers.get("x-api-key"), SECRET);
});
