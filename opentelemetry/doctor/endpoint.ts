import { reason } from "../../ctx/diagnostics.ts";
import type { DoctorFinding } from "./report.ts";
import type { Endpoint, Signal } from "../configuration/endpoint.ts";
import { granted } from "../configuration/environment.ts";

/** A clock that is off by less may be the seconds that a `Date` header leaves out, and the way there. */
const CLOCK_TOLERANCE = 3000;
const START_ONE = "docker run --rm -p 4318:4318 otel/opentelemetry-collector";
const COLLECTION = { traces: "resourceSpans", metrics: "resourceMetrics", logs: "resourceLogs" } as const;

type Found = Omit<DoctorFinding, "check">;

/** Sends an empty export, which holds no telemetry, and says what the answer means. */
export async function examineEndpoint(
  signal: Signal,
  endpoint: Endpoint,
  timeoutMillis: number,
): Promise<DoctorFinding[]> {
  const url = new URL(endpoint.url);
  const host = hostOf(url);
  if (!granted({ name: "net", host })) {
    return [{
      check: "permissions",
      severity: "error",
      code: "permission-net",
      message: `The network permission for ${host} is missing`,
      fix: `run with --allow-net=${host}`,
    }];
  }
  const started = Date.now();
  const answer = await ask(signal, endpoint, timeoutMillis);
  if (answer instanceof Error) {
    const found = await explainFailure(url, answer, timeoutMillis);
    return [{ check: "endpoint", ...found }];
  }
  const finding = explainAnswer(signal, endpoint, answer, Date.now() - started);
  const clock = examineClock(answer.date, started, Date.now());
  return [{ check: "endpoint", ...finding }, ...clock];
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly date: string | null;
  readonly location: string | null;
  /** The scheme of the credentials that are asked for. */
  readonly wanted: string | undefined;
}

