import type { Attributes, Context, Meter, MetricOptions, UpDownCounter } from "@opentelemetry/api";
import { describe } from "../../ctx/attributes.ts";
import { optionalText, text } from "../../ctx/console_format.ts";
import { diagnose } from "../../ctx/diagnostics.ts";
import type { Metric } from "../../ctx/observability.ts";
import { clashKind } from "../diag.ts";
import { Streams } from "./streams.ts";

interface Instrument {
  readonly kind: Metric["kind"];
  readonly unit: string | undefined;
  readonly streams: Streams;
}

/** The first character a letter, then letters, digits and `_ . - /`, 255 in all: the specification's rule. */
const VALID_NAME = /^[a-z][a-z0-9_.\-/]{0,254}$/i;

const HTTP_DURATION = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The buckets that the semantic conventions advise: those of the SDK are for milliseconds. */
const BOUNDARIES: ReadonlyMap<string, number[]> = new Map([
  ["http.server.request.duration", HTTP_DURATION],
  ["http.client.request.duration", HTTP_DURATION],
]);

/** The one cache of instruments: one for each name, kind and unit, for as long as the meter lives. */
export class Instruments {
  readonly #meter: Meter;
  readonly #byName = new Map<string, Instrument>();
  /** Those that bear a name that another kind or unit had first. */
  readonly #clashing = new Map<string, Instrument>();
  readonly #levels = new Map<string, UpDownCounter>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  record(given: string, metric: Metric, context: Context): void {
    const name = text(given);
    const unit = optionalText(metric.unit);
    let instrument = this.#byName.get(name);
    if (instrument === undefined) this.#byName.set(name, instrument = this.#make(name, unit, metric));
    else if (instrument.kind !== metric.kind || instrument.unit !== unit) {
      instrument = this.#clash(name, unit, metric, instrument);
    }
    instrument.streams.record(metric.value, metric.attributes, context);
  }

  /** Moves a level, such as the number of requests in flight. */
  move(name: string, by: 1 | -1, options: MetricOptions, attributes: Attributes, context: Context): void {
    let level = this.#levels.get(name);
    if (level === undefined) {
      this.#levels.set(name, level = this.#meter.createUpDownCounter(name, options));
    }
    level.add(by, attributes, context);
  }

  #clash(name: string, unit: string | undefined, metric: Metric, first: Instrument): Instrument {
    const key = JSON.stringify([name, metric.kind, unit]);
    let instrument = this.#clashing.get(key);
    if (instrument === undefined) {
      const shown = (kind: string, unit: string | undefined) => unit ? `a ${kind} in ${unit}` : `a ${kind}`;
      // Before the SDK says the same at greater length.
      diagnose(
        clashKind(validName(name)),
        `The metric '${describe(name)}' is ${
          shown(first.kind, first.unit)
        } already, and was now recorded as ` +
          `${shown(metric.kind, unit)}: both are kept, give one of them another name`,
      );
      this.#clashing.set(key, instrument = this.#make(name, unit, metric));
    }
    return instrument;
  }

  #make(given: string, unit: string | undefined, metric: Metric): Instrument {
    const { kind } = metric;
    const name = validName(given);
    const options: MetricOptions = {};
    if (unit !== undefined) options.unit = unit;
    const description = optionalText(metric.description);
    if (description !== undefined) options.description = description;
    return { kind, unit, streams: this.#streamsOf(kind, name, options) };
  }

  #streamsOf(kind: Metric["kind"], name: string, options: MetricOptions): Streams {
    if (kind === "counter") {
      const counter = this.#meter.createCounter(name, options);
      return new Streams(counter, (value, attributes, context) => counter.add(value, attributes, context));
    }
    const boundaries = BOUNDARIES.get(name);
    if (boundaries !== undefined) options.advice = { explicitBucketBoundaries: boundaries };
    const instrument = kind === "histogram"
      ? this.#meter.createHistogram(name, options)
      : this.#meter.createGauge(name, options);
    return new Streams(
      instrument,
      (value, attributes, context) => instrument.record(value, attributes, context),
    );
  }
}

/** A name that is invalid would cost the metric: what is invalid in it becomes an underscore. */
function validName(name: unknown): string {
  const given = describe(name);
  if (VALID_NAME.test(given)) return given;
  let valid = given.replace(/[^a-z0-9_.\-/]/gi, "_").slice(0, 254);
  if (!/^[a-z]/i.test(valid)) valid = `m${valid}`;
  diagnose("metric-name", `The metric name '${given}' is invalid, and is recorded as '${valid}'`);
  return valid;
}
