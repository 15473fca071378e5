/**
 * The checks of the project, each by its name: `test` alone, or all of them, which is the gate before a commit.
 *
 * ```sh
 * deno run -A tests/support/gate.ts test
 * deno run -A tests/support/gate.ts
 * ```
 *
 * @module
 */

import { importMapArguments } from "./std.ts";

const ENTRY_POINTS = ["mod.ts", "ctx/memory.ts"];
const std = await importMapArguments();

/** Everything that the tests need; their subprocesses are given exactly the flags under test. */
const TEST = ["test", "--allow-all", "--parallel", ...std];

const CHECKS: Readonly<Record<string, string[]>> = {
  test: [...TEST, "tests/"],
  fmt: ["fmt", "--check"],
  lint: ["lint"],
  check: ["check", ...std, "mod.ts", "ctx/", "opentelemetry/", "tests/", "examples/", "bench/"],
  "doc lint": ["doc", "--lint", ...ENTRY_POINTS],
  "doc tests": [...TEST, "--doc", ...ENTRY_POINTS, "ctx/", "opentelemetry/", "README.md"],
  "publish": ["publish", "--dry-run", "--allow-dirty"],
};

const [only, ...rest] = Deno.args;
const chosen = only === undefined ? Object.keys(CHECKS) : [only];
let failed = 0;
for (const name of chosen) {
  const gate = only === undefined && name === "test" ? ["--trace-leaks"] : [];
  const args = [...CHECKS[name].slice(0, 1), ...gate, ...CHECKS[name].slice(1), ...rest];
  console.log(`\n# ${name}: deno ${args.join(" ")}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("../../", import.meta.url),
  })
    .spawn().status;
  if (!success) {
    failed++;
    console.log(`# ${name} failed`);
  }
}
console.log(`\n${chosen.length - failed} of ${chosen.length} checks passed`);
Deno.exit(failed === 0 ? 0 : 1);
