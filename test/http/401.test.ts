/** What a caller sees who presents a token in the wrong way, in the wrong place, or after it was withdrawn. */
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DENIED, expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type CallOptions, type TestGate } from "../support/gate.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  const prices = { ...PRICES, "GET /v1/members": { credits: "free", scope: "members" } } as unknown as typeof PRICES;
  gate = await startGate({ config: { prices, plans: { pro: { includes: ["GET /v1/items/:id"] } } } });
  await gate.grant("shown", 100_000);
  token = await gate.token("shown");
});
afterAll(async () => gate.close());

describe("the Authorization header", () => {
  it.each([
    ["Bearer", (good: string) => `Bearer ${good}`],
    ["bearer in other case", (good: string) => `bEaReR ${good}`],
    ["several blanks after the scheme", (good: string) => `Bearer    ${good}`],
  ])("is taken with %s", async (_what, value) => {
    const seen = await gate.see("shown", "/v1/cheap", { headers: { authorization: value(token) } });
    expect(seen).toMatchObject(paid(1));
  });

  it.each([
    ["Basic and a valid token", (good: string) => `Basic ${good}`],
    ["Basic with a valid token as the password", (good: string) => `Basic ${btoa(`x:${good}`)}`],
    ["Token and a valid token", (good: string) => `Token ${good}`],
    ["JWT and a valid token", (good: string) => `JWT ${good}`],
    ["DPoP and a valid token", (good: string) => `DPoP ${good}`],
    ["Bearer2 and a valid token", (good: string) => `Bearer2 ${good}`],
    ["a valid token alone", (good: string) => good],
    ["a scheme run into a valid token", (good: string) => `Bearer${good}`],
    ["Bearer and no token", () => "Bearer"],
    ["Bearer, blanks and no token", () => "Bearer   "],
    ["Bearer twice in one", (good: string) => `Bearer Bearer${good}`],
    ["a quoted token", (good: string) => `Bearer "${good}"`],
    ["a token with an accent", (good: string) => `Bearer ${good}\xc3\xa9`],
  ])("is refused with %s", async (_what, value) => {
    const options = { headers: { authorization: value(token) } };
    const reply = await expectDenial(gate, "shown", "/v1/cheap", options, [401, "invalid_token"]);
    expect(reply.headers["www-authenticate"]).toMatch(/^Bearer realm="Test API", error="invalid_token"/);
  });

  it("is refused for HEAD as for GET, without a body", async () => {
    const options = { method: "HEAD", token: "bad" };
    const reply = await expectDenial(gate, "shown", "/v1/cheap", options, [401, "invalid_token"]);
    expect(reply.headers["www-authenticate"]).toContain('error="invalid_token"');
  });

  it("is not looked at where nothing is sold, so that 404 says nothing of a token", async () => {
    await expectDenial(gate, "shown", "/v1/nothing", { token: "bad" }, [404, "not_for_sale"]);
  });
});

describe("a token anywhere else", () => {
  it.each<[string, (good: string) => [path: string, options: CallOptions]]>([
    ["the query", (good) => [`/v1/cheap?access_token=${good}`, {}]],
    ["the query as authorization", (good) => [`/v1/cheap?authorization=Bearer%20${good}`, {}]],
    ["a cookie", (good) => ["/v1/cheap", { headers: { cookie: `token=${good}; access_token=${good}` } }]],
    ["Sec-WebSocket-Protocol", (good) => ["/v1/cheap", { headers: { "sec-websocket-protocol": `bearer, ${good}` } }]],
    ["Proxy-Authorization", (good) => ["/v1/cheap", { headers: { "proxy-authorization": `Bearer ${good}` } }]],
    ["X-Authorization", (good) => ["/v1/cheap", { headers: { "x-authorization": `Bearer ${good}` } }]],
    [
      "X-Forwarded-Authorization",
      (good) => ["/v1/cheap", { headers: { "x-forwarded-authorization": `Bearer ${good}` } }],
    ],
    ["X-Api-Key", (good) => ["/v1/cheap", { headers: { "x-api-key": good } }]],
    [
      "a form body",
      (good) => {
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        return ["/v1/expensive", { method: "POST", headers, body: `access_token=${good}` }];
      },
    ],
  ])("is no token: %s", async (_where, make) => {
    const [path, options] = make(token);
    await expectDenial(gate, "shown", path, options, [402, "payment_required"]);
  });
});

describe("401 token_required", () => {
  it("asks for a token on a free route that has a scope", async () => {
    const reply = await expectDenial(gate, "shown", "/v1/members", {}, [401, "token_required"]);
    expect(reply.headers["www-authenticate"]).toBe('Bearer realm="Test API"');
    const members = await gate.token("shown", { scope: "members" });
    expect(await gate.see("shown", "/v1/members", { token: members })).toMatchObject(FREE);
  });

  it.each(["/_farebox/balance", "/_farebox/statement"])("asks for a token at %s", async (path) => {
    const reply = await expectDenial(gate, "shown", path, {}, [401, "token_required"]);
    expect(reply.headers["www-authenticate"]).toBe('Bearer realm="Test API"');
    await expectDenial(gate, "shown", path, { token: "bad" }, [401, "invalid_token"]);
  });
});

/** A fresh account with credits and a token, whose jti the test may withdraw. */
async function buyer(account: string, more = {}): Promise<{ token: string; jti: string }> {
  await gate.grant(account, 1000);
  const { token: minted, jti } = (await gate.admin("POST", `/accounts/${account}/tokens`, more)).json();
  return { token: minted, jti };
}
const revoke = async (jti: string): Promise<number> => (await gate.admin("DELETE", `/tokens/${jti}`)).status;

