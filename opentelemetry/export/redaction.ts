import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { refusal } from "../../ctx/errors.ts";
import { ScopeSpan } from "../tracing/span.ts";

/**
 * What is kept out of what leaves the process, besides the defaults: see `redact` of `configure`.
 *
 * ```ts
 * import { OpenTelemetry, type Redact } from "@haiway/otel";
 *
 * const redact: Redact = { keys: ["user.email", /^card\./], patterns: [/\b\d{16}\b/] };
 * OpenTelemetry.configure({ service: "shop", version: "1.0.0", environment: "development", redact });
 * await OpenTelemetry.shutdown();
 * ```
 */
export interface Redact {
  /** Attributes whose values are replaced: a string is the whole key, in any case; a pattern is looked for in it. */
  readonly keys?: readonly (string | RegExp)[];
  /** What is replaced wherever it is found: in values of attributes, bodies of logs, messages, names. */
  readonly patterns?: readonly RegExp[];
  /** Whether the library's own keys and patterns are in force as well. Default `true`. */
  readonly defaults?: boolean;
}

/** The word that the semantic conventions have for it. */
const REDACTED = "REDACTED";

/** A key ends in one of these: `db.password`, `http.request.header.authorization`, `stripe_api_key`. */
const SECRET_KEY =
  /(?:^|[._-])(?:token|cookie|set-cookie|(?:proxy-)?authorization|jwt)$|(?:passwor[dt]|passwd|pwd|passphrase|secret|credentials?|(?:api|access|private|secret|signing|encryption)[_-]?key|(?:access|refresh|id|auth|bearer|csrf|xsrf|session|security|api)[_-]?token)$/i;
/** One look that tells most texts to hold nothing of what follows. */
const SUSPICIOUS =
  /:\/\/[^\s/]*@|bearer|basic |eyJ|-----BEGIN|sig|key|token|secret|passw|pwd|passphrase|credential|authorization/i;
