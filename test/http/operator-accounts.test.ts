/** Proves that an operator sees every account, exactly where it matters, and that suspension and plans act on calls. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { plans: { pro: { includes: ["GET /v1/expensive"] } } } });
});
afterAll(async () => gate.close());

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** What happened to an account, of which these tests ask: granted, charged, failed, refunded, reversed. */
async function live(account: string): Promise<void> {
  await gate.admin("PUT", `/accounts/${account}/grants/g1`, { credits: 1000 });
  await gate.admin("PUT", `/accounts/${account}/grants/g2`, { credits: 50, priority: 99 });
  const token = await gate.token(account);
  const paid = await gate.see(account, "/v1/items/7?q=1", { token });
  gate.origin.answer = status(500);
  await gate.see(account, "/v1/cheap", { token });
  gate.origin.answer = ok;
  const request_id = paid.reply.headers["request-id"];
  await gate.admin("PUT", `/accounts/${account}/refunds/r1`, { request_id, credits: 2 });
  await gate.admin("DELETE", `/accounts/${account}/grants/g2`);
}

type Listed = { account: string; status: string; available: number };
const list = async (query: string): Promise<{ accounts: Listed[]; next: string | null }> =>
  (await gate.admin("GET", `/accounts${query}`)).json();
const find = async (account: string): Promise<Listed | undefined> =>
  (await list("?limit=1000")).accounts.find((entry) => entry.account === account);

