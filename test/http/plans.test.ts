/** That what a plan includes costs nothing, from when the plan is set to when it ends, and that nothing else is free. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import { gateKey, ownClaims, signClaims } from "../support/jwt.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = { ...PRICES, "GET /v1/reports": { credits: 20, scope: "reports" } } as unknown as typeof PRICES;
  const plans = {
    pro: { includes: ["GET /v1/items/:id", "GET /v1/reports"] },
    max: { includes: ["GET /v1/items/:id", "GET /v1/expensive"] },
    empty: { includes: [] },
  };
  gate = await startGate({ config: { prices, plans } });
});
afterAll(async () => gate.close());

const LAG = { timeout: 3000, interval: 50 };

async function setPlan(account: string, plan: string | null, until?: number): Promise<void> {
  const more = until === undefined ? {} : { until: new Date(until).toISOString() };
  const reply = await gate.admin("PUT", `/accounts/${account}/plan`, { plan, ...more });
  expect(reply.status).toBe(200);
}
/** A fresh account with credits and a token. */
async function buyer(account: string, more: object = {}): Promise<string> {
  await gate.grant(account, 10_000);
  return gate.token(account, more);
}
async function standing(account: string): Promise<Record<string, unknown> | null> {
  const text = await (await gate.miniflare.getKVNamespace("KV")).get(`standing:${account}`);
  return text === null ? null : JSON.parse(String(text));
}

describe("a token's entitlement", () => {
  it.each([
    ["GET", "/v1/items/1"],
    ["HEAD", "/v1/items/2"],
  ])("makes %s %s of its plan free, with a receipt of 0", async (method, path) => {
    const token = await buyer(`entitled-${method}`, { entitlements: ["pro"] });
    const { reply, ...seen } = await gate.see(`entitled-${method}`, path, { method, token });
    expect(seen).toEqual(FREE);
    expect(reply.headers["credits-charged"]).toBe("0");
  });

  it("tells the origin that nothing is charged, and for whom", async () => {
    const token = await buyer("entitled-told", { entitlements: ["pro"] });
    await gate.see("entitled-told", "/v1/items/1", { token });
    const headers = new Map(gate.origin.hits.at(-1)?.headers);
    expect([headers.get("farebox-credits"), headers.get("farebox-account")]).toEqual(["0", "entitled-told"]);
  });

  it.each(["/v1/cheap", "/v1/expensive"])("leaves %s, which its plan does not include, at its price", async (path) => {
    const account = `entitled-${path.slice(4)}`;
    const token = await buyer(account, { entitlements: ["pro"] });
    expect(await gate.see(account, path, { token })).toMatchObject(paid(path === "/v1/cheap" ? 1 : 100));
  });

  it("serves an account without credits, never seen before, and writes nothing for it", async () => {
    const token = await gate.token("entitled-new", { entitlements: ["pro"] });
    expect(await gate.see("entitled-new", "/v1/items/1", { token })).toMatchObject(FREE);
    expect((await gate.admin("GET", "/accounts/entitled-new")).status).toBe(404);
    await expectDenial(gate, "entitled-new", "/v1/cheap", { token }, [402, "insufficient_credits"]);
  });

  it("adds up with other plans of the token's", async () => {
    const token = await buyer("entitled-both", { entitlements: ["pro", "max"] });
    for (const path of ["/v1/items/1", "/v1/expensive"])
      expect(await gate.see("entitled-both", path, { token })).toMatchObject(FREE);
  });

  it.each([
    ["a plan the config does not have", ["gold"]],
    ["the name of something every object has", ["constructor", "__proto__", "toString"]],
    ["a plan in other case", ["Pro", "PRO"]],
    ["a plan with a blank", [" pro", "pro "]],
    ["a plan that includes nothing", ["empty"]],
    ["a route instead of a plan", ["GET /v1/items/:id"]],
    ["everything", ["*", ""]],
  ])("to %s makes nothing free", async (_what, entitlements) => {
    const account = `odd-${entitlements.join("").length}`;
    await gate.grant(account, 100);
    const token = signClaims(gateKey(gate), ownClaims(gate, account, { entitlements }));
    expect(await gate.see(account, "/v1/items/1", { token })).toMatchObject(paid(5));
  });

  it("does not stand in for the scope a route asks for", async () => {
    const token = await buyer("entitled-scope", { entitlements: ["pro"] });
    await expectDenial(gate, "entitled-scope", "/v1/reports", { token }, [403, "insufficient_scope"]);
  });
});

