import { assertEquals, assertStringIncludes } from "@std/assert";
import { renderDuration, renderLog, renderMetrics, renderNumber } from "../../ctx/console_format.ts";
import type { CleanAttributes } from "../../ctx/attributes.ts";
import { type ConsoleEvent, type ConsoleNode, ownFrame, renderTree } from "../../ctx/console_view.ts";
import { columns, escape, PLAIN, renderLine, shorten } from "../../ctx/terminal.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

function node(
  name: string,
  from: number,
  to: number | undefined,
  more: Partial<ConsoleNode> = {},
): ConsoleNode {
  return {
    name,
    traceId: TRACE,
    start: from,
    ...(to !== undefined && { end: to }),
    status: "ok",
    attributes: {},
    events: [],
    links: [],
    children: [],
    omitted: 0,
    ...more,
  };
}

function exception(type: string, message: string, stack?: string): ConsoleEvent {
  const attributes: CleanAttributes = { "exception.type": type, "exception.message": message };
  if (stack !== undefined) attributes["exception.stacktrace"] = stack;
  return { name: "exception", time: 40, attributes };
}

Deno.test("a tree has durations beneath each other, and a bar for when each scope ran", () => {
  const root = node("request", 0, 100, {
    attributes: { "http.route": "/orders/:id" },
    links: ["f".repeat(32)],
    children: [
      node("authenticate", 0, 25),
      node("query", 50, 99.5, {
        status: "unset",
        attributes: { rows: 3 },
        events: [{ name: "row", time: 75, attributes: { id: 7 } }],
      }),
      node("refresh", 90, undefined),
    ],
  });
  assertEquals(
    renderTree(root, PLAIN),
    `request          100.0 ms  ok     ━━━━━━━━━━━━━━━━━━━━  trace=${TRACE}  http.route="/orders/:id"
├─ ↗ trace=ffffffffffffffffffffffffffffffff
├─ authenticate   25.0 ms  ok     ━━━━━
├─ query          49.5 ms  unset            ━━━━━━━━━━  rows=3
│  └─ • row      +75.0 ms                        ·      id=7
└─ refresh           open                           ╌╌`,
  );
});

Deno.test("a scope alone is one line without a bar", () => {
  assertEquals(renderTree(node("job", 5, 5.25), PLAIN), `job  250 µs  ok  trace=${TRACE}`);
});

Deno.test("what happened in a scope is in the order in which it happened", () => {
  const root = node("job", 0, 100, {
    events: [{ name: "late", time: 90, attributes: {} }, { name: "early", time: 1, attributes: {} }],
    children: [node("between", 50, 60)],
    omitted: 2,
  });
  const names = [...renderTree(root, PLAIN).matchAll(/(?:^|─ |• )([a-z]+) |… and 2 more/gm)];
  assertEquals(names.map(([whole, name]) => name ?? whole), [
    "job",
    "early",
    "between",
    "late",
    "… and 2 more",
  ]);
});

Deno.test("a long row of scopes that are alike is said by its first ones, and a failed one is shown", () => {
  const items = Array.from({ length: 30 }, (_, index) => node("item", index * 10, index * 10 + index + 1));
  items[14] = node("item", 140, 141, { status: "error" });
  const lines = renderTree(node("job", 0, 300, { children: items }), PLAIN).split("\n").slice(1);
  const said = lines.map((line) => line.replace(/ {2,}[━ ]+$/, "").replaceAll(/ {2,}/g, " "));
  assertEquals(said, [
    "├─ item 1.0 ms ok",
    "├─ item 2.0 ms ok",
    "├─ item 3.0 ms ok",
    "├─ … and 11 more item, of 14.0 ms at most",
    "├─ item 1.0 ms error",
    "├─ item 16.0 ms ok",
    "├─ item 17.0 ms ok",
    "├─ item 18.0 ms ok",
    "└─ … and 12 more item, of 30.0 ms at most",
  ]);
  const few = renderTree(node("job", 0, 300, { children: items.slice(0, 10) }), PLAIN);
  assertEquals(few.split("\n").length, 11);
});

