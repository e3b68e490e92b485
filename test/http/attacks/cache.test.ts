/**
 * Attacks through caches in front: whatever the origin says about caching, and whatever the gate answers, no shared
 * cache that keeps to its rules, however much in its own favour, may keep it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../../src/config.ts";
import { CACHES, mayStore, type Answered, type Asked } from "../../support/cache-judge.ts";
import { startGate, type CallOptions, type Reply, type TestGate } from "../../support/gate.ts";
import { ok, status } from "../../support/origin.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  const prices = {
    "GET /v1/cheap": 1,
    "POST /v1/cheap": 1,
    "GET /v1/free": "free",
    "GET /v1/refusals": { credits: 1, chargeOn: "2xx-4xx", passOriginStatus: [401, 402] },
    "GET /v1/scoped": { credits: 1, scope: "other" },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
  await gate.grant("caches", 1_000_000);
  token = await gate.token("caches");
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

/** The caches that might keep the answer; none may. */
function keepers(asked: Asked, answered: Answered): string[] {
  return Object.keys(CACHES).filter((cache) => mayStore(cache, asked, answered));
}

describe("the judge", () => {
  const anonymous: Asked = { method: "GET", headers: {} };
  const known: Asked = { method: "GET", headers: { authorization: "Bearer x" } };
  const all = Object.keys(CACHES);
  it.each<[string, Asked, number, Record<string, string>, readonly string[]]>([
    ["an answer that says nothing", anonymous, 200, {}, all],
    ["a redirect that says nothing", anonymous, 301, {}, all],
    ["a refusal that says nothing", anonymous, 404, {}, all],
    ["a temporary redirect that says nothing", anonymous, 302, {}, []],
    ["a failure that says nothing", anonymous, 500, {}, []],
    ["a failure with a life", anonymous, 500, { "cache-control": "max-age=1" }, all],
    ["a known caller's that says nothing", known, 200, {}, []],
    ["a known caller's with a life", known, 200, { "cache-control": "max-age=60" }, []],
    ["a known caller's that is public", known, 200, { "cache-control": "PUBLIC" }, all],
    ["a known caller's with a life in shared caches", known, 404, { "cache-control": "s-maxage=1" }, all],
    ["what is private", anonymous, 200, { "cache-control": "private, max-age=60" }, []],
    ["what is private in part", anonymous, 200, { "cache-control": 'private="set-cookie", max-age=1' }, all],
    ["what must not be stored", anonymous, 200, { "cache-control": "max-age=60, No-Store" }, []],
    ["no-store inside another's text", anonymous, 200, { "cache-control": 'x="no-store", max-age=1' }, all],
    [
      "what is stored by a CDN's own order",
      known,
      200,
      { "cache-control": "no-store", "cdn-cache-control": "max-age=1" },
      ["a CDN", "Cloudflare", "a CDN with surrogate headers"],
    ],
    [
      "what nginx is told to keep",
      known,
      200,
      { "cache-control": "no-store", "x-accel-expires": "9" },
      ["an ordinary proxy"],
    ],
  ])("lets the caches it should keep %s", (_what, asked, code, headers, expected) => {
    expect(keepers(asked, { status: code, headers })).toEqual(expected);
  });
});

