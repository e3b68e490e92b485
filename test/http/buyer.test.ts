/** Proves that a buyer's token reads its own account's balance and statement, and no other's. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { plans: { pro: { includes: ["GET /v1/cheap"] } } } });
});
afterAll(async () => gate.close());

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const RESOURCES = ["/_farebox/balance", "/_farebox/statement"] as const;
const balance = async (token: string): Promise<Reply> => gate.call("/_farebox/balance", { token });
const statement = async (token: string, query = ""): Promise<Reply> =>
  gate.call(`/_farebox/statement${query}`, { token });

/** What happens to an account: granted, charged, failed, refunded. */
async function live(account: string): Promise<string> {
  await gate.admin("PUT", `/accounts/${account}/grants/g1`, { credits: 500 });
  const token = await gate.token(account);
  gate.origin.answer = status(500);
  await gate.see(account, "/v1/cheap", { token });
  gate.origin.answer = ok;
  const paid = await gate.see(account, "/v1/expensive", { token });
  await gate.admin("PUT", `/accounts/${account}/refunds/r1`, {
    request_id: paid.reply.headers["request-id"],
    credits: 40,
  });
  return token;
}

describe("GET balance", () => {
  it("shows the account's exact state and nothing else", async () => {
    const token = await live("anna");
    await gate.admin("PUT", "/accounts/anna/plan", { plan: "pro" });
    const reply = await balance(token);
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({
      account: "anna",
      status: "active",
      plan: "pro",
      available: 440,
      held: 0,
      granted: 540,
      captured: 100,
      as_of: expect.stringMatching(RFC3339),
    });
    expect(reply.headers["cache-control"]).toBe("private, no-store");
  });

  it("shows what a call in flight holds", async () => {
    await gate.grant("bert", 150);
    const token = await gate.token("bert");
    const finishing = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      await finishing.promise;
      response.end("ok");
    };
    const call = gate.call("/v1/expensive", { token });
    await expect.poll(async () => (await balance(token)).json()).toMatchObject({ available: 50, held: 100 });
    finishing.resolve();
    await call;
    await expect.poll(async () => (await balance(token)).json()).toMatchObject({ held: 0, captured: 100 });
    gate.origin.answer = ok;
  });

  it("shows zeros for an account nobody granted anything, and makes none", async () => {
    const token = await gate.token("stranger");
    const { as_of, ...rest } = (await balance(token)).json();
    expect(as_of).toMatch(RFC3339);
    const zeros = { status: "active", plan: null, available: 0, held: 0, granted: 0, captured: 0 };
    expect(rest).toEqual({ account: "stranger", ...zeros });
    expect((await statement(token)).json()).toEqual({ account: "stranger", lines: [], next: null });
    expect((await gate.admin("GET", "/accounts/stranger")).status).toBe(404);
  });

  it("shows an empty account just as one nobody knows, in a refusal too", async () => {
    await gate.admin("PUT", "/accounts/emptied/status", { status: "active" });
    const seen = [];
    for (const account of ["emptied", "unknown"]) {
      const token = await gate.token(account);
      const { as_of: _, ...shown } = (await balance(token)).json();
      const call = await gate.see(account, "/v1/cheap", { token });
      expect(call).toMatchObject({ status: 402, hits: 0, entries: [], delta: 0 });
      const { request_id: __, ...problem } = call.reply.json();
      seen.push(JSON.stringify({ shown, problem }).replaceAll(account, "X"));
    }
    expect(seen[1]).toBe(seen[0]);
  });
});

describe("GET statement", () => {
  it("lists what changed the balance, call by call, and adds up to it", async () => {
    const token = await live("carl");
    const reply = await statement(token);
    const { account, lines, next } = reply.json();
    expect([reply.status, account, next]).toEqual([200, "carl", null]);
    const at = expect.stringMatching(RFC3339);
    const call = { route: "GET /v1/expensive", request_id: expect.stringMatching(/^req_/) };
    expect(lines).toEqual([
      { seq: 1, at, kind: "grant", credits: 500, ref: "g1", balance: { available: 500, held: 0 } },
      { ...call, seq: 5, at, kind: "capture", credits: -100, ref: lines[1].request_id, balance: nothingHeld(400) },
      { ...call, seq: 6, at, kind: "refund", credits: 40, ref: "r1", balance: nothingHeld(440) },
    ]);
    const total = lines.reduce((sum: number, line: { credits: number }) => sum + line.credits, 0);
    expect(total).toBe((await balance(token)).json().available);
  });

  it.each([1, 2, 1000])("gives every line exactly once, %i entries a page", async (limit) => {
    const token = await live(`pages-${limit}`);
    const all = (await statement(token)).json().lines;
    const seen = [];
    let after: number | null = 0;
    for (let n = 0; after !== null && n < 20; n++) {
      const page: any = (await statement(token, `?after=${after}&limit=${limit}`)).json(); // oxlint-disable-line typescript/no-explicit-any -- as a client gets it
      expect(page.lines.length).toBeLessThanOrEqual(limit);
      seen.push(...page.lines);
      after = page.next;
    }
    expect(after).toBeNull();
    expect(seen).toEqual(all);
  });

  it.each(["limit=0", "limit=1001", "limit=x", "limit=", "after=-1", "after=x", "after=1.5", "after="])(
    "refuses %s",
    async (query) => {
      const reply = await statement(await gate.token("carl"), `?${query}`);
      expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
      expect(reply.json().detail).toContain(query.split("=")[0]);
    },
  );
});

