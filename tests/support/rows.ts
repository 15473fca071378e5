/**
 * Tests that spend their time in processes of their own, and so run side by side.
 *
 * @module
 */

import { assert } from "@std/assert";

/** What is claimed, each with what shows it. */
export type Rows = Record<string, () => Promise<void>>;

/** How many programs run at once. */
const LANES = 4;

/** Registers one test with a step for each row of some tables, by its claim. */
export function testRows(name: string, ...tables: readonly Readonly<Rows>[]): void {
  Deno.test({
    name,
    // The rows run side by side, so that what one leaves open cannot be told from what another still needs.
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
    async fn(t) {
      const waiting = tables.flatMap((rows) => Object.entries(rows));
      const claims = new Set(waiting.map(([claim]) => claim));
      assert(claims.size === waiting.length, "no two rows claim the same");
      await Promise.all(Array.from({ length: LANES }, async () => {
        for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
          const [name, fn] = row;
          await t.step({ name, fn, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
        }
      }));
    },
  });
}

/** Every line on standard error is of one of some kinds, and each kind that has to be there is. */
export function assertSays(stderr: string, must: readonly RegExp[], may: readonly RegExp[] = []): void {
  const lines = stderr.split("\n").filter((line) => line !== "");
  for (const line of lines) {
    assert([...must, ...may].some((kind) => kind.test(line)), `nobody expected the line: ${line}`);
  }
  for (const kind of must) {
    assert(lines.some((line) => kind.test(line)), `no line is like ${kind}: ${stderr}`);
  }
}
