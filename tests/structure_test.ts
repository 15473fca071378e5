import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { run } from "./support/subprocess.ts";

const ROOT = new URL("../", import.meta.url);
const MAX_LINES = 320;

interface Source {
  readonly path: string;
  readonly text: string;
}

function sourcesOf(...directories: string[]): Source[] {
  return directories.flatMap((directory) =>
    [...Deno.readDirSync(new URL(directory, ROOT))].filter(({ name }) => name.endsWith(".ts")).map(
      (entry) => {
        const path = directory + entry.name;
        return { path, text: Deno.readTextFileSync(new URL(path, ROOT)) };
      },
    )
  );
}

/** What a file imports or exports from, dynamic imports included; not what the examples in its comments do. */
function importsOf({ text }: Source): string[] {
  const code = text.replaceAll(/^\s*(?:\/\*\*|\*).*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g)].map(([, specifier]) => specifier);
}

Deno.test("ctx/ imports nothing but itself and what the runtime brings along", () => {
  for (const source of sourcesOf("ctx/")) {
    for (const specifier of importsOf(source)) {
      assert(
        specifier.startsWith("node:") || /^\.\/[a-z_]+\.ts$/.test(specifier),
        `${source.path} imports ${specifier}`,
      );
    }
  }
});

Deno.test("the library never needs what the tests do", () => {
  for (const source of sourcesOf("ctx/", "opentelemetry/")) {
    for (const specifier of importsOf(source)) {
      assert(!/@std\/|hono|fast-check|^jsr:|^npm:|^https?:/.test(specifier), `${source.path}: ${specifier}`);
    }
  }
});

Deno.test("ctx/ type-checks and works with opentelemetry/ deleted", async () => {
  const directory = await Deno.makeTempDir({ prefix: "without_opentelemetry_" });
  try {
    const { compilerOptions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify({ compilerOptions }));
    await Deno.mkdir(`${directory}/ctx`);
    for (const { path, text } of sourcesOf("ctx/")) await Deno.writeTextFile(`${directory}/${path}`, text);
    const ran = await run(
      `
      import { ctx } from "${directory}/ctx/ctx.ts";
      import { MemoryObservability } from "${directory}/ctx/memory.ts";
      ctx.scope("printed", () => ctx.logInfo("to the console"));
      const memory = new MemoryObservability();
      await ctx.scope("kept", { observability: memory }, async () => {
        await Promise.resolve();
        ctx.logInfo("to the memory");
      });
      console.log(JSON.stringify([memory.scopes[0].status, memory.logs[0].message]));
      `,
      { config: `${directory}/deno.json`, flags: ["--check", "--no-remote", "--no-npm"] },
    );
    assertEquals([ran.code, ran.stderr], [0, ""]);
    assertStringIncludes(ran.stdout, "to the console");
    assertStringIncludes(ran.stdout, "printed");
    assertStringIncludes(ran.stdout, '["ok","to the memory"]');
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deno.lock holds one version of each OpenTelemetry package", async () => {
  const { npm } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  const versions = new Map<string, Set<string>>();
  for (const key of Object.keys(npm)) {
    const [, name, version] = /^(@opentelemetry\/[^@]+)@([^_]+)/.exec(key) ?? [];
    if (name !== undefined) versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  assert(versions.size >= 6, `found ${[...versions.keys()]}`);
  for (const [name, found] of versions) assertEquals(found.size, 1, `${name}: ${[...found]}`);
});

Deno.test("the OpenTelemetry packages are pinned as one set", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const [name, target] of Object.entries<string>(imports)) {
    if (!name.startsWith("@opentelemetry/") || name === "@opentelemetry/api") continue;
    assert(/^npm:@opentelemetry\/[a-z-]+@(3\.1\.0|0\.301\.0)(\/|$)/.test(target), `${name}: ${target}`);
  }
});

Deno.test("the version that telemetry tells is that of deno.json", async () => {
  const { name, version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { NAME, VERSION } = await import("../opentelemetry/version.ts");
  assertEquals([NAME, VERSION], [name, version]);
});

Deno.test("only the console's own file writes to the console, which Deno may export as telemetry", () => {
  for (const source of sourcesOf("ctx/", "opentelemetry/")) {
    if (source.path === "ctx/console_format.ts") continue;
    const code = source.text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
    assert(!/(?<!\/)\bconsole\s*[.[]/.test(code), `${source.path} uses console`);
  }
});

Deno.test("there is one AsyncLocalStorage", () => {
  const makers = sourcesOf("ctx/", "opentelemetry/").filter(({ text }) =>
    /new AsyncLocalStorage\b/.test(text)
  );
  assertEquals(makers.map(({ path }) => path), ["ctx/scope.ts"]);
});

Deno.test("no source uses any, and no global but the one storage hides in it", () => {
  for (const source of sourcesOf("ctx/", "opentelemetry/")) {
    const code = source.text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
    assert(!/[:<]\s*any\b|\bas any\b/.test(code), `${source.path} uses any`);
    assert(!/globalThis(?:\.\w+|\[[^\]]+\])\s*=[^=]/.test(code), `${source.path} sets a global`);
  }
});

Deno.test("every source fits one sitting", () => {
  for (const { path, text } of sourcesOf("ctx/", "opentelemetry/", "tests/", "tests/support/")) {
    assertLessOrEqual(text.split("\n").length - 1, MAX_LINES, path);
  }
});