describe.each(RESOURCES)("%s", (path) => {
  it("is of the token's own account, whatever the request names", async () => {
    await gate.grant("rich", 9999);
    const token = await gate.token("poor");
    for (const query of ["?account=rich", "?sub=rich", "?Farebox-Account=rich"]) {
      const headers = { "farebox-account": "rich", "x-account": "rich" };
      const reply = await gate.call(path + query, { token, headers });
      expect([reply.status, reply.json().account]).toEqual([200, "poor"]);
      expect(reply.body).not.toContain("rich");
      expect(reply.body).not.toContain("9999");
    }
    for (const under of [`${path}/rich`, `${path}/`, `/_farebox/rich${path.slice(9)}`])
      expect((await gate.call(under, { token })).status).toBe(404);
  });

  it("asks for a token where there is none", async () => {
    for (const headers of [{}, { authorization: "" }]) {
      const reply = await gate.call(path, { headers: headers as Record<string, string> });
      expect([reply.status, reply.json().code]).toEqual([401, "token_required"]);
      expect(reply.headers["www-authenticate"]).toBe('Bearer realm="Test API"');
      expect(reply.headers["cache-control"]).toBe("private, no-store");
    }
  });

  it.each([
    ["Basic", "Basic YTpi", 401, "invalid_token"],
    ["nonsense", "Bearer not.a.token", 401, "invalid_token"],
    ["no token after Bearer", "Bearer ", 401, "invalid_token"],
    ["two tokens", "Bearer a.b.c, Bearer d.e.f", 400, "bad_request"],
  ])("refuses %s", async (_, authorization, code, name) => {
    const reply = await gate.call(path, { headers: { authorization } });
    expect([reply.status, reply.json().code]).toEqual([code, name]);
    expect(reply.json()).not.toHaveProperty("balance");
  });

  it("does not take the token from the query or a cookie", async () => {
    const token = await gate.token("carl");
    for (const name of ["token", "access_token"])
      expect((await gate.call(`${path}?${name}=${token}`)).status).toBe(401);
    expect((await gate.call(path, { headers: { cookie: `token=${token}` } })).status).toBe(401);
  });

  it("is closed to a revoked token, and to every token of an account that revoked them all", async () => {
    const account = `dora${path.replace(/\W/g, "-")}`;
    await gate.grant(account, 5);
    const { token, jti } = (await gate.admin("POST", `/accounts/${account}/tokens`, {})).json();
    const other = await gate.token(account);
    expect((await gate.call(path, { token })).status).toBe(200);
    await gate.admin("DELETE", `/tokens/${jti}`);
    const revoked = await gate.call(path, { token });
    expect([revoked.status, revoked.json().code]).toEqual([401, "token_revoked"]);
    expect(revoked.body).not.toContain("dora");
    expect((await gate.call(path, { token: other })).status).toBe(200);
    await gate.admin("DELETE", `/accounts/${account}/tokens`);
    expect((await gate.call(path, { token: other })).json()).toMatchObject({ code: "token_revoked" });
  });

  it("stays open to a suspended account", async () => {
    const account = `emil${path.replace(/\W/g, "-")}`;
    await gate.grant(account, 5);
    const token = await gate.token(account);
    await gate.admin("PUT", `/accounts/${account}/status`, { status: "suspended" });
    expect((await gate.call("/v1/cheap", { token })).status).toBe(403);
    expect((await gate.call(path, { token })).status).toBe(200);
    expect((await balance(token)).json().status).toBe("suspended");
  });

  it("costs nothing, writes nothing and never reaches the origin", async () => {
    const account = `fritz${path.replace(/\W/g, "-")}`;
    await gate.grant(account, 5);
    const seen = await gate.see(account, path, { token: await gate.token(account) });
    expect(seen).toMatchObject({ status: 200, hits: 0, entries: [], delta: 0 });
    expect(seen.reply.headers["access-control-allow-origin"]).toBe("*");
    expect(seen.reply.headers["request-id"]).toMatch(/^req_/);
  });

  it("answers HEAD without a body", async () => {
    const reply = await gate.call(path, { method: "HEAD", token: await gate.token("carl") });
    expect([reply.status, reply.body]).toEqual([200, ""]);
  });
});

function nothingHeld(available: number): object {
  return { available, held: 0 };
}
