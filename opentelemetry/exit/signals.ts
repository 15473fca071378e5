import { override } from "../override.ts";

type Listener = () => void;

/** Called at a signal: whether nobody else listens to it, and what stops the watch. */
export type OnSignal = (alone: boolean, stop: () => void) => void;

/**
 * Listens to a signal, and knows whether the program does so too, in which case what follows is the program's
 * business. The runtime does not tell: the calls that add and remove listeners are watched, which those of
 * `node:process` come by as well.
 */
export function watchSignal(signal: Deno.Signal, callback: OnSignal): () => void {
  const others = new Set<Listener>();
  const { addSignalListener, removeSignalListener } = Deno;
  const listener = () => callback(others.size === 0 && !earlier, stop);
  const before = boundSignals();
  try {
    addSignalListener(signal, listener);
  } catch {
    // Not a signal of this system, or not of a worker.
    return () => {};
  }
  /** Whether the program listened before there was anybody to watch it. */
  let earlier = before >= 0 && boundSignals() === before;
  const unwatch = [
    override(Deno, "addSignalListener", (given: Deno.Signal, added: Listener) => {
      addSignalListener(given, added);
      if (given === signal) others.add(added);
    }),
    override(Deno, "removeSignalListener", (given: Deno.Signal, removed: Listener) => {
      removeSignalListener(given, removed);
      // One that removes itself when it is called, as `once` does, was called all the same.
      if (given === signal) queueMicrotask(() => others.delete(removed) || (earlier = false));
    }),
  ];
  const stop = () => {
    for (const undo of unwatch) undo();
    removeSignalListener(signal, listener);
  };
  return stop;
}

/** How many signals somebody listens to, as far as the runtime lets it be seen. */
function boundSignals(): number {
  try {
    const inside = Deno as unknown as Record<symbol, { core: { resources(): Record<string, string> } }>;
    const { core } = inside[(Deno as unknown as { internal: symbol }).internal];
    return Object.values(core.resources()).filter((name) => name === "signal").length;
  } catch {
    return -1;
  }
}
