import type { Attributes } from "./attributes.ts";
import { diagnoseFailure } from "./diagnostics.ts";
import type { Failure } from "./errors.ts";
import type { Recorder } from "./observability.ts";
import { isObject } from "./promises.ts";
import type { Tasks } from "./tasks.ts";

/**
 * An open scope, as its body is handed it.
 *
 * ```ts
 * import { ctx, type Scope } from "@haiway/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const describe = (scope: Scope) => `${scope.name} ${scope.traceparent}`;
 * ctx.scope("request", (scope) => {
 *   assertEquals(describe(scope), `request 00-${scope.traceId}-${scope.spanId}-01`);
 * });
 * ```
 */
export interface Scope {
  /** The name that it was opened with. */
  readonly name: string;
  /** The trace that it belongs to: 32 lowercase hex digits; empty where the back end has none. */
  readonly traceId: string;
  /** Its own span: 16 lowercase hex digits; empty where the back end has none. */
  readonly spanId: string;
  /** Both and the sampling flag as W3C Trace Context says them in one header; empty where there is none. */
  readonly traceparent: string;
}

/** How many thrown primitives a scope remembers. */
const MAX_PRIMITIVES = 16;

/** Failures that need not be recorded again. */
class Met {
  /** Of a root: the errors of its trace; weak, as it may live as long as the process. */
  readonly errors = new WeakSet<object>();
  /** Strings and other primitives that its children have thrown. */
  readonly primitives: unknown[] = [];
}

/** A scope as the storage holds it: what the facade asks for its recorder, and what closes it once. */
export class OpenScope implements Scope {
  readonly name: string;
  readonly recorder: Recorder;
  /** Logs of a lower severity are left out. */
  readonly threshold: number;
  /** The first scope of the trace in this process: itself, if nothing is around it. */
  readonly root: OpenScope;
  /** What another context API that shares the storage keeps beside a recorder that is none of its own. */
  readonly context: unknown;
  /** The tasks that were spawned in it. */
  tasks: Tasks | undefined = undefined;
  /** The enclosing scope, and, when this one has ended, itself: no chain of ended scopes is kept. */
  #parent: OpenScope | undefined;
  /** What was thrown or logged in it already: made for the first, as each field of a scope costs time. */
  #met: Met | undefined;

  constructor(
    name: string,
    recorder: Recorder,
    threshold: number,
    root?: OpenScope,
    parent?: OpenScope,
    context: unknown = recorder.context ?? parent?.context,
  ) {
    this.name = name;
    this.recorder = recorder;
    this.threshold = threshold;
    this.root = root ?? this;
    this.context = context;
    this.#parent = parent;
  }

  /** The scope that waits for what is spawned in it: itself, unless it only stands for a context within another. */
  get holder(): OpenScope {
    return this;
  }

  /** Whether it has ended, so that it takes no more tasks. */
  get closed(): boolean {
    return this.#parent === this;
  }

  get traceId(): string {
    return this.recorder.traceId;
  }

  get spanId(): string {
    return this.recorder.spanId;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.recorder;
    return traceId === "" ? "" : `00-${traceId}-${spanId}-${traceFlags & 1 ? "01" : "00"}`;
  }

  /** An error that escaped from this scope or was logged in it: the first to meet it in a trace records it. */
  failure(error: unknown): Failure {
    if (isObject(error)) {
      const { errors } = this.root.#met ??= new Met();
      const first = !errors.has(error);
      errors.add(error);
      return { error, first };
    }
    const first = !(this.#met?.primitives.includes(error) ?? false);
    this.#remember(error);
    return { error, first };
  }

  /** The last few are enough, as a primitive goes on to the enclosing scope at once. */
  #remember(primitive: unknown): void {
    const { primitives } = this.#met ??= new Met();
    if (primitives.push(primitive) > MAX_PRIMITIVES) primitives.shift();
  }

  /** Sets attributes, in the one place that a kind of scope can look at them. */
  attributes(attributes: Attributes): void {
    this.recorder.attributes(attributes);
  }

  /** Ends the scope: its body, and the tasks that it waits for, have settled. */
  close(status?: "error" | "unset"): void {
    this.#parent = this;
    try {
      this.recorder.close(undefined, status);
    } catch (error) {
      diagnoseFailure("close the scope", error, this.name);
    }
  }

  /** Ends the scope as failed. */
  fail(error: unknown): void {
    const failure = this.failure(error);
    const parent = this.#parent;
    this.#parent = this;
    if (parent !== undefined && !isObject(error)) parent.#remember(error);
    try {
      this.recorder.close(failure);
    } catch (thrown) {
      diagnoseFailure("close the scope", thrown, this.name);
    }
  }
}
