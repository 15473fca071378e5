import type { Attributes, AttributeValue, Context, Meter, MetricOptions } from "@opentelemetry/api";

/**
 * Attributes as Deno's engine keeps their types: it takes every number for a double, and only a bigint for an
 * integer.
 */
export function withIntegers(attributes: Attributes): Attributes {
  const adapted: Attributes = {};
  for (const key in attributes) adapted[key] = withInteger(attributes[key]);
  return adapted;
}

function withInteger(value: AttributeValue | undefined): AttributeValue | undefined {
  const isInteger = Array.isArray(value)
    ? value.length > 0 && value.every((element) => Number.isSafeInteger(element))
    : Number.isSafeInteger(value);
  if (!isInteger) return value;
  const integers: unknown = Array.isArray(value) ? value.map(BigInt) : BigInt(value as number);
  return integers as AttributeValue;
}

/** The instruments of Deno's meter that the library uses, made to keep integers in attributes what they are. */
export function nativeMeter(meter: Meter): Pick<Meter, "createCounter" | "createGauge" | "createHistogram"> {
  const recorded = <I extends { record(value: number, attributes?: Attributes, context?: Context): void }>(
    instrument: I,
  ) => ({
    record: (value: number, attributes: Attributes = {}) => instrument.record(value, withIntegers(attributes)),
  });
  return {
    createCounter(name: string, options?: MetricOptions) {
      const counter = meter.createCounter(name, options);
      return { add: (value, attributes = {}) => counter.add(value, withIntegers(attributes)) };
    },
    createGauge: (name: string, options?: MetricOptions) => recorded(meter.createGauge(name, options)),
    createHistogram: (name: string, options?: MetricOptions) =>
      recorded(meter.createHistogram(name, options)),
  };
}

/** The signals at which a process usually ends. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/**
 * Deno's engine exports what it has when the process dies of a signal, but only of one that somebody has listened
 * to before; a listener that is gone again costs nothing, and the signal still ends the process.
 */
export function flushOnSignals(): void {
  const nothing = () => {};
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, nothing);
    Deno.removeSignalListener(signal, nothing);
  }
}
