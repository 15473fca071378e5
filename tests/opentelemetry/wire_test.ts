import { assert, assertEquals, assertMatch } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { startReceiver } from "../support/receiver.ts";
import { record } from "../support/record.ts";
import { run } from "../support/subprocess.ts";

const recordAll = () =>
  ctx.scope("root", () => {
    ctx.logInfo("log");
    ctx.recordMetric("metric", { value: 1, kind: "counter" });
  });

Deno.test("each signal is posted to its path as JSON, with the headers of the code", async () => {
  const { requests } = await record({ otlpHeaders: { "X-Api-Key": "secret", "x-tenant": "a" } }, recordAll);
  assertEquals([...new Set(requests.map(({ path }) => path))].sort(), [
    "/v1/logs",
    "/v1/metrics",
    "/v1/traces",
  ]);
  for (const { headers, status } of requests) {
    assertEquals([headers.get("content-type"), status], ["application/json", 200]);
    assertEquals([headers.get("x-api-key"), headers.get("x-tenant")], ["secret", "a"]);
    assertEquals(headers.get("content-encoding"), null);
    assertEquals(headers.get("traceparent"), null);
  }
});

Deno.test("gzip compresses every body, and what arrives is the same", async () => {
  const recordMany = () => {
    for (let n = 0; n < 50; n++) recordAll();
  };
  const plain = await record({}, recordMany);
  const gzipped = await record({ compression: "gzip" }, recordMany);
  for (const { headers } of gzipped.requests) assertEquals(headers.get("content-encoding"), "gzip");
  assertEquals([gzipped.spans.length, gzipped.logs.length], [plain.spans.length, plain.logs.length]);
  const bytes = ({ requests }: typeof plain) => requests.reduce((sum, request) => sum + request.bytes, 0);
  assert(bytes(gzipped) * 2 < bytes(plain));
});

Deno.test("in OTLP mode nothing is mirrored to the console", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
    });
    ctx.scope("root", () => {
      ctx.logError("failed", { exception: new Error("why") });
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
      ctx.recordEvent("event");
    });
    await OpenTelemetry.shutdown();
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env"] },
  );
  assertEquals([code, stdout, stderr], [0, "", ""]);
  assertEquals([receiver.spans.length, receiver.logs.length, receiver.points.length], [1, 2, 1]);
});

Deno.test("with OTEL_SDK_DISABLED everything is accepted, and nothing recorded", async () => {
  await using receiver = startReceiver();
  const { code, stdout, stderr } = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
    });
    const observability = OpenTelemetry.observability({ traceparent: "broken" });
    await ctx.scope("root", { observability }, async (root) => {
      ctx.logError("failed");
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
      ctx.recordEvent("event");
      ctx.recordAttributes({ a: 1 });
      await ctx.scope("child", () => Promise.resolve());
    });
    ctx.scope("by default", () => ctx.logInfo("hidden"));
    await OpenTelemetry.forceFlush();
    await OpenTelemetry.shutdown();
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env"], env: { OTEL_SDK_DISABLED: "true" } },
  );
  assertEquals([code, stdout, stderr], [0, "", ""]);
  assertEquals(receiver.requests.length, 0);
});

Deno.test("forceFlush() resolves when everything recorded so far has arrived", async () => {
  await record({}, async (receiver) => {
    recordAll();
    await OpenTelemetry.forceFlush();
    assertEquals([receiver.spans.length, receiver.logs.length, receiver.points.length], [1, 1, 1]);
  });
});

Deno.test("the resource is complete, and the same on all three signals", async () => {
  const { spans, logs, points } = await record(
    { attributes: { team: "blue", nested: { tier: 1 } } },
    recordAll,
  );
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const [{ resource }] = spans;
  assertMatch(String(resource["service.instance.id"]), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assertEquals({ ...resource, "service.instance.id": "" }, {
    "service.name": "shop",
    "service.version": "1.0.0",
    "service.instance.id": "",
    "deployment.environment.name": "test",
    "deployment.environment": "test",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "3.1.0",
    "telemetry.distro.name": "@haiway/otel",
    "telemetry.distro.version": version,
    "process.runtime.name": "deno",
    "process.runtime.version": Deno.version.deno,
    team: "blue",
    "nested.tier": 1,
  });
  assertEquals([logs[0].resource, points[0].resource], [resource, resource]);
});

Deno.test("the attributes of the resource win over what the library sets, and 'instance' is taken as it is", async () => {
  const attributes = { "service.namespace": "n", "process.runtime.name": "deno on a toaster" };
  const { spans: [{ resource }] } = await record({ instance: "pod-7", attributes }, recordAll);
  assertEquals(resource["service.instance.id"], "pod-7");
  assertEquals([resource["service.namespace"], resource["process.runtime.name"]], ["n", "deno on a toaster"]);
});

Deno.test("on Deno Deploy the resource tells region, deployment and application", async () => {
  await using receiver = startReceiver();
  const env = {
    DENO_DEPLOY: "true",
    DENO_REGION: "gcp-europe-west3",
    DENO_DEPLOYMENT_ID: "deployment-1",
    DENO_DEPLOY_APP_ID: "app-1",
    DENO_DEPLOY_APP_SLUG: "shop",
    DENO_DEPLOY_ORG_ID: "org-1",
    DENO_DEPLOY_ORG_SLUG: "acme",
    DENO_DEPLOY_BUILD_ID: "build-1",
    DENO_TIMELINE: "production",
  };
  const { code, stderr } = await run(
    `
    import { ctx, OpenTelemetry } from "@haiway/otel";
    OpenTelemetry.configure({
      service: "s", version: "1", environment: "test", otlpEndpoint: "${receiver.endpoint}",
    });
    ctx.scope("root", () => {});
    await OpenTelemetry.shutdown();
    `,
    { flags: ["--allow-net=127.0.0.1", "--allow-env"], env },
  );
  assertEquals([code, stderr], [0, ""]);
  const { resource } = receiver.spans[0];
  const told = Object.values(resource);
  for (const [name, value] of Object.entries(env)) {
    if (name !== "DENO_DEPLOY") assert(told.includes(value), name);
  }
  assertEquals(resource["cloud.region"], "gcp-europe-west3");
});
