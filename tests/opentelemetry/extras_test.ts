import { assertEquals, assertThrows } from "@std/assert";
import { Extras } from "../../opentelemetry/tracing/extras.ts";
import { DEFAULTS } from "../support/spans.ts";

const context = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const limits = { ...DEFAULTS, linkCountLimit: 1 };

Deno.test("at the limit, a link that cannot be read costs none of those that were there", () => {
  const extras = new Extras();
  const unreadable = Object.defineProperty({}, "key", {
    enumerable: true,
    get: () => {
      throw new Error("unreadable");
    },
  });
  extras.addLink({ context, attributes: { kept: true } }, limits);
  assertThrows(() => extras.addLink({ context, attributes: unreadable }, limits), Error, "unreadable");
  assertEquals(extras.links?.map(({ attributes }) => attributes), [{ kept: true }]);
  assertEquals(extras.droppedLinks, 0);
});
