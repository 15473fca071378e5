import type { Attributes, AttributeValue, Counter, Gauge, Histogram, Meter } from "@opentelemetry/api";
import type { Redactor } from "../export/redaction.ts";

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

/** Deno's meter, made to keep integers in the attributes of measurements what they are, and secrets out of them. */
export function nativeMeter(meter: Meter, redactor: Redactor | undefined): Meter {
  const adapt = (attributes: Attributes | undefined) =>
    attributes && withIntegers(redactor?.attributes(attributes) ?? attributes);
  const adding = (counter: Counter): Counter => ({
    add: (value, attributes) => counter.add(value, adapt(attributes)),
  });
  const recording = (instrument: Gauge | Histogram): Gauge & Histogram => ({
    record: (value, attributes) => instrument.record(value, adapt(attributes)),
  });
  return {
    createCounter: (name, options) => adding(meter.createCounter(name, options)),
    createUpDownCounter: (name, options) => adding(meter.createUpDownCounter(name, options)),
    createGauge: (name, options) => recording(meter.createGauge(name, options)),
    createHistogram: (name, options) => recording(meter.createHistogram(name, options)),
    createObservableCounter: (name, options) => meter.createObservableCounter(name, options),
    createObservableGauge: (name, options) => meter.createObservableGauge(name, options),
    createObservableUpDownCounter: (name, options) => meter.createObservableUpDownCounter(name, options),
    addBatchObservableCallback: (callback, observables) =>
      meter.addBatchObservableCallback(callback, observables),
    removeBatchObservableCallback: (callback, observables) =>
      meter.removeBatchObservableCallback(callback, observables),
  };
}
