import { type Context, type Span, trace } from "@opentelemetry/api";

/** The key under which the API keeps the current span, learnt from the API rather than repeated. */
const SPAN_KEY: symbol = learnSpanKey();

/** Beyond this many values a context forgets those that later ones have replaced. */
const MAX_VALUES = 16;

/**
 * A context of the OpenTelemetry API: a span and, behind it, everything else, in persistent links. Setting a
 * value is one allocation, where the API's own contexts copy a map; replacing the span keeps nothing of the one
 * replaced, so that scopes opened in endless succession do not grow a chain.
 */
export class SpanContextNode implements Context {
  constructor(
    public span: Span | undefined,
    readonly rest: Context,
    /** Whether the span is that of a scope, not one made by somebody else through the API. */
    readonly scoped: boolean,
  ) {}

  getValue(key: symbol): unknown {
    return key === SPAN_KEY ? this.span : this.rest.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === SPAN_KEY) return new SpanContextNode(value as Span | undefined, this.rest, false);
    return new SpanContextNode(this.span, ValueNode.on(this.rest, key, value), this.scoped);
  }

  deleteValue(key: symbol): Context {
    return this.setValue(key, undefined);
  }
}

class ValueNode implements Context {
  private constructor(
    readonly rest: Context,
    readonly key: symbol,
    readonly value: unknown,
    readonly size: number,
  ) {}

  static on(rest: Context, key: symbol, value: unknown): ValueNode {
    const size = rest instanceof ValueNode ? rest.size + 1 : 1;
    return size > MAX_VALUES ? ValueNode.compact(rest, key, value) : new ValueNode(rest, key, value, size);
  }

  getValue(key: symbol): unknown {
    return key === this.key ? this.value : this.rest.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return ValueNode.on(this, key, value);
  }

  deleteValue(key: symbol): Context {
    return ValueNode.on(this, key, undefined);
  }

  /** The same values and a new one, each once, so that setting one key again and again takes no room. */
  private static compact(from: Context, key: symbol, value: unknown): ValueNode {
    const values = new Map<symbol, unknown>([[key, value]]);
    let node = from;
    for (; node instanceof ValueNode; node = node.rest) {
      if (!values.has(node.key)) values.set(node.key, node.value);
    }
    let size = 0;
    let compact = node;
    for (const [key, value] of values) compact = new ValueNode(compact, key, value, ++size);
    return compact as ValueNode;
  }
}

/** What a context holds besides its span. */
export function withoutSpan(context: Context): Context {
  return context instanceof SpanContextNode ? context.rest : context;
}

/** The span of a context, whoever made the context. */
export function spanOf(context: Context): Span | undefined {
  return context instanceof SpanContextNode ? context.span : trace.getSpan(context);
}

function learnSpanKey(): symbol {
  let learnt: symbol | undefined;
  const probe: Context = {
    getValue: () => undefined,
    setValue: (key) => (learnt = key, probe),
    deleteValue: () => probe,
  };
  trace.setSpan(probe, trace.wrapSpanContext({ traceId: "", spanId: "", traceFlags: 0 }));
  if (learnt === undefined) throw new TypeError("unreachable: the API sets a span with a key");
  return learnt;
}
