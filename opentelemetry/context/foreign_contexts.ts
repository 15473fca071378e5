import { type Context, type ContextManager, propagation, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import type { OpenScope } from "../../ctx/open_scope.ts";
import { storedScope } from "../../ctx/scope.ts";
import { scopeOf } from "./borrowed.ts";
import { spanOf } from "./context.ts";
import { type Engine, OpenTelemetryRecorder } from "../recorder.ts";

/**
 * Keeps the scopes in step with the context manager of somebody else: every scope is entered there too, so that
 * their spans nest under it; and what was entered there last is the scope, so that scopes nest under their spans.
 */
export class ForeignContexts {
  readonly #manager: ContextManager;
  /** Asked for at every record within a span of somebody else, so made once for each context. */
  readonly #borrowed = new WeakMap<Context, { readonly stored: OpenScope | undefined; scope: OpenScope }>();

  constructor(manager: ContextManager) {
    this.#manager = manager;
  }

  /** Runs a function with a context current in the other manager. */
  enter<T>(context: Context, body: () => T): T {
    if (context instanceof OpenTelemetryRecorder) context.scope ??= storedScope();
    return this.#manager.with(context, body);
  }

  /** The scope that the other manager's context stands for, given the one in the storage. */
  locate(engine: Engine, stored: OpenScope | undefined): OpenScope | undefined {
    const active = this.#manager.active();
    if (stored !== undefined && stored.context === active) return stored;
    const known = this.#borrowed.get(active);
    if (known !== undefined && known.stored === stored) return known.scope;
    if (isEmpty(active) && !(stored?.recorder instanceof OpenTelemetryRecorder)) return stored;
    const scope = scopeOf(engine, active, stored);
    this.#borrowed.set(active, { stored, scope });
    return scope;
  }
}

/** Whether a context says nothing that a scope would have to know. */
function isEmpty(context: Context): boolean {
  const span = spanOf(context);
  return (span === undefined || !trace.isSpanContextValid(span.spanContext())) &&
    propagation.getBaggage(context) === undefined && !isTracingSuppressed(context);
}
