/** What a caller sees that goes on calling in vain; and that nobody else, and nothing paid for, is ever turned away with it. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNoStore, paid } from "../support/columns.ts";
import { startGate, type CallOptions, type Reply, type TestGate } from "../support/gate.ts";
import { gateKey, makeKey, nowSeconds, ownClaims, signClaims } from "../support/jwt.ts";
import { askAgain, under } from "../support/keyed.ts";

const LIMIT = 5;
const REFUSALS = { namespace_id: "1001", simple: { limit: LIMIT, period: 10 } };
const API = "https://api.example.com";
const support = "mailto:help@example.com";

/** One address for each test, so that none counts against another. */
let addresses = 0;
const from = (): { "cf-connecting-ip": string } => ({ "cf-connecting-ip": `192.0.2.${++addresses}` });

/** Calls one after the other until one is answered 429, at most `times`; all the answers. */
async function callUntil429(gate: TestGate, path: string, options: CallOptions, times: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let n = 0; n < times && replies.at(-1)?.status !== 429; n++) replies.push(await gate.call(path, options));
  return replies;
}
function expectLimited(reply: Reply | undefined, why: string): void {
  // Waiting lifts the limit and not its cause.
  expect(reply?.json()).toMatchObject({ status: 429, code: "rate_limited", retryable: false, retry_after: 10 });
  expect(reply?.json().detail).toContain(why);
  expect(reply?.headers).toMatchObject({ "retry-after": "10", "x-should-retry": "false" });
  expect(reply?.headers).not.toHaveProperty("www-authenticate");
  if (reply) expectNoStore(reply);
}
const counts = (replies: readonly Reply[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(replies, ({ status, body }) => `${status} ${JSON.parse(body).code}`)].map(([key, of]) => [
      key,
      of.length,
    ]),
  );

