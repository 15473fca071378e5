import type { Attributes } from "../../ctx/attributes.ts";
import type { ObservabilityLevel } from "../../ctx/level.ts";
import type { Redact } from "../export/redaction.ts";

/**
 * How much a span or a log may hold; what goes beyond is dropped and counted on it. Names and defaults are those
 * of the OpenTelemetry specification.
 *
 * ```ts
 * import { type Limits, OpenTelemetry } from "@haiway/otel";
 *
 * const limits: Limits = { attributeCountLimit: 64, attributeValueLengthLimit: 4096 };
 * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development", limits });
 * await OpenTelemetry.shutdown();
 * ```
 */
export interface Limits {
  /** Attributes of a span or a log. Default 128; `OTEL_ATTRIBUTE_COUNT_LIMIT`. */
  readonly attributeCountLimit?: number;
  /** Characters of an attribute's value. Default unlimited; `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`. */
  readonly attributeValueLengthLimit?: number;
  /** Events of a span; the oldest are dropped. Default 128; `OTEL_SPAN_EVENT_COUNT_LIMIT`. */
  readonly eventCountLimit?: number;
  /** Links of a span. Default 128; `OTEL_SPAN_LINK_COUNT_LIMIT`. */
  readonly linkCountLimit?: number;
  /** Attributes of an event of a span. Default 128; `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`. */
  readonly attributePerEventCountLimit?: number;
  /** Attributes of a link. Default 128; `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`. */
  readonly attributePerLinkCountLimit?: number;
}

/**
 * What `OpenTelemetry.configure` takes. Where the specification has an environment variable for an option, it is
 * named; what is given in code wins, option by option and header by header.
 */
export interface ConfigureOptions {
  /** The name of the service: `service.name`. */
  readonly service: string;
  /** The version of the service: `service.version`. */
  readonly version: string;
  /** Where it runs, such as `"production"`: `deployment.environment.name`. */
  readonly environment: string;
  /** Tells the instances of a service apart: `service.instance.id`. Default a random UUID. */
  readonly instance?: string;
  /**
   * The base URL of an OTLP receiver over HTTP, such as `http://localhost:4318`; `/v1/traces`, `/v1/metrics` and
   * `/v1/logs` are added. Left out, telemetry is printed for the eye. `OTEL_EXPORTER_OTLP_ENDPOINT`, and for one
   * signal `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and the like, which are used as they are.
   */
  readonly otlpEndpoint?: string;
  /** Headers of every export, such as an API key; never printed. `OTEL_EXPORTER_OTLP_HEADERS`. */
  readonly otlpHeaders?: Readonly<Record<string, string>>;
  /**
   * Whether an endpoint without a scheme is plain HTTP; `false` refuses plain HTTP altogether. Default `true`;
   * `OTEL_EXPORTER_OTLP_INSECURE`.
   */
  readonly insecure?: boolean;
  /** How often metrics are exported, in milliseconds. Default 5000; `OTEL_METRIC_EXPORT_INTERVAL`. */
  readonly exportIntervalMillis?: number;
  /** How long one export may take, in milliseconds. Default 10000; `OTEL_EXPORTER_OTLP_TIMEOUT`. */
  readonly exportTimeoutMillis?: number;
  /** How long `shutdown`, or the end of the process, may take to export the rest, in milliseconds. Default 5000. */
  readonly shutdownTimeoutMillis?: number;
  /**
   * Whether what was recorded is exported when the process ends without a `shutdown`: by itself, by `Deno.exit`, an
   * uncaught error, SIGTERM or SIGINT; scopes that are still open are ended with the attribute
   * `haiway.scope.interrupted`. Exit code and signal stay what they would have been, and a program's own signal
   * listeners keep control. A signal waits for the program to come to an `await`, as with any listener. Default
   * `true`.
   */
  readonly handleExit?: boolean;
  /** How export bodies are compressed. Default `"none"`; `OTEL_EXPORTER_OTLP_COMPRESSION`. */
  readonly compression?: "none" | "gzip";
  /** Further attributes of the resource; they win over those the library sets. `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly attributes?: Attributes;
  /**
   * The share of new traces that is recorded, from 0 to 1; a trace begun elsewhere goes on as it was decided
   * there. Default 1; `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
   */
  readonly sampling?: number;
  /** Logs below it are left out. Default `"info"`. */
  readonly level?: ObservabilityLevel;
  /** Where events go: to the span, to the logs, or, the default, to `"both"`. */
  readonly events?: "both" | "span" | "log";
  /**
   * What is kept out of what leaves the process. By default values of attributes with keys such as `password`,
   * `api_key`, `access_token`, `authorization` and `cookie`, and, in any text, credentials and signatures in URLs,
   * bearer tokens, private keys and what is assigned to such a key. `false` turns it off. It does not reach what
   * Deno's built-in OpenTelemetry or another library's pipeline exports.
   *
   * ```ts
   * import { OpenTelemetry } from "@haiway/otel";
   *
   * OpenTelemetry.configure({
   *   service: "shop",
   *   version: "1.0.0",
   *   environment: "development",
   *   redact: { keys: ["user.email", /^card\./], patterns: [/\b\d{16}\b/] },
   * });
   * await OpenTelemetry.shutdown();
   * ```
   */
  readonly redact?: Redact | false;
  /**
   * A directory in which what the collector does not take is kept, up to 256 MiB, for a later try or for the next
   * process that is given it; any number of processes may share it. It needs `--allow-read` and `--allow-write` of
   * the directory. Default none: what cannot be delivered is kept in memory, up to 32 MiB of a signal.
   */
  readonly spool?: string;
  /**
   * Whether the library's own numbers are exported as the `otel.sdk.*` metrics of the semantic conventions; they are
   * in `OpenTelemetry.stats()` in any case. Default `false`.
   */
  readonly selfMetrics?: boolean;
  /** How much a span or a log may hold. */
  readonly limits?: Limits;
}

/**
 * What `OpenTelemetry.autoconfigure` takes: what is known of the service. Spans and metrics carry what their
 * providers were set up with; this is for what the library exports on its own.
 *
 * ```ts
 * import { type AutoconfigureOptions, OpenTelemetry } from "@haiway/otel";
 *
 * const options: AutoconfigureOptions = { service: "shop", version: "1.0.0", environment: "production" };
 * OpenTelemetry.autoconfigure(options);
 * await OpenTelemetry.shutdown();
 * ```
 */
export interface AutoconfigureOptions {
  /** The name of the service. Default `OTEL_SERVICE_NAME`. */
  readonly service?: string;
  /** The version of the service. */
  readonly version?: string;
  /** Where it runs, such as `"production"`. */
  readonly environment?: string;
}
