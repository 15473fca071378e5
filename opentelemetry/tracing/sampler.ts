import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { Sampling } from "../configuration/configuration.ts";

/** The sampler of the SDK that a configuration describes. */
export function createSampler({ ratio, parentBased }: Sampling): Sampler {
  const root = createRootSampler(ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

/** For all and for none the samplers by name decide alike, without the arithmetic over each trace id. */
function createRootSampler(ratio: number): Sampler {
  if (ratio === 1) return new AlwaysOnSampler();
  return ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
}