Deno.test("an exception is shown once, where it was recorded, with the frame of the user's own code", () => {
  const stack = `TypeError: no such order
    at Object.scope (${new URL("../../ctx/ctx.ts", import.meta.url)}:10:5)
    at query (file:///app/node_modules/.deno/pg@1/node_modules/pg/index.js:1:1)
    at ext:core/01_core.js:2:3
    at async findOrder (file:///app/my%20orders.ts:12:9)
    at file:///app/main.ts:3:1`;
  const inner = node("find", 10, 40, {
    status: "error",
    message: "no such order",
    attributes: { "error.type": "TypeError" },
    events: [exception("TypeError", "no such order", stack)],
  });
  const outer = node("request", 0, 50, { status: "error", message: "no such order", children: [inner] });
  assertEquals(
    renderTree(outer, PLAIN).split("\n").slice(1).join("\n"),
    `└─ find  30.0 ms  error      ━━━━━━━━━━━━
   └─ ✗ TypeError: no such order  at findOrder (/app/my orders.ts:12:9)`,
  );
});

Deno.test("a status that no exception explains is said with its message", () => {
  const root = node("request", 0, 50, {
    status: "error",
    message: "quota is used up",
    attributes: { "error.type": "503" },
  });
  assertEquals(
    renderTree(root, PLAIN),
    `request  50.0 ms  error  trace=${TRACE}  error.type="503"\n└─ ✗ quota is used up`,
  );
  const thrown = node("request", 0, 50, {
    status: "error",
    message: "Oops",
    events: [exception("Oops", "")],
  });
  assertEquals(renderTree(thrown, PLAIN).split("\n").slice(1), ["└─ ✗ Oops"]);
});

Deno.test("a request shows its own status, and last what every request has", () => {
  const request = (code: number, more: Partial<ConsoleNode> = {}) =>
    renderTree(
      node("GET /orders/:id", 0, 50, {
        attributes: { "server.port": 80, "http.response.status_code": code, "url.path": "/orders/7" },
        status: "unset",
        ...more,
      }),
      { colour: true, width: Infinity },
    );
  assertStringIncludes(request(200), "\x1b[32m200\x1b[0m");
  assertStringIncludes(request(404), "\x1b[33m404\x1b[0m");
  assertStringIncludes(request(503, { status: "error" }), "\x1b[31m503\x1b[0m");
  assertStringIncludes(request(200), 'url.path="/orders/7" server.port=80');
  const failed = request(503, {
    attributes: { "http.response.status_code": 503, "error.type": "503" },
    status: "error",
  });
  assertEquals(failed.includes("error.type"), false);
});

Deno.test("ownFrame() finds no frame where all code is somebody else's", () => {
  const own = import.meta.url.replace("console_format_test", "orders");
  assertEquals(
    ownFrame("Error: x\n    at node:internal/a:1:1\n    at https://example.com/a/mod.ts:1:1"),
    undefined,
  );
  assertEquals(ownFrame(""), undefined);
  assertEquals(ownFrame("Error: x\n    at " + " (file:".repeat(100_000)), undefined);
  assertEquals(ownFrame(`Error: x\n    at ${own}:1:2`), `${new URL(own).pathname}:1:2`);
  assertEquals(ownFrame("Error: %\n    at f (file:///a%b.ts:1:2)"), "f (/a%b.ts:1:2)");
});

Deno.test("a line ends at the edge of the terminal, and half of a trace id is not shown", () => {
  const root = node("request", 0, 100, {
    attributes: { "user.agent": "x".repeat(200), id: 7 },
    children: [node("a scope with a name that is longer than what anybody reads", 0, 100)],
  });
  assertEquals(
    renderTree(root, { colour: false, width: 80 }),
    `request                           100.0 ms  ok  ━━━━━━━━━━  user.agent="xxxxxxx…
├─ trace=${TRACE}
└─ a scope with a name that is …  100.0 ms  ok  ━━━━━━━━━━`,
  );
  assertEquals(
    renderTree(root, { colour: false, width: 40 }).split("\n").map(columns).every((w) => w <= 40),
    true,
  );
});

