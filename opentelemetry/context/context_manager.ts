import { type Context, type ContextManager, ROOT_CONTEXT } from "@opentelemetry/api";
import type { OpenScope } from "../../ctx/open_scope.ts";
import { currentScope, enterScope, runIn } from "../../ctx/scope.ts";
import { scopeOf } from "./borrowed.ts";
import { bindEmitter, isEmitter } from "./emitter.ts";
import { type Engine, OpenTelemetryRecorder } from "../recorder.ts";

/**
 * The context manager of the OpenTelemetry API over the one storage of the scopes: a span that any library makes
 * current is a scope for those who record in it, and a scope is a context for every library.
 */
export class ScopeContextManager implements ContextManager {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  active(): Context {
    const scope = currentScope();
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
    return this;
  }

  /** The API asks another one from now on; scopes that are open stay so, and close. */
  disable(): this {
    return this;
  }

  #scopeOf(context: Context): OpenScope {
    return scopeOf(this.#engine, context, currentScope());
  }
}