describe("401 token_revoked", () => {
  it("refuses the very next paid call, by any method, and the account's other tokens stay good", async () => {
    const { token: withdrawn, jti } = await buyer("rev-1");
    expect(await revoke(jti)).toBe(200);
    const reply = await expectDenial(gate, "rev-1", "/v1/cheap", { token: withdrawn }, [401, "token_revoked"]);
    expect(reply.headers["www-authenticate"]).toContain('error="invalid_token"');
    for (const method of ["HEAD", "POST"])
      await expectDenial(gate, "rev-1", "/v1/expensive", { method, token: withdrawn }, [401, "token_revoked"]);
    const other = await gate.token("rev-1");
    expect(await gate.see("rev-1", "/v1/cheap", { token: other })).toMatchObject(paid(1));
  });

  it("hides the balance from it", async () => {
    const { token: withdrawn, jti } = await buyer("rev-2");
    await revoke(jti);
    for (const path of ["/_farebox/balance", "/_farebox/statement"]) {
      const reply = await expectDenial(gate, "rev-2", path, { token: withdrawn }, [401, "token_revoked"]);
      expect(reply.body).not.toContain("1000");
    }
  });

  it("lets calls in flight end, charged once", async () => {
    const { token: withdrawn, jti } = await buyer("rev-3");
    const { promise: asked, resolve: arrived } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const ordinary = gate.origin.answer;
    gate.origin.answer = async (_request, response) => {
      arrived();
      await released;
      response.end("ok");
    };
    const call = gate.call("/v1/expensive", { token: withdrawn });
    await asked;
    await revoke(jti);
    release();
    expect((await call).status).toBe(200);
    gate.origin.answer = ordinary;
    await gate.settled("rev-3");
    expect((await gate.account("rev-3")).available).toBe(900);
    await expectDenial(gate, "rev-3", "/v1/cheap", { token: withdrawn }, [401, "token_revoked"]);
  });

  it("stays refused when the account is topped up, suspended and resumed", async () => {
    const { token: withdrawn, jti } = await buyer("rev-4");
    await revoke(jti);
    await gate.grant("rev-4", 1000);
    await gate.admin("PUT", "/accounts/rev-4/status", { status: "suspended" });
    await gate.admin("PUT", "/accounts/rev-4/status", { status: "active" });
    await expectDenial(gate, "rev-4", "/v1/cheap", { token: withdrawn }, [401, "token_revoked"]);
  });

  it("refuses all of an account's tokens at once, whoever holds them", async () => {
    const { token: one } = await buyer("rev-5");
    const two = await gate.token("rev-5", { entitlements: ["pro"] });
    expect((await gate.admin("DELETE", "/accounts/rev-5/tokens")).status).toBe(200);
    for (const each of [one, two])
      await expectDenial(gate, "rev-5", "/v1/cheap", { token: each }, [401, "token_revoked"]);
  });

  it("is not needed for a token of an account of a similar name", async () => {
    const { jti } = await buyer("rev-6");
    const { token: other } = await buyer("rev-6b");
    await revoke(jti);
    expect(await gate.see("rev-6b", "/v1/cheap", { token: other })).toMatchObject(paid(1));
  });
});

describe("a token the gate mints", () => {
  it("verifies with the published keys, which hold nothing secret, and pays", async () => {
    const published = await gate.call("/.well-known/jwks.json");
    expect(published.headers["content-type"]).toBe("application/jwk-set+json");
    expect(published.json().keys.map((jwk: object) => Object.keys(jwk).sort())).toEqual([
      ["alg", "crv", "kid", "kty", "use", "x"],
    ]);
    const keys = createLocalJWKSet(published.json());
    const { payload } = await jwtVerify(token, keys, { issuer: gate.url, audience: gate.url, typ: "at+jwt" });
    expect(payload.sub).toBe("shown");
    expect(await gate.see("shown", "/v1/cheap", { token })).toMatchObject(paid(1));
  });

  it.each(["a/b c", "é😀", "100%", "mailto:a@b.example", "x'\"<>&", "..a", "~"])(
    "pays for the account %s, whatever its name is made of",
    async (account) => {
      await gate.grant(account, 5);
      const own = await gate.token(account);
      const seen = await gate.see(account, "/v1/cheap", { token: own });
      expect(seen).toMatchObject(paid(1));
    },
  );

  it("charges its own account whatever account the path, the query, the body or a header names", async () => {
    await gate.grant("victim", 1000);
    const headers = { "farebox-account": "victim", farebox_account: "victim", "x-account-id": "victim" };
    const own = await gate.see("shown", "/v1/items/victim?account=victim", { token, headers });
    expect(own).toMatchObject(paid(5));
    const body = JSON.stringify({ account: "victim", sub: "victim" });
    const posted = await gate.see("shown", "/v1/expensive", { method: "POST", token, headers, body });
    expect(posted).toMatchObject(paid(100));
    const { entries, delta } = DENIED;
    expect({
      entries: (await gate.entries("victim")).slice(1),
      delta: (await gate.account("victim")).available - 1000,
    }).toEqual({ entries, delta });
    expect(gate.origin.hits.at(-1)?.headers.filter(([name]) => name === "farebox-account")).toEqual([
      ["farebox-account", "shown"],
    ]);
  });

  it("is no operator's token, and the operator's is no buyer's", async () => {
    await expectDenial(gate, "shown", "/_farebox/accounts/shown", { token }, [401, "operator_only"]);
    await expectDenial(gate, "shown", "/v1/cheap", { token: gate.adminToken }, [401, "invalid_token"]);
  });
});
