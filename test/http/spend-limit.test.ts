/** That a token with a spend limit spends so much in its life and no more, whoever minted it and however it is called. */
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { DENIED, expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import { gateKey, makeKey, nowSeconds, ownClaims, signClaims } from "../support/jwt.ts";
import { askAgain, under } from "../support/keyed.ts";
import { ok, status } from "../support/origin.ts";

const outside = makeKey("EdDSA", "outside-1");
const API = "https://api.example.com";
const ISSUER = "https://auth.example.com";

let gate: TestGate;
beforeAll(async () => {
  const tokens = [{ issuer: ISSUER, audience: API, algorithms: ["EdDSA"], keys: [outside.jwk], accountPrefix: "out:" }];
  gate = await startGate({
    config: {
      prices: { ...PRICES, "GET /v1/members": { credits: "free", scope: "members" } } as unknown as Config["prices"],
      plans: { pro: { includes: ["GET /v1/expensive"] } },
      payments: { topUpUrl: "https://pay.example/{account}" },
      tokens: tokens as never,
    },
  });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

let accounts = 0;
async function fresh(limit: number, more: object = {}): Promise<{ account: string; token: string }> {
  const account = `capped-${++accounts}`;
  await gate.grant(account, 1000);
  return { account, token: await gate.token(account, { spend_limit: limit, ...more }) };
}
const REACHED = [403, "spend_limit_reached"] as const;

describe("a token minted with a spend limit", () => {
  it("says it, as an integer of credits", async () => {
    expect(decodeJwt(await gate.token("a", { spend_limit: 500 }))).toMatchObject({ spend_limit: 500 });
    expect(decodeJwt(await gate.token("a"))).not.toHaveProperty("spend_limit");
  });

  it.each([1, 10 ** 12])("may be limited to %d", async (limit) => {
    expect(decodeJwt(await gate.token("a", { spend_limit: limit }))["spend_limit"]).toBe(limit);
  });

  it.each([0, -1, 1.5, 10 ** 12 + 1, "5", "", null, true, [5], {}])(
    "cannot be limited to %j: 400, and none is minted",
    async (limit) => {
      const reply = await gate.admin("POST", "/accounts/a/tokens", { spend_limit: limit });
      expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
      expect(reply.json().detail).toContain("spend_limit is not a number of credits");
    },
  );

  it("spends to its last credit, and is then refused while the account has plenty", async () => {
    const { account, token } = await fresh(11);
    expect(await gate.see(account, "/v1/items/1", { token })).toMatchObject(paid(5));
    expect(await gate.see(account, "/v1/items/2", { token })).toMatchObject(paid(5));
    await expectDenial(gate, account, "/v1/items/3", { token }, REACHED);
    expect(await gate.see(account, "/v1/cheap", { token, method: "HEAD" })).toMatchObject(paid(1));
    await expectDenial(gate, account, "/v1/cheap", { token }, REACHED);
    expect(await gate.account(account)).toMatchObject({ available: 989, captured: 11 });
  });

  it("leaves its account's other tokens, capped or not, as they are", async () => {
    const { account, token } = await fresh(1);
    const [other, free] = [await gate.token(account, { spend_limit: 1 }), await gate.token(account)];
    expect(await gate.see(account, "/v1/cheap", { token })).toMatchObject(paid(1));
    await expectDenial(gate, account, "/v1/cheap", { token }, REACHED);
    expect(await gate.see(account, "/v1/cheap", { token: other })).toMatchObject(paid(1));
    await expectDenial(gate, account, "/v1/cheap", { token: other }, REACHED);
    expect(await gate.see(account, "/v1/expensive", { token: free })).toMatchObject(paid(100));
  });

  it("still opens what costs nothing: free routes, and those of its plan", async () => {
    const { account, token } = await fresh(1, { scope: "members", entitlements: ["pro"] });
    expect(await gate.see(account, "/v1/cheap", { token })).toMatchObject(paid(1));
    expect(await gate.see(account, "/v1/members", { token })).toMatchObject(FREE);
    expect(await gate.see(account, "/v1/expensive", { token })).toMatchObject(FREE);
  });
});

describe("what counts under the limit", () => {
  it("is what was charged: a call that fails gives its room back", async () => {
    const { account, token } = await fresh(5);
    gate.origin.answer = status(500);
    for (let n = 0; n < 3; n++)
      expect(await gate.see(account, "/v1/items/1", { token })).toMatchObject({ status: 500, delta: 0 });
    gate.origin.answer = ok;
    expect(await gate.see(account, "/v1/items/1", { token })).toMatchObject(paid(5));
    await expectDenial(gate, account, "/v1/cheap", { token }, REACHED);
  });

  it("is not lessened by a refund, nor by a top-up", async () => {
    const { account, token } = await fresh(5);
    const { reply } = await gate.see(account, "/v1/items/1", { token });
    const request_id = reply.headers["request-id"];
    expect((await gate.admin("PUT", `/accounts/${account}/refunds/r1`, { request_id })).status).toBe(200);
    await gate.grant(account, 1000);
    await expectDenial(gate, account, "/v1/cheap", { token }, REACHED);
  });

  it("is one charge for a key: the answer comes again although the limit is reached", async () => {
    const { account, token } = await fresh(5);
    expect(await gate.see(account, "/v1/items/1", under("k", { token }))).toMatchObject(paid(5));
    const again = await askAgain(gate, account, "/v1/items/1", under("k", { token }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    await expectDenial(gate, account, "/v1/items/1", under("k2", { token }), REACHED);
  });
});

describe("40 parallel calls of price 1", () => {
  it("on a stolen token with a cap of 5 are served exactly 5 times", async () => {
    const { account, token } = await fresh(5);
    const hits = gate.origin.hits.length;
    const replies = await Promise.all(Array.from({ length: 40 }, async () => gate.call("/v1/cheap", { token })));
    await gate.settled(account);
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(5);
    for (const reply of replies.filter((one) => one.status !== 200))
      expect([reply.status, reply.json().code]).toEqual([403, "spend_limit_reached"]);
    expect(gate.origin.hits.length - hits).toBe(5);
    expect(await gate.account(account)).toMatchObject({ available: 995, held: 0, captured: 5 });
    const kinds = (await gate.entries(account)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "hold")).toHaveLength(5);
    expect(kinds.filter((kind) => kind === "capture")).toHaveLength(5);
  });
});

describe("403 spend_limit_reached", () => {
  it("says what the call costs, what the limit is and what is spent, and offers nothing to pay", async () => {
    const { account, token } = await fresh(104);
    await gate.see(account, "/v1/expensive", { token });
    const reply = await expectDenial(gate, account, "/v1/items/1", { token }, REACHED);
    expect(reply.json()).toMatchObject({ price: 5, retryable: false });
    expect(reply.json().detail).toContain("may spend 104 in its life");
    expect(reply.json().detail).toContain("hold 100 of them");
    expect(reply.json()).not.toHaveProperty("balance");
    expect(reply.json()).not.toHaveProperty("shortfall");
    expect(reply.headers["x-should-retry"]).toBe("false");
    for (const name of ["link", "www-authenticate", "retry-after"]) expect(reply.headers).not.toHaveProperty(name);
    expect(JSON.stringify(reply.json().remedy)).not.toContain("pay.example");
  });

  it("is said before want of money, and to an account never granted anything", async () => {
    const token = await gate.token("capped-poor", { spend_limit: 4 });
    await expectDenial(gate, "capped-poor", "/v1/items/1", { token }, REACHED);
    await expectDenial(gate, "capped-poor", "/v1/cheap", { token }, [402, "insufficient_credits"]);
  });

  it("is said after suspension and revocation", async () => {
    const { account, token } = await fresh(1);
    await gate.admin("PUT", `/accounts/${account}/status`, { status: "suspended" });
    await expectDenial(gate, account, "/v1/items/1", { token }, [403, "account_suspended"]);
    await gate.admin("PUT", `/accounts/${account}/status`, { status: "active" });
    await gate.admin("DELETE", `/tokens/${encodeURIComponent(String(decodeJwt(token).jti))}`);
    await expectDenial(gate, account, "/v1/items/1", { token }, [401, "token_revoked"]);
  });
});

const tokenOf = (more: object): string => {
  const iat = nowSeconds();
  return signClaims(outside, { iss: ISSUER, aud: API, sub: "user", iat, exp: iat + 300, ...more });
};

describe("a spend limit in an outside issuer's token", () => {
  it("counts for all the tokens that have its jti, each to its own limit", async () => {
    await gate.grant("out:user", 100);
    const token = tokenOf({ jti: "session", spend_limit: 6 });
    expect(await gate.see("out:user", "/v1/items/1", { token })).toMatchObject(paid(5));
    await expectDenial(gate, "out:user", "/v1/items/1", { token }, REACHED);
    const renewed = tokenOf({ jti: "session", spend_limit: 6, scope: "renewed" });
    await expectDenial(gate, "out:user", "/v1/items/1", { token: renewed }, REACHED);
    expect(await gate.see("out:user", "/v1/cheap", { token: renewed })).toMatchObject(paid(1));
    const raised = tokenOf({ jti: "session", spend_limit: 11 });
    expect(await gate.see("out:user", "/v1/items/1", { token: raised })).toMatchObject(paid(5));
    await expectDenial(gate, "out:user", "/v1/cheap", { token: raised }, REACHED);
    const other = tokenOf({ jti: "another", spend_limit: 5 });
    expect(await gate.see("out:user", "/v1/items/1", { token: other })).toMatchObject(paid(5));
  });

  it.each([0, -1, 1.5, "5", null, true, [5], {}, 10 ** 12 + 1, 1e300])(
    "that is %j makes the token invalid: 401, whoever signed it",
    async (limit) => {
      await gate.grant("out:user", 100);
      const own = signClaims(gateKey(gate), ownClaims(gate, "out:user", { jti: "own", spend_limit: limit }));
      for (const token of [tokenOf({ jti: "j", spend_limit: limit }), own])
        await expectDenial(gate, "out:user", "/v1/cheap", { token }, [401, "invalid_token"]);
    },
  );

  it("without a jti to count under makes the token invalid: 401", async () => {
    await gate.grant("out:user", 100);
    const own = signClaims(gateKey(gate), ownClaims(gate, "out:user", { spend_limit: 5 }));
    for (const token of [tokenOf({ spend_limit: 5 }), own])
      await expectDenial(gate, "out:user", "/v1/cheap", { token }, [401, "invalid_token"]);
    expect(await gate.see("out:user", "/v1/cheap", { token: tokenOf({}) })).toMatchObject(paid(1));
  });
});
