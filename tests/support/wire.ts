/**
 * What exporters hand over, encoded as OTLP and read again, without a network between.
 *
 * @module
 */

import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { Exporters } from "../../opentelemetry/providers.ts";
import {
  logsOf,
  pointsOf,
  type ReceivedLog,
  type ReceivedPoint,
  type ReceivedSpan,
  spansOf,
} from "../../opentelemetry/testing/otlp_decode.ts";

/** Exporters, and the requests that they would send. */
export class Wire {
  readonly traces: unknown[] = [];
  readonly metrics: unknown[] = [];
  readonly records: unknown[] = [];
  readonly exporters: Exporters = {
    traces: exporter(JsonTraceSerializer, this.traces),
    metrics: exporter(JsonMetricsSerializer, this.metrics),
    logs: exporter(JsonLogsSerializer, this.records),
    deliveries: [],
  };

  /** Every span. */
  get spans(): ReceivedSpan[] {
    return this.traces.flatMap(spansOf);
  }

  /** Every log record. */
  get logs(): ReceivedLog[] {
    return this.records.flatMap(logsOf);
  }

  /** Every data point of every export. */
  get points(): ReceivedPoint[] {
    return this.metrics.flatMap(pointsOf);
  }
}

/** A request as the data that it says. */
export function parsed(request: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder().decode(request));
}

function exporter<T>(serializer: ISerializer<T, unknown>, requests: unknown[]) {
  return {
    export(items: T, done: (result: ExportResult) => void): void {
      requests.push(parsed(serializer.serializeRequest(items)));
      done({ code: ExportResultCode.SUCCESS });
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}
