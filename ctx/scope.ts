import { describe } from "./attributes.ts";
import { defaultObservability } from "./default.ts";
import { diagnoseFailure } from "./diagnostics.ts";
import { SEVERITY } from "./level.ts";
import { noopRecorder, type Observability, type Recorder, type ScopeOptions } from "./observability.ts";
import { OpenScope, type Scope } from "./open_scope.ts";
import { isPromise, isThenable } from "./promises.ts";
import { createStorage } from "./storage.ts";

/** The options of a scope that was given none. */
export const NO_OPTIONS: ScopeOptions = {};

/** The one storage of the module: what it holds is the current scope. */
const storage = createStorage<OpenScope | undefined>();

/** Says which scope is current where another context API, with a storage of its own, knows better. */
type Locate = (stored: OpenScope | undefined) => OpenScope | undefined;

let locate: Locate | undefined;

/** Asks another context API for the current scope from now on, or, with `undefined`, the storage alone again. */
export function setLocator(locator: Locate | undefined): void {
  locate = locator;
}

/** The scope that was entered last, whatever another context API knows. */
export function storedScope(): OpenScope | undefined {
  return storage.getStore();
}

/** The scope that the code now running is in, if any. */
export function currentScope(): OpenScope | undefined {
  const stored = storage.getStore();
  return locate === undefined ? stored : locate(stored);
}

/** Runs a function with another scope current, or none, for it and for everything that it starts. */
export function runIn<A extends unknown[], T>(
  scope: OpenScope | undefined,
  body: (...args: A) => T,
  ...args: A
): T {
  if (scope?.recorder.enter !== undefined) return enter(scope, () => body(...args));
  return storage.run(scope, body, ...args);
}

/**
 * Makes a scope current for the rest of the current asynchronous execution; only for those who implement a
 * context API that demands it, as it leaks into the caller.
 */
export function enterScope(scope: OpenScope | undefined): void {
  storage.enterWith(scope);
}

/** Makes a scope of what {@linkcode openScope} has found out for it. */
type MakeScope<S extends OpenScope> = (...given: ConstructorParameters<typeof OpenScope>) => S;

const plain: MakeScope<OpenScope> = (name, recorder, threshold, root, parent, context) =>
  new OpenScope(name, recorder, threshold, root, parent, context);

/** Opens a scope: a child of the current one, or a root if it is given a back end or nothing is current. */
export function openScope(name: string, options: ScopeOptions): OpenScope;
/** Opens a scope of a kind of its own. */
export function openScope<S extends OpenScope>(name: string, options: ScopeOptions, make: MakeScope<S>): S;
export function openScope(
  name: string,
  options: ScopeOptions,
  make: MakeScope<OpenScope> = plain,
): OpenScope {
  const parent = currentScope();
  const label = typeof name === "string" ? name : describe(name);
  const observability = observabilityOf(options);
  if (parent !== undefined && observability === undefined) {
    const recorder = openRecorder(parent.recorder, label, options);
    return make(label, recorder, parent.threshold, parent.root, parent);
  }
  const backend = observability ?? defaultObservability();
  const recorder = openRecorder(backend, label, options);
  const context = recorder.context ?? parent?.context;
  return make(label, recorder, thresholdOf(backend), undefined, undefined, context);
}

function observabilityOf(options: ScopeOptions): Observability | undefined {
  try {
    return options.observability;
  } catch (error) {
    return void diagnoseFailure("read the options of a scope", error);
  }
}

/** The severity below which a back end wants no logs. */
export function thresholdOf(observability: Observability): number {
  try {
    return SEVERITY[observability.level] ?? 0;
  } catch (error) {
    diagnoseFailure("read the level of an observability", error);
    return 0;
  }
}

function openRecorder(by: Observability | Recorder, name: string, options: ScopeOptions): Recorder {
  try {
    const recorder = by.open(name, options);
    // A back end that gives no recorder has to be found out now, not in the middle of the body.
    if (typeof recorder.close !== "function") throw new TypeError("the back end gave no recorder");
    return recorder;
  } catch (error) {
    diagnoseFailure("open the scope", error, name);
    // Options that cannot be read must not cost the scope; a back end that fails again records nothing.
    return options === NO_OPTIONS ? noopRecorder : openRecorder(by, name, NO_OPTIONS);
  }
}

/** Runs the body in its scope and closes the scope when it settles: the whole life of a scope. */
export function runScope<T>(scope: OpenScope, body: (scope: Scope) => T): T {
  if (scope.recorder.enter !== undefined) return enter(scope, () => live(body, scope));
  return storage.run<T, [typeof body, OpenScope]>(scope, live, body, scope);
}

/** What of it happens within the scope. */
function live<T>(body: (scope: Scope) => T, scope: OpenScope): T {
  let result: T;
  try {
    result = body(scope);
  } catch (error) {
    if (scope.tasks === undefined) scope.fail(error);
    else scope.tasks.whenSettled(() => scope.fail(error));
    throw error;
  }
  if (isPromise(result)) return settle(scope, result) as T;
  // Some query builders run at `then`: that has to happen inside of the scope.
  if (isThenable(result)) return settle(scope, Promise.resolve(result)) as T;
  if (scope.tasks === undefined) scope.close();
  else scope.tasks.whenSettled(() => scope.close());
  return result;
}

function settle<T>(scope: OpenScope, result: Promise<T>): Promise<T> {
  return result.then((value) => endScope(scope, value), (error) => failScope(scope, error));
}

/** Ends a scope whose asynchronous body returned, when its tasks have settled; gives the value of the body. */
export function endScope<T>(scope: OpenScope, value: T): T | Promise<T> {
  if (scope.tasks !== undefined) return scope.tasks.finish(value);
  scope.close();
  return value;
}

/** Ends a scope whose asynchronous body failed, when its tasks have settled; throws the error on. */
export function failScope(scope: OpenScope, error: unknown): Promise<never> {
  if (scope.tasks !== undefined) return scope.tasks.finishFailed(error);
  scope.fail(error);
  throw error;
}

/** Runs a function with its scope current, for the storage and for what else the back end needs. */
export function runWithin<T>(scope: OpenScope, body: (scope: Scope) => T): T {
  return scope.recorder.enter === undefined ? storage.run(scope, body, scope) : enter(scope, body);
}

/** Enters what else the back end needs to be current; a back end that fails at it does not cost the body. */
function enter<T>(scope: OpenScope, body: (scope: Scope) => T): T {
  let outcome: { value: T } | { error: unknown } | undefined;
  const once = () => {
    if (outcome !== undefined) return;
    try {
      outcome = { value: body(scope) };
    } catch (error) {
      outcome = { error };
    }
  };
  storage.run(scope, () => {
    try {
      scope.recorder.enter?.(once);
    } catch (error) {
      diagnoseFailure("enter the scope", error, scope.name);
    }
    once();
  });
  if (outcome === undefined) throw new TypeError("unreachable: the body has run");
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
