const REDACTED = "REDACTED";

/** The keys of a query whose values the semantic conventions hide by default: signatures and credentials. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "X-Amz-Signature",
  "X-Goog-Signature",
]);

/** A URL somewhere in a text; its scheme is bounded, so that a long word costs no more than its length. */
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>()]+/gi;

/** A query, without its question mark, in which the values of secret keys are hidden. */
export function redactQuery(query: string): string {
  return query.split("&").map((pair) => {
    const end = pair.indexOf("=");
    return end !== -1 && SECRET_KEYS.has(decode(pair.slice(0, end)))
      ? `${pair.slice(0, end)}=${REDACTED}`
      : pair;
  }).join("&");
}

/** A URL without credentials, and without the values of secret keys of its query; everything else as it was. */
export function redactUrl(url: string): string {
  const hidden = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${REDACTED}:${REDACTED}@`);
  const start = hidden.indexOf("?");
  if (start === -1) return hidden;
  const hash = hidden.indexOf("#", start);
  const end = hash === -1 ? hidden.length : hash;
  return hidden.slice(0, start + 1) + redactQuery(hidden.slice(start + 1, end)) + hidden.slice(end);
}

/** A text, such as the message of an error, in which every URL is redacted. */
export function redactText(text: string): string {
  return text.includes("://") ? text.replace(URL_IN_TEXT, redactUrl) : text;
}

function decode(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
