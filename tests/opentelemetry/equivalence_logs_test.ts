import { assertEquals } from "@std/assert";
import {
  type AnyValue,
  type Context,
  type Logger,
  type LogRecord,
  ROOT_CONTEXT,
  SeverityNumber,
  trace,
} from "@opentelemetry/api";
import { JsonLogsSerializer, ProtobufLogsSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, type ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { ScopeLogger } from "../../opentelemetry/logger.ts";
import { ours as tracer } from "../support/spans.ts";
import { parsed } from "../support/wire.ts";

type OnEmit = (record: ReadableLogRecord, context?: Context) => void;
type Limits = { readonly attributeCountLimit: number; readonly attributeValueLengthLimit: number };
type Make = (limits: Limits, ...onEmits: OnEmit[]) => Logger;

const resource = resourceFromAttributes({ "service.name": "equivalence" });
const UNLIMITED: Limits = { attributeCountLimit: 128, attributeValueLengthLimit: Infinity };
const START = 1_700_000_000_000;

const ours: Make = (limits, ...onEmits) =>
  new ScopeLogger({ resource, limits, processors: onEmits.map((onEmit) => ({ onEmit })) }, {
    name: "equivalence",
    version: "1",
  });

const theirs: Make = (limits, ...onEmits) => {
  const flush = { forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
  const processors = onEmits.map((onEmit) => ({ onEmit, ...flush }));
  return new LoggerProvider({ resource, logRecordLimits: limits, processors }).getLogger("equivalence", "1");
};

/** What a logger makes of records. */
function emitted(make: Make, records: readonly LogRecord[], limits: Limits = UNLIMITED): ReadableLogRecord[] {
  const taken: ReadableLogRecord[] = [];
  const logger = make(limits, (record) => void taken.push(record));
  for (const record of records) logger.emit(record);
  return taken;
}

/** Both times are given, as the recorder of the scopes gives the one and means the other by it. */
function at(record: LogRecord): LogRecord {
  return { timestamp: START, observedTimestamp: START, ...record };
}

const remote = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
  isRemote: true,
};
const attributes = {
  text: "a text that is longer than the limit",
  count: 3,
  share: 0.5,
  flag: true,
  list: ["a", "a text that is longer than the limit"],
};
const BODIES: readonly AnyValue[] = [
  "said",
  "",
  0,
  -1.5,
  2 ** 60,
  NaN,
  true,
  null,
  undefined,
  new Uint8Array([1, 2, 3]),
  [],
  ["a", 1, [true, null]],
  {},
  { deep: { er: [1, { x: "y" }] }, nothing: null },
];

/** Records of every kind that the API has. */
const RECORDS: Readonly<Record<string, readonly LogRecord[]>> = {
  "nothing but the times": [at({})],
  "bodies of every shape": BODIES.map((body) => at({ body })),
  "severities": [
    ...Object.values(SeverityNumber).filter((number) => typeof number === "number")
      .map((severityNumber) => at({ severityNumber, severityText: SeverityNumber[severityNumber] })),
    at({ severityText: "WARN" }),
    at({ severityNumber: 9 }),
  ],
  "times in every form": [
    { timestamp: START + 0.25, observedTimestamp: START + 1 },
    { timestamp: new Date(START), observedTimestamp: new Date(START + 1) },
    { timestamp: [1_700_000_000, 1], observedTimestamp: [1_700_000_001, 999_999_999] },
  ],
  "attributes": [undefined, {}, { text: "short" }, attributes].map((attributes) => at({ attributes })),
  "events": [at({ eventName: "happened" }), at({ eventName: "happened", attributes, body: "why" })],
  "contexts": [
    undefined,
    ROOT_CONTEXT,
    trace.setSpanContext(ROOT_CONTEXT, remote),
    trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceFlags: 0 }),
    trace.setSpanContext(ROOT_CONTEXT, { ...remote, spanId: "0".repeat(16) }),
    trace.setSpan(ROOT_CONTEXT, tracer({}).startSpan("scope")),
  ].map((context) => at({ context, body: "said" })),
};

const LIMITS: Readonly<Record<string, Limits>> = {
  "the defaults": UNLIMITED,
  "limits": { attributeCountLimit: 2, attributeValueLengthLimit: 20 },
  "a limit of texts alone": { attributeCountLimit: 128, attributeValueLengthLimit: 5 },
  "limits of 0": { attributeCountLimit: 0, attributeValueLengthLimit: 0 },
};

for (const [name, limits] of Object.entries(LIMITS)) {
  for (const [what, records] of Object.entries(RECORDS)) {
    Deno.test(`a log of the scopes' logger is exported as the SDK's, with ${name}: ${what}`, () => {
      const [one, other] = [ours, theirs].map((make) => emitted(make, records, limits));
      assertEquals(
        parsed(JsonLogsSerializer.serializeRequest(one)),
        parsed(JsonLogsSerializer.serializeRequest(other)),
      );
      assertEquals(
        ProtobufLogsSerializer.serializeRequest(one),
        ProtobufLogsSerializer.serializeRequest(other),
      );
      const dropped = (records: ReadableLogRecord[]) =>
        records.map((record) => record.droppedAttributesCount);
      assertEquals(dropped(one), dropped(other));
    });
  }
}

Deno.test("processors are called in the order, and with what, the SDK's logger calls them", () => {
  const heard = (make: Make) => {
    const calls: unknown[] = [];
    const hear = (name: string): OnEmit => (record, context) =>
      calls.push([name, record.body, context && trace.getSpanContext(context)]);
    const logger = make(UNLIMITED, hear("first"), hear("second"));
    const context = trace.setSpanContext(ROOT_CONTEXT, remote);
    for (const body of ["one", "two"]) logger.emit({ body, context });
    return calls;
  };
  assertEquals(heard(ours), heard(theirs));
});

Deno.test("a logger is enabled where there is a processor, as the SDK's", () => {
  for (const onEmits of [[], [() => {}]]) {
    assertEquals(ours(UNLIMITED, ...onEmits).enabled(), theirs(UNLIMITED, ...onEmits).enabled());
  }
});

Deno.test("the recorder alone uses the scopes' logger: what it never gives is not done, where the SDK's does", () => {
  const read = (make: Make, record: LogRecord) => emitted(make, [record])[0];
  // It has made attributes of the exception.
  const failed = { exception: new RangeError("far") };
  assertEquals(read(ours, failed).attributes, {});
  assertEquals(read(theirs, failed).attributes["exception.type"], "RangeError");
  // It has read the clock: a record is observed when it is made, and a number is since the epoch, however small.
  assertEquals(read(ours, { timestamp: START }).hrTimeObserved, [1_700_000_000, 0]);
  assertEquals(read(theirs, { timestamp: START }).hrTimeObserved[0] > 1_700_000_000, true);
  assertEquals(read(ours, { timestamp: 1 }).hrTime, [0, 1e6]);
  assertEquals(read(theirs, { timestamp: 1 }).hrTime[0] > 1_700_000_000, true);
  // What it gives is clean, and the record's own.
  const own = { wrong: (() => {}) as never };
  assertEquals(read(ours, { attributes: own }).attributes === own, true);
  assertEquals(read(theirs, { attributes: own }).attributes, {});
});
