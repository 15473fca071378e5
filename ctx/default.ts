import type { Observability } from "./observability.ts";

let makeDefault: (() => Observability) | undefined;
let fallback: Observability | undefined;

/** The back end of root scopes that name none. */
export function defaultObservability(): Observability {
  return fallback ??= makeDefault!();
}

/** Sets the back end of root scopes that name none, or `undefined` for the console again. */
export function setDefaultObservability(observability: Observability | undefined): void {
  fallback = observability;
}

/** Says how the back end of last resort is made; called once, by the facade. */
export function setConsoleObservability(make: () => Observability): void {
  makeDefault = make;
}