/** What an origin may say to have its answers kept: alone, together, in odd spellings and against each other. */
// oxfmt-ignore
const SAYS: readonly Record<string, string | string[]>[] = [
  {},
  { "cache-control": "public" },
  { "cache-control": "max-age=31536000, immutable" },
  { "cache-control": "s-maxage=600, must-revalidate" },
  { "cache-control": "Public, S-MaxAge=600" },
  { "cache-control": "public, no-cache, proxy-revalidate" },
  { "cache-control": "stale-while-revalidate=600, stale-if-error=600, max-age=0" },
  { "cache-control": 'private="x", public, max-age=600' },
  { "cache-control": 'no-cache="set-cookie", s-maxage=600' },
  { "cache-control": ["public", "max-age=600"] },
  { "cache-control": "must-understand, no-store, public, max-age=600" },
  { "cache-control": "max-age=600; public" },
  { expires: "Thu, 01 Jan 2099 00:00:00 GMT" },
  { pragma: "public", expires: "0" },
  { "cdn-cache-control": "max-age=600" },
  { "cloudflare-cdn-cache-control": "public, max-age=600" },
  { "CDN-Cache-Control": "max-age=600", "cdn_cache_control": "max-age=600" },
  { "surrogate-control": "max-age=600, content=\"ESI/1.0\"", "surrogate-key": "all" },
  { "vercel-cdn-cache-control": "max-age=600", "netlify-cdn-cache-control": "public, max-age=600, durable" },
  { "edge-control": "cache-maxage=10m", "edge-cache-tag": "all", "cache-tag": "all" },
  { "x-accel-expires": "600", "x-accel-buffering": "yes" },
  { etag: '"v1"', "last-modified": "Mon, 23 Nov 2020 00:00:00 GMT" },
  { vary: "*" },
  { vary: "Authorization, Cookie", "cache-control": "public, max-age=600" },
  { age: "1", date: "Mon, 23 Nov 2020 00:00:00 GMT", "cache-control": "public, max-age=600" },
  { "set-cookie": "a=b", "cache-control": "public, max-age=600" },
  { "content-range": "bytes 0-1/9", "accept-ranges": "bytes", "cache-control": "public, max-age=600" },
  { connection: "close, cache-control, cdn-cache-control", "cache-control": "public, max-age=600" },
  { "access-control-allow-origin": "*", "timing-allow-origin": "*", "cache-control": "public, max-age=600" },
];
// oxfmt-ignore
const STATUSES = [200, 201, 202, 203, 204, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 414, 416, 421, 425, 429, 451, 500, 501, 502, 503, 504, 599];
/** What this origin's answer costs: 4xx pass and are free, 401 and 402 become 502. */
const price = (code: number): number => (code < 400 ? 1 : 0);

describe("an answer of the origin", () => {
  it.each(STATUSES)("of %i may be kept by no shared cache, whatever it says about caching", async (code) => {
    const before = { hits: gate.origin.hits.length, entries: (await gate.entries("caches")).length };
    const { available } = await gate.account("caches");
    for (const says of SAYS) {
      gate.origin.answer = status(code, says as Record<string, string>);
      for (const [path, asked] of [
        ["/v1/cheap", { method: "GET", headers: { authorization: `Bearer ${token}` } }],
        ["/v1/free", { method: "GET", headers: {} }],
      ] as const) {
        const reply = await gate.call(path, asked);
        expect(keepers(asked, reply), `${path} ${JSON.stringify(says)}`).toEqual([]);
        // A cache that drops what the caller sent sees the same answer without a caller.
        expect(keepers({ method: "GET", headers: {} }, reply)).toEqual([]);
        expect(reply.headers["cache-control"]).toBe("private, no-store");
      }
    }
    await gate.settled("caches");
    expect({
      hits: gate.origin.hits.length - before.hits,
      entries: (await gate.entries("caches")).length - before.entries,
      delta: (await gate.account("caches")).available - available,
    }).toEqual({ hits: 2 * SAYS.length, entries: 2 * SAYS.length, delta: 0 - price(code) * SAYS.length });
  });

  it.each([401, 402, 404, 410])("of %i that is charged and passed on may be kept by none either", async (code) => {
    gate.origin.answer = status(code, { "cache-control": "public, max-age=600" });
    const asked = { method: "GET", headers: { authorization: `Bearer ${token}` } };
    const { reply, ...seen } = await gate.see("caches", "/v1/refusals", asked);
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(keepers(asked, reply)).toEqual([]);
  });

  it.each(["HEAD", "POST"])("to a %s may be kept by none", async (method) => {
    gate.origin.answer = status(200, { "cache-control": "public, max-age=600", "content-location": "/v1/cheap" });
    const asked = { method, headers: { authorization: `Bearer ${token}` } };
    const { reply, ...seen } = await gate.see("caches", "/v1/cheap", asked);
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(keepers(asked, reply)).toEqual([]);
  });
});

