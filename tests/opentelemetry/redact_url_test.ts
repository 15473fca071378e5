import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { redactQuery, redactText, redactUrl } from "../../opentelemetry/export/redact_url.ts";

Deno.test("redactQuery() hides the values of secret keys, and keeps everything else as it was", () => {
  assertEquals(redactQuery(""), "");
  assertEquals(
    redactQuery("q=a%20b&sig=x&&flag&=y&Signature="),
    "q=a%20b&sig=REDACTED&&flag&=y&Signature=REDACTED",
  );
  assertEquals(
    redactQuery("X-Amz-Signature=1&X-Amz-Credential=2&X-Amz-Date=3"),
    "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Date=3",
  );
  assertEquals(redactQuery("%73ig=encoded&design=1&%zz=2"), "%73ig=REDACTED&design=1&%zz=2");
});

Deno.test("redactUrl() hides credentials", () => {
  assertEquals(
    redactUrl("https://user:pa@ss@example.com/a?b=c#d?sig=1"),
    "https://REDACTED:REDACTED@example.com/a?b=c#d?sig=1",
  );
  assertEquals(redactUrl("https://example.com/a&sig=1"), "https://example.com/a&sig=1", "it has no query");
  assertEquals(redactUrl("https://token@example.com/"), "https://REDACTED:REDACTED@example.com/");
  assertEquals(redactUrl("https://example.com/@user?to=a@b"), "https://example.com/@user?to=a@b");
  assertEquals(redactUrl("https://example.com/?sig=1#sig=2"), "https://example.com/?sig=REDACTED#sig=2");
});

Deno.test("redactText() hides what is secret in the URLs of a text", () => {
  assertEquals(
    redactText("error sending request for url (http://u:p@h:1/?sig=abc&x=1): refused"),
    "error sending request for url (http://REDACTED:REDACTED@h:1/?sig=REDACTED&x=1): refused",
  );
  assertEquals(redactText("no url, but sig=abc"), "no url, but sig=abc");
});

Deno.test("redaction never throws, is done once, and takes no more than linear time", () => {
  fc.assert(fc.property(fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string()), (text) => {
    for (const redact of [redactQuery, redactUrl, redactText]) {
      assertEquals(redact(redact(text)), redact(text));
    }
  }));
  const start = performance.now();
  redactText(`${"a".repeat(200_000)}://${"b@".repeat(100_000)}`);
  assert(performance.now() - start < 1000);
});
