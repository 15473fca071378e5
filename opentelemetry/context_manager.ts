import {
  type Context,
  type ContextManager,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import { currentScope, defaultObservability, enterScope, newRoot, OpenScope, runIn } from "../ctx/scope.ts";
import { spanOf, withoutSpan } from "./context.ts";
import { bindEmitter, isEmitter } from "./emitter.ts";
import { type Engine, OpenTelemetryRecorder } from "./recorder.ts";

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * The context manager of the OpenTelemetry API over the one storage of the scopes: a span that any library makes
 * current is a scope for those who record in it, and a scope is a context for every library.
 */
export class ScopeContextManager implements ContextManager {
  readonly #engine: Engine;
  #enabled = true;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  active(): Context {
    const scope = this.#enabled ? currentScope() : undefined;
    if (scope === undefined) return ROOT_CONTEXT;
    const context = scope.context;
    if (context === undefined) return ROOT_CONTEXT;
    if (context instanceof OpenTelemetryRecorder) context.scope ??= scope;
    return context as Context;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const body = thisArg === undefined || thisArg === null ? fn : fn.bind(thisArg) as F;
    if (!this.#enabled) return body(...args);
    return runIn(this.#scopeOf(context), body, ...args);
  }

  bind<T>(context: Context, target: T): T {
    if (isEmitter(target)) return bindEmitter(target, (listener) => this.bind(context, listener));
    if (typeof target !== "function") return target;
    const scopeOf = () => this.#scopeOf(context);
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return runIn(scopeOf(), () => target.apply(this, args));
    };
    Object.defineProperty(bound, "length", { value: target.length, configurable: true });
    return bound as T;
  }

  attach(context: Context): { dispose: () => void } {
    const previous = currentScope();
    let attached = true;
    enterScope(this.#scopeOf(context));
    return {
      dispose: () => {
        if (attached) enterScope(previous);
        attached = false;
      },
    };
  }

  enable(): this {
    this.#enabled = true;
    return this;
  }

  /** Scopes that are open stay so, and close; only the API no longer sees them. */
  disable(): this {
    this.#enabled = false;
    return this;
  }

  /** The scope of a context: the one that it is the context of, or one that records in its span, and never ends it. */
  #scopeOf(context: Context): OpenScope {
    if (context instanceof OpenTelemetryRecorder && context.scope !== undefined) return context.scope;
    const current = currentScope();
    if (current !== undefined && !(current.recorder instanceof OpenTelemetryRecorder)) {
      return new OpenScope(current.name, current.recorder, current.root, undefined, context);
    }
    const span = spanOf(context) ?? NO_SPAN;
    const recorder = new BorrowedRecorder(this.#engine, span, withoutSpan(context), false, context);
    return new OpenScope(
      current?.name ?? "",
      recorder,
      current?.root ?? newRoot(defaultObservability()),
      undefined,
      context,
    );
  }
}

/** Records in a span that somebody else made current, and leaves its end to them. */
class BorrowedRecorder extends OpenTelemetryRecorder {
  readonly #given: Context;

  constructor(
    engine: Engine,
    span: OpenTelemetryRecorder["span"],
    rest: Context,
    scoped: boolean,
    given: Context,
  ) {
    super(engine, span, rest, scoped);
    this.#given = given;
  }

  override get traceId(): string {
    return this.span === NO_SPAN ? "" : super.traceId;
  }

  override get spanId(): string {
    return this.span === NO_SPAN ? "" : super.spanId;
  }

  override get context(): Context {
    return this.#given;
  }

  override close(): void {}
}
