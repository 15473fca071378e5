import type { Context } from "@opentelemetry/api";
import { isTracingSuppressed, W3CBaggagePropagator } from "@opentelemetry/core";
import { diagnoseFailure } from "../../ctx/diagnostics.ts";
import { currentScope } from "../../ctx/scope.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { spanOf } from "../context/context.ts";
import { Environment } from "../configuration/environment.ts";

/**
 * What carries a trace from one place to the next: headers, a plain record of them, or a message.
 *
 * ```ts
 * import { type Carrier, ctx, OpenTelemetry } from "@haiway/otel";
 *
 * const carriers: Carrier[] = [new Headers(), { subject: "a message to a queue" }];
 * ctx.scope("call", () => carriers.forEach((carrier) => OpenTelemetry.inject(carrier)));
 * ```
 */
export type Carrier = Headers | object;

/**
 * A trace as it travels: what `OpenTelemetry.extract` reads, and `OpenTelemetry.observability` takes.
 *
 * ```ts
 * import { OpenTelemetry, type TraceContext } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
 * const trace: TraceContext = OpenTelemetry.extract({ Traceparent: traceparent });
 * assertEquals(trace, { traceparent });
 * ```
 */
export interface TraceContext {
  /** The W3C `traceparent`. */
  readonly traceparent?: string;
  /** The W3C `tracestate`. */
  readonly tracestate?: string;
  /** The W3C `baggage`. */
  readonly baggage?: string;
}

type Propagators = Configuration["propagators"];
type Field = keyof TraceContext;

const FIELDS: readonly Field[] = ["traceparent", "tracestate", "baggage"];
const FIELDS_OF = { tracecontext: ["traceparent", "tracestate"], baggage: ["baggage"] } as const;
const baggagePropagator = new W3CBaggagePropagator();

/** Writes the trace of the current scope into a carrier; outside of a trace, nothing. */
export function inject<C extends Carrier>(carrier: C, propagators: Propagators): C {
  try {
    const trace = currentTrace();
    for (const propagator of propagators) {
      for (const field of FIELDS_OF[propagator]) {
        const value = trace[field];
        if (value !== undefined) write(carrier, field, value);
      }
    }
  } catch (error) {
    diagnoseFailure("inject the trace context", error);
  }
  return carrier;
}

/** Reads from a carrier what is there of a trace, as it stands: strings that nobody has looked at. */
export function extract(carrier: unknown, propagators: Propagators): TraceContext {
  const found: { -readonly [F in Field]?: string } = {};
  try {
    for (const propagator of propagators) {
      for (const field of FIELDS_OF[propagator]) {
        const value = read(carrier, field);
        if (value !== undefined) found[field] = value;
      }
    }
  } catch (error) {
    diagnoseFailure("extract the trace context", error);
  }
  return found;
}

/** The trace of the current scope as environment variables of a child process. */
export function injectEnvironment(propagators: Propagators): Record<string, string> {
  const trace: TraceContext = inject({}, propagators);
  const variables: Record<string, string> = {};
  if (trace.traceparent === undefined && trace.baggage === undefined) return variables;
  const environment = new Environment();
  for (const field of FIELDS) {
    const name = field.toUpperCase();
    // A child inherits what this process was given, which belongs to another span: an empty value hides it.
    if (trace[field] !== undefined || environment.get(name) !== undefined) {
      variables[name] = trace[field] ?? "";
    }
  }
  return variables;
}

/** The trace that this process was started in, as far as its variables may be read. */
export function extractEnvironment(propagators: Propagators): TraceContext {
  const environment = new Environment();
  const variables = FIELDS.map((field) => [field, environment.get(field.toUpperCase())]);
  return extract(Object.fromEntries(variables), propagators);
}

/** What there is of the trace of the current scope, within the limits of the two specifications. */
function currentTrace(): TraceContext {
  const scope = currentScope();
  if (scope === undefined || scope.traceparent === "") return {};
  const { traceparent } = scope;
  const context = scope.context as Context | undefined;
  if (context === undefined) return { traceparent };
  if (isTracingSuppressed(context)) return {};
  const trace: { -readonly [F in Field]?: string } = { traceparent };
  const tracestate = spanOf(context)?.spanContext().traceState?.serialize();
  if (tracestate) trace.tracestate = tracestate;
  baggagePropagator.inject(context, trace, {
    // The metadata of a member is passed on as it came: what no header can hold would cost the request.
    set: (_trace, _field, value) => void (/^[\t\x20-\x7e\x80-\xff]*$/.test(value) && (trace.baggage = value)),
  });
  return trace;
}

function write(carrier: Carrier, field: Field, value: string): void {
  if (carrier instanceof Headers) return carrier.set(field, value);
  const record = carrier as Record<string, unknown>;
  record[keyOf(record, field) ?? field] = value;
}

function read(carrier: unknown, field: Field): string | undefined {
  if (typeof carrier !== "object" || carrier === null) return undefined;
  let value: unknown;
  if (carrier instanceof Headers) value = carrier.get(field);
  else {
    const record = carrier as Record<string, unknown>;
    const key = keyOf(record, field);
    value = key === undefined ? undefined : record[key];
    // As Node gives a header that came more than once.
    if (Array.isArray(value)) value = value.join(",");
  }
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Names of headers and of variables come in any case. */
function keyOf(record: Record<string, unknown>, field: Field): string | undefined {
  if (Object.hasOwn(record, field)) return field;
  if (Array.isArray(record) || ArrayBuffer.isView(record)) return undefined;
  return Object.keys(record).find((key) => key.toLowerCase() === field);
}
