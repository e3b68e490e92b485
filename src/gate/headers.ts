/**
 * Which headers cross the gate, in either direction.
 *
 * Names are compared with "_" and "." read as "-": to a CGI, WSGI or PHP origin, Farebox_Account and Farebox-Account
 * are one.
 * Headers that Connection names go first, so that a caller cannot have ours removed behind our back.
 */

/** Never to the origin: credentials, look-alikes of what we set, what overrides method or URL, what is hop-by-hop. */
const NOT_TO_ORIGIN = new Set([
  "authorization",
  "client-ip",
  "connection",
  "expect",
  "forwarded",
  "forwarded-for",
  "host",
  "http2-settings",
  "keep-alive",
  "remote-user",
  "settlement-overrides",
  "te",
  "trailer",
  "transfer-encoding",
  "true-client-ip",
  "upgrade",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-host",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-http-verb",
  "x-method-override",
  "x-originating-ip",
  "x-override-url",
  "x-payment",
  "x-real-ip",
  "x-remote-user",
  "x-rewrite-url",
]);
const NOT_TO_ORIGIN_PATTERN =
  /^(?:(?:x-)?(?:farebox|payment)-|(?:x-forwarded|proxy|client-cert)(?:-|$)|cf-|x-internal-|x-middleware-|x-original-)/;

/** Never to the caller: our own names, hop-by-hop headers, and what would let a shared cache keep a paid answer. */
const NOT_TO_CALLER = new Set([
  "age",
  "connection",
  "expires",
  "idempotency-replayed",
  "keep-alive",
  "original-request-id",
  "pragma",
  "request-id",
  "settlement-overrides",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "x-payment-response",
]);
/** Every cache maker has a header of its own that overrules Cache-Control. */
const NOT_TO_CALLER_PATTERN =
  /^(?:credits-|farebox-|payment-|proxy-|access-control-|surrogate-|x-accel-|edge-control$)|cache-control$/;

/** What no header may hold (RFC 9110 section 5.5): clients would throw away the whole answer, which was paid for. */
// oxlint-disable-next-line no-control-regex -- those it is about
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * The caller's headers as the origin may see them. `token`: the buyer's, wherever it may hide. `ours`: what the config
 * adds, which no caller may say in our place.
 */
export function headersToOrigin(
  from: Headers,
  token: string | undefined,
  ours: readonly (readonly [name: string, value: string])[] = [],
): Headers {
  const named = connectionNames(from);
  const reserved = new Set(ours.map(([name]) => plainName(name.toLowerCase())));
  const to = new Headers();
  for (const [name, value] of from) {
    const plain = plainName(name);
    if (NOT_TO_ORIGIN.has(plain) || NOT_TO_ORIGIN_PATTERN.test(plain) || reserved.has(plain) || named.has(name))
      continue;
    if (token !== undefined && token !== "" && value.includes(token)) continue;
    to.append(name, value);
  }
  return to;
}

function plainName(name: string): string {
  return name.replaceAll(/[_.]/g, "-");
}

/** The origin's headers as the caller may see them. */
export function headersToCaller(from: Headers): Headers {
  const named = connectionNames(from);
  const to = new Headers();
  for (const [name, value] of from) {
    const plain = plainName(name);
    if (NOT_TO_CALLER.has(plain) || NOT_TO_CALLER_PATTERN.test(plain) || named.has(name)) continue;
    if (CONTROL.test(value)) continue;
    to.append(name, value);
  }
  return to;
}

/** The names a Connection header lists (RFC 9110 section 7.6.1). */
function connectionNames(headers: Headers): Set<string> {
  const connection = headers.get("connection");
  return new Set(
    connection === null
      ? []
      : connection
          .toLowerCase()
          .split(",")
          .map((name) => name.trim()),
  );
}

/** Whether a value was not text when it came: bytes that are not UTF-8 arrive replaced, so they cannot be forwarded as sent. */
export function hasUnreadableHeader(headers: Headers): boolean {
  for (const [, value] of headers) if (value.includes("\uFFFD")) return true;
  return false;
}
