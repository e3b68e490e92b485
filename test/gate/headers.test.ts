/** Which headers cross the gate: no credential and no look-alike of ours to the origin, nothing a cache obeys to the caller. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headersToCaller, headersToOrigin } from "../../src/gate/headers.ts";

const TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

const toOrigin = (headers: [string, string][]): [string, string][] => [...headersToOrigin(new Headers(headers), TOKEN)];
const toCaller = (headers: [string, string][]): [string, string][] => [...headersToCaller(new Headers(headers))];

// oxfmt-ignore
const SECRET_OR_OURS = [
  "Authorization", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection",
  "Farebox-Account", "Farebox-Request-Id", "Farebox-Credits", "Farebox-Anything", "FAREBOX-ACCOUNT", "farebox_account", "Farebox_Request_Id",
  "PAYMENT-CONTEXT", "Payment-Signature", "Payment-Required", "Payment_Context", "X-PAYMENT", "X_Payment", "X-Payment-Anything",
  "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Uri", "X_Forwarded_For", "Forwarded",
  "X-Real-IP", "X_Real_IP", "True-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "CF-Ray", "Cf-Access-Jwt-Assertion",
  "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "X_HTTP_Method_Override", "X-HTTP_Method-Override",
  "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Override-URL", "X_Original_URL",
  "X-Internal-User", "x-middleware-subrequest", "X-Middleware-Anything",
  "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host",
];

describe("to the origin", () => {
  it.each(SECRET_OR_OURS)("%s never goes", (name) => {
    expect(toOrigin([[name, "x"]])).toEqual([]);
  });

  it.each([
    ["Accept", "text/html"],
    ["Accept-Encoding", "gzip"],
    ["Content-Type", "application/json"],
    ["Cookie", "session=1"],
    ["If-None-Match", '"a"'],
    ["Range", "bytes=0-0"],
    ["Idempotency-Key", "k"],
    ["User-Agent", "curl"],
    ["X-Account-Id", "1"],
    ["X-Request-Id", "1"],
    ["Traceparent", "00-1"],
  ])("%s goes as it is", (name, value) => {
    expect(toOrigin([[name, value]])).toEqual([[name.toLowerCase(), value]]);
  });

  it.each([
    ["Cookie", `a=1; token=${TOKEN}`],
    ["X-Api-Key", TOKEN],
    ["X-Auth", `Bearer ${TOKEN}`],
    ["Referer", `https://app.example/?token=${TOKEN}`],
    ["Sec-WebSocket-Protocol", `bearer, ${TOKEN}`],
  ])("the buyer's token never goes, not in %s either", (name, value) => {
    expect(toOrigin([[name, value]])).toEqual([]);
  });

  it("a header goes although there is no token, or an empty one", () => {
    for (const token of [undefined, ""]) {
      expect([...headersToOrigin(new Headers({ "x-a": "1", "x-b": "" }), token)]).toEqual([
        ["x-a", "1"],
        ["x-b", ""],
      ]);
    }
  });

  it.each([
    ["X-Hop", "x-hop"],
    ["close, X-Hop", "x-hop"],
    ["x-hop,keep-alive", "X-HOP"],
    ["\tX-Hop ,", "x-hop"],
  ])("what Connection names goes no further: %s", (connection, name) => {
    expect(
      toOrigin([
        ["Connection", connection],
        [name, "1"],
        ["X-Kept", "1"],
      ]),
    ).toEqual([["x-kept", "1"]]);
  });

  it("several values of one header all go", () => {
    expect(
      toOrigin([
        ["X-A", "1"],
        ["X-A", "2"],
      ]),
    ).toEqual([["x-a", "1, 2"]]);
  });

  it("no name goes that an origin could take for one of ours, whatever mix of _ and - it is spelled with", () => {
    const name = fc.constantFrom(
      "farebox-account",
      "payment-context",
      "x-forwarded-for",
      "proxy-authorization",
      "x-real-ip",
      "cf-ray",
    );
    const spelled = fc
      .tuple(
        name,
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
      )
      .map(([plain, under, upper]) =>
        plain
          .split("")
          .map((c, n) => (c === "-" && under[n] ? "_" : upper[n] ? c.toUpperCase() : c))
          .join(""),
      );
    fc.assert(
      fc.property(spelled, (header) => {
        expect(toOrigin([[header, "x"]])).toEqual([]);
      }),
    );
  });
});

describe("to the caller", () => {
  // oxfmt-ignore
  it.each([
    "Credits-Charged", "Credits-Remaining", "Credits_Charged", "Farebox-Account", "Payment-Required", "PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE", "Settlement-Overrides", "Settlement_Overrides", "Request-Id",
    "Cache-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Expires", "Pragma", "Age", "Vary",
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Trailer", "Transfer-Encoding", "Upgrade",
    "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
  ])("%s of the origin never goes", (name) => {
    expect(toCaller([[name, "x"]])).toEqual([]);
  });

  it.each([
    ["X-Accel-Expires", "nginx, which heeds it before Cache-Control"],
    ["Edge-Control", "Akamai"],
    ["Akamai-Cache-Control", "Akamai"],
    ["Vercel-CDN-Cache-Control", "Vercel"],
    ["Netlify-CDN-Cache-Control", "Netlify"],
  ])("%s of the origin never goes: a shared cache obeys it (%s)", (name) => {
    expect(toCaller([[name, "max-age=3600"]])).toEqual([]);
  });

  it.each([
    ["Content-Type", "application/json"],
    ["Content-Encoding", "gzip"],
    ["Content-Range", "bytes 0-0/1"],
    ["ETag", '"a"'],
    ["Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT"],
    ["Location", "/v1/other"],
    ["Retry-After", "5"],
    ["WWW-Authenticate", "Basic"],
    ["X-Anything", "1"],
  ])("%s of the origin goes as it is", (name, value) => {
    expect(toCaller([[name, value]])).toEqual([[name.toLowerCase(), value]]);
  });

  it("every cookie goes apart", () => {
    expect(
      toCaller([
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ]),
    ).toEqual([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
  });

  it("what the origin's Connection names goes no further", () => {
    const headers: [string, string][] = [
      ["Connection", "Set-Cookie, x-hop"],
      ["Set-Cookie", "a=1"],
      ["X-Hop", "1"],
      ["X-Kept", "1"],
    ];
    expect(toCaller(headers)).toEqual([["x-kept", "1"]]);
  });
});

describe("a header no client would take", () => {
  it("does not spoil the answer that was paid for", () => {
    expect(
      toCaller([
        ["X-Broken", "a\u0001b"],
        ["X-Whole", "a\tb"],
      ]),
    ).toEqual([["x-whole", "a\tb"]]);
  });
});