Deno.test("colour is in the lines and not in what they measure", () => {
  const root = node("request", 0, 100, { children: [node("query", 0, 100, { attributes: { rows: 3 } })] });
  const coloured = renderTree(root, { colour: true, width: 100 });
  assertEquals(coloured.startsWith("\x1b[1mrequest\x1b[0m"), true);
  assertEquals(coloured.endsWith("\x1b[2mrows=3\x1b[0m"), true);
  // deno-lint-ignore no-control-regex -- the styles are what is taken away
  assertEquals(coloured.replace(/\x1b\[\d*m/g, ""), renderTree(root, { colour: false, width: 100 }));
});

Deno.test("a log is never cut, but a long value in it is; and it says its scope and trace", () => {
  const log = {
    level: "warning",
    message: "slow\u001b[2J " + "x".repeat(50),
    attributes: { body: "y".repeat(100), n: 1 },
    scope: "request",
    traceId: TRACE,
    time: 0,
  } as const;
  assertEquals(
    renderLog(log, { colour: false, width: 20 }),
    `00:00:00.000 WARN  slow\\u001b[2J ${"x".repeat(50)} body="${"y".repeat(18)}… n=1 [request 0af76519]`,
  );
  assertEquals(
    renderLog({ ...log, message: "m", attributes: {}, exception: { type: "A", message: "b" } }, PLAIN),
    "00:00:00.000 WARN  m [request 0af76519]\n  A: b",
  );
});

Deno.test("metrics are a table of the columns that something is in", () => {
  const counter = { name: "orders", kind: "counter", unit: "{order}", attributes: { kind: "a" }, value: 12 };
  const gauge = { name: "heap", kind: "gauge", unit: "By", attributes: {}, value: 123456 };
  assertEquals(
    renderMetrics([{ ...counter, rate: 2.3456 }, gauge], PLAIN),
    `metric  kind        value    rate  attributes
orders  counter  12 order  2.35/s  kind="a"
heap    gauge      123 kB`,
  );
  const distribution = { average: 0.5, p50: 0.25, p95: 1.5, max: 2 };
  assertEquals(
    renderMetrics(
      [{ name: "took", kind: "histogram", unit: "s", attributes: {}, value: 4, distribution }],
      PLAIN,
    ),
    `metric  kind       value       avg       p50     p95     max
took    histogram     4×  500.0 ms  250.0 ms  1.50 s  2.00 s`,
  );
});

Deno.test("numbers and durations are as short as they can be said", () => {
  assertEquals([0.1 + 0.2, 1e21, -3, 1 / 3].map((value) => renderNumber(value)), [
    "0.3",
    "1e+21",
    "-3",
    "0.333333",
  ]);
  assertEquals([-1, 0, 0.25, 1, 999.94, 1000].map(renderDuration), [
    "0 µs",
    "0 µs",
    "250 µs",
    "1.0 ms",
    "999.9 ms",
    "1.00 s",
  ]);
});

Deno.test("text is measured in the columns that a terminal gives it", () => {
  assertEquals(["abc", "é", "e\u0301", "日本", "👩‍👩‍👧", "━"].map(columns), [3, 1, 1, 4, 2, 1]);
  assertEquals(shorten("日本語", 5), "日本…");
  assertEquals(shorten("日本語", 4), "日…");
  assertEquals(shorten("abc", 3), "abc");
  assertEquals(renderLine([["ab"], ["cd", "red"], ["ef"]], { colour: false, width: 4 }), "abc…");
  assertEquals(
    renderLine([["ab"], ["  "], ["cd", "red"]], { colour: true, width: 6 }),
    "ab  \x1b[31mcd\x1b[0m",
  );
});

Deno.test("control characters of every kind are made visible", () => {
  assertEquals(escape("a\nb\tc\u0000\u007f\u009b\u2028"), "a\\nb\\tc\\u0000\\u007f\\u009b\\u2028");
});
