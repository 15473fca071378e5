import { override } from "../override.ts";

const ADD = ["addListener", "on", "once", "prependListener", "prependOnceListener"] as const;
const REMOVE = ["removeListener", "off"] as const;

type Listener = (...args: unknown[]) => unknown;
type Method = (this: unknown, event: PropertyKey, listener: Listener) => unknown;

/** An event emitter of Node, by its shape. */
interface Emitter {
  [method: string]: unknown;
}

const bound = new WeakSet<object>();

/** Whether a value is an event emitter of Node. */
export function isEmitter(value: unknown): value is Emitter {
  if (typeof value !== "object" || value === null) return false;
  const { on, emit, removeListener } = value as Emitter;
  return typeof on === "function" && typeof emit === "function" && typeof removeListener === "function";
}

/** Makes an emitter call every listener that is added from now on as `bind` has it; removing finds them still. */
export function bindEmitter<T extends Emitter>(emitter: T, bind: (listener: Listener) => Listener): T {
  if (bound.has(emitter)) return emitter;
  bound.add(emitter);
  /** One for each listener, which so can be added more than once, and removed as often. */
  const wrappers = new WeakMap<Listener, Listener>();
  let adding = false;
  for (const name of ADD) {
    const original = emitter[name] as Method | undefined;
    if (original === undefined) continue;
    override(emitter, name, function (this: unknown, event: PropertyKey, listener: Listener) {
      // `once` calls `on` with a wrapper of its own, which has to stay the one that it removes.
      if (adding || typeof listener !== "function") return original.call(this, event, listener);
      let wrapper = wrappers.get(listener);
      if (wrapper === undefined) wrappers.set(listener, wrapper = bind(listener));
      adding = true;
      try {
        return original.call(this, event, wrapper);
      } finally {
        adding = false;
      }
    });
  }
  for (const name of REMOVE) {
    const original = emitter[name] as Method | undefined;
    if (original === undefined) continue;
    override(emitter, name, function (this: unknown, event: PropertyKey, listener: Listener) {
      return original.call(this, event, wrappers.get(listener) ?? listener);
    });
  }
  return emitter;
}
