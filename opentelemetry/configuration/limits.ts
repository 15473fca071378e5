import { refusal } from "../../ctx/errors.ts";
import type { Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";
import type { ConfigureOptions, Limits } from "./options.ts";

/** How much spans and logs may hold: what is given, else the variables, else the specification's defaults. */
export function resolveLimits(
  options: Partial<ConfigureOptions>,
  environment: Environment,
): Pick<Configuration, "spanLimits" | "logLimits"> {
  const given: unknown = options.limits;
  if (given !== undefined && (typeof given !== "object" || given === null)) {
    throw new TypeError(refusal("configure OpenTelemetry", "limits", "be an object", given));
  }
  const limit = (name: keyof Limits, fallback: number, ...variables: string[]): number => {
    const value: unknown = options.limits?.[name];
    if (value !== undefined) {
      if (value === Infinity || (Number.isInteger(value) && Number(value) >= 0)) return Number(value);
      throw new RangeError(
        refusal("configure OpenTelemetry", `limits.${name}`, "be an integer of at least 0", value),
      );
    }
    for (const variable of variables) {
      const set = environment.integer(variable, 0);
      if (set !== undefined) return set;
    }
    return fallback;
  };
  const count = ["OTEL_ATTRIBUTE_COUNT_LIMIT"];
  const length = ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
  return {
    spanLimits: {
      attributeCountLimit: limit("attributeCountLimit", 128, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", ...count),
      attributeValueLengthLimit: limit(
        "attributeValueLengthLimit",
        Infinity,
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ...length,
      ),
      eventCountLimit: limit("eventCountLimit", 128, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
      linkCountLimit: limit("linkCountLimit", 128, "OTEL_SPAN_LINK_COUNT_LIMIT"),
      attributePerEventCountLimit: limit(
        "attributePerEventCountLimit",
        128,
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
      ),
      attributePerLinkCountLimit: limit("attributePerLinkCountLimit", 128, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
    },
    logLimits: {
      attributeCountLimit: limit(
        "attributeCountLimit",
        128,
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        ...count,
      ),
      attributeValueLengthLimit: limit(
        "attributeValueLengthLimit",
        Infinity,
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ...length,
      ),
    },
  };
}