describe("an account's plan", () => {
  it("makes its routes free from the very next call, before KV can know of it", async () => {
    const token = await buyer("joined");
    expect(await gate.see("joined", "/v1/items/1", { token })).toMatchObject(paid(5));
    await setPlan("joined", "pro");
    for (let n = 0; n < 5; n++) expect(await gate.see("joined", `/v1/items/${n}`, { token })).toMatchObject(FREE);
    expect(await gate.see("joined", "/v1/cheap", { token })).toMatchObject(paid(1));
  });

  it("never charges, however soon after it is set and however many calls come at once", async () => {
    const token = await buyer("rushed");
    await setPlan("rushed", "pro");
    const replies = await Promise.all(Array.from({ length: 20 }, async () => gate.call("/v1/items/1", { token })));
    await gate.settled("rushed");
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect((await gate.entries("rushed")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("stays free once KV knows of it", async () => {
    const token = await gate.token("settled-in");
    await setPlan("settled-in", "pro");
    await expect.poll(async () => (await standing("settled-in"))?.["plan"], LAG).toBe("pro");
    expect(await gate.see("settled-in", "/v1/items/1", { token })).toMatchObject(FREE);
  });

  it("needs no credits", async () => {
    await setPlan("penniless", "max");
    const token = await gate.token("penniless");
    expect(await gate.see("penniless", "/v1/expensive", { token })).toMatchObject(FREE);
    await expectDenial(gate, "penniless", "/v1/cheap", { token }, [402, "insufficient_credits"]);
  });

  it("is the account's alone", async () => {
    await buyer("neighbour-a");
    const token = await buyer("neighbour-b");
    await setPlan("neighbour-a", "pro");
    expect(await gate.see("neighbour-b", "/v1/items/1", { token })).toMatchObject(paid(5));
  });

  it("ends at its time, also where KV has long known of it", async () => {
    const token = await buyer("ending");
    const until = Date.now() + 1500;
    await setPlan("ending", "pro", until);
    await expect.poll(async () => (await standing("ending"))?.["plan"], LAG).toBe("pro");
    expect(await gate.see("ending", "/v1/items/1", { token })).toMatchObject(FREE);
    await expect.poll(() => Date.now(), LAG).toBeGreaterThan(until);
    expect(await gate.see("ending", "/v1/items/1", { token })).toMatchObject(paid(5));
  });

  it("whose time is over makes nothing free, and the token's own plan still does", async () => {
    const token = await buyer("over");
    await setPlan("over", "pro", Date.now() - 1000);
    expect(await gate.see("over", "/v1/items/1", { token })).toMatchObject(paid(5));
    const entitled = await gate.token("over", { entitlements: ["pro"] });
    expect(await gate.see("over", "/v1/items/1", { token: entitled })).toMatchObject(FREE);
  });

  it("charges again after it is taken away or changed, once KV knows of it", async () => {
    const token = await buyer("left");
    await setPlan("left", "pro");
    expect(await gate.see("left", "/v1/items/1", { token })).toMatchObject(FREE);
    await setPlan("left", "empty");
    await expect.poll(async () => (await standing("left"))?.["plan"], LAG).toBe("empty");
    expect(await gate.see("left", "/v1/items/1", { token })).toMatchObject(paid(5));
    await setPlan("left", null);
    await expect.poll(async () => (await standing("left"))?.["plan"], LAG).toBe(null);
    expect(await gate.see("left", "/v1/items/1", { token })).toMatchObject(paid(5));
  });
});

describe("a route that a plan includes", () => {
  it("is refused to a suspended account as soon as KV knows, and served again when it is resumed", async () => {
    const token = await gate.token("suspended-a", { entitlements: ["pro"] });
    expect(await gate.see("suspended-a", "/v1/items/1", { token })).toMatchObject(FREE);
    await gate.admin("PUT", "/accounts/suspended-a/status", { status: "suspended" });
    await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, LAG).toBe(403);
    await expectDenial(gate, "suspended-a", "/v1/items/1", { token }, [403, "account_suspended"]);
    await gate.admin("PUT", "/accounts/suspended-a/status", { status: "active" });
    await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, LAG).toBe(200);
  });

  it("is refused to an account on the plan that is suspended", async () => {
    const token = await gate.token("suspended-b");
    await setPlan("suspended-b", "pro");
    await gate.admin("PUT", "/accounts/suspended-b/status", { status: "suspended" });
    await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, LAG).toBe(403);
    await expectDenial(gate, "suspended-b", "/v1/items/1", { token }, [403, "account_suspended"]);
  });

  it("is refused to a revoked token as soon as KV knows, and to no other of the account", async () => {
    await gate.grant("revoked-a", 100);
    const minted = await gate.admin("POST", "/accounts/revoked-a/tokens", { entitlements: ["pro"] });
    const { token, jti } = minted.json();
    expect(await gate.see("revoked-a", "/v1/items/1", { token })).toMatchObject(FREE);
    await gate.admin("DELETE", `/tokens/${jti}`);
    await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, LAG).toBe(401);
    await expectDenial(gate, "revoked-a", "/v1/items/1", { token }, [401, "token_revoked"]);
    const other = await gate.token("revoked-a", { entitlements: ["pro"] });
    expect(await gate.see("revoked-a", "/v1/items/1", { token: other })).toMatchObject(FREE);
  });

  it("is refused to a token that version 1 revoked: it wrote to KV under another name", async () => {
    const minted = (await gate.admin("POST", "/accounts/revoked-1/tokens", { entitlements: ["pro"] })).json();
    const kv = await gate.miniflare.getKVNamespace("KV");
    await kv.put(`revoked:${minted.jti}`, "1");
    await expectDenial(gate, "revoked-1", "/v1/items/1", { token: minted.token }, [401, "token_revoked"]);
  });

  it("is refused to all of an account's tokens once they are revoked together", async () => {
    const tokens = [
      await gate.token("revoked-b", { entitlements: ["pro"] }),
      await gate.token("revoked-b", { entitlements: ["max"] }),
    ];
    await gate.admin("DELETE", "/accounts/revoked-b/tokens");
    for (const token of tokens) {
      await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, LAG).toBe(401);
      await expectDenial(gate, "revoked-b", "/v1/items/1", { token }, [401, "token_revoked"]);
    }
  });

  it("is refused to an expired token, whatever the account's plan", async () => {
    await setPlan("stale", "pro");
    const iat = Math.floor(Date.now() / 1000) - 600;
    const token = signClaims(gateKey(gate), ownClaims(gate, "stale", { iat, exp: iat + 60 }));
    await expectDenial(gate, "stale", "/v1/items/1", { token }, [401, "token_expired"]);
  });
});

