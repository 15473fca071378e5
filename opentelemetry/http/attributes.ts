import type { CleanAttributes } from "../../ctx/attributes.ts";
import type { Environment } from "../configuration/environment.ts";
import { redactQuery, redactUrl } from "../export/redact_url.ts";

/** The methods of RFC 9110, RFC 5789 and the QUERY draft: any other one is `_OTHER`, as strangers invent them. */
export const KNOWN_METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
];

/** The methods that are known: `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` replaces the list. */
export function resolveMethods(environment: Environment): readonly string[] {
  const given = environment.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS")?.split(",");
  return given?.map((method) => method.trim()).filter((method) => method !== "") ?? KNOWN_METHODS;
}

/** A method as telemetry has it: known, or `_OTHER` beside the original. */
export interface Method {
  /** What a span name begins with. */
  readonly label: string;
  /** The value of `http.request.method`. */
  readonly name: string;
  /** The attributes that say it. */
  readonly attributes: CleanAttributes;
}

/** Says a method within the bounds of those that are known. */
export function methodOf(given: string, known: readonly string[]): Method {
  if (known.includes(given)) {
    return { label: given, name: given, attributes: { "http.request.method": given } };
  }
  const attributes = { "http.request.method": "_OTHER", "http.request.method_original": given };
  return { label: "HTTP", name: "_OTHER", attributes };
}

/** What a server knows of a request before it handles it. */
export function serverAttributes(request: Request, remote: unknown): CleanAttributes {
  const { headers } = request;
  const url = new URL(request.url);
  const forwarded = readForwarded(headers);
  const scheme = schemeOf(url, forwarded.proto);
  const attributes: CleanAttributes = { "url.path": url.pathname, "url.scheme": scheme };
  const { search } = url;
  if (search.length > 1) attributes["url.query"] = redactQuery(search.slice(1));
  const original = forwarded.host === undefined ? null : URL.parse(`${scheme}://${forwarded.host}`);
  putAddress(attributes, original ?? url, scheme);
  const peer = putPeer(attributes, remote);
  const client = forwarded.for ?? peer;
  if (client !== undefined) attributes["client.address"] = client;
  const userAgent = headers.get("user-agent");
  if (userAgent !== null) attributes["user_agent.original"] = userAgent;
  return attributes;
}

/** What a client knows of a request before it sends it; all but `url.full` are dimensions of metrics. */
export function clientAttributes(url: URL): CleanAttributes {
  const attributes: CleanAttributes = {};
  putAddress(attributes, url, url.protocol.slice(0, -1));
  attributes["url.full"] = redactUrl(url.href);
  return attributes;
}

/** The scheme that the client used: `http` or `https`, as it is a dimension of metrics. */
function schemeOf(url: URL, forwarded: string | undefined): string {
  const scheme = forwarded?.toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : url.protocol.slice(0, -1);
}

function putAddress(attributes: CleanAttributes, { hostname, port }: URL, scheme: string): void {
  if (hostname === "") return;
  attributes["server.address"] = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  attributes["server.port"] = port !== "" ? Number(port) : scheme === "https" ? 443 : 80;
}

/** The other end of the connection, as `Deno.ServeHandlerInfo` has it for each transport; returns its address. */
function putPeer(attributes: CleanAttributes, remote: unknown): string | undefined {
  if (typeof remote !== "object" || remote === null) return undefined;
  const { hostname, port, path } = remote as Partial<Deno.NetAddr & Deno.UnixAddr>;
  const address = hostname ?? path;
  if (typeof address !== "string") return undefined;
  attributes["network.peer.address"] = address;
  if (typeof port === "number") attributes["network.peer.port"] = port;
  return address;
}

interface Forwarded {
  readonly for?: string;
  readonly host?: string;
  readonly proto?: string;
}

/** What the outermost proxy says of the original request: the first element of `Forwarded`, or its older forms. */
function readForwarded(headers: Headers): Forwarded {
  const first = (name: string) => headers.get(name)?.split(",", 1)[0].trim() || undefined;
  const forwarded = first("forwarded");
  if (forwarded === undefined) {
    return {
      for: nodeAddress(first("x-forwarded-for")),
      host: first("x-forwarded-host"),
      proto: first("x-forwarded-proto"),
    };
  }
  const pairs: Record<string, string> = {};
  for (const pair of forwarded.split(";")) {
    const [key, value] = pair.split("=", 2);
    if (value !== undefined) pairs[key.trim().toLowerCase()] = value.trim().replace(/^"(.*)"$/, "$1");
  }
  return { for: nodeAddress(pairs.for), host: pairs.host, proto: pairs.proto };
}

/** An address without its port and brackets. */
function nodeAddress(node: string | undefined): string | undefined {
  return node?.replace(/^\[([^\]]*)\](:\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1");
}
