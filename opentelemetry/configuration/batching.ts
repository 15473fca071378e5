import type { Environment } from "./environment.ts";

/** The limits and the rhythm of one batch processor. */
export interface Batching {
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

/** Reads them under the specification's names, with its defaults. */
export function resolveBatching(
  prefix: "OTEL_BSP" | "OTEL_BLRP",
  delayMillis: number,
  environment: Environment,
): Batching {
  return {
    scheduledDelayMillis: environment.integer(`${prefix}_SCHEDULE_DELAY`, 0) ?? delayMillis,
    exportTimeoutMillis: environment.integer(`${prefix}_EXPORT_TIMEOUT`, 1) ?? 30_000,
    maxQueueSize: environment.integer(`${prefix}_MAX_QUEUE_SIZE`, 1) ?? 2048,
    maxExportBatchSize: environment.integer(`${prefix}_MAX_EXPORT_BATCH_SIZE`, 1) ?? 512,
  };
}
