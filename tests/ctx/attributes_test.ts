import { assert, assertEquals } from "@std/assert";
import { type CleanAttributes, cleanAttributes, describe } from "../../ctx/attributes.ts";
import {
  attributeBags,
  bottomlessObject,
  cyclicArray,
  cyclicObject,
  ownProto,
  refusingProxy,
  revokedProxy,
  values,
} from "../support/hostile.ts";

const clean = (attributes: unknown): CleanAttributes =>
  cleanAttributes(attributes as Record<string, unknown>);

Deno.test("strings, finite numbers, booleans and arrays of one of these are kept as they are", () => {
  const given = {
    text: "a",
    empty: "",
    zero: 0,
    negative: -1.5,
    huge: Number.MAX_VALUE,
    yes: true,
    no: false,
    texts: ["a", ""],
    numbers: [1, 2.5],
    booleans: [true, false],
    none: [],
  };
  assertEquals(clean(given), given);
});

Deno.test("null and undefined mean absent, in arrays as well", () => {
  assertEquals(clean({ a: null, b: undefined, c: [null, "x", undefined] }), { c: ["x"] });
  assertEquals(clean(null), {});
  assertEquals(clean(undefined), {});
});

Deno.test("a nested plain object is flattened with dots", () => {
  const bare = Object.assign(Object.create(null), { x: 1 });
  assertEquals(clean({ a: { b: { c: 1, d: ["x"] }, e: null }, bare }), {
    "a.b.c": 1,
    "a.b.d": ["x"],
    "bare.x": 1,
  });
});

Deno.test("a bigint becomes a number, or a decimal string where that is not safe", () => {
  assertEquals(clean({ safe: 9007199254740991n, unsafe: 9007199254740992n, negative: -(2n ** 70n) }), {
    safe: 9007199254740991,
    unsafe: "9007199254740992",
    negative: "-1180591620717411303424",
  });
});

Deno.test("a Date becomes ISO 8601", () => {
  assertEquals(clean({ at: new Date(0), never: new Date(NaN), all: [new Date(0)] }), {
    at: "1970-01-01T00:00:00.000Z",
    never: "Invalid Date",
    all: ["1970-01-01T00:00:00.000Z"],
  });
});

Deno.test("an array of several types becomes one of strings", () => {
  assertEquals(clean({ mixed: [1, "a", true, null, NaN] }), { mixed: ["1", "a", "true", "NaN"] });
  assertEquals(clean({ nested: [[1, 2], { x: 1 }] }), { nested: ["[1,2]", '{"x":1}'] });
});

Deno.test("everything else becomes a short string", () => {
  assertEquals(clean({ proxy: refusingProxy(), revoked: revokedProxy(), kept: 1 }), {
    proxy: "[unreadable]",
    revoked: "[unreadable]",
    kept: 1,
  });
  const { undefined: _, null: __, ...given } = values();
  for (const [what, value] of Object.entries(given)) {
    for (const [key, said] of Object.entries(clean({ value }))) {
      for (const element of Array.isArray(said) ? said : [said]) {
        if (typeof element === "string") assert(element.length <= 256, `${what}: ${key}`);
        else assert(typeof element === "boolean" || Number.isFinite(element), `${what}: ${key}`);
      }
    }
  }
  assertEquals(clean({ nan: NaN, symbol: Symbol("s"), fn: function named() {}, map: new Map([[1, 2]]) }), {
    nan: "NaN",
    symbol: "Symbol(s)",
    fn: "[function named]",
    map: "[Map of 1]",
  });
  class Point {
    x = 1;
  }
  assertEquals(clean({ bytes: new Uint8Array(3), url: new URL("http://a/b"), point: new Point() }), {
    bytes: "[Uint8Array of 3 bytes]",
    url: "http://a/b",
    point: "[Point]",
  });
  assertEquals(
    clean({ points: [new Point()], bare: [Object.create(null, { x: { value: 1, enumerable: true } })] }),
    {
      points: ["[Point]"],
      bare: ['{"x":1}'],
    },
  );
});

Deno.test("what is given in place of attributes, and is no object, holds none", () => {
  for (const given of [undefined, null, "text", 5, true, () => {}]) assertEquals(clean(given), {});
});

Deno.test("a string of any length is kept whole: cutting it is what a limit is for", () => {
  assertEquals(clean({ long: "x".repeat(100_000) }).long.toString().length, 100_000);
});

Deno.test("a cycle ends where it closes, and a bottomless object at a depth", () => {
  assertEquals(clean({ cycle: cyclicObject() }), { "cycle.name": "cycle", "cycle.self": "[circular]" });
  assertEquals(clean(cyclicObject()), { name: "cycle", "self.name": "cycle", "self.self": "[circular]" });
  assertEquals(clean({ cycle: cyclicArray() }).cycle, ["first", "[unreadable]"]);
  assertEquals(Object.values(clean({ deep: bottomlessObject() })), ["[too deep]"]);
  const twin = { x: 1 };
  assertEquals(clean({ a: twin, b: twin }), { "a.x": 1, "b.x": 1 });
});

Deno.test("keys are own keys only, strings only, and never the prototype", () => {
  const inherited = Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } });
  assertEquals(clean(inherited), { own: 1 });
  assertEquals(clean({ [Symbol("key")]: 1, "": 1, own: 1 }), { own: 1 });
  const cleaned = clean(ownProto());
  assertEquals(Object.getPrototypeOf(cleaned), Object.prototype);
  assertEquals((cleaned as Record<string, unknown>).polluted, undefined);
  assertEquals(cleaned.kept, 1);
  const flat = clean(JSON.parse('{ "__proto__": ["an", "array"], "kept": 1 }'));
  assertEquals(flat, { "[__proto__]": ["an", "array"], kept: 1 });
  assertEquals(Object.getPrototypeOf(flat), Object.prototype);
});

Deno.test("a getter that throws costs itself alone", () => {
  const trap = Object.defineProperty({ before: 1 } as Record<string, unknown>, "trap", {
    enumerable: true,
    get: () => {
      throw new Error("trap");
    },
  });
  trap.after = 2;
  assertEquals(clean(trap), { before: 1, trap: "[unreadable]", after: 2 });
  assertEquals(clean({ inner: trap }), { "inner.before": 1, "inner.trap": "[unreadable]", "inner.after": 2 });
});

Deno.test("what is passed is neither changed nor kept", () => {
  for (const bag of Object.values(attributeBags())) {
    const cleaned = clean(bag);
    assert(cleaned !== bag);
  }
  const list = ["a"];
  const given = Object.freeze({ list, inner: Object.freeze({ list }) });
  const cleaned = clean(given);
  assert(cleaned.list !== list && cleaned["inner.list"] !== list);
  list.push("b");
  assertEquals(cleaned, { list: ["a"], "inner.list": ["a"] });
});

Deno.test("describe() gives a short text for anything", () => {
  for (const [what, value] of Object.entries(values())) {
    const text = describe(value);
    assert(typeof text === "string" && text.length <= 256, what);
  }
});
