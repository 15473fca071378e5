/**
 * Says where the tests find `@std/*`: on JSR, or in the stand-ins beside this file where JSR does not answer.
 *
 * @module
 */

const STAND_INS: Readonly<Record<string, string>> = {
  "@std/assert": new URL("./std/assert.ts", import.meta.url).href,
  "@std/async": new URL("./std/async.ts", import.meta.url).href,
};
const ROOT = new URL("../../", import.meta.url);

/** The arguments for `deno test` and `deno check`: none, or an import map with the stand-ins. */
export async function importMapArguments(): Promise<string[]> {
  return await jsrAnswers() ? [] : [`--import-map=${await writeImportMap()}`];
}

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(3000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** The imports of `deno.json` with the stand-ins in place of what is on JSR. */
async function writeImportMap(): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
    imports: Record<string, string>;
  };
  const resolved = Object.entries(imports).map(([name, target]) => [
    name,
    STAND_INS[name] ?? (target.startsWith("./") ? new URL(target, ROOT).href : target),
  ]);
  const path = await Deno.makeTempFile({ prefix: "import_map_", suffix: ".json" });
  await Deno.writeTextFile(path, JSON.stringify({ imports: Object.fromEntries(resolved) }));
  return path;
}
