import { assertEquals } from "@std/assert";
import { type LiveSpan, LiveSpans } from "../../opentelemetry/tracing/live_spans.ts";

/** Opens so many spans, which say by their number that they were ended with the process. */
function openSpans(count: number, live: LiveSpans, said: number[]): LiveSpan[] {
  return Array.from({ length: count }, (_, number) => {
    const span: LiveSpan = {
      name: `${number}`,
      group: undefined,
      interrupt: () => {
        said.push(number);
        live.close(span);
      },
    };
    live.open(span);
    return span;
  });
}

for (const count of [1, 63, 64, 65, 3000]) {
  Deno.test(`${count} open spans are ended the latest first, each once`, () => {
    const said: number[] = [];
    const live = new LiveSpans();
    const spans = openSpans(count, live, said);
    live.interrupt(undefined);
    live.interrupt(undefined);
    assertEquals(said, spans.map((_, number) => number).reverse());
  });
}

Deno.test("spans that were closed, in whatever order, are not ended, and the others keep theirs", () => {
  const said: number[] = [];
  const live = new LiveSpans();
  const spans = openSpans(200, live, said);
  const stays = (number: number) => number % 7 === 3 || number > 190;
  for (const [number, span] of spans.entries()) if (number % 2 === 0 && !stays(number)) live.close(span);
  for (const [number, span] of [...spans.entries()].reverse()) if (!stays(number)) live.close(span);
  live.interrupt(undefined);
  assertEquals(said, [...spans.keys()].filter(stays).reverse());
});

Deno.test("a closed span keeps none of those that were opened with it", () => {
  const live = new LiveSpans();
  const [first, second] = openSpans(2, live, []);
  live.close(first);
  assertEquals([first.group, second.group !== undefined], [undefined, true]);
});