/** The first two groups are kept. */
const SECRET_TEXTS: readonly RegExp[] = [
  // Credentials in a URL.
  /(:\/\/)()[^\s/:@]*(?::[^\s/@]*)?@/g,
  // Query parameters of signed URLs, as the semantic conventions list them.
  /((?:^|[?&])(?:sig|signature|awsaccesskeyid|x-(?:amz|goog)-(?:signature|credential|security-token))=)()[^&\s#"']*/gi,
  /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?)((?:bearer|basic)\s+|)[^\s"',;&]+/gi,
  /\b((?:bearer|basic)\s+)()[\w+/~.-]{8,}=*/gi,
  // Assignments in texts, JSON and queries.
  /((?:passwor[dt]|passwd|pwd|passphrase|secret|(?:api|access|private|secret)[_-]?key|(?:access|refresh|id|auth|csrf|session|api)[_-]?token)["']?\s*[:=]\s*|\btoken(?:=|["']\s*:\s*))(["']?)(?!REDACTED)[^\s"'&,;)}\]]+/gi,
  /()()\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g,
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)()[\s\S]*?(?=-----END|$)/g,
];
const MAX_KEYS = 2000;
const MAX_DEPTH = 8;

type Values = Record<string, unknown>;

/** Replaces secrets in what is about to leave the process; what recorded it pays nothing. */
export class Redactor {
  readonly #keys: readonly (string | RegExp)[];
  readonly #patterns: readonly RegExp[];
  readonly #defaults: boolean;
  /** What was found of keys, as they repeat. */
  readonly #known = new Map<string, boolean>();
  /** The attributes of metrics repeat as objects, which belong to the SDK. */
  readonly #copies = new WeakMap<object, Values>();

  constructor({ keys = [], patterns = [], defaults = true }: Redact = {}) {
    this.#keys = keys.map((key) => typeof key === "string" ? key.toLowerCase() : stateless(key));
    this.#patterns = patterns.map((pattern) => new RegExp(pattern, `${stateless(pattern).flags}g`));
    this.#defaults = defaults;
  }

  /** Redacts a span that has ended, in place: it is the library's own. */
  span(span: ReadableSpan): ReadableSpan {
    if (span instanceof ScopeSpan) {
      span.name = this.text(span.name);
      if (span.status.message !== undefined) {
        span.status = { code: span.status.code, message: this.text(span.status.message) };
      }
    }
    this.#values(span.attributes);
    for (const { attributes } of span.events) if (attributes !== undefined) this.#values(attributes);
    for (const { attributes } of span.links) if (attributes !== undefined) this.#values(attributes);
    return span;
  }

  /** A log without secrets: itself, unless its body has to change, which it does not let. */
  log(record: ReadableLogRecord): ReadableLogRecord {
    this.#values(record.attributes as Values);
    const body = this.#value(record.body, 0);
    return body === record.body ? record : Object.create(record, { body: { value: body, enumerable: true } });
  }

  /** Metrics without secrets in their attributes, of which the SDK's own are not touched. */
  metrics({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
    return {
      resource,
      scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
        scope,
        metrics: metrics.map((metric) => ({
          ...metric,
          dataPoints: metric.dataPoints.map((point) => ({
            ...point,
            attributes: this.#copy(point.attributes),
          })),
        } as typeof metric)),
      })),
    };
  }

  /** A copy of attributes without secrets. */
  attributes<T extends object>(attributes: T): T {
    const copy = { ...attributes };
    this.#values(copy as Values);
    return copy;
  }

  /** A text without secrets. */
  text(text: string): string {
    let clean = text;
    if (this.#defaults && SUSPICIOUS.test(clean)) {
      for (const secret of SECRET_TEXTS) {
        clean = clean.replace(secret, (_, before, after) => {
          const at = secret === SECRET_TEXTS[0] ? `:${REDACTED}@` : "";
          return `${before}${after}${REDACTED}${at}`;
        });
      }
    }
    for (const pattern of this.#patterns) clean = clean.replace(pattern, REDACTED);
    return clean;
  }

  #copy(attributes: Values): Values {
    let copy = this.#copies.get(attributes);
    if (copy === undefined) this.#copies.set(attributes, copy = this.attributes(attributes));
    return copy;
  }

  #values(values: Values): void {
    for (const key in values) {
      const value = values[key];
      // Tokens are counted, too: a number of them is no secret.
      if (typeof value === "boolean" || (typeof value === "number" && /tokens?$/i.test(key))) continue;
      const clean = this.#isSecret(key) ? REDACTED : this.#value(value, 0);
      if (clean !== value) values[key] = clean;
    }
  }

  /** A value without secrets. */
  #value(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    // What nobody has looked into does not leave.
    if (depth === MAX_DEPTH) return REDACTED;
    if (Array.isArray(value)) return value.map((element) => this.#value(element, depth + 1));
    const entries = Object.entries(value).map(([key, inner]) =>
      [key, this.#isSecret(key) ? REDACTED : this.#value(inner, depth + 1)] as const
    );
    return Object.fromEntries(entries);
  }

  #isSecret(key: string): boolean {
    let secret = this.#known.get(key);
    if (secret === undefined) {
      secret = (this.#defaults && SECRET_KEY.test(key)) ||
        this.#keys.some((given) => typeof given === "string" ? given === key.toLowerCase() : given.test(key));
      if (this.#known.size >= MAX_KEYS) this.#known.clear();
      this.#known.set(key, secret);
    }
    return secret;
  }
}

/** What `redact` asks for, or `undefined` where it is turned off. */
export function resolveRedactor(redact: unknown, action: string): Redactor | undefined {
  if (redact === undefined || redact === true) return new Redactor();
  if (redact === false) return undefined;
  const refuse = (name: string, rule: string, value: unknown): never => {
    throw new TypeError(refusal(action, name, rule, value));
  };
  if (typeof redact !== "object" || redact === null || Array.isArray(redact)) {
    return refuse("redact", "be false or an object", redact);
  }
  const { keys, patterns, defaults } = redact as Record<keyof Redact, unknown>;
  const isKey = (key: unknown) => (typeof key === "string" && key !== "") || key instanceof RegExp;
  if (keys !== undefined && !(Array.isArray(keys) && keys.every(isKey))) {
    refuse("redact.keys", "be an array of non-empty strings and regular expressions", keys);
  }
  if (
    patterns !== undefined && !(Array.isArray(patterns) && patterns.every((one) => one instanceof RegExp))
  ) {
    refuse("redact.patterns", "be an array of regular expressions", patterns);
  }
  if (defaults !== undefined && typeof defaults !== "boolean") {
    refuse("redact.defaults", "be true or false", defaults);
  }
  return new Redactor(redact as Redact);
}

/** The same pattern without the flags that make it remember where it was. */
function stateless(pattern: RegExp): RegExp {
  return new RegExp(pattern, pattern.flags.replace(/[gy]/g, ""));
}