describe("with a limit on refused calls", () => {
  let gate: TestGate;
  beforeAll(async () => {
    // Nothing listens there.
    const away = { issuer: "https://away.example", audience: API, algorithms: ["EdDSA"], jwks: "http://127.0.0.1:1/" };
    gate = await startGate({ config: { support, tokens: [away as never] }, worker: { ratelimits: { REFUSALS } } });
  });
  afterAll(async () => gate.close());

  it("bad tokens are told 401, then 429, and none reaches the origin", async () => {
    const headers = from();
    for (const token of ["bad", "", signClaims(makeKey("EdDSA"), ownClaims(gate, "a"))]) {
      const hits = gate.origin.hits.length;
      const replies = await callUntil429(gate, "/v1/cheap", { headers: { ...headers }, token }, 4 * LIMIT);
      expect(replies.slice(0, -1).map(({ status }) => status)).toEqual(replies.slice(0, -1).map(() => 401));
      expectLimited(replies.at(-1), "tokens this gate does not accept");
      expect(replies.at(-1)?.json()).not.toHaveProperty("balance");
      expect(gate.origin.hits.length).toBe(hits);
      headers["cf-connecting-ip"] = from()["cf-connecting-ip"];
    }
  });

  it("a token that was good once is told for ever that it expired, so that a program behind a busy address gets another", async () => {
    const headers = from();
    await callUntil429(gate, "/v1/cheap", { headers, token: "bad" }, 4 * LIMIT);
    const token = signClaims(gateKey(gate), ownClaims(gate, "a", { iat: 1_700_000_000, exp: 1_700_000_600 }));
    const replies = await Promise.all(
      Array.from({ length: 15 }, async () => gate.call("/v1/cheap", { headers, token })),
    );
    expect(counts(replies)).toEqual({ "401 token_expired": 15 });
  });

  it("as many as the limit get their 401 first", async () => {
    const replies = await callUntil429(gate, "/v1/cheap", { headers: from(), token: "bad" }, 4 * LIMIT);
    expect(replies.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(LIMIT);
  });

  it("a good token from the same address is served meanwhile, and another address gets its 401", async () => {
    const headers = from();
    await gate.grant("good", 10);
    const token = await gate.token("good");
    const replies = await callUntil429(gate, "/v1/cheap", { headers, token: "bad" }, 4 * LIMIT);
    expect(replies.at(-1)?.status).toBe(429);
    for (let n = 0; n < 2 * LIMIT; n++)
      expect(await gate.see("good", "/v1/cheap", { headers, token })).toMatchObject(paid(1));
    expect((await gate.call("/v1/cheap", { headers: from(), token: "bad" })).status).toBe(401);
  });

  it("calls without a token are told the price for ever, also from an address that is limited", async () => {
    const headers = from();
    await callUntil429(gate, "/v1/cheap", { headers, token: "bad" }, 4 * LIMIT);
    const replies = await Promise.all(Array.from({ length: 30 }, async () => gate.call("/v1/cheap", { headers })));
    expect(counts(replies)).toEqual({ "402 payment_required": 30 });
  });

  it("refusals that a good token meets are not counted: scope, suspension, revocation, want of a price", async () => {
    const headers = from();
    await gate.grant("unlucky", 10);
    const minted = (await gate.admin("POST", "/accounts/unlucky/tokens", {})).json();
    const call = { headers, token: minted.token };
    const all = async (path: string): Promise<Record<string, number>> =>
      counts(await Promise.all(Array.from({ length: 15 }, async () => gate.call(path, call))));
    expect(await all("/v1/nothing")).toEqual({ "404 not_for_sale": 15 });
    await gate.admin("PUT", "/accounts/unlucky/status", { status: "suspended" });
    expect(await all("/v1/cheap")).toEqual({ "403 account_suspended": 15 });
    await gate.admin("PUT", "/accounts/unlucky/status", { status: "active" });
    await gate.admin("DELETE", `/tokens/${encodeURIComponent(minted.jti)}`);
    expect(await all("/v1/cheap")).toEqual({ "401 token_revoked": 15 });
  });

  it("tokens that nobody can judge, their issuer being away, are not counted: their holders did nothing wrong", async () => {
    const iat = nowSeconds();
    const claims = { iss: "https://away.example", aud: API, sub: "user", iat, exp: iat + 300 };
    const call = { headers: from(), token: signClaims(makeKey("EdDSA"), claims) };
    const calls = Array.from({ length: 3 * LIMIT }, async () => gate.call("/v1/cheap", call));
    expect(counts(await Promise.all(calls))).toEqual({ "503 issuer_unavailable": 3 * LIMIT });
  });

  it("an empty account is told 402, then 429; and is served at once after a top-up", async () => {
    await gate.grant("broke", 50);
    const token = await gate.token("broke");
    const call = { headers: from(), token };
    const hits = gate.origin.hits.length;
    const replies = await callUntil429(gate, "/v1/expensive", call, 500);
    expectLimited(replies.at(-1), "too few credits");
    // The way out is the one the 402 showed.
    const { price, shortfall, balance, remedy } = replies[0]?.json() ?? {};
    expect(replies.at(-1)?.json()).toMatchObject({ price, shortfall, balance, remedy });
    expect(remedy).not.toEqual([]);
    const first = replies.slice(0, -1);
    expect(counts(first)).toEqual({ "402 insufficient_credits": first.length });
    expect(first.length).toBeGreaterThanOrEqual(LIMIT);
    for (const reply of first) expect(reply.json()).toMatchObject({ price: 100, shortfall: 50 });
    expect(gate.origin.hits.length).toBe(hits);
    await gate.grant("broke", 50);
    expect(await gate.see("broke", "/v1/expensive", call)).toMatchObject(paid(100));
  });

  it("an empty account pays for what it still can, and other accounts pay, while it is told 429", async () => {
    await gate.grant("short", 5);
    await gate.grant("neighbour", 500);
    const [token, other] = [await gate.token("short"), await gate.token("neighbour")];
    const headers = from();
    const replies = await callUntil429(gate, "/v1/expensive", { headers, token }, 500);
    expect(replies.at(-1)?.status).toBe(429);
    expect((await gate.call("/v1/items/1", { headers, token })).status).toBe(200);
    expect(await gate.see("neighbour", "/v1/expensive", { headers, token: other })).toMatchObject(paid(100));
  });

  it("an account that was paid for gets its answer again under its key, while it is told 429", async () => {
    await gate.grant("again", 100);
    const token = await gate.token("again");
    expect(await gate.see("again", "/v1/expensive", under("k", { token }))).toMatchObject(paid(100));
    await askAgain(gate, "again", "/v1/expensive", under("k", { token }));
    const replies = await callUntil429(gate, "/v1/expensive", { token }, 500);
    expect(replies.at(-1)?.status).toBe(429);
    const kept = await gate.call("/v1/expensive", under("k", { token }));
    expect([kept.status, kept.headers["idempotency-replayed"]]).toEqual([200, "true"]);
  });
});

describe("without a limit on refused calls", () => {
  let gate: TestGate;
  const disk = mkdtempSync(join(tmpdir(), "farebox-429-"));
  beforeAll(async () => {
    gate = await startGate({ persist: disk });
  });
  afterAll(async () => {
    await gate.close();
    rmSync(disk, { recursive: true });
  });

  /** Every table of ours in every account's object, read from copies so that nothing is touched. */
  function ledgersOnDisk(): unknown[] {
    const files = readdirSync(disk, { recursive: true, encoding: "utf8" });
    const objects = files.filter((name) => /[0-9a-f]{64}\.sqlite$/.test(name) && name.includes("-Account")).sort();
    return objects.map((name) => {
      const copy = join(mkdtempSync(join(tmpdir(), "farebox-copy-")), "db");
      for (const suffix of ["", "-wal"])
        if (existsSync(join(disk, name + suffix))) copyFileSync(join(disk, name + suffix), copy + suffix);
      const db = new DatabaseSync(copy);
      const tables = db
        .prepare(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name",
        )
        .all();
      const rows = tables.map(({ name: table }) => [table, db.prepare(`SELECT * FROM "${String(table)}"`).all()]);
      db.close();
      rmSync(join(copy, ".."), { recursive: true });
      return rows;
    });
  }
  async function standing(account: string): Promise<unknown> {
    const kv = await gate.miniflare.getKVNamespace("KV");
    return kv.get(`standing:${account}`, "json");
  }

  it("bad tokens are told 401 for ever", async () => {
    const headers = from();
    const calls = Array.from({ length: 60 }, async () => gate.call("/v1/cheap", { headers, token: "bad" }));
    expect(counts(await Promise.all(calls))).toEqual({ "401 invalid_token": 60 });
  });

  it("a storm of 200 unpaid calls on an empty account is told 402, all of it, and writes nothing anywhere", async () => {
    await gate.grant("stormed", 100);
    const token = await gate.token("stormed");
    expect(await gate.see("stormed", "/v1/expensive", { token })).toMatchObject(paid(100));
    // The copy in KV follows the last charge within seconds, and then there is nothing left to write.
    await expect
      .poll(async () => standing("stormed"), { timeout: 9000, interval: 100 })
      .toMatchObject({ available: 0, held: 0 });
    await sleep(200);
    const before = [ledgersOnDisk(), await standing("stormed"), await gate.entries("stormed")];
    expect(before[0]).toHaveLength(1);
    const hits = gate.origin.hits.length;
    const replies: Reply[] = [];
    for (let n = 0; n < 10; n++) {
      const batch = Array.from({ length: 20 }, async () => gate.call("/v1/expensive", { token }));
      replies.push(...(await Promise.all(batch)));
    }
    expect(counts(replies)).toEqual({ "402 insufficient_credits": 200 });
    for (const reply of replies)
      expect(reply.json()).toMatchObject({ price: 100, shortfall: 100, balance: { available: 0, held: 0 } });
    expect(gate.origin.hits.length).toBe(hits);
    await sleep(1500);
    expect([ledgersOnDisk(), await standing("stormed"), await gate.entries("stormed")]).toEqual(before);
    await gate.grant("stormed", 100);
    expect(await gate.see("stormed", "/v1/expensive", { token })).toMatchObject(paid(100));
  });

  it("a storm on an account never granted anything makes no tables", async () => {
    const token = await gate.token("nobody");
    const objects = ledgersOnDisk().length;
    const calls = Array.from({ length: 60 }, async () => gate.call("/v1/cheap", { token }));
    expect(counts(await Promise.all(calls))).toEqual({ "402 insufficient_credits": 60 });
    const tables = ledgersOnDisk().map((rows) => (rows as unknown[][]).map(([name]) => name));
    expect(tables.filter((names) => names.includes("entries"))).toHaveLength(objects);
    expect(await standing("nobody")).toBeNull();
  });
});
