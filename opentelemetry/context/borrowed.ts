import { type Context, INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import { defaultObservability } from "../../ctx/default.ts";
import type { Recorder } from "../../ctx/observability.ts";
import { OpenScope } from "../../ctx/open_scope.ts";
import { thresholdOf } from "../../ctx/scope.ts";
import { spanOf, withoutSpan } from "./context.ts";
import { type Engine, OpenTelemetryRecorder } from "../recorder.ts";

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * The scope of a context of the API: the one that it is the context of, or one that records in its span, and never
 * ends it.
 */
export function scopeOf(engine: Engine, context: Context, current: OpenScope | undefined): OpenScope {
  if (context instanceof OpenTelemetryRecorder && context.scope !== undefined) return context.scope;
  if (current !== undefined && !(current.recorder instanceof OpenTelemetryRecorder)) {
    return new BorrowedScope(current, current.recorder, context);
  }
  const span = spanOf(context) ?? NO_SPAN;
  const recorder = new BorrowedRecorder(engine, span, withoutSpan(context), false, context);
  return new BorrowedScope(current, recorder, context);
}

/** Stands for a context within a scope, or within none: what is spawned in it is the scope's to wait for. */
class BorrowedScope extends OpenScope {
  readonly #holder: OpenScope | undefined;

  constructor(within: OpenScope | undefined, recorder: Recorder, context: Context) {
    const threshold = within?.threshold ?? thresholdOf(defaultObservability());
    super(within?.name ?? "", recorder, threshold, within?.root, undefined, context);
    this.#holder = within?.holder;
  }

  override get holder(): OpenScope {
    return this.#holder ?? this;
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

  override get context(): Context {
    return this.#given;
  }

  override close(): void {}
}