describe("GET accounts", () => {
  it("lists an account with its standing as KV has it, soon after it changed", async () => {
    await gate.grant("listed", 25);
    const entry = { account: "listed", status: "active", plan: null, available: 25, held: 0 };
    await expect
      .poll(async () => find("listed"), { timeout: 5000 })
      .toEqual({ ...entry, as_of: expect.stringMatching(RFC3339) });
    await gate.admin("PUT", "/accounts/listed/status", { status: "suspended" });
    await gate.admin("PUT", "/accounts/listed/plan", { plan: "pro" });
    await expect
      .poll(async () => find("listed"), { timeout: 5000 })
      .toMatchObject({ ...entry, status: "suspended", plan: "pro" });
  });

  it("gives every account exactly once, in pages that end", async () => {
    const names = Array.from({ length: 7 }, (_, n) => `page-${n}`);
    for (const name of names) await gate.grant(name, 1);
    await expect
      .poll(async () => (await list("?limit=1000")).accounts.map(({ account }) => account), { timeout: 5000 })
      .toEqual(expect.arrayContaining(names));
    const all = (await list("?limit=1000")).accounts.map(({ account }) => account);
    const seen: string[] = [];
    let cursor: string | null = "";
    for (let n = 0; cursor !== null && n < 100; n++) {
      const page = await list(`?limit=3${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
      expect(page.accounts.length).toBeLessThanOrEqual(3);
      seen.push(...page.accounts.map(({ account }) => account));
      cursor = page.next;
    }
    expect(cursor).toBeNull();
    expect(seen).toEqual(all);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each(["0", "1001", "-1", "1.5", "1e2", "ten", "", "%2010"])("refuses limit=%s", async (limit) => {
    for (const path of ["/accounts", "/accounts/listed/entries"]) {
      const reply = await gate.admin("GET", `${path}?limit=${limit}`);
      expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
      expect(reply.json().detail).toContain("limit");
    }
  });
});

describe("GET accounts/{account}", () => {
  it("shows the exact state, by the law of conservation", async () => {
    await live("exact");
    const state = await gate.account("exact");
    expect(state).toEqual({
      account: "exact",
      status: "active",
      plan: null,
      plan_until: null,
      available: 997,
      held: 0,
      granted: 1052,
      captured: 5,
      expired: 0,
      reversed: 50,
      written_off: 0,
      tokens_revoked_at: null,
      as_of: expect.stringMatching(RFC3339),
      grants: [
        expect.objectContaining({ id: "g1", kind: "bought", credits: 1000, remaining: 995, priority: 50 }),
        expect.objectContaining({ kind: "refund", credits: 2, remaining: 2, priority: 50 }),
      ],
    });
    const { granted, available, held, captured, expired, reversed } = state;
    expect(available + held + captured + expired + reversed).toBe(granted);
  });

  it("answers 404, the same to every question, for an account nobody knows, and makes none", async () => {
    const asked: [string, string][] = [
      ["GET", "/accounts/ghost"],
      ["GET", "/accounts/ghost/entries"],
    ];
    const problems = [];
    for (const [method, path] of asked) {
      const { request_id, ...problem } = (await gate.admin(method, path)).json();
      expect(request_id).toMatch(/^req_/);
      problems.push(problem);
    }
    expect(problems[0]).toMatchObject({ status: 404, code: "not_found" });
    expect(problems[1]).toEqual(problems[0]);
  });
});

describe("GET accounts/{account}/entries", () => {
  it("lists every change in order, with amounts and balances that add up", async () => {
    await live("journal");
    const entries = await gate.entries("journal");
    expect(entries.map(({ kind, amount, held }) => [kind, amount, held])).toEqual([
      ["grant", 1000, 0],
      ["grant", 50, 0],
      ["hold", 0, 5],
      ["capture", -5, -5],
      ["hold", 0, 1],
      ["void", 0, -1],
      ["refund", 2, 0],
      ["reverse", -50, 0],
    ]);
    let total = 0;
    let held = 0;
    for (const entry of entries) {
      total += entry.amount;
      held += entry.held;
      expect(entry.balance).toEqual({ available: total - held, held });
    }
    const state = await gate.account("journal");
    expect([total, held]).toEqual([state.available + state.held, state.held]);
  });

  it("gives each entry the documented members and no others", async () => {
    await live("members");
    const [grant, , hold, capture] = await gate.entries("members");
    const always = { seq: 1, at: expect.stringMatching(RFC3339), held: 0 };
    expect(grant).toEqual({ ...always, kind: "grant", amount: 1000, ref: "g1", balance: { available: 1000, held: 0 } });
    const call = {
      request_id: expect.stringMatching(/^req_/),
      ref: expect.stringMatching(/^req_/),
      route: "GET /v1/items/:id",
    };
    const after = { balance: { available: 1045, held: 5 } };
    expect(hold).toEqual({ ...always, ...call, ...after, seq: 3, kind: "hold", amount: 0, held: 5 });
    expect(capture).toEqual({
      ...hold,
      seq: 4,
      at: expect.stringMatching(RFC3339),
      kind: "capture",
      amount: -5,
      held: -5,
      balance: { available: 1045, held: 0 },
    });
  });

  it.each([1, 3, 8])("gives every entry exactly once, %i a page", async (limit) => {
    const account = `pages-${limit}`;
    await live(account);
    const all = await gate.entries(account);
    const seen = [];
    let after: number | null = 0;
    for (let n = 0; after !== null && n < 20; n++) {
      const page: any = (await gate.admin("GET", `/accounts/${account}/entries?after=${after}&limit=${limit}`)).json(); // oxlint-disable-line typescript/no-explicit-any -- as a client gets it
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      seen.push(...page.entries);
      after = page.next;
    }
    expect(after).toBeNull();
    expect(seen).toEqual(all);
  });

  it("gives nothing after the last entry", async () => {
    await gate.grant("end", 1);
    const path = "/accounts/end/entries?after=";
    expect((await gate.admin("GET", `${path}1`)).json()).toEqual({ entries: [], next: null });
    expect((await gate.admin("GET", `${path}9007199254740991`)).json()).toEqual({ entries: [], next: null });
  });

  it.each(["-1", "1.5", "x", "", "9007199254740993", "99999999999999999999"])("refuses after=%s", async (after) => {
    const reply = await gate.admin("GET", `/accounts/end/entries?after=${after}`);
    expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
  });
});

const put = async (account: string, value: string): Promise<Reply> =>
  gate.admin("PUT", `/accounts/${account}/status`, { status: value });

describe("PUT status", () => {
  it("suspends: calls are refused, free of charge, until it resumes", async () => {
    await gate.grant("naughty", 500);
    const token = await gate.token("naughty");
    expect((await put("naughty", "suspended")).json()).toEqual({ account: "naughty", status: "suspended" });
    const refused = await gate.see("naughty", "/v1/cheap", { token });
    expect(refused).toMatchObject({ status: 403, hits: 0, entries: [], delta: 0 });
    expect(refused.reply.json()).toMatchObject({ code: "account_suspended", retryable: false });
    expect((await gate.account("naughty")).status).toBe("suspended");

    expect((await put("naughty", "active")).status).toBe(200);
    expect(await gate.see("naughty", "/v1/cheap", { token })).toMatchObject({ status: 200, hits: 1, delta: -1 });
  });

  it("may be said twice, and moves no credits", async () => {
    await gate.grant("said", 5);
    for (let n = 0; n < 2; n++) expect((await put("said", "suspended")).status).toBe(200);
    expect((await gate.entries("said")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("takes grants while suspended", async () => {
    await put("frozen", "suspended");
    await gate.grant("frozen", 5);
    expect(await gate.account("frozen")).toMatchObject({ status: "suspended", available: 5 });
  });

  it("stops an included route soon, too", async () => {
    await gate.admin("PUT", "/accounts/freeloader/plan", { plan: "pro" });
    const token = await gate.token("freeloader");
    expect(await gate.call("/v1/expensive", { token })).toMatchObject({ status: 200 });
    await put("freeloader", "suspended");
    await expect.poll(async () => (await gate.call("/v1/expensive", { token })).status, { timeout: 5000 }).toBe(403);
  });
});

describe("PUT plan", () => {
  it("includes the plan's routes: they cost nothing, the others their price", async () => {
    await gate.grant("member", 500);
    const token = await gate.token("member");
    const reply = await gate.admin("PUT", "/accounts/member/plan", { plan: "pro" });
    expect(reply.json()).toEqual({ account: "member", plan: "pro", until: null });
    const included = await gate.see("member", "/v1/expensive", { token });
    expect(included).toMatchObject({ status: 200, hits: 1, entries: [], delta: 0 });
    expect(included.reply.headers["credits-charged"]).toBe("0");
    expect(await gate.see("member", "/v1/cheap", { token })).toMatchObject({ status: 200, hits: 1, delta: -1 });
  });

  it("ends when it is taken away, and at its time", async () => {
    const call = async (token: string): Promise<number> => (await gate.call("/v1/expensive", { token })).status;
    const until = new Date(Date.now() + 2000).toISOString();
    const reply = await gate.admin("PUT", "/accounts/trial/plan", { plan: "pro", until });
    expect(reply.json()).toEqual({ account: "trial", plan: "pro", until });
    await gate.admin("PUT", "/accounts/leaver/plan", { plan: "pro" });
    const trial = await gate.token("trial");
    const leaver = await gate.token("leaver");
    expect([await call(trial), await call(leaver)]).toEqual([200, 200]);
    expect((await gate.account("trial")).plan_until).toBe(until);

    const taken = await gate.admin("PUT", "/accounts/leaver/plan", { plan: null });
    expect(taken.json()).toEqual({ account: "leaver", plan: null, until: null });
    await expect.poll(async () => call(leaver), { timeout: 5000 }).toBe(402);
    await expect.poll(async () => call(trial), { timeout: 8000 }).toBe(402);
    expect(await gate.account("trial")).toMatchObject({ plan: null, plan_until: null });
  });
});
