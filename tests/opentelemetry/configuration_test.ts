import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  ConfigurationError,
  type ConfigureOptions,
  ctx,
  type ObservabilityLevel,
  OpenTelemetry,
} from "@haiway/otel";
import { refusingProxy } from "../support/hostile.ts";
import { startReceiver } from "../support/receiver.ts";

const VALID = { service: "shop", version: "1.0.0", environment: "test" };

/** The error that `configure` refuses options with. */
function refused(options: Record<string, unknown>): Error {
  try {
    OpenTelemetry.configure({ ...VALID, ...options });
  } catch (error) {
    assertInstanceOf(error, Error);
    return error;
  }
  throw new Error(`accepted: ${Object.keys(options)}`);
}

/** Each wrong option: the rule that it breaks, and the value as the message shows it. */
const WRONG: [option: string, value: unknown, errorClass: ErrorConstructor, rule: string, shown: string][] = [
  ["service", undefined, TypeError, "be a non-empty string", "undefined"],
  ["service", "", TypeError, "be a non-empty string", '""'],
  ["service", "  ", TypeError, "be a non-empty string", '"  "'],
  ["version", 1, TypeError, "be a non-empty string", "1"],
  ["environment", null, TypeError, "be a non-empty string", "null"],
  ["instance", "", TypeError, "be a non-empty string", '""'],
  ["instance", 7n, TypeError, "be a non-empty string", "7"],
  ["otlpEndpoint", "", TypeError, "be the URL of an OTLP receiver over HTTP", '""'],
  ["otlpEndpoint", 4318, TypeError, "be the URL of an OTLP receiver over HTTP", "4318"],
  [
    "otlpEndpoint",
    "ftp://collector",
    TypeError,
    "be a URL of http or https, such as 'http://localhost:4318'",
    '"ftp://collector"',
  ],
  [
    "otlpEndpoint",
    "http://:4318",
    TypeError,
    "be a URL of http or https, such as 'http://localhost:4318'",
    '"http://:4318"',
  ],
  ["otlpHeaders", "a=b", TypeError, "be an object of strings", '"string"'],
  ["otlpHeaders", ["a"], TypeError, "be an object of strings", '"object"'],
  ["insecure", "yes", TypeError, "be a boolean", '"yes"'],
  ["exportIntervalMillis", -1, RangeError, "be a positive integer", "-1"],
  ["exportIntervalMillis", 0, RangeError, "be a positive integer", "0"],
  ["exportIntervalMillis", 1.5, RangeError, "be a positive integer", "1.5"],
  ["exportIntervalMillis", NaN, RangeError, "be a positive integer", "NaN"],
  ["exportIntervalMillis", 2 ** 31, RangeError, "be a positive integer", "2147483648"],
  ["exportIntervalMillis", "5000", TypeError, "be a positive integer", '"5000"'],
  ["exportTimeoutMillis", 0, RangeError, "be a positive integer", "0"],
  ["exportTimeoutMillis", {}, TypeError, "be a positive integer", "{}"],
  ["shutdownTimeoutMillis", 0, RangeError, "be a positive integer", "0"],
  ["shutdownTimeoutMillis", "5000", TypeError, "be a positive integer", '"5000"'],
  ["handleExit", "yes", TypeError, "be true or false", '"yes"'],
  ["attributes", "a=b", TypeError, "be an object", '"a=b"'],
  ["attributes", [], TypeError, "be an object", "[]"],
  ["attributes", null, TypeError, "be an object", "null"],
  ["sampling", 1.1, RangeError, "be a number from 0 to 1", "1.1"],
  ["sampling", -0.1, RangeError, "be a number from 0 to 1", "-0.1"],
  ["sampling", NaN, RangeError, "be a number from 0 to 1", "NaN"],
  ["sampling", "0.5", TypeError, "be a number from 0 to 1", '"0.5"'],
  ["level", "loud", TypeError, "be 'debug', 'info', 'warning' or 'error'", '"loud"'],
  ["level", "constructor", TypeError, "be 'debug', 'info', 'warning' or 'error'", '"constructor"'],
  ["events", "none", TypeError, "be 'both', 'span' or 'log'", '"none"'],
  ["compression", "br", TypeError, "be 'none' or 'gzip'", '"br"'],
  ["limits", 5, TypeError, "be an object", "5"],
];

for (const [option, value, errorClass, rule, shown] of WRONG) {
  Deno.test(`configure() refuses '${option}' with the value ${shown}, and names option, rule and value`, () => {
    const error = refused({ [option]: value });
    assertInstanceOf(error, errorClass);
    assertEquals(
      error.message,
      `Cannot configure OpenTelemetry as '${option}' must ${rule}: current value is ${shown}`,
    );
    assertThrows(() => OpenTelemetry.observability(), ConfigurationError);
  });
}

Deno.test("configure() refuses each wrong limit by its name", () => {
  for (
    const name of [
      "attributeCountLimit",
      "attributeValueLengthLimit",
      "eventCountLimit",
      "linkCountLimit",
      "attributePerEventCountLimit",
      "attributePerLinkCountLimit",
    ]
  ) {
    for (const value of [-1, 1.5, NaN, "5", null]) {
      assertEquals(
        refused({ limits: { [name]: value } }).message,
        `Cannot configure OpenTelemetry as 'limits.${name}' must be an integer of at least 0: current value is ` +
          (typeof value === "string" ? `"${value}"` : `${value}`),
      );
    }
  }
});

