import { type Context, type Link, ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import type { ObservabilityLevel } from "../ctx/level.ts";
import type { Observability, Recorder, ScopeOptions } from "../ctx/observability.ts";
import { currentScope } from "../ctx/scope.ts";
import { SpanContextNode, spanOf, withoutSpan } from "./context.ts";
import { type Engine, openSpan, OpenTelemetryRecorder } from "./recorder.ts";

/** The back end of scopes that are spans; it holds no scope, so any number of roots may share it. */
export class OpenTelemetryObservability implements Observability {
  readonly #engine: Engine;
  readonly #parent: SpanContext | undefined;
  readonly #link: Link | undefined;

  constructor(
    engine: Engine,
    readonly level: ObservabilityLevel,
    parent?: SpanContext,
    link?: Link,
  ) {
    this.#engine = engine;
    this.#parent = parent;
    this.#link = link;
  }

  open(name: string, options: ScopeOptions): Recorder {
    const context = this.#context();
    const span = openSpan(this.#engine, name, options, context, this.#link && [this.#link]);
    return new OpenTelemetryRecorder(this.#engine, span, withoutSpan(context), true);
  }

  /**
   * Under what the root goes: the remote parent if there is one; else a span that somebody else made current
   * through the API; else nothing, which begins a trace, even inside of another scope.
   */
  #context(): Context {
    const current = currentScope()?.context as Context | undefined;
    const rest = current === undefined ? ROOT_CONTEXT : withoutSpan(current);
    if (this.#parent !== undefined) {
      return new SpanContextNode(trace.wrapSpanContext(this.#parent), rest, false);
    }
    if (current === undefined || spanOf(current) === undefined) return rest;
    return current instanceof SpanContextNode && current.scoped ? rest : current;
  }
}
