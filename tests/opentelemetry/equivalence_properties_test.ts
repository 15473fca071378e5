import fc from "fast-check";
import { assertEquals } from "@std/assert";
import type { RemoteTrace } from "@haiway/otel";
import { normalised } from "../support/normalised.ts";
import { programs, run } from "../support/programs.ts";
import { startReceiver } from "../support/receiver.ts";
import { type Options, type Part, PARTS, sdkExporters, swapped } from "../support/swaps.ts";
import { Wire } from "../support/wire.ts";

/** What is configured besides. */
const settings: fc.Arbitrary<Options> = fc.record({
  level: fc.constantFrom("debug", "info", "warning", "error"),
  events: fc.constantFrom("both", "span", "log"),
  exceptions: fc.constantFrom("span", "log", "both"),
  sampling: fc.constantFrom(1, 1, 1, 0),
  limits: fc.record({
    attributeCountLimit: fc.integer({ min: 0, max: 4 }),
    attributeValueLengthLimit: fc.integer({ min: 0, max: 8 }),
    eventCountLimit: fc.integer({ min: 0, max: 3 }),
    linkCountLimit: fc.integer({ min: 0, max: 2 }),
    attributePerEventCountLimit: fc.integer({ min: 0, max: 2 }),
    attributePerLinkCountLimit: fc.integer({ min: 0, max: 2 }),
  }, { requiredKeys: [] }),
}, { requiredKeys: [] });

/** What trace the program is in. */
const remotes: fc.Arbitrary<RemoteTrace> = fc.record({
  traceparent: fc.constantFrom("00", "01").map((flags) =>
    `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`
  ),
  tracestate: fc.constant("theirs=1"),
  externalTraceId: fc.constant("00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"),
}, { requiredKeys: [] });

/** The requests that come of a program, with these parts of the SDK. */
async function requests(
  parts: readonly Part[],
  program: Parameters<typeof run>[0],
  options: Options,
  remote: RemoteTrace,
): Promise<unknown> {
  const wire = new Wire();
  const swap = swapped(parts, wire.exporters, options, remote);
  try {
    await run(program, swap.observability);
    await swap.flush();
    const { traces, records, metrics } = wire;
    return normalised({ traces, records, metrics });
  } finally {
    await swap.close();
  }
}

/** The requests that arrive of a program, sent by the exporters of the SDK or by ours. */
async function received(
  theirs: boolean,
  program: Parameters<typeof run>[0],
  options: Options,
  remote: RemoteTrace,
): Promise<unknown> {
  await using receiver = startReceiver();
  const { endpoint } = receiver;
  const exporters = theirs ? sdkExporters(endpoint) : undefined;
  const swap = swapped([], exporters, { ...options, otlpEndpoint: endpoint }, remote);
  try {
    await run(program, swap.observability);
    await swap.flush();
    // The signals arrive in any order.
    return normalised(receiver.bodies.toSorted((one, other) => one.path < other.path ? -1 : 1));
  } finally {
    await swap.close();
  }
}

Deno.test("whatever a program records, ours sends the same as with the SDK's exporters", async () => {
  await fc.assert(
    fc.asyncProperty(programs, settings, remotes, async (...given) => {
      assertEquals(await received(false, ...given), await received(true, ...given));
    }),
    { numRuns: 40 },
  );
});

for (const parts of [...PARTS.map((part) => [part]), PARTS]) {
  const whose = parts.length === 1 ? `the SDK's ${parts[0]}` : "the SDK's parts alone";
  Deno.test(`whatever a program records, ours exports the same as with ${whose}`, async () => {
    await fc.assert(
      fc.asyncProperty(programs, settings, remotes, async (...given) => {
        assertEquals(await requests([], ...given), await requests(parts, ...given));
      }),
      { numRuns: 200 },
    );
  });
}
