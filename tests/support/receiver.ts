/**
 * The receiver of the testing kit, with what only the library's own tests look at.
 *
 * @module
 */

import { type OtlpReceiver as Published, otlpReceiver, type ReceivedPoint } from "@haiway/otel/testing";

export type { ReceivedLog, ReceivedPoint, ReceivedRequest, ReceivedSpan } from "@haiway/otel/testing";

/** How the receiver answers a request, instead of taking it; `undefined` takes it. */
export type Fault = (request: Request, path: string) => Response | Promise<Response> | undefined;

/** A running receiver. */
export interface OtlpReceiver extends Omit<Published, "bodies"> {
  /** Every data point of every export: `metrics` by another name. */
  readonly points: ReceivedPoint[];
  /** Decoded bodies that were taken, in order, by path. */
  readonly bodies: { path: string; body: Json }[];
}

// deno-lint-ignore no-explicit-any -- OTLP as JSON, read by shape alone
type Json = any;

/** Starts a receiver, on a free port unless one is given. */
export function startReceiver(options: { port?: number; fault?: Fault } = {}): OtlpReceiver {
  const receiver = otlpReceiver(options);
  return Object.assign(receiver, { points: receiver.metrics });
}
