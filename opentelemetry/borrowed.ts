import { type Context, INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import { defaultObservability } from "../ctx/default.ts";
import { newRoot, OpenScope } from "../ctx/scope.ts";
import { spanOf, withoutSpan } from "./context.ts";
import { type Engine, OpenTelemetryRecorder } from "./recorder.ts";

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * The scope of a context of the API: the one that it is the context of, or one that records in its span, and never
 * ends it.
 */
export function scopeOf(engine: Engine, context: Context, current: OpenScope | undefined): OpenScope {
  if (context instanceof OpenTelemetryRecorder && context.scope !== undefined) return context.scope;
  if (current !== undefined && !(current.recorder instanceof OpenTelemetryRecorder)) {
    return new OpenScope(current.name, current.recorder, current.root, undefined, context);
  }
  const span = spanOf(context) ?? NO_SPAN;
  const recorder = new BorrowedRecorder(engine, span, withoutSpan(context), false, context);
  const root = current?.root ?? newRoot(defaultObservability());
  return new OpenScope(current?.name ?? "", recorder, root, undefined, context);
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
