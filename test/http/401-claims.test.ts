/** What a caller sees whose token is genuine but says something the gate does not accept. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { gateKey, nowSeconds, ownClaims, signClaims, signText, type SigningKey } from "../support/jwt.ts";

const DAY = 86_400;
let gate: TestGate;
let key: SigningKey;
beforeAll(async () => {
  gate = await startGate({ config: { plans: { pro: { includes: ["GET /v1/items/:id"] } } } });
  key = gateKey(gate);
  await gate.grant("claims", 100_000);
});
afterAll(async () => gate.close());

/** Claims over a good token's, as JavaScript values; a function is given the time. */
type Change = object | ((now: number) => object);
const tokenWith = (change: Change): string =>
  signClaims(
    key,
    ownClaims(gate, "claims", typeof change === "function" ? { ...change(nowSeconds()) } : { ...change }),
  );
/** For numbers that JavaScript would spell otherwise. */
const tokenWithText = (name: string, text: string): string =>
  signText(key, '{"alg":"EdDSA"}', JSON.stringify(ownClaims(gate, "claims", { [name]: "@" })).replace('"@"', text));

describe("a token the gate accepts", () => {
  it.each<[string, Change]>([
    ["that expired 55 s ago, within the skew", (now) => ({ iat: now - 600, exp: now - 55 })],
    ["issued 55 s ahead, within the skew", (now) => ({ iat: now + 55, exp: now + 600 })],
    ["not valid for another 55 s, within the skew", (now) => ({ nbf: now + 55 })],
    ["that lives for a year", (now) => ({ iat: now, exp: now + 365 * DAY })],
    ["for this audience among others", () => ({ aud: ["https://other.example", gate.url] })],
    ["for a list of this audience alone", () => ({ aud: [gate.url] })],
    ["with a jti and a scope", { jti: "a-b.c~d", scope: "read write" }],
    ["with an empty scope and no plans", { scope: "", entitlements: [] }],
    ["that claims to be of a prototype", { constructor: "x", toString: 1 }],
  ])("pays one %s", async (_what, change) => {
    const seen = await gate.see("claims", "/v1/cheap", { token: tokenWith(change) });
    expect(seen).toMatchObject(paid(1));
  });
});

const CASES: readonly (readonly [string, Change])[] = [
  ["no exp", { exp: undefined }],
  ["exp as text", (now) => ({ exp: String(now + 600) })],
  ["exp null", { exp: null }],
  ["exp true", { exp: true }],
  ["exp in a list", (now) => ({ exp: [now + 600] })],
  ["exp negative", { exp: -1 }],
  ["exp zero", { exp: 0 }],
  ["exp with a fraction", (now) => ({ exp: now + 600.5 })],
  ["exp of 2^60", { exp: 2 ** 60 }],
  ["exp in milliseconds", (now) => ({ exp: (now + 600) * 1000 })],
  ["exp at iat", (now) => ({ iat: now, exp: now })],
  ["exp before iat", (now) => ({ iat: now + 30, exp: now + 20 })],
  ["a life of a year and a second", (now) => ({ iat: now, exp: now + 365 * DAY + 1 })],
  ["no iat", { iat: undefined }],
  ["iat as text", (now) => ({ iat: String(now) })],
  ["iat with a fraction", (now) => ({ iat: now - 0.5 })],
  ["iat negative", (now) => ({ iat: -1, exp: now + 600 })],
  ["iat beyond the skew", (now) => ({ iat: now + 65, exp: now + 600 })],
  ["nbf beyond the skew", (now) => ({ nbf: now + 65 })],
  ["nbf as text", { nbf: "0" }],
  ["nbf null", { nbf: null }],
  ["nbf with a fraction", { nbf: 0.5 }],
  ["no aud", { aud: undefined }],
  ["another aud", { aud: "https://other.example" }],
  ["another aud in a list", { aud: ["https://other.example"] }],
  ["an empty list as aud", { aud: [] }],
  ["a nested list as aud", () => ({ aud: [[gate.url]] })],
  ["a list with a number as aud", () => ({ aud: [gate.url, 1] })],
  ["an object as aud", () => ({ aud: { 0: gate.url } })],
  ["aud with a slash at its end", () => ({ aud: `${gate.url}/` })],
  ["aud in other case", () => ({ aud: gate.url.toUpperCase() })],
  ["aud as a URL of this gate's", () => ({ aud: `${gate.url}/v1/cheap` })],
  ["aud as part of a longer text", () => ({ aud: `${gate.url} https://other.example` })],
  ["no iss", { iss: undefined }],
  ["iss null", { iss: null }],
  ["iss in a list", () => ({ iss: [gate.url] })],
  ["iss in an object", () => ({ iss: { toString: gate.url } })],
  ["iss with a slash at its end", () => ({ iss: `${gate.url}/` })],
  ["iss in other case", () => ({ iss: gate.url.replace("http", "HTTP") })],
  ["iss with a blank", () => ({ iss: ` ${gate.url}` })],
  ["another iss", { iss: "https://other.example" }],
  ["no sub", { sub: undefined }],
  ["an empty sub", { sub: "" }],
  ["sub as a number", { sub: 1 }],
  ["sub in a list", { sub: ["claims"] }],
  ["sub null", { sub: null }],
  ["sub of 257 characters", { sub: "a".repeat(257) }],
  ["sub with a line break", { sub: "claims\n" }],
  ["sub with a NUL", { sub: "claims\0" }],
  ["sub with an invisible character", { sub: "claims\u200b" }],
  ["sub with half a surrogate pair", { sub: "claims\ud800" }],
  ["sub as a dot segment", { sub: ".." }],
  ["an empty jti", { jti: "" }],
  ["jti as a number", { jti: 1 }],
  ["jti null", { jti: null }],
  ["jti with a blank", { jti: "a b" }],
  ["jti of 1,000 characters", { jti: "j".repeat(1000) }],
  ["scope as a list", { scope: ["read"] }],
  ["scope null", { scope: null }],
  ["entitlements as text", { entitlements: "pro" }],
  ["entitlements with a number", { entitlements: ["pro", 1] }],
  ["33 entitlements", { entitlements: Array.from({ length: 33 }, () => "pro") }],
];

