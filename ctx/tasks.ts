import type { OpenScope } from "./open_scope.ts";

/**
 * The promise of a spawned task, which knows whether somebody handles it: `await`, `then`, `catch` and
 * `Promise.all` all come to `then`, as it is not a plain promise.
 */
export class Task<T> extends Promise<T> {
  /** Whether somebody else has taken the outcome of the task upon them. */
  handled = false;

  /** What is derived from a task is a plain promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<R = T, E = never>(
    onFulfilled?: ((value: T) => R | PromiseLike<R>) | null,
    onRejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    this.handled = true;
    return super.then(onFulfilled, onRejected);
  }

  /** Listens without taking the outcome away from whoever should handle it. */
  observe(onFulfilled: () => void, onRejected: (reason: unknown) => void): void {
    super.then(onFulfilled, onRejected);
  }
}

/** Starts a task: an exception before the first `await` is a rejection like any other. */
export function startTask<T>(body: () => T | PromiseLike<T>): Task<T> {
  return new Task<T>((resolve) => resolve(new Promise<T>((settle) => settle(body()))));
}

/** The tasks of one scope: what it waits for before it closes, and which of them failed unheard. */
export class Tasks {
  #running = 0;
  readonly #failed: { task: Task<unknown>; error: unknown }[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #logFailure: (scope: OpenScope, error: unknown) => void;
  readonly #scope: OpenScope;

  constructor(scope: OpenScope, logFailure: (scope: OpenScope, error: unknown) => void) {
    this.#scope = scope;
    this.#logFailure = logFailure;
  }

  add(task: Task<unknown>): void {
    this.#running++;
    task.observe(() => this.#end(), (error) => {
      this.#failed.push({ task, error });
      this.#end();
    });
  }

  /** For a synchronous body, whose caller is gone by then: failures that nobody handled are logged. */
  whenSettled(close: () => void): void {
    this.#wait(() => {
      for (const error of this.#unhandled()) this.#logFailure(this.#scope, error);
      close();
    });
  }

  /** For an asynchronous body that returned: its value once all tasks are done, unless one failed unheard. */
  finish<T>(value: T): Promise<T> {
    return this.#settle([], () => value);
  }

  /** For an asynchronous body that failed: its error, with those of the tasks that failed unheard. */
  finishFailed(error: unknown): Promise<never> {
    return this.#settle([error], () => {
      throw error;
    });
  }

  #settle<T>(errors: unknown[], succeed: () => T): Promise<T> {
    const scope = this.#scope;
    return new Promise((resolve, reject) => {
      this.#wait(() => {
        const all = [...new Set([...errors, ...this.#unhandled()])];
        if (all.length === 0) {
          scope.close();
          return resolve(succeed());
        }
        const failure = all.length === 1
          ? all[0]
          : new AggregateError(all, `${all.length} failures in the scope '${scope.name}'`);
        scope.fail(failure);
        reject(failure);
      });
    });
  }

  #unhandled(): unknown[] {
    return this.#failed.filter(({ task }) => !task.handled).map(({ error }) => error);
  }

  #wait(then: () => void): void {
    if (this.#running === 0) then();
    else this.#waiting.push(then);
  }

  #end(): void {
    if (--this.#running > 0) return;
    for (const then of this.#waiting.splice(0)) then();
  }
}