describe("an answer of the gate's own", () => {
  const calls: [what: string, code: number, path: string, options: () => CallOptions][] = [
    ["payment_required", 402, "/v1/cheap", () => ({})],
    ["insufficient_credits", 402, "/v1/cheap", () => ({ token: poor })],
    ["invalid_token", 401, "/v1/cheap", () => ({ token: "a.b.c" })],
    ["two tokens", 400, "/v1/cheap", () => ({ headers: { authorization: `Bearer ${token}, Bearer ${token}` } })],
    ["unusable_path", 400, "/v1//cheap", () => ({ token })],
    ["insufficient_scope", 403, "/v1/scoped", () => ({ token })],
    ["not_for_sale", 404, "/v1/none", () => ({})],
    ["method_not_allowed", 405, "/v1/cheap", () => ({ method: "PURGE" })],
    ["a preflight", 204, "/v1/cheap", () => ({ method: "OPTIONS", headers: { origin: "https://a.example" } })],
    ["an upgrade", 501, "/v1/cheap", () => ({ token, headers: { connection: "upgrade", upgrade: "websocket" } })],
    ["health", 200, "/_farebox/health", () => ({})],
    ["prices", 200, "/_farebox/prices", () => ({})],
    ["problems", 200, "/_farebox/problems", () => ({})],
    ["a problem", 200, "/_farebox/problems/invalid_token", () => ({})],
    ["keys", 200, "/.well-known/jwks.json", () => ({})],
    ["not_found", 404, "/_farebox/none", () => ({})],
    ["a balance", 200, "/_farebox/balance", () => ({ token })],
    ["a statement", 200, "/_farebox/statement", () => ({ token })],
    ["no balance", 401, "/_farebox/balance", () => ({})],
    ["accounts", 200, "/_farebox/accounts", () => ({ token: gate.adminToken })],
    ["an account", 200, "/_farebox/accounts/caches", () => ({ token: gate.adminToken })],
    ["entries", 200, "/_farebox/accounts/caches/entries", () => ({ token: gate.adminToken })],
    ["operator_only", 401, "/_farebox/accounts", () => ({ token })],
    ["a token", 200, "/_farebox/accounts/caches/tokens", () => ({ method: "POST", token: gate.adminToken })],
  ];
  let poor: string;
  beforeAll(async () => {
    poor = await gate.token("poor");
  });

  it.each(calls)("(%s) may be kept by no shared cache, also not by one that overlooks who asked", async (...of) => {
    const [, code, path, options] = of;
    const asked = { method: "GET", headers: {}, ...options() };
    const { reply, ...seen } = await gate.see("caches", path, asked);
    expect(seen).toEqual({ status: code, hits: 0, entries: [], delta: 0 });
    expect(keepers({ method: "GET", headers: {} }, reply)).toEqual([]);
    expect(reply.headers["cache-control"]).toBe("private, no-store");
  });

  it("may be kept by none when the gate fails or is misconfigured", async () => {
    gate.origin.answer = (_request, response) => void response.destroy();
    const failed = await gate.see("caches", "/v1/cheap", { token });
    expect(failed).toMatchObject({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
    const broken = await startGate({ origin: gate.origin, config: { name: "" } });
    const replies: Reply[] = [failed.reply];
    for (const path of ["/v1/cheap", "/_farebox/health", "/_farebox/prices"]) replies.push(await broken.call(path));
    await broken.close();
    for (const reply of replies) expect(keepers({ method: "GET", headers: {} }, reply)).toEqual([]);
  });
});
