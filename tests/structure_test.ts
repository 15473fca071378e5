import { assert, assertEquals } from "@std/assert";
import { sourcePaths, textOf } from "./support/sources.ts";

function sources(): { path: string; text: string }[] {
  return ["ctx/", "opentelemetry/"].flatMap(sourcePaths).map((path) => ({ path, text: textOf(path) }));
}

Deno.test("the OpenTelemetry packages are pinned as one set", () => {
  const { imports } = JSON.parse(textOf("deno.json"));
  for (const [name, target] of Object.entries<string>(imports)) {
    if (!name.startsWith("@opentelemetry/") || name === "@opentelemetry/api") continue;
    assert(/^npm:@opentelemetry\/[a-z-]+@(3\.1\.0|0\.301\.0)(\/|$)/.test(target), `${name}: ${target}`);
  }
});

Deno.test("the version that telemetry tells is that of deno.json", async () => {
  const { name, version } = JSON.parse(textOf("deno.json"));
  const { NAME, VERSION } = await import("../opentelemetry/version.ts");
  assertEquals([NAME, VERSION], [name, version]);
});

Deno.test("only the console's own file writes to the console, which Deno may export as telemetry", () => {
  for (const source of sources()) {
    // The doctor is a program of its own, and its output is not about another one's telemetry.
    if (source.path === "ctx/console_format.ts" || source.path === "opentelemetry/doctor/cli.ts") continue;
    const code = source.text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
    assert(!/(?<!\/)\bconsole\s*[.[]/.test(code), `${source.path} uses console`);
  }
});

Deno.test("there is one AsyncLocalStorage", () => {
  const makers = sources().filter(({ text }) => /new AsyncLocalStorage\b/.test(text));
  assertEquals(makers.map(({ path }) => path), ["ctx/storage.ts"]);
});

Deno.test("no source uses any, and no global but the one storage hides in it", () => {
  for (const source of sources()) {
    const code = source.text.replaceAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, "");
    assert(!/[:<]\s*any\b|\bas any\b/.test(code), `${source.path} uses any`);
    assert(!/globalThis(?:\.\w+|\[[^\]]+\])\s*=[^=]/.test(code), `${source.path} sets a global`);
  }
});
