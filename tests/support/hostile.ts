/**
 * What a program may hand to the library, by accident or by malice: each named for what it does.
 *
 * @module
 */

import type { Observability, Recorder } from "@haiway/otel";

const TRAPS = [
  "apply",
  "construct",
  "defineProperty",
  "deleteProperty",
  "get",
  "getOwnPropertyDescriptor",
  "getPrototypeOf",
  "has",
  "isExtensible",
  "ownKeys",
  "preventExtensions",
  "set",
  "setPrototypeOf",
] as const;

/** A handler whose every trap throws. */
function refusal(): ProxyHandler<object> {
  return Object.fromEntries(TRAPS.map((trap) => [trap, () => refuse(trap)]));
}

function refuse(what: string): never {
  throw new Error(`hostile: ${what}`);
}

/** An object that refuses everything that can be asked of one. */
export function refusingProxy(): object {
  return new Proxy({}, refusal());
}

/** A function that refuses everything that can be asked of one. */
export function refusingFunction(): object {
  return new Proxy(() => {}, refusal());
}

/** A proxy that nothing can be asked of any more. */
export function revokedProxy(target: object = {}): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** An object that holds itself. */
export function cyclicObject(): Record<string, unknown> {
  const cycle: Record<string, unknown> = { name: "cycle" };
  cycle.self = cycle;
  return cycle;
}

/** An array that holds itself. */
export function cyclicArray(): unknown[] {
  const cycle: unknown[] = ["first"];
  cycle.push(cycle);
  return cycle;
}

/** An object nested deeper than any stack. */
export function bottomlessObject(): object {
  let object: Record<string, unknown> = {};
  for (let depth = 0; depth < 50_000; depth++) object = { inner: object };
  return object;
}

/** An object with a key `__proto__` of its own, as `JSON.parse` makes it. */
export function ownProto(): Record<string, unknown> {
  return JSON.parse('{ "__proto__": { "polluted": true }, "kept": 1 }');
}

/** An object whose property `trap` throws when it is read. */
export function throwingGetter(): Record<string, unknown> {
  return Object.defineProperty({ kept: 1 }, "trap", { enumerable: true, get: () => refuse("getter") });
}

/** An object that throws when it is made into text, in every way there is. */
export function throwingText(): object {
  return {
    toString: () => refuse("toString"),
    valueOf: () => refuse("valueOf"),
    toJSON: () => refuse("toJSON"),
    [Symbol.toPrimitive]: () => refuse("toPrimitive"),
  };
}

/** An object whose text is no text. */
export function textThatIsNone(): object {
  return { toString: () => ({}), toJSON: () => undefined, constructor: { name: 42 } };
}

/** An error that cannot be changed, not even by a hidden mark. */
export function frozenError(): Error {
  return Object.freeze(new Error("frozen"));
}

/** An error whose `stack` throws when it is read. */
export function throwingStack(): Error {
  return Object.defineProperty(new Error("no stack"), "stack", { get: () => refuse("stack") });
}

/** An error of which nothing can be read. */
export function unreadableError(): Error {
  const error = new Error("unreadable");
  for (const key of ["name", "message", "stack", "cause", "constructor"]) {
    Object.defineProperty(error, key, { get: () => refuse(key) });
  }
  return error;
}

/** An error whose properties are all of the wrong type. */
export function errorOfWrongTypes(): Error {
  const error = new Error("wrong types");
  for (const key of ["name", "message", "stack", "cause"]) Object.defineProperty(error, key, { value: 42 });
  return Object.defineProperty(error, "constructor", { value: { name: Symbol("no name") } });
}

/** An error that is its own cause. */
export function errorThatCausesItself(): Error {
  const error = new Error("its own cause");
  error.cause = error;
  return error;
}

/** Everything that may be thrown, by what it is; each call makes new ones. */
export function throwables(): Record<string, unknown> {
  return {
    "an error": new TypeError("plain"),
    "a string": "just text",
    "an empty string": "",
    "undefined": undefined,
    "null": null,
    "a number": 42,
    "NaN": NaN,
    "a symbol": Symbol("thrown"),
    "a bigint": 2n ** 80n,
    "a function": () => {},
    "a plain object": { code: 7 },
    "an object without prototype": Object.create(null),
    "a frozen error": frozenError(),
    "a frozen object": Object.freeze({ code: 7 }),
    "an error whose stack throws": throwingStack(),
    "an error of which nothing can be read": unreadableError(),
    "an error of wrong types": errorOfWrongTypes(),
    "an error that causes itself": errorThatCausesItself(),
    "a proxy that refuses everything": refusingProxy(),
    "a function that refuses everything": refusingFunction(),
    "a revoked proxy": revokedProxy(),
    "an object that throws as text": throwingText(),
    "a DOMException": new DOMException("aborted", "AbortError"),
    "an aggregate error": new AggregateError([new Error("one"), "two"], "both"),
  };
}

/** Values that are no data, by what they are; each call makes new ones. */
export function values(): Record<string, unknown> {
  return {
    ...throwables(),
    "infinity": Infinity,
    "an invalid date": new Date(NaN),
    "a cyclic object": cyclicObject(),
    "a cyclic array": cyclicArray(),
    "a bottomless object": bottomlessObject(),
    "an object with its own __proto__": ownProto(),
    "an object with a getter that throws": throwingGetter(),
    "an object whose text is none": textThatIsNone(),
    "a revoked array": revokedProxy([]),
    "an array of everything": [1, "a", true, null, undefined, NaN, 1n, {}, [[]], () => {}, Symbol("s")],
    "an array of hostiles": [refusingProxy(), throwingText(), revokedProxy(), cyclicObject()],
    "a sparse array": Object.assign([], { length: 3, 2: "last" }),
    "a huge array": Object.assign([], { length: 2 ** 32 - 1 }),
    "a map": new Map([["a", 1]]),
    "a set": new Set([1]),
    "a weak map": new WeakMap(),
    "a regular expression": /x/g,
    "bytes": new Uint8Array(4),
    "a buffer": new ArrayBuffer(4),
    "a promise": Promise.resolve(1),
    "a rejected promise": handled(Promise.reject(new Error("hostile"))),
    "an iterator": [1][Symbol.iterator](),
    "a class": class Named {},
    "an instance": new (class Named {})(),
    "a lone surrogate": "\ud800",
    "control characters": "\u0000\u001b[31m\r\nforged",
    "a boxed string": Object("boxed"),
    "the global": globalThis,
  };
}

function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Things that a caller without types may pass where attributes belong. */
export function attributeBags(): Record<string, unknown> {
  return {
    ...values(),
    "an object of every hostile value": values(),
    "an object with symbol keys": { [Symbol("key")]: 1, kept: 1 },
    "an object with an empty key": { "": 1, kept: 1 },
    "an object with inherited keys": Object.create({ inherited: 1 }, {
      kept: { value: 1, enumerable: true },
    }),
    "a frozen object of attributes": Object.freeze({ kept: 1, list: Object.freeze(["a"]) }),
  };
}

/** A back end that throws in everything that it has. */
export function throwingObservability(): Observability {
  return new Proxy({}, refusal()) as Observability;
}

/** A recorder that throws in each of its methods, and tells of each call; `calls` has their names. */
export function throwingRecorder(calls: string[]): Recorder {
  const method = (name: string) => (): never => {
    calls.push(name);
    return refuse(name);
  };
  return {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    open: method("open"),
    log: method("log"),
    metric: method("metric"),
    event: method("event"),
    attributes: method("attributes"),
    close: method("close"),
    enter: method("enter"),
  };
}
