import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { ConsoleObservability, ctx, type ObservabilityLevel } from "@haiway/otel";
import { run } from "../support/subprocess.ts";

/** What a back end of the console writes while the body runs. */
function written(
  body: () => void,
  level?: ObservabilityLevel,
): { line: string; level: ObservabilityLevel }[] {
  const lines: { line: string; level: ObservabilityLevel }[] = [];
  const observability = new ConsoleObservability({
    level,
    write: (line, level) => lines.push({ line, level }),
  });
  ctx.scope("root", { observability }, body);
  return lines;
}

Deno.test("a log is one readable line: time, level, message, attributes, scope and trace", () => {
  const [{ line, level }] = written(() => ctx.logWarning("Slow answer", { ms: 1200, path: "/a b" }));
  assertMatch(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}Slow answer ms=1200 path="\/a b" \[root [0-9a-f]{8}\]$/,
  );
  assertEquals(level, "warning");
});

Deno.test("the exception of a log follows as its stack, causes included", () => {
  const exception = new TypeError("outer", { cause: new RangeError("inner") });
  const [{ line }] = written(() => ctx.logError("failed", { exception }));
  const lines = line.split("\n");
  assertMatch(lines[0], /ERROR failed \[root/);
  assertEquals(lines[1], "  TypeError: outer");
  assertStringIncludes(line, "  Caused by: RangeError: inner");
});

Deno.test("a finished root is a tree with durations, statuses, attributes and events", () => {
  const lines = written(() => {
    ctx.recordAttributes({ user: "u-1" });
    ctx.scope("first", () => {
      ctx.scope("inner", { attributes: { n: 1 } }, () => {});
      ctx.recordEvent("paid", { attributes: { amount: 5 } });
    });
    try {
      ctx.scope("second", () => {
        throw new Error("declined");
      });
    } catch {
      // the tree shows it
    }
  });
  assertEquals(lines.length, 1);
  const tree = lines[0].line.replaceAll(/[\d.]+ (µs|ms|s)\b/g, "T").replace(/[0-9a-f]{32}/, "ID")
    .replace(/ at .*/, " at FRAME").replaceAll(/ {2,}[━·]+/g, "").replaceAll(/(?<=\S) {2,}/g, "  ");
  assertEquals(tree.split("\n").map((line) => line.trimEnd()), [
    'root  T  ok  trace=ID  user="u-1"',
    "├─ first  T  ok",
    "│  ├─ inner  T  ok  n=1",
    "│  └─ • paid  +T  amount=5",
    "└─ second  T  error",
    "   └─ ✗ Error: declined  at FRAME",
  ]);
});

Deno.test("the metrics of a root are a table after its tree", () => {
  const lines = written(() => {
    for (const value of [1, 3]) ctx.recordMetric("requests", { value, kind: "counter", unit: "{request}" });
    for (const value of [1, 2]) ctx.recordMetric("duration", { value, kind: "histogram", unit: "s" });
    ctx.recordMetric("connections", { value: 42, kind: "gauge", attributes: { pool: "main" } });
  });
  assertEquals(lines[1].line.split("\n"), [
    "metric       kind           value     avg     p50     p95     max  attributes",
    "requests     counter    4 request",
    "duration     histogram         2×  1.50 s  1.00 s  2.00 s  2.00 s",
    'connections  gauge             42                                  pool="main"',
  ]);
});

Deno.test("a stranger's text can neither forge a line nor drive the terminal", () => {
  const lines = written(() => {
    ctx.logInfo("one\n00:00:00.000 ERROR forged\u001b[2J", { "key\n": "\u001b[31m\u009b" });
    ctx.recordEvent("event\r\n└─ forged");
  });
  for (const { line } of lines) {
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    assert(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(line), JSON.stringify(line));
    assert(!line.split("\n").some((part) => part.startsWith("00:00") || part.startsWith("└─ forged")), line);
  }
});

Deno.test("a root that stays open for long keeps a bounded tree, and says how much it left out", () => {
  const lines = written(() => {
    for (let n = 0; n < 1500; n++) ctx.scope(`child-${n}`, () => {});
    for (let n = 0; n < 150; n++) ctx.recordEvent("event");
  });
  assertEquals(lines.length, 1);
  const tree = lines[0].line.split("\n");
  assertEquals(tree.filter((line) => line.includes("child")).length, 999);
  assertEquals(tree.filter((line) => line.includes("event")).length, 100);
  assertStringIncludes(tree.at(-1)!, "551 more");
});

Deno.test("a scope that outlives its root is shown when it ends, in the same trace", async () => {
  const lines: string[] = [];
  const observability = new ConsoleObservability({ write: (line) => lines.push(line) });
  const release = Promise.withResolvers<void>();
  let late = Promise.resolve();
  ctx.scope("root", { observability }, () => {
    late = ctx.scope("late", async () => {
      await release.promise;
      ctx.recordMetric("late.metric", { value: 1, kind: "counter" });
    });
  });
  release.resolve();
  await late;
  const [first, second, ...rest] = lines;
  assertMatch(first, /^root .*\n└─ late +open/);
  assertMatch(second, /^late /);
  assertEquals(/trace=[0-9a-f]{32}/.exec(second)?.[0], /trace=[0-9a-f]{32}/.exec(first)?.[0]);
  assertStringIncludes(rest.join("\n"), "late.metric");
});

Deno.test("a writer that throws is not asked to apologise to the program", () => {
  const observability = new ConsoleObservability({
    write: () => {
      throw new Error("the pipe is broken");
    },
  });
  assertEquals(ctx.scope("root", { observability }, () => (ctx.logInfo("log"), 1)), 1);
});

Deno.test("logs below info are left out unless a level says otherwise", () => {
  assertEquals(written(() => ctx.logDebug("hidden")).length, 1);
  assertEquals(written(() => ctx.logDebug("shown"), "debug").length, 2);
  assertThrows(
    () => new ConsoleObservability({ level: "loud" as ObservabilityLevel }),
    TypeError,
    "Cannot create a ConsoleObservability as 'level' must be 'debug', 'info', 'warning' or 'error': current value" +
      ' is "loud"',
  );
});

Deno.test("a root scope without a back end prints, with no permission and no set-up; by level to either stream", async () => {
  const { code, stdout, stderr } = await run(`
    import { ctx } from "@haiway/otel";
    await ctx.scope("root", async () => {
      ctx.logInfo("to stdout");
      ctx.logWarning("to stderr");
      await Promise.resolve();
    });
  `);
  assertEquals(code, 0);
  assertMatch(stdout, /INFO {2}to stdout \[root/);
  assertMatch(stdout, /^root {2}[\d.]+ (µs|ms) {2}ok {2}trace=[0-9a-f]{32}$/m);
  assertMatch(stderr, /^\S+ WARN {2}to stderr \[root [0-9a-f]{8}\]\n$/);
});

Deno.test("there is no colour off a terminal", async () => {
  const source = `
    import { ctx } from "@haiway/otel";
    ctx.scope("root", () => ctx.logInfo("plain"));
  `;
  for (const NO_COLOR of ["", "1"]) {
    const { stdout } = await run(source, { env: { TERM: "xterm", NO_COLOR } });
    assert(!stdout.includes("\u001b"), JSON.stringify(stdout));
  }
});

/** Runs a script on a pseudo terminal, so that it believes that somebody looks at it. */
async function onTerminal(source: string, env: Record<string, string>): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/script.ts`, source);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const command = `${Deno.execPath()} run --quiet --config=${config} ${directory}/script.ts`;
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { TERM: "xterm", NO_COLOR: "", ...env },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: "there is colour on a terminal, unless NO_COLOR is set",
  ignore: !await hasScript(),
  async fn() {
    const source = `
      import { ctx } from "@haiway/otel";
      ctx.scope("root", () => ctx.logInfo("plain"));
    `;
    assertStringIncludes(await onTerminal(source, {}), "\u001b[32mINFO \u001b[0m plain");
    assert(!(await onTerminal(source, { NO_COLOR: "1" })).includes("\u001b[32m"));
  },
});

/** Whether the machine has the program that makes a pseudo terminal. */
async function hasScript(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output();
    return success;
  } catch {
    return false;
  }
}
