import { type Context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { cleanAttributes } from "../ctx/attributes.ts";
import type { ObservabilityLevel } from "../ctx/level.ts";
import type { Observability, Recorder, ScopeOptions } from "../ctx/observability.ts";
import { currentScope } from "../ctx/scope.ts";
import { extract } from "./propagation/carrier.ts";
import type { Configuration } from "./configuration/configuration.ts";
import { SpanContextNode, spanOf, withoutSpan } from "./context/context.ts";
import { type Remote, resolveRemote } from "./propagation/propagation.ts";
import { type Engine, openSpan, OpenTelemetryRecorder } from "./recorder.ts";

/** The back end of scopes that are spans; it holds no scope, so any number of roots may share it. */
export class OpenTelemetryObservability implements Observability {
  readonly #engine: Engine;
  readonly #remote: Remote;

  constructor(engine: Engine, readonly level: ObservabilityLevel, remote: Remote) {
    this.#engine = engine;
    this.#remote = remote;
  }

  open(name: string, options: ScopeOptions): Recorder {
    const { link } = this.#remote;
    const context = this.#context();
    const span = openSpan(this.#engine, name, options, context, link && [link]);
    return new OpenTelemetryRecorder(this.#engine, span, withoutSpan(context), true);
  }

  /** The same back end, for a root in a trace that came along; what did not come is as it was. */
  within({ parent, link, baggage }: Remote): OpenTelemetryObservability {
    const own = this.#remote;
    return new OpenTelemetryObservability(this.#engine, this.level, {
      parent: parent ?? own.parent,
      link: link ?? own.link,
      baggage: baggage ?? own.baggage,
    });
  }

  /** The back end of a request of which the runtime has made a span, if it has: that span is the root's. */
  adopting(otherwise: Observability): Observability {
    const engine = this.#engine;
    const { parent, link } = this.#remote;
    const current = currentScope()?.context as Context | undefined;
    if (engine.adopt === undefined || current === undefined || parent !== undefined) return otherwise;
    const { adopt } = engine;
    const open = (name: string, options: ScopeOptions): Recorder => {
      const span = adopt(current, name);
      if (span === undefined) return otherwise.open(name, options);
      span.setAttributes(cleanAttributes(options.attributes));
      if (link !== undefined) span.addLink(link);
      return new OpenTelemetryRecorder(engine, span, withoutSpan(current), true);
    };
    return { level: this.level, open };
  }

  /**
   * Under what the root goes: a span that somebody else made current through the API, unless a remote parent is of
   * another trace; else the remote parent; else nothing, which begins a trace, even inside of another scope.
   */
  #context(): Context {
    const { parent, baggage } = this.#remote;
    const current = currentScope()?.context as Context | undefined;
    let rest = current === undefined ? ROOT_CONTEXT : withoutSpan(current);
    if (baggage !== undefined) rest = propagation.setBaggage(rest, baggage);
    const scoped = current === undefined || (current instanceof SpanContextNode && current.scoped);
    const span = scoped ? undefined : spanOf(current);
    // Within a span of its trace, the remote parent is that span's already: of a server that was instrumented.
    if (parent !== undefined && span?.spanContext().traceId !== parent.traceId) {
      return new SpanContextNode(trace.wrapSpanContext(parent), rest, false);
    }
    return span === undefined ? rest : new SpanContextNode(span, rest, false);
  }
}

/** The back end of what a request or a message asks for: in the trace that came with it. */
export function within(
  observability: Observability,
  carrier: unknown,
  propagators: Configuration["propagators"],
): Observability {
  if (!(observability instanceof OpenTelemetryObservability)) return observability;
  return observability.within(resolveRemote(extract(carrier, propagators)));
}

/** The back end of what a server was asked for, which the runtime may have made a span of already. */
export function serving(
  observability: Observability,
  carrier: unknown,
  propagators: Configuration["propagators"],
): Observability {
  const root = within(observability, carrier, propagators);
  return observability instanceof OpenTelemetryObservability ? observability.adopting(root) : root;
}