describe("where KV holds something unreadable", () => {
  let token: string;
  beforeAll(async () => {
    token = await buyer("garbled");
    await setPlan("garbled", "pro");
    await vi.waitFor(async () => {
      expect((await standing("garbled"))?.["plan"]).toBe("pro");
    }, LAG);
  });

  // As after a deploy that changed the shape, or somebody's hand.
  it.each(["{", "null", "[]", "{}", '{"status":"active"}', '{"status":"active","plan":7}', '"text"', ""])(
    "the ledger decides what the plan makes free, and what is charged: %j",
    async (text) => {
      await (await gate.miniflare.getKVNamespace("KV")).put("standing:garbled", text);
      expect(await gate.see("garbled", "/v1/items/1", { token })).toMatchObject(FREE);
      expect(await gate.see("garbled", "/v1/cheap", { token })).toMatchObject(paid(1));
    },
  );

  it("a suspension holds all the same", async () => {
    const suspended = await gate.token("garbled-s", { entitlements: ["pro"] });
    await gate.admin("PUT", "/accounts/garbled-s/status", { status: "suspended" });
    await expect.poll(async () => (await standing("garbled-s"))?.["status"], LAG).toBe("suspended");
    await (await gate.miniflare.getKVNamespace("KV")).put("standing:garbled-s", "{");
    await expectDenial(gate, "garbled-s", "/v1/items/1", { token: suspended }, [403, "account_suspended"]);
  });

  it("what says a balance of nothing refuses nobody", async () => {
    const poor = await buyer("kv-poor");
    await expect.poll(async () => (await standing("kv-poor"))?.["available"], LAG).toBe(10_000);
    const kv = await gate.miniflare.getKVNamespace("KV");
    await kv.put("standing:kv-poor", JSON.stringify({ ...(await standing("kv-poor")), available: 0, held: 0 }));
    expect(await gate.see("kv-poor", "/v1/expensive", { token: poor })).toMatchObject(paid(100));
  });

  it("what says a balance of plenty pays for nobody", async () => {
    const rich = await gate.token("kv-rich");
    const kv = await gate.miniflare.getKVNamespace("KV");
    const standingOf = {
      status: "active",
      plan: null,
      planUntil: null,
      tokensRevokedAt: null,
      available: 1e9,
      held: 0,
      version: 9,
      asOf: Date.now(),
    };
    await kv.put("standing:kv-rich", JSON.stringify(standingOf));
    await expectDenial(gate, "kv-rich", "/v1/expensive", { token: rich }, [402, "insufficient_credits"]);
  });
});
