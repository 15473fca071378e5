/**
 * The one gate of the project: every check by its name, or all of them.
 *
 * ```sh
 * deno task test                        # the tests alone
 * deno task test tests/otlp_test.ts     # some of them; further arguments go to `deno test`
 * deno task ok                          # every check, before a commit
 * ```
 *
 * @module
 */

import { withStd } from "./std.ts";

const ROOT = new URL("../../", import.meta.url);
const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
const ENTRY_POINTS = Object.values<string>(exports);
/** How long a check may take, in milliseconds. */
const PATIENCE = 10 * 60_000;
const SOURCES = ["mod.ts", "ctx/", "opentelemetry/"];

/** Each check as arguments to Deno, where `std` are those that say where `@std/*` is found. */
const CHECKS: Readonly<Record<string, (std: string[], given: string[]) => string[]>> = {
  // The tests may do everything; the programs that they start are given exactly the flags under test.
  test: (std, given) => [
    ...["test", "--allow-all", "--parallel", "--trace-leaks", ...std],
    ...(given.length > 0 ? given : ["tests/"]),
  ],
  fmt: () => ["fmt", "--check"],
  lint: () => ["lint"],
  check: (std) => ["check", ...std, ...SOURCES, "tests/", "examples/", "bench/"],
  "doc-lint": () => ["doc", "--lint", ...ENTRY_POINTS],
  "doc-test": (std) => ["test", "--allow-all", "--doc", ...std, ...SOURCES, "README.md"],
  publish: () => ["publish", "--dry-run", "--allow-dirty"],
};

const [only, ...given] = Deno.args;
if (only !== undefined && !Object.hasOwn(CHECKS, only)) {
  console.error(`There is no check '${only}', only: ${Object.keys(CHECKS).join(", ")}`);
  Deno.exit(2);
}
const names = only === undefined ? Object.keys(CHECKS) : [only];
const failed = await withStd(async (std) => {
  await using _receiver = names.includes("doc-test") ? await collector() : undefined;
  const failed: string[] = [];
  for (const name of names) {
    if (!await passes(name, CHECKS[name](std, given))) failed.push(name);
  }
  return failed;
});
console.log(
  failed.length === 0
    ? `\n# ${names.join(", ")}: passed`
    : `\n# ${failed.join(", ")}: failed, ${names.length - failed.length} of ${names.length} checks passed`,
);
Deno.exit(failed.length === 0 ? 0 : 1);

/** What the examples of the README send to: a receiver on the port of a collector, if nobody else has it. */
async function collector(): Promise<AsyncDisposable | undefined> {
  const { startReceiver } = await import("./receiver.ts");
  try {
    return startReceiver({ port: 4318 });
  } catch {
    return undefined;
  }
}

/** Runs one check; one that hangs is stopped, and has failed. */
async function passes(name: string, args: string[]): Promise<boolean> {
  console.log(`\n# ${name}: deno ${args.join(" ")}`);
  // `deno doc --lint` prints the whole documentation where it has nothing to complain of.
  const stdout = name === "doc-lint" ? "null" : "inherit";
  const signal = AbortSignal.timeout(PATIENCE);
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null", stdout, signal });
  const { success } = await command.spawn().status;
  if (signal.aborted) console.log(`# ${name} took more than ${PATIENCE / 60_000} minutes`);
  return success;
}
