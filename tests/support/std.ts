/**
 * Says where the tests find `@std/*`: on JSR, or in the stand-ins beside this file where JSR does not answer.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
const STAND_INS: Readonly<Record<string, string>> = {
  "@std/assert": new URL("./std/assert.ts", import.meta.url).href,
  "@std/async": new URL("./std/async.ts", import.meta.url).href,
};
/** How long JSR may take to answer, in milliseconds. */
const PATIENCE = 10_000;

/** Runs a body with the arguments for `deno test` and `deno check`: none, or an import map with the stand-ins. */
export async function withStd<T>(body: (std: string[]) => Promise<T>): Promise<T> {
  if (await jsrAnswers()) return await body([]);
  const path = await Deno.makeTempFile({ prefix: "import_map_", suffix: ".json" });
  try {
    await Deno.writeTextFile(path, JSON.stringify({ imports: await importsWithStandIns() }));
    return await body([`--import-map=${path}`]);
  } finally {
    await Deno.remove(path);
  }
}

/** Whether Deno itself finds the packages, wherever it is told to look for them. */
async function jsrAnswers(): Promise<boolean> {
  for (const name of Object.keys(STAND_INS)) {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--quiet", "--no-config", "--no-lock", `jsr:${name}@^1`],
      signal: AbortSignal.timeout(PATIENCE),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) return false;
  }
  return true;
}

/** The imports of `deno.json` with the stand-ins in place of what is on JSR. */
async function importsWithStandIns(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
    imports: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(imports).map(([name, target]) => [
      name,
      STAND_INS[name] ?? (target.startsWith("./") ? new URL(target, ROOT).href : target),
    ]),
  );
}
