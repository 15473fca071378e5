import { assert, assertEquals, assertMatch } from "@std/assert";
import { ctx, OpenTelemetry } from "@haiway/otel";
import { sourcePaths, textOf } from "./support/sources.ts";

const README = textOf("README.md");

/** The code blocks of a language, with what the fence says beside it. */
function blocks(language: string): { info: string; code: string }[] {
  return [...README.matchAll(/^```(.+)\n([^]*?)^```$/gm)]
    .map(([, info, code]) => ({ info, code }))
    .filter(({ info }) => info.split(/[ ,]/)[0] === language);
}

Deno.test("every TypeScript block of the README is run by the documentation tests", () => {
  assert(blocks("ts").length > 15);
  for (const { info, code } of blocks("ts")) {
    assertEquals(info, "ts", "a fence that says 'ignore' would keep the block from being run");
    assertMatch(code, /^import \{.*\} from "@haiway\/otel";$/m);
  }
  assertEquals(blocks("typescript").concat(blocks("js"), blocks("tsx")), []);
});

Deno.test("the README names every option of configure", () => {
  const options = textOf("opentelemetry/configuration/options.ts");
  const names = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  assert(names.length > 15);
  assertEquals(names.filter((name) => !new RegExp(`^\\| \`${name}\` +\\|`, "m").test(README)), []);
});

Deno.test("the README names every environment variable that the sources read", () => {
  const sources = sourcePaths("opentelemetry/").map(textOf).join("\n");
  const variables = new Set(sources.match(/\bOTEL_(?!DENO\b)[A-Z_]*[A-Z]\b/g));
  assert(variables.size > 15);
  const families = [...README.matchAll(/`(OTEL_[A-Z_]+)\*`/g)].map(([, prefix]) => prefix);
  const missing = [...variables].filter((name) =>
    !README.includes(`\`${name}\``) && !families.some((prefix) => `${name}_`.startsWith(prefix))
  );
  assertEquals(missing, []);
});

Deno.test("the README calls nothing that there is not", () => {
  const calls = [...README.matchAll(/\b(ctx|OpenTelemetry)\.([a-z]\w*)\(/g)].filter(([, , name]) =>
    !name.includes("_")
  );
  assert(calls.length > 50);
  const facades: Readonly<Record<string, object>> = { ctx, OpenTelemetry };
  assertEquals(calls.filter(([, facade, name]) => !(name in facades[facade])).map(([call]) => call), []);
});

Deno.test("the README sends to the HTTP port of OTLP, never to a gRPC one", () => {
  for (const { code } of [...blocks("ts"), ...blocks("yaml"), ...blocks("sh")]) {
    assert(!/:(4317|14250)\b/.test(code), code);
  }
});

Deno.test("each collector configuration of the README has pipelines of parts that it defines", () => {
  const configurations = blocks("yaml").map(({ code }) => code).filter((code) => /^service:/m.test(code));
  assertEquals(configurations.length, 4);
  for (const code of configurations) {
    assertMatch(code, /^receivers:\n {2}otlp:\n {4}protocols:\n {6}http:\n {8}endpoint: 0\.0\.0\.0:4318$/m);
    const pipelines = code.slice(code.indexOf("\n  pipelines:"));
    assertEquals([...pipelines.matchAll(/^ {4}(\w+):$/gm)].map(([, signal]) => signal), [
      "traces",
      "metrics",
      "logs",
    ]);
    for (const part of ["receivers", "processors", "exporters"]) {
      const used = [...pipelines.matchAll(new RegExp(`^ {6}${part}: \\[(.+)\\]$`, "gm"))]
        .flatMap(([, names]) => names.split(", "));
      assertEquals([...new Set(used)].sort(), definedIn(code, part).sort(), part);
    }
  }
});

/** The keys of a top-level section of a YAML document. */
function definedIn(code: string, section: string): string[] {
  const body = code.match(new RegExp(`^${section}:\\n((?: +.*\\n|\\n)*)`, "m"))?.[1] ?? "";
  return [...body.matchAll(/^ {2}([\w/]+):/gm)].map(([, name]) => name);
}
