/**
 * Structured scopes for Deno: `ctx.scope` opens a scope that is an OpenTelemetry span, and logs, metrics, events
 * and attributes are recorded in it with one short call.
 *
 * ```ts
 * import { ctx, OpenTelemetry } from "@haiway/otel";
 *
 * OpenTelemetry.configure({ service: "my-service", version: "1.0.0", environment: "development" });
 *
 * await ctx.scope("application", { observability: OpenTelemetry.observability() }, async () => {
 *   ctx.logInfo("Processing");
 *   ctx.recordMetric("requests", { value: 1, kind: "counter" });
 *   await ctx.scope("request", async () => {
 *     ctx.recordAttributes({ "user.id": "user-456" });
 *     await Promise.resolve();
 *   });
 * });
 * await OpenTelemetry.shutdown();
 * ```
 *
 * @module
 */

export type { Ctx } from "./ctx/api.ts";
export { ctx } from "./ctx/ctx.ts";
export type { Attributes, AttributeValue, LogAttributes } from "./ctx/attributes.ts";
export { ConsoleObservability, type ConsoleObservabilityOptions } from "./ctx/console.ts";
export { ConfigurationError, type Failure } from "./ctx/errors.ts";
export { ObservabilityLevel } from "./ctx/level.ts";
export {
  type EventOptions,
  type Metric,
  type MetricKind,
  noopObservability,
  type Observability,
  type Recorder,
  type ScopeKind,
  type ScopeOptions,
} from "./ctx/observability.ts";
export type { Scope } from "./ctx/open_scope.ts";
export type { StreamSource } from "./ctx/stream.ts";
export { OpenTelemetry } from "./opentelemetry/opentelemetry.ts";
export type { Carrier, TraceContext } from "./opentelemetry/propagation/carrier.ts";
export type { DoctorFinding, DoctorOptions, DoctorReport } from "./opentelemetry/doctor/report.ts";
export type { ObservabilityOptions, OpenTelemetryFacade } from "./opentelemetry/facade.ts";
export type { FetchInit } from "./opentelemetry/http/client.ts";
export type { HandlerOptions, HttpHandler } from "./opentelemetry/http/server.ts";
export type { ListenerOptions } from "./opentelemetry/propagation/messages.ts";
export type {
  AutoconfigureOptions,
  ConfigureOptions,
  Limits,
} from "./opentelemetry/configuration/options.ts";
export type { DropReason, SignalStats, Stats } from "./opentelemetry/export/statistics.ts";
export type { Redact } from "./opentelemetry/export/redaction.ts";
export type { RemoteTrace } from "./opentelemetry/propagation/propagation.ts";
