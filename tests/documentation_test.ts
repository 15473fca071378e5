import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
  exports: Record<string, string>;
};

interface Declaration {
  readonly declarationKind: string;
}

interface Documentation {
  readonly nodes: Record<string, { readonly symbols: { name: string; declarations: Declaration[] }[] }>;
}

/** What `deno doc` knows of an entry point. */
async function documentationOf(entryPoint: string): Promise<Documentation["nodes"][string]["symbols"]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "--quiet", entryPoint],
    cwd: ROOT,
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Documentation;
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

for (const [name, entryPoint] of Object.entries(exports)) {
  Deno.test(`every symbol that '${name}' exports has an example in its documentation`, async () => {
    const symbols = await documentationOf(entryPoint);
    assert(symbols.length > 10 || name === "./doctor");
    const bare = symbols.filter(({ declarations }) => !JSON.stringify(declarations).includes("```ts\\n"));
    assertEquals(bare.map(({ name }) => name), []);
  });
}