async function ask(signal: Signal, endpoint: Endpoint, timeoutMillis: number): Promise<Answer | Error> {
  const isJson = endpoint.protocol === "http/json";
  try {
    const response = await fetch(endpoint.url, {
      method: "POST",
      headers: {
        "content-type": isJson ? "application/json" : "application/x-protobuf",
        ...endpoint.headers,
      },
      body: isJson ? JSON.stringify({ [COLLECTION[signal]]: [] }) : new Uint8Array(),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMillis),
    });
    const { status, headers } = response;
    return {
      status,
      type: headers.get("content-type") ?? "",
      body: (await response.text()).slice(0, 2000),
      date: headers.get("date"),
      location: headers.get("location"),
      wanted: headers.get("www-authenticate")?.split(" ")[0],
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function explainAnswer(signal: Signal, endpoint: Endpoint, answer: Answer, millis: number): Found {
  const { status, type, body } = answer;
  const shown = shownUrl(endpoint.url);
  const said = `${shown} answers ${status}`;
  if (status >= 200 && status <= 299) {
    if (isOtlp(type, body)) {
      const message = `${shown} took an empty export of ${signal} in ${millis} ms`;
      return { severity: "ok", code: "endpoint-ok", message };
    }
    return warning("endpoint-not-otlp", `${said}, but not as an OTLP receiver does (${type || "no type"})`, {
      fix: "point 'otlpEndpoint' to the receiver: this may be a web page, a proxy or a login",
    });
  }
  if (status === 401 || status === 403) {
    const given = Object.keys(endpoint.headers).length > 0;
    const scheme = answer.wanted === undefined ? "" : ` (${answer.wanted})`;
    return failure(
      "endpoint-unauthorized",
      `${said}: it ${given ? "refuses the header given" : "wants a header"}${scheme}`,
      {
        fix: "give 'otlpHeaders' the key that the back end asks for, or set " +
          "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20KEY",
      },
    );
  }
  if (status === 404 || status === 405) {
    const doubled = /\/v1\/(traces|metrics|logs)\/v1\//.test(endpoint.url);
    return failure("endpoint-path", `${said}: there is no receiver of ${signal} at this path`, {
      fix: doubled
        ? "give 'otlpEndpoint' without /v1/…, which is added"
        : `give 'otlpEndpoint' the base URL of the receiver, or switch the signal off with ` +
          `OTEL_${signal.toUpperCase()}_EXPORTER=none`,
    });
  }
  if (status === 415) {
    const other = endpoint.protocol === "http/json" ? "http/protobuf" : "http/json";
    return failure("endpoint-encoding", `${said}: it does not take ${endpoint.protocol}`, {
      fix: `set OTEL_EXPORTER_OTLP_PROTOCOL=${other}`,
    });
  }
  if (status >= 300 && status <= 399) {
    const target = answer.location === null ? "" : `, to ${shownUrl(answer.location, endpoint.url)}`;
    return failure("endpoint-redirect", `${said}: it redirects${target}, which exports do not follow`, {
      fix: "give 'otlpEndpoint' the URL that it redirects to",
    });
  }
  if (/HTTPS/i.test(body) && status === 400) return wantsTls(shown);
  if (status === 429 || status === 502 || status === 503 || status === 504) {
    return warning("endpoint-busy", `${said}: it is there, and takes nothing at the moment`, {
      fix: "look at the receiver, and at what is behind it; exports are retried meanwhile",
    });
  }
  return failure("endpoint-refused", `${said} to an empty export`, {
    fix: "look at the log of the receiver: exports with this answer are not retried",
  });
}

async function explainFailure(url: URL, error: Error, timeoutMillis: number): Promise<Found> {
  const why = `${reason(error)} ${error.cause === undefined ? "" : reason(error.cause)}`;
  const host = hostOf(url);
  if (error.name === "TimeoutError") {
    return failure("endpoint-timeout", `${host} does not answer within ${timeoutMillis} ms`, {
      fix: "look for a firewall or a proxy in between, and whether the address is that of the receiver",
    });
  }
  if (/dns error|lookup/i.test(why)) {
    return failure("endpoint-unknown-host", `The name ${url.hostname} is not known`, {
      fix: "correct 'otlpEndpoint'; a name of a container is known only in the network of the containers",
    });
  }
  if (/refused|blocked/i.test(why)) {
    return failure("endpoint-unreachable", `Nothing listens at ${host}`, {
      fix: `correct 'otlpEndpoint', or start a receiver there: ${START_ONE}`,
    });
  }
  if (/certificate/i.test(why)) {
    return failure("endpoint-certificate", `The certificate of ${host} is not trusted: ${lastOf(why)}`, {
      fix: "set DENO_TLS_CA_STORE=system, or name the authority with DENO_CERT=ca.pem",
    });
  }
  if (url.protocol === "https:" && /corrupt message|InvalidContentType|unexpected eof/i.test(why)) {
    return failure("endpoint-plain", `${host} does not speak TLS`, {
      fix: "begin 'otlpEndpoint' with http://",
    });
  }
  if (url.protocol === "http:") {
    if (await speaksHttp2(url, timeoutMillis)) {
      return failure("endpoint-grpc", `${host} speaks gRPC, and this library OTLP over HTTP`, {
        fix: "use the HTTP port of the receiver, which is 4318 unless it was changed",
      });
    }
    if (await speaksTls(url, timeoutMillis)) return wantsTls(host);
  }
  return failure("endpoint-failed", `The request to ${host} failed: ${lastOf(why)}`, {
    fix: "look at the receiver, and at what is between here and there",
  });
}

/** Whether a server answers the beginning of HTTP/2 in kind, which without TLS only gRPC does. */
async function speaksHttp2(url: URL, timeoutMillis: number): Promise<boolean> {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
  const settings = 4;
  try {
    using connection = await Deno.connect({
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port || 80),
    });
    const timer = setTimeout(() => connection.close(), timeoutMillis);
    try {
      await connection.write(new TextEncoder().encode(preface));
      const frame = new Uint8Array(9);
      return await connection.read(frame) === 9 && frame[0] === 0 && frame[3] === settings;
    } finally {
      clearTimeout(timer);
    }
  } catch {
    return false;
  }
}

async function speaksTls(url: URL, timeoutMillis: number): Promise<boolean> {
  const secure = new URL(url);
  secure.protocol = "https:";
  try {
    const response = await fetch(secure, { method: "HEAD", signal: AbortSignal.timeout(timeoutMillis) });
    await response.body?.cancel();
    return true;
  } catch (error) {
    return error instanceof Error && /certificate/i.test(String(error.cause ?? error));
  }
}

/** Spans of a clock that is off are out of sight of whoever looks at the last hour, or refused. */
function examineClock(date: string | null, started: number, ended: number): DoctorFinding[] {
  const theirs = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return [];
  const early = theirs + CLOCK_TOLERANCE < started;
  const late = theirs - CLOCK_TOLERANCE > ended;
  if (!early && !late) {
    return [{
      check: "clock",
      severity: "ok",
      code: "clock-ok",
      message: "The clock agrees with that of the receiver",
    }];
  }
  const seconds = Math.round(Math.abs(theirs - (early ? started : ended)) / 1000);
  return [{
    check: "clock",
    severity: "warning",
    code: "clock-off",
    message: `The clock is ${seconds} s ${early ? "ahead of" : "behind"} that of the receiver`,
    fix: "set the clock by NTP, here or there: telemetry with the wrong time is not found, or refused",
  }];
}

function isOtlp(type: string, body: string): boolean {
  if (type.startsWith("application/x-protobuf")) return true;
  if (body.trim() === "") return !type.startsWith("text/html");
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null;
  } catch {
    return false;
  }
}

function wantsTls(host: string): Found {
  return failure("endpoint-tls", `${host} speaks TLS`, { fix: "begin 'otlpEndpoint' with https://" });
}

function failure(code: string, message: string, { fix }: { fix: string }): Found {
  return { severity: "error", code, message, fix };
}

function warning(code: string, message: string, { fix }: { fix: string }): Found {
  return { severity: "warning", code, message, fix };
}

function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}

/** A URL without what may be a secret in it. */
function shownUrl(url: string, base?: string): string {
  const parsed = URL.parse(url, base);
  return parsed === null ? "an invalid URL" : parsed.origin + parsed.pathname;
}

/** The last part of what went wrong: what precedes it repeats the URL. */
function lastOf(why: string): string {
  return why.trim().split(": ").at(-1) ?? why;
}
