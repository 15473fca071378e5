import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AggregationTemporality, DataPointType, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { ConsoleMetricExporter } from "../opentelemetry/console.ts";
import { run } from "./support/subprocess.ts";

const PROGRAM = `
import { ctx, OpenTelemetry } from "@haiway/otel";

OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "test" });
await ctx.scope("request", { attributes: { agent: "x".repeat(100) } }, async () => {
  ctx.logInfo("Looking up");
  ctx.logError("Not found");
  await ctx.scope("lookup", () => Promise.resolve());
});
await OpenTelemetry.shutdown();
`;
const STYLE = "\x1b[";

Deno.test("off a terminal the console mode is plain text of any length, and asks for no permission", async () => {
  const { code, stdout, stderr } = await run(PROGRAM, { env: { FORCE_COLOR: "1", COLUMNS: "40" } });
  assertEquals(code, 0);
  assert(!stdout.includes(STYLE) && !stderr.includes(STYLE));
  assertMatch(stdout, /INFO {2}Looking up \[request [0-9a-f]{8}\]\nrequest .* agent="x{100}"\n└─ lookup /);
  assertMatch(stderr, /ERROR Not found \[request [0-9a-f]{8}\]\n$/);
});

Deno.test("FORCE_COLOR and COLUMNS are honoured where they may be read, and no colour is an answer", async () => {
  const flags = ["--allow-env=FORCE_COLOR,COLUMNS,NO_COLOR"];
  const forced = await run(PROGRAM, { flags, env: { FORCE_COLOR: "1", NO_COLOR: "1", COLUMNS: "70" } });
  assertStringIncludes(forced.stdout, `${STYLE}1mrequest${STYLE}0m`);
  assertStringIncludes(forced.stdout, "…");
  const refused = await run(PROGRAM, { flags, env: { FORCE_COLOR: "0" } });
  assert(!refused.stdout.includes(STYLE));
});

const hasScript = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name: "on a terminal the console mode has colour, and lines that end at its edge",
  ignore: !hasScript,
  async fn() {
    for (const [env, coloured] of [[{}, true], [{ NO_COLOR: "1" }, false]] as const) {
      const screen = await onTerminal(PROGRAM, 72, env);
      assertEquals(screen.includes(STYLE), coloured);
      // deno-lint-ignore no-control-regex -- the styles are what is taken away
      const lines = screen.replace(/\x1b\[\d*m/g, "").trimEnd().split(/\r?\n/);
      assertMatch(lines.join("\n"), /\nrequest .* agent="x+…\n├─ trace=[0-9a-f]{32}\n└─ lookup .*━ *$/);
      assert(lines.every((line) => line.length <= 72), lines.join("\n"));
    }
  },
});

Deno.test("the metrics table shows what has changed, with rates, and nothing if nothing has", () => {
  const exporter = new ConsoleMetricExporter();
  assertEquals(show(exporter, at(10, 20, [1, 8, 1])), [
    "metric  kind       value  rate  avg  p50  p95  max  attributes",
    'orders  counter       20   2/s                      kind="a"',
    "open    updown         3",
    "took    histogram    10×   1/s  6.5    5  8.5   10",
  ]);
  assertEquals(show(exporter, at(15, 20, [1, 8, 1])), []);
  assertEquals(show(exporter, at(20, 25, [1, 8, 1])), [
    "metric  kind     value   rate  attributes",
    'orders  counter     25  0.5/s  kind="a"',
  ]);
});

Deno.test("a rate over less than a second is not shown, as it says nothing", () => {
  const [head] = show(new ConsoleMetricExporter(), at(0.5, 20, [1, 0, 0]));
  assert(!head.includes("rate"), head);
});

/** An export at some second of an order counter, and of a histogram with two bounds between 2 and 10. */
function at(second: number, orders: number, counts: number[]): ResourceMetrics {
  const times = { startTime: [0, 0], endTime: [Math.floor(second), (second % 1) * 1e9] } as const;
  const metric = (name: string) => ({
    descriptor: { name, unit: "", description: "" },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  });
  const count = counts.reduce((sum, inside) => sum + inside);
  const value = { buckets: { boundaries: [3, 7], counts }, count, sum: 6.5 * count, min: 2, max: 10 };
  return {
    resource: undefined,
    scopeMetrics: [{
      scope: { name: "test" },
      metrics: [
        {
          ...metric("orders"),
          dataPointType: DataPointType.SUM,
          isMonotonic: true,
          dataPoints: [{ ...times, attributes: { kind: "a" }, value: orders }],
        },
        {
          ...metric("open"),
          dataPointType: DataPointType.SUM,
          isMonotonic: false,
          dataPoints: [{ ...times, attributes: {}, value: 3 }],
        },
        {
          ...metric("took"),
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: [{ ...times, attributes: {}, value }],
        },
      ],
    }],
  } as unknown as ResourceMetrics;
}

/** What an export prints, in lines. */
function show(exporter: ConsoleMetricExporter, metrics: ResourceMetrics): string[] {
  const printed: string[] = [];
  const info = console.info;
  console.info = (text: string) => void printed.push(...text.split("\n"));
  try {
    exporter.export(metrics, () => {});
  } finally {
    console.info = info;
  }
  return printed;
}

/** What a program leaves on a pseudo-terminal of some width. */
async function onTerminal(source: string, width: number, env: Record<string, string>): Promise<string> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, source);
    const config = new URL("../deno.json", import.meta.url).pathname;
    const command = `stty cols ${width}; ${Deno.execPath()} run --quiet --config=${config} ${script}`;
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { TERM: "xterm", NO_COLOR: "", ...env },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(script);
  }
}
