/**
 * A trace that goes on in a child process, through its environment: `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`.
 *
 * ```sh
 * deno run --allow-run=deno --allow-env=TRACEPARENT,TRACESTATE,BAGGAGE examples/child_process.ts
 * ```
 *
 * @module
 */

import { ctx, OpenTelemetry } from "@haiway/otel";

const isChild = Deno.args.includes("--child");
const service = isChild ? "compiler" : "build";
OpenTelemetry.configure({ service, version: "1.0.0", environment: "development" });

if (isChild) {
  // Without arguments `extract` reads the environment.
  const observability = OpenTelemetry.observability(OpenTelemetry.extract());
  ctx.scope("compile", { observability }, (scope) => ctx.logInfo("Compiling", { trace: scope.traceId }));
} else {
  await ctx.scope("build", async (scope) => {
    ctx.logInfo("Starting the compiler", { trace: scope.traceId });
    const compiler = new Deno.Command("deno", {
      args: ["run", "--quiet", "--allow-net", "--allow-env", import.meta.filename!, "--child"],
      env: OpenTelemetry.environment(),
    });
    const { code } = await compiler.spawn().status;
    ctx.recordAttributes({ "process.exit.code": code });
  });
}
await OpenTelemetry.shutdown();