describe("401 invalid_token", () => {
  it.each(CASES)("refuses a genuine token with %s", async (_what, change) => {
    await expectDenial(gate, "claims", "/v1/cheap", { token: tokenWith(change) }, [401, "invalid_token"]);
  });

  it.each([
    ["exp", "1e400"],
    ["exp", "9007199254740993"],
    ["exp", "1e3"],
    ["exp", "-0"],
    ["iat", "1e400"],
    ["iat", "-1e400"],
    ["nbf", "1e400"],
  ])("refuses a genuine token whose %s is the number %s", async (name, text) => {
    const status = { status: 401, hits: 0, entries: [], delta: 0 };
    expect(await gate.see("claims", "/v1/cheap", { token: tokenWithText(name, text) })).toMatchObject(status);
  });

  it("refuses the statement about a call that the gate signs for its origin", async () => {
    await gate.call("/v1/cheap", { token: tokenWith({}) });
    await gate.settled("claims");
    const context = gate.origin.hits.at(-1)?.headers.find(([name]) => name === "payment-context")?.[1] ?? "";
    expect(context.split(".")).toHaveLength(3);
    await expectDenial(gate, "claims", "/v1/cheap", { token: context }, [401, "invalid_token"]);
  });

  it("refuses a token for one name of the gate under another name", async () => {
    const options = { token: tokenWith({}), headers: { host: "other.example" } };
    await expectDenial(gate, "claims", "/v1/cheap", options, [401, "invalid_token"]);
  });

  it("looks at the claims of an expired token all the same, so that only a right one is called expired", async () => {
    const token = tokenWith((now) => ({ iat: now - 600, exp: now - 300, aud: "https://other.example" }));
    await expectDenial(gate, "claims", "/v1/cheap", { token }, [401, "invalid_token"]);
  });
});

describe("401 token_expired", () => {
  it.each([60, 61, 600, 365 * DAY])("refuses a token that expired %d s ago, and says when", async (seconds) => {
    const exp = nowSeconds() - seconds;
    const token = tokenWith({ iat: exp - 60, exp });
    const reply = await expectDenial(gate, "claims", "/v1/cheap", { token }, [401, "token_expired"]);
    expect(reply.json()).toMatchObject({ retryable: false, title: "Token expired" });
    expect(reply.json().detail).toContain(new Date(exp * 1000).toISOString().slice(0, 19));
    expect(reply.headers["www-authenticate"]).toContain('error="invalid_token"');
  });

  it("calls no forged token expired", async () => {
    const exp = nowSeconds() - 600;
    const forged = tokenWith({ iat: exp - 60, exp }).replace(/.{4}$/, "AAAA");
    await expectDenial(gate, "claims", "/v1/cheap", { token: forged }, [401, "invalid_token"]);
  });
});
