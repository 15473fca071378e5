/**
 * What every back end must do, whatever it does it with: one list of claims, which a test runs against a back end
 * through an adapter of a few lines, and a program of its own in a subprocess as well.
 *
 * A claim opens roots of its own and looks at nothing but what has their trace ids, or a metric name that nobody
 * else has: so a back end may be shared by all claims, read late, and hold what others recorded.
 *
 * @module
 */

import type { Observability, ObservabilityLevel } from "@haiway/otel";
import { ERROR_CLAIMS } from "./support/claims_errors.ts";
import { HOSTILE_CLAIMS } from "./support/claims_hostile.ts";
import { RECORD_CLAIMS } from "./support/claims_records.ts";
import { SCOPE_CLAIMS } from "./support/claims_scopes.ts";

/** A scope, as far as every back end can tell it. */
export interface SeenScope {
  readonly name: string;
  readonly traceId: string;
  /** The name of the enclosing scope; the claims give each scope of a trace its own. */
  readonly parent: string | undefined;
  readonly status: "unset" | "ok" | "error";
  readonly message: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The exceptions on it; `undefined` where the back end does not show them. */
  readonly exceptions: readonly { readonly type: string; readonly message: string }[] | undefined;
}

/** A log. */
export interface SeenLog {
  /** At least the first eight digits of it. */
  readonly traceId: string;
  readonly scope: string;
  readonly level: ObservabilityLevel;
  readonly message: string;
  /** Without those of the exception. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly exception: { readonly type: string; readonly message: string } | undefined;
}

/** An event. */
export interface SeenEvent {
  readonly traceId: string;
  readonly scope: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What has become of the measurements of one metric with one set of attributes. */
export interface SeenMetric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The sum of a counter or a histogram, the last value of a gauge. */
  readonly value: number;
  /** How often a histogram was recorded. */
  readonly count: number | undefined;
}

/** Everything that a back end has recorded: plain data, so that it may come from another process as JSON. */
export interface Seen {
  readonly scopes: readonly SeenScope[];
  readonly logs: readonly SeenLog[];
  readonly events: readonly SeenEvent[];
  readonly metrics: readonly SeenMetric[];
}

/** A back end that is ready to be used. */
export interface Subject {
  readonly observability: Observability;
  /** What was recorded so far, in any order; what else the back end has recorded before does no harm. */
  read(): Promise<Seen>;
  close(): Promise<void>;
}

/** How the claims get a back end. */
export interface Adapter {
  readonly name: string;
  /** Makes the back end, or gives a shared one, with a threshold. */
  create(level: ObservabilityLevel): Subject | Promise<Subject>;
}

/** One thing that every back end must do. */
export interface Claim {
  readonly name: string;
  /** The threshold of the back end that it needs; `"debug"` unless it says otherwise. */
  readonly level?: ObservabilityLevel;
  check(subject: Subject): void | Promise<void>;
}

const CLAIMS: readonly Claim[] = [...SCOPE_CLAIMS, ...RECORD_CLAIMS, ...ERROR_CLAIMS, ...HOSTILE_CLAIMS];

/** Registers every claim as a test of the back end. */
export function testConformance(adapter: Adapter): void {
  for (const claim of CLAIMS) {
    Deno.test(`${adapter.name}: ${claim.name}`, () => checkClaim(adapter, claim));
  }
}

/** Checks every claim, one after the other, where there is no test runner; gives what failed, by claim. */
export async function checkConformance(adapter: Adapter): Promise<Record<string, string>> {
  const failures: Record<string, string> = {};
  for (const claim of CLAIMS) {
    try {
      await checkClaim(adapter, claim);
    } catch (error) {
      failures[claim.name] = error instanceof Error ? error.stack ?? error.message : String(error);
    }
  }
  return failures;
}

async function checkClaim(adapter: Adapter, claim: Claim): Promise<void> {
  const subject = await adapter.create(claim.level ?? "debug");
  try {
    await claim.check(subject);
  } finally {
    await subject.close();
  }
}