Deno.test("configure() refuses options that are none", () => {
  for (const options of [undefined, null, "shop", 1]) {
    const error = assertThrows(
      () => OpenTelemetry.configure(options as unknown as ConfigureOptions),
      TypeError,
    );
    assert(
      error.message.startsWith(
        "Cannot configure OpenTelemetry as 'options' must be an object: current value",
      ),
    );
  }
});

Deno.test("configure() refuses what cannot be read without leaving half of it behind", async () => {
  assertThrows(() => OpenTelemetry.configure(refusingProxy() as ConfigureOptions), Error);
  OpenTelemetry.configure(VALID);
  await OpenTelemetry.shutdown();
});

Deno.test("configure() refuses a second call, and the first one stays in force", async () => {
  await using receiver = startReceiver();
  OpenTelemetry.configure({ ...VALID, otlpEndpoint: receiver.endpoint });
  const error = assertThrows(() => OpenTelemetry.configure(VALID), ConfigurationError);
  assertEquals(
    error.message,
    `Cannot configure OpenTelemetry as 'configure' must be called once per process: current value is "shop"`,
  );
  ctx.scope("root", () => {});
  await OpenTelemetry.shutdown();
  assertEquals(receiver.spans.length, 1);
});

Deno.test("configure() gives OpenTelemetry, so that calls can be chained", async () => {
  assert(OpenTelemetry.configure(VALID) === OpenTelemetry);
  await OpenTelemetry.shutdown();
});

Deno.test("observability() before configure() fails with a message that says so", () => {
  const error = assertThrows(() => OpenTelemetry.observability(), ConfigurationError);
  assertEquals(error.name, "ConfigurationError");
  assertEquals(
    error.message,
    "Cannot create an observability as 'OpenTelemetry.configure' must be called before: current value is undefined",
  );
});

Deno.test("observability() refuses a level that there is none of", async () => {
  OpenTelemetry.configure(VALID);
  assertThrows(
    () => OpenTelemetry.observability({ level: "loud" as ObservabilityLevel }),
    TypeError,
    "Cannot create an observability as 'level' must be 'debug', 'info', 'warning' or 'error': current value is \"loud\"",
  );
  await OpenTelemetry.shutdown();
});

Deno.test("observability() refuses options that are none", async () => {
  OpenTelemetry.configure(VALID);
  for (const options of [null, "debug", 1]) {
    assertThrows(
      () => OpenTelemetry.observability(options as never),
      TypeError,
      "Cannot create an observability as 'options' must be an object: current value is",
    );
  }
  await OpenTelemetry.shutdown();
});

Deno.test("after shutdown() configure() may be called again, with other options", async () => {
  for (const service of ["first", "second"]) {
    await using receiver = startReceiver();
    OpenTelemetry.configure({ ...VALID, service, otlpEndpoint: receiver.endpoint });
    ctx.scope("root", () => {
      ctx.logInfo("log");
      ctx.recordMetric("metric", { value: 1, kind: "counter" });
    });
    await OpenTelemetry.shutdown();
    for (const records of [receiver.spans, receiver.logs, receiver.points]) {
      assertEquals(records.map(({ resource }) => resource["service.name"]), [service]);
    }
  }
});

Deno.test("configure() may be called while a shutdown is under way: neither loses anything", async () => {
  await using first = startReceiver();
  await using second = startReceiver();
  OpenTelemetry.configure({ ...VALID, otlpEndpoint: first.endpoint });
  ctx.scope("first", () => ctx.logInfo("log"));
  const shutdown = OpenTelemetry.shutdown();
  OpenTelemetry.configure({ ...VALID, otlpEndpoint: second.endpoint });
  ctx.scope("second", () => ctx.logInfo("log"));
  await shutdown;
  await OpenTelemetry.shutdown();
  assertEquals(first.spans.map(({ name }) => name), ["first"]);
  assertEquals(second.spans.map(({ name }) => name), ["second"]);
  assertEquals([first.logs.length, second.logs.length], [1, 1]);
});

Deno.test("forceFlush() and shutdown() do nothing where nothing is configured, and may be called again", async () => {
  await OpenTelemetry.forceFlush();
  await OpenTelemetry.shutdown();
  await OpenTelemetry.shutdown();
});

Deno.test("scopes still open at shutdown() go on, unrecorded, and the old back end stays harmless", async () => {
  await using receiver = startReceiver();
  OpenTelemetry.configure({ ...VALID, otlpEndpoint: receiver.endpoint });
  const observability = OpenTelemetry.observability();
  const value = await ctx.scope("open", { observability }, async () => {
    await OpenTelemetry.shutdown();
    ctx.logInfo("after");
    ctx.recordMetric("after", { value: 1, kind: "counter" });
    return ctx.scope("child", () => 42);
  });
  assertEquals(value, 42);
  assertEquals(ctx.scope("late", { observability }, () => 1), 1);
});

Deno.test("what configure() was given is neither changed nor kept", async () => {
  await using receiver = startReceiver();
  const attributes = { team: "blue", tags: ["a"] };
  const otlpHeaders: Record<string, string> = { "x-key": "before" };
  const options = Object.freeze({ ...VALID, otlpEndpoint: receiver.endpoint, attributes, otlpHeaders });
  OpenTelemetry.configure(options);
  attributes.team = "red";
  attributes.tags.push("b");
  otlpHeaders["x-key"] = "after";
  ctx.scope("root", () => {});
  await OpenTelemetry.shutdown();
  assertEquals(receiver.spans[0].resource.team, "blue");
  assertEquals(receiver.spans[0].resource.tags, ["a"]);
  assertEquals(receiver.requests[0].headers.get("x-key"), "before");
});
