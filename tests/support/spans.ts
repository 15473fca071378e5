/**
 * The scopes' tracer and the SDK's, side by side: one program with either, and what is seen of it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Tracer } from "@opentelemetry/api";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanLimits,
  type SpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { decodeProtobuf } from "../../opentelemetry/testing/otlp_protobuf.ts";
import { ScopeTracerProvider } from "../../opentelemetry/tracing/tracer.ts";
import { normalised } from "./normalised.ts";
import { parsed } from "./wire.ts";

const resource = resourceFromAttributes({ "service.name": "equivalence" });

/** The limits of the specification. */
export const DEFAULTS: Required<SpanLimits> = {
  attributeCountLimit: 128,
  attributeValueLengthLimit: Infinity,
  eventCountLimit: 128,
  linkCountLimit: 128,
  attributePerEventCountLimit: 128,
  attributePerLinkCountLimit: 128,
};

/** How both tracers are made. */
export interface Setting {
  readonly limits?: Partial<SpanLimits>;
  /** One that samples all, and does as was done for the parent, unless it is given. */
  readonly sampler?: Sampler;
  readonly processors?: readonly Partial<SpanProcessor>[];
}

/** Makes a tracer of one of the two. */
export type Make = (setting: Setting) => Tracer;

/** A tracer of the scopes. */
export function ours({ limits, sampler, processors = [] }: Setting): Tracer {
  return new ScopeTracerProvider({
    resource,
    sampler: sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    parentBased: sampler === undefined || sampler instanceof ParentBasedSampler,
    limits: { ...DEFAULTS, ...limits },
    processors: processors.map(whole),
  }).getTracer("equivalence", "1");
}

/** A tracer of the SDK. */
export function theirs({ limits, sampler, processors = [] }: Setting): Tracer {
  return new TracerProvider({
    resource,
    sampler: sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanLimits: { ...DEFAULTS, ...limits },
    spanProcessors: processors.map(whole),
  }).getTracer("equivalence", "1");
}

function whole(processor: Partial<SpanProcessor>): SpanProcessor {
  return {
    onStart() {},
    onEnd() {},
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
    ...processor,
  };
}

/** What a program leaves behind: the spans that it ended. */
export function ended(make: Make, program: (tracer: Tracer) => void, setting: Setting = {}): ReadableSpan[] {
  const spans: ReadableSpan[] = [];
  const processors = [...setting.processors ?? [], { onEnd: (span: ReadableSpan) => void spans.push(span) }];
  program(make({ ...setting, processors }));
  return spans;
}

/** Asserts that both tracers export the same of a program, in either encoding. */
export function assertSameSpans(program: (tracer: Tracer) => void, setting: Setting = {}): void {
  const exported = (make: Make) => {
    const spans = ended(make, program, setting);
    return {
      json: encoded(() => parsed(JsonTraceSerializer.serializeRequest(spans))),
      protobuf: encoded(() => decodeProtobuf("traces", ProtobufTraceSerializer.serializeRequest(spans)!)),
    };
  };
  assertEquals(exported(ours), exported(theirs));
}

/** What the API takes without complaint, the encoding may not: a name that is none, say. */
function encoded(encode: () => unknown): unknown {
  let request: unknown;
  try {
    request = encode();
  } catch (error) {
    return String(error);
  }
  return normalised(request);
}
