import { assert, assertGreater } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

Deno.test("each row of 'What happens when' names a test that exists", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const matrix = await Deno.readTextFile(new URL("tests/faults_test.ts", ROOT));
  const [, section] = readme.split(/^## What happens when …$/m);
  const rows = section.split(/^## /m)[0].split("\n").filter((line) => line.startsWith("|")).slice(2);
  assertGreater(rows.length, 20);
  for (const row of rows) {
    const [, path, claim] = /\]\((tests\/[\w/]+\.ts)\): "(.+)" +\|$/.exec(row) ?? [];
    assert(path !== undefined, `no test is named in ${row}`);
    const source = await Deno.readTextFile(new URL(path, ROOT));
    const table = path.replace("tests/", "./");
    assert(!path.startsWith("tests/faults/") || matrix.includes(`from "${table}"`), `${path} is never run`);
    assert(source.includes(claim), `${path} has no test "${claim}"`);
  }
});
