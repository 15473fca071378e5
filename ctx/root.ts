import { diagnoseFailure } from "./diagnostics.ts";
import { SEVERITY } from "./level.ts";
import type { Observability } from "./observability.ts";

/** What the scopes of one root share. */
export interface Root {
  readonly observability: Observability;
  /** Logs of a lower severity are left out. */
  readonly threshold: number;
  /** The errors that were recorded already; weak, as a root may live as long as the process. */
  recorded?: WeakSet<object>;
}

/** What the scopes under one root share, for a back end. */
export function newRoot(observability: Observability): Root {
  return { observability, threshold: thresholdOf(observability) };
}

function thresholdOf(observability: Observability): number {
  try {
    return SEVERITY[observability.level] ?? 0;
  } catch (error) {
    diagnoseFailure("read the level of an observability", error);
    return 0;
  }
}
