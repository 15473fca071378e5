/** How a field of a message is written on the wire, and what it is in OTLP's JSON. */
type Type =
  | "string"
  | "hex"
  | "base64"
  | "bool"
  | "int"
  | "long"
  | "fixed32"
  | "fixed64"
  | "sfixed64"
  | "double"
  | Message
  | (() => Message);

/** The fields of a message by their number; one in brackets is repeated. */
interface Message {
  readonly [field: number]: readonly [name: string, type: Type] | readonly [name: string, [type: Type]];
}

const anyValue: Message = {
  1: ["stringValue", "string"],
  2: ["boolValue", "bool"],
  3: ["intValue", "long"],
  4: ["doubleValue", "double"],
  5: ["arrayValue", () => ({ 1: ["values", [anyValue]] })],
  6: ["kvlistValue", () => ({ 1: ["values", [keyValue]] })],
  7: ["bytesValue", "base64"],
};
const keyValue: Message = { 1: ["key", "string"], 2: ["value", anyValue] };
const resource: Message = { 1: ["attributes", [keyValue]] };
const scope: Message = { 1: ["name", "string"], 2: ["version", "string"], 3: ["attributes", [keyValue]] };

const span: Message = {
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  3: ["traceState", "string"],
  4: ["parentSpanId", "hex"],
  5: ["name", "string"],
  6: ["kind", "int"],
  7: ["startTimeUnixNano", "fixed64"],
  8: ["endTimeUnixNano", "fixed64"],
  9: ["attributes", [keyValue]],
  10: ["droppedAttributesCount", "int"],
  11: ["events", [{
    1: ["timeUnixNano", "fixed64"],
    2: ["name", "string"],
    3: ["attributes", [keyValue]],
  }]],
  12: ["droppedEventsCount", "int"],
  13: ["links", [{
    1: ["traceId", "hex"],
    2: ["spanId", "hex"],
    3: ["traceState", "string"],
    4: ["attributes", [keyValue]],
  }]],
  14: ["droppedLinksCount", "int"],
  15: ["status", { 2: ["message", "string"], 3: ["code", "int"] }],
  16: ["flags", "fixed32"],
};

const logRecord: Message = {
  1: ["timeUnixNano", "fixed64"],
  2: ["severityNumber", "int"],
  3: ["severityText", "string"],
  5: ["body", anyValue],
  6: ["attributes", [keyValue]],
  7: ["droppedAttributesCount", "int"],
  8: ["flags", "fixed32"],
  9: ["traceId", "hex"],
  10: ["spanId", "hex"],
  11: ["observedTimeUnixNano", "fixed64"],
  12: ["eventName", "string"],
};

const numberPoint: Message = {
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["asDouble", "double"],
  6: ["asInt", "sfixed64"],
  7: ["attributes", [keyValue]],
};
const histogramPoint: Message = {
  2: ["startTimeUnixNano", "fixed64"],
  3: ["timeUnixNano", "fixed64"],
  4: ["count", "fixed64"],
  5: ["sum", "double"],
  6: ["bucketCounts", ["fixed64"]],
  7: ["explicitBounds", ["double"]],
  9: ["attributes", [keyValue]],
  11: ["min", "double"],
  12: ["max", "double"],
};
const metric: Message = {
  1: ["name", "string"],
  2: ["description", "string"],
  3: ["unit", "string"],
  5: ["gauge", { 1: ["dataPoints", [numberPoint]] }],
  7: ["sum", {
    1: ["dataPoints", [numberPoint]],
    2: ["aggregationTemporality", "int"],
    3: ["isMonotonic", "bool"],
  }],
  9: ["histogram", { 1: ["dataPoints", [histogramPoint]], 2: ["aggregationTemporality", "int"] }],
};

const requests: Readonly<Record<"traces" | "logs" | "metrics", Message>> = {
  traces: {
    1: ["resourceSpans", [{
      1: ["resource", resource],
      2: ["scopeSpans", [{ 1: ["scope", scope], 2: ["spans", [span]] }]],
    }]],
  },
  logs: {
    1: ["resourceLogs", [{
      1: ["resource", resource],
      2: ["scopeLogs", [{ 1: ["scope", scope], 2: ["logRecords", [logRecord]] }]],
    }]],
  },
  metrics: {
    1: ["resourceMetrics", [{
      1: ["resource", resource],
      2: ["scopeMetrics", [{ 1: ["scope", scope], 2: ["metrics", [metric]] }]],
    }]],
  },
};

/** An export request in protobuf, in the shape that it would have in JSON. */
export function decodeProtobuf(signal: "traces" | "logs" | "metrics", bytes: Uint8Array): unknown {
  return new Reader(bytes).message(requests[signal]);
}

const TEXT = new TextDecoder();

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  message(message: Message): Record<string, unknown> {
    const decoded: Record<string, unknown> = {};
    while (this.#at < this.#bytes.length) {
      const tag = Number(this.#varint());
      const wire = tag & 7;
      const field = message[tag >>> 3];
      if (field === undefined) {
        this.#skip(wire);
        continue;
      }
      const [name, given] = field;
      if (!Array.isArray(given)) {
        decoded[name] = this.#value(given as Type);
        continue;
      }
      const [type] = given as [Type];
      const values = (decoded[name] ??= []) as unknown[];
      const packed = wire === 2 && (type === "double" || type === "fixed64");
      if (packed) values.push(...new Reader(this.#delimited()).#rest(type));
      else values.push(this.#value(type));
    }
    return decoded;
  }

  #rest(type: Type): unknown[] {
    const values: unknown[] = [];
    while (this.#at < this.#bytes.length) values.push(this.#value(type));
    return values;
  }

  #value(type: Type): unknown {
    switch (type) {
      case "string":
        return TEXT.decode(this.#delimited());
      case "hex":
        return this.#delimited().toHex();
      case "base64":
        return this.#delimited().toBase64();
      case "bool":
        return this.#varint() !== 0n;
      case "int":
        return Number(this.#varint());
      case "long":
        return String(BigInt.asIntN(64, this.#varint()));
      case "fixed32":
        return this.#view.getUint32(this.#take(4), true);
      case "fixed64":
        return String(this.#view.getBigUint64(this.#take(8), true));
      case "sfixed64":
        return String(this.#view.getBigInt64(this.#take(8), true));
      case "double":
        return this.#view.getFloat64(this.#take(8), true);
      default:
        return new Reader(this.#delimited()).message(typeof type === "function" ? type() : type);
    }
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#view.getUint8(this.#take(1));
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number of more than ten bytes is no protobuf");
  }

  #delimited(): Uint8Array {
    const length = Number(this.#varint());
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #skip(wire: number): void {
    if (wire === 0) this.#varint();
    else if (wire === 2) this.#delimited();
    else this.#take(wire === 1 ? 8 : 4);
  }

  /** The position of the next bytes, which are taken. */
  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError("the message is cut short");
    this.#at += length;
    return start;
  }
}
