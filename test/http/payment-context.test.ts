/** PAYMENT-CONTEXT: what an origin can check, with the gate's published keys, before it serves a call. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { makeSigningKey } from "../../scripts/secrets.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { header, type Hit } from "../support/origin.ts";

const prices = {
  "GET /v1/expensive": 100,
  "POST /v1/expensive": 100,
  "GET /v1/included": 7,
  "GET /v1/free": "free",
} as unknown as Config["prices"];
const plans = { pro: { includes: ["GET /v1/included"] } };

let gate: TestGate;
let keys: ReturnType<typeof createRemoteJWKSet>;
beforeAll(async () => {
  gate = await startGate({ config: { prices, plans } });
  keys = createRemoteJWKSet(new URL(`${gate.url}/.well-known/jwks.json`));
});
afterAll(async () => gate.close());

function contextOf(hit: Hit | undefined): string {
  return header(hit, "payment-context") ?? "";
}

describe("PAYMENT-CONTEXT", () => {
  it("verifies against the gate's published keys, and says who called, what for, and for how much", async () => {
    await gate.grant("signed", 500);
    const before = Math.floor(Date.now() / 1000);
    const { reply, ...seen } = await gate.see("signed", "/v1/expensive?q=a%20b", { token: await gate.token("signed") });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    const { payload, protectedHeader } = await jwtVerify(contextOf(gate.origin.hits.at(-1)), keys, {
      typ: "payment-context+jwt",
      algorithms: ["EdDSA"],
      issuer: gate.url,
      audience: `${gate.url}/v1/expensive?q=a%20b`,
      subject: "signed",
      requiredClaims: ["nbf", "exp", "iat"],
    });
    expect(Object.keys(protectedHeader).sort()).toEqual(["alg", "kid", "typ"]);
    const { iat = 0, ...claims } = payload;
    expect(iat - before).toBeGreaterThanOrEqual(0);
    expect(iat - before).toBeLessThanOrEqual(5);
    expect(claims).toEqual({
      iss: gate.url,
      aud: `${gate.url}/v1/expensive?q=a%20b`,
      sub: "signed",
      nbf: iat,
      exp: iat + 120,
      amount: 100,
      request_id: reply.headers["request-id"],
    });
  });

  it("is another one for every call", async () => {
    await gate.grant("fresh", 500);
    const token = await gate.token("fresh");
    const contexts = new Set<string>();
    for (let n = 0; n < 3; n++) {
      await gate.see("fresh", "/v1/expensive", { token });
      contexts.add(contextOf(gate.origin.hits.at(-1)));
    }
    expect(contexts.size).toBe(3);
  });

  it("cannot be replaced by the caller's", async () => {
    await gate.grant("replaced", 500);
    const token = await gate.token("replaced");
    await gate.see("replaced", "/v1/expensive", { token });
    const captured = contextOf(gate.origin.hits.at(-1));
    const headers = { "payment-context": captured, payment_context: captured, "farebox-account": "victim" };
    await gate.see("replaced", "/v1/expensive?other", { token, headers });
    const hit = gate.origin.hits.at(-1);
    expect(hit?.headers.filter(([, value]) => value === captured)).toEqual([]);
    const { payload } = await jwtVerify(contextOf(hit), keys, { audience: `${gate.url}/v1/expensive?other` });
    expect(payload.sub).toBe("replaced");
  });

  it.each(["?a='b'", "?a=|^`{}[]", "?%zz", "??", "?a=\\b", "?a=%C3%A9"])(
    "names in aud the very URL the origin is asked for: %s",
    async (query) => {
      await gate.grant("audience", 100);
      const token = await gate.token("audience");
      const answer = await gate.raw(
        `GET /v1/expensive${query} HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      const hit = gate.origin.hits.at(-1);
      expect(decodeJwt(contextOf(hit)).aud).toBe(`${gate.url}${hit?.url}`);
    },
  );

  it("says that an included call costs nothing, and whose it is", async () => {
    await gate.grant("pro", 500);
    const token = await gate.token("pro", { entitlements: ["pro"] });
    const { reply: _, ...seen } = await gate.see("pro", "/v1/included", { token });
    expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
    const { payload } = await jwtVerify(contextOf(gate.origin.hits.at(-1)), keys);
    expect(payload).toMatchObject({ amount: 0, sub: "pro" });
  });

  it("names nobody on a free route, whatever token came", async () => {
    const { reply: _, ...seen } = await gate.see("pro", "/v1/free", { token: await gate.token("pro") });
    expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
    const hit = gate.origin.hits.at(-1);
    const { payload } = await jwtVerify(contextOf(hit), keys);
    expect(payload.amount).toBe(0);
    expect(payload).not.toHaveProperty("sub");
    expect(header(hit, "farebox-account")).toBeUndefined();
  });

  it("carries the account as it is, where the header spells it", async () => {
    const account = "ünï cödé/%";
    await gate.grant(account, 500);
    await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    const { payload } = await jwtVerify(contextOf(gate.origin.hits.at(-1)), keys);
    expect(payload.sub).toBe(account);
  });

  it("goes by publicUrl, whatever name the caller used", async () => {
    const named = await startGate({ config: { prices, publicUrl: "https://api.example.com" } });
    await named.grant("public", 500);
    const token = await named.token("public");
    await named.see("public", "/v1/expensive?a", { token, headers: { host: "attacker.example" } });
    const { iss, aud } = decodeJwt(contextOf(named.origin.hits.at(-1)));
    await named.close();
    expect([iss, aud]).toEqual(["https://api.example.com", "https://api.example.com/v1/expensive?a"]);
  });
});

describe("the signing key", () => {
  it("is published without its private half", async () => {
    const reply = await gate.call("/.well-known/jwks.json");
    expect(reply.headers["content-type"]).toBe("application/jwk-set+json");
    const published: Record<string, unknown>[] = reply.json().keys;
    expect(published).toHaveLength(1);
    expect(Object.keys(published[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    expect(reply.body).not.toContain(JSON.parse(gate.signingKey).d);
  });

  it("can be replaced: the first of a set signs, the others still verify, a key that is gone does not", async () => {
    const [old, next] = [makeSigningKey(), makeSigningKey()];
    const config = { prices, publicUrl: "https://api.example.com" };
    const status: number[] = [];
    const { origin } = gate;
    const before = await startGate({ origin, config, bindings: { FAREBOX_SIGNING_KEY: old } });
    const token = await before.token("rotates");
    await before.close();
    for (const set of [`{"keys":[${next},${old}]}`, next]) {
      const rotated = await startGate({ origin, config, bindings: { FAREBOX_SIGNING_KEY: set } });
      await rotated.grant("rotates", 500);
      status.push((await rotated.call("/v1/expensive", { token })).status);
      const fresh = await rotated.call("/v1/expensive", { token: await rotated.token("rotates") });
      expect(fresh.status).toBe(200);
      const published = createRemoteJWKSet(new URL(`${rotated.url}/.well-known/jwks.json`));
      await jwtVerify(contextOf(origin.hits.at(-1)), published);
      const { kid } = decodeProtectedHeader(contextOf(origin.hits.at(-1)));
      expect(kid).toBe((await rotated.call("/.well-known/jwks.json")).json().keys[0].kid);
      await rotated.close();
    }
    expect(status).toEqual([200, 401]);
  });
});
