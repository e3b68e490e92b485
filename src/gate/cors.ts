/**
 * Which scripts in browsers may read answers (Fetch standard, CORS protocol).
 *
 * On every answer, refusals too: a script that cannot read a 402 cannot act on it. Never with credentials: the gate
 * takes tokens from Authorization alone, which a script sends itself.
 */

/** Readable by scripts in every browser; "*" adds the origin's own headers where a browser knows it. */
const EXPOSED =
  "Credits-Charged, Credits-Remaining, Request-Id, Idempotency-Replayed, Original-Request-Id, WWW-Authenticate, Link, Retry-After, X-Should-Retry, Location, ETag, *";
/** "*" does not cover Authorization. */
const ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, *";
const PREFLIGHT_SECONDS = "7200";

export type Cors = { readonly origins: readonly string[] };

/** Adds to an answer's headers what lets the page that asked read it. */
export function setCors(headers: Headers, cors: Cors, request: Request): void {
  const asking = request.headers.get("origin");
  if (cors.origins.includes("*")) headers.set("Access-Control-Allow-Origin", "*");
  else {
    headers.append("Vary", "Origin");
    if (asking === null || !cors.origins.includes(asking)) return;
    headers.set("Access-Control-Allow-Origin", asking);
  }
  headers.set("Access-Control-Expose-Headers", EXPOSED);
}

/** The answer to every OPTIONS: free, and never the origin's. `forScripts`: whether pages may call what it is about. */
export function answerOptions(methods: readonly string[], forScripts: boolean): Response {
  const headers = new Headers({ Allow: methods.join(", ") });
  if (forScripts) {
    headers.set("Access-Control-Allow-Methods", methods.join(", "));
    headers.set("Access-Control-Allow-Headers", ALLOWED_HEADERS);
    headers.set("Access-Control-Max-Age", PREFLIGHT_SECONDS);
  }
  return new Response(null, { status: 204, headers });
}
