import { assert, assertEquals } from "@std/assert";
import { ROOT, sourcePaths, textOf } from "./support/sources.ts";

/** What a source imports, types included; a path is one from the root of the project. */
function importsOf(source: string): string[] {
  const text = textOf(source).replaceAll(/^ *\*.*$/gm, "");
  const found = text.matchAll(
    /^(?:import|export)\b[^"';]*?\bfrom "([^"]+)"|\bimport\("([^"]+)"\)|^import "([^"]+)"/gm,
  );
  return [...found].map(([, from, dynamic, bare]) => from ?? dynamic ?? bare).map((name) =>
    name.startsWith(".") ? new URL(name, new URL(source, ROOT)).href.slice(ROOT.href.length) : name
  );
}

function misplaced(directory: string, allowed: RegExp): string[] {
  return sourcePaths(directory).flatMap((source) =>
    importsOf(source).filter((name) => !allowed.test(name)).map((name) => `${source} imports ${name}`)
  );
}

Deno.test("ctx/ knows nothing of OpenTelemetry and imports no package", () => {
  assert(importsOf("ctx/ctx.ts").includes("ctx/scope.ts"), "imports are found");
  assertEquals(misplaced("ctx/", /^(ctx\/|node:)/), []);
});

Deno.test("opentelemetry/ imports ctx/ and OpenTelemetry alone", () => {
  assertEquals(misplaced("opentelemetry/", /^(ctx\/|opentelemetry\/|@opentelemetry\/|node:)/), []);
});

Deno.test("the examples import what a program would, and nothing from JSR", () => {
  assertEquals(misplaced("examples/", /^(examples\/|node:|(@haiway\/|@opentelemetry\/|npm:|hono\b))/), []);
});

Deno.test("ctx/ works with opentelemetry/ deleted", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const source of sourcePaths("ctx/")) {
      await Deno.mkdir(`${directory}/${source.slice(0, source.lastIndexOf("/"))}`, { recursive: true });
      await Deno.copyFile(new URL(source, ROOT), `${directory}/${source}`);
    }
    await Deno.writeTextFile(
      `${directory}/main.ts`,
      `import { ctx } from "./ctx/ctx.ts";
       await ctx.scope("alone", async () => {
         await ctx.scope("inner", () => Promise.resolve());
         ctx.logInfo("hello");
       });`,
    );
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--check", "--no-config", "--no-remote", "--no-npm", "--no-prompt", "main.ts"],
      cwd: directory,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const said = new TextDecoder().decode(stdout).split("\n").map((line) => line.split(/ {2}/)[0]);
    assertEquals(said.slice(1, 3), ["alone", "└─ inner"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the lock holds one version of each OpenTelemetry package", async () => {
  const { npm } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  const versions = Object.keys(npm).filter((name) => name.startsWith("@opentelemetry/"))
    .map((name) => name.match(/^(@[^@]+)@([^_]+)/)!.slice(1));
  assert(versions.length >= 7);
  assertEquals(versions.map(([name]) => name), [...new Set(versions.map(([name]) => name))]);
});

Deno.test("the changelog speaks of the version", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  assert(changelog.includes("## [Unreleased]") || changelog.includes(`## [${version}]`));
});

Deno.test("the documents link to files that exist", async () => {
  for (const document of ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md"]) {
    const at = new URL(document, ROOT);
    for (const [, path] of (await Deno.readTextFile(at)).matchAll(/\]\((?!https?:|#)([^)]+)\)/g)) {
      assert((await Deno.stat(new URL(path, at))).isFile, `${document}: ${path}`);
    }
  }
});

Deno.test("a source fits one sitting", () => {
  const long = [...sourcePaths("ctx/"), ...sourcePaths("opentelemetry/"), ...sourcePaths("examples/")]
    .map((source) => ({ source, lines: textOf(source).split("\n").length - 1 }))
    .filter(({ lines }) => lines > 320);
  assertEquals(long, []);
});
