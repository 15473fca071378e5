/**
 * Tests that spend their time in processes of their own, and so run side by side.
 *
 * @module
 */

/** How many programs run at once. */
const LANES = 4;

/** Registers one test with a step for each row, by its claim. */
export function testRows(name: string, rows: Readonly<Record<string, () => Promise<void>>>): void {
  Deno.test({
    name,
    // The rows run side by side, so that what one leaves open cannot be told from what another still needs.
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
    async fn(t) {
      const waiting = Object.entries(rows);
      await Promise.all(Array.from({ length: LANES }, async () => {
        for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
          const [name, fn] = row;
          await t.step({ name, fn, sanitizeOps: false, sanitizeResources: false, sanitizeExit: false });
        }
      }));
    },
  });
}
