import {
  type Baggage,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
} from "@opentelemetry/api";
import { parseTraceParent, TraceState, W3CBaggagePropagator } from "@opentelemetry/core";
import { describe } from "../../ctx/attributes.ts";
import { diagnose } from "../../ctx/diagnostics.ts";
import { newSpanId } from "../../ctx/ids.ts";

/**
 * The parts of a trace begun elsewhere, as a caller gives them: strings of strangers, mostly.
 *
 * ```ts
 * import { ctx, OpenTelemetry, type RemoteTrace } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development" });
 * const caller: RemoteTrace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
 * ctx.scope("request", { observability: OpenTelemetry.observability(caller) }, (scope) => {
 *   assertEquals(scope.traceId, "0af7651916cd43dd8448eb211c80319c");
 * });
 * await OpenTelemetry.shutdown();
 * ```
 */
export interface RemoteTrace {
  /**
   * A trace to link to: 32 hex digits, a UUID, or a whole `traceparent`. What is malformed is reported and
   * ignored.
   */
  readonly externalTraceId?: string | null;
  /** The W3C `traceparent` of the remote span that becomes the parent. What is malformed is reported and ignored. */
  readonly traceparent?: string | null;
  /** The W3C `tracestate` that came with it. */
  readonly tracestate?: string | null;
  /** The W3C `baggage` that came along: the scopes carry it, and `OpenTelemetry.inject` hands it on. */
  readonly baggage?: string | null;
}

/** What of a remote trace proved usable. */
export interface Remote {
  /** The remote span that becomes the parent. */
  readonly parent: SpanContext | undefined;
  /** The link to a trace that is not gone on with. */
  readonly link: Link | undefined;
  readonly baggage: Baggage | undefined;
}

const baggagePropagator = new W3CBaggagePropagator();

/** Reads what a caller gave of a remote trace; what is malformed is reported and left out. */
export function resolveRemote(given: RemoteTrace): Remote {
  return { parent: remoteParent(given), link: externalLink(given), baggage: remoteBaggage(given) };
}

/** The remote span that `traceparent` names, if it names one. */
function remoteParent({ traceparent, tracestate }: RemoteTrace): SpanContext | undefined {
  if (traceparent === undefined || traceparent === null || traceparent === "") return undefined;
  const parsed = parse(traceparent);
  if (parsed === undefined) return malformed("traceparent", "be a W3C traceparent", traceparent);
  const remote: SpanContext = {
    ...parsed,
    traceFlags: parsed.traceFlags & TraceFlags.SAMPLED,
    isRemote: true,
  };
  if (typeof tracestate !== "string" || tracestate === "") return remote;
  const state = new TraceState(tracestate);
  if (state.serialize() !== "") return { ...remote, traceState: state };
  malformed("tracestate", "be a W3C tracestate", tracestate);
  return remote;
}

/** A link to the trace that `externalTraceId` names, if it names one. */
function externalLink({ externalTraceId }: RemoteTrace): Link | undefined {
  if (externalTraceId === undefined || externalTraceId === null || externalTraceId === "") return undefined;
  const parsed = parse(externalTraceId) ?? parseTraceId(externalTraceId);
  if (parsed !== undefined) return { context: { ...parsed, isRemote: true } };
  return malformed("externalTraceId", "be 32 hex digits, a UUID or a W3C traceparent", externalTraceId);
}

/** The members of `baggage` that can be read, within the limits of W3C Baggage. */
function remoteBaggage({ baggage }: RemoteTrace): Baggage | undefined {
  if (typeof baggage !== "string" || baggage === "") return undefined;
  const context = baggagePropagator.extract(ROOT_CONTEXT, baggage, { get: () => baggage, keys: () => [] });
  return propagation.getBaggage(context);
}

function parse(traceparent: unknown): SpanContext | undefined {
  if (typeof traceparent !== "string" || traceparent.length > 512) return undefined;
  return parseTraceParent(traceparent.trim()) ?? undefined;
}

/** Of a trace alone no span is known, and a link to an all-zero one would be invalid: a random one stands for it. */
function parseTraceId(value: unknown): SpanContext | undefined {
  if (typeof value !== "string" || value.length > 64) return undefined;
  const uuid = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i;
  const traceId = value.trim().replace(uuid, "$1$2$3$4$5").toLowerCase();
  if (!/^(?!0{32})[0-9a-f]{32}$/.test(traceId)) return undefined;
  return { traceId, spanId: newSpanId(), traceFlags: TraceFlags.NONE };
}

function malformed(name: string, rule: string, value: unknown): undefined {
  diagnose(
    `malformed:${name}`,
    `Ignoring '${name}' as it must ${rule}: current value is ${describe(value).slice(0, 80)}`,
  );
}
