/** Proves that credits enter an account exactly once per grant id, and that what is unspent of a grant can be taken back once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());

const EXPIRY = "2099-01-31T00:00:00.000Z";
const kinds = async (account: string): Promise<string[]> => (await gate.entries(account)).map(({ kind }) => kind);

describe("PUT grants/{id}", () => {
  it("adds the credits and says what it recorded, with the defaults filled in", async () => {
    const reply = await gate.admin("PUT", "/accounts/anna/grants/first", { credits: 500 });
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({
      account: "anna",
      id: "first",
      credits: 500,
      kind: "bought",
      priority: 50,
      expires_at: null,
      routes: null,
      replayed: false,
      balance: { available: 500, held: 0 },
    });
    expect(await gate.account("anna")).toMatchObject({ available: 500, held: 0, granted: 500 });
    expect(await kinds("anna")).toEqual(["grant"]);
    expect(gate.origin.hits).toEqual([]);
  });

  it("shows every term of the grant in the account's state", async () => {
    const terms = {
      credits: 7,
      kind: "promotional",
      priority: 3,
      expires_at: EXPIRY,
      routes: ["GET /v1/cheap", "GET /v1/items/:id"],
    };
    expect((await gate.admin("PUT", "/accounts/terms/grants/g", terms)).json()).toMatchObject(terms);
    const { grants } = await gate.account("terms");
    expect(grants).toEqual([{ id: "g", ...terms, remaining: 7, created_at: expect.stringMatching(/Z$/) }]);
  });

  it("adds nothing when it is sent again, and says so", async () => {
    await gate.admin("PUT", "/accounts/twice/grants/g", { credits: 5 });
    const again = await gate.admin("PUT", "/accounts/twice/grants/g", { credits: 5 });
    expect(again.status).toBe(200);
    expect(again.json()).toMatchObject({ credits: 5, replayed: true, balance: { available: 5, held: 0 } });
    expect(await kinds("twice")).toEqual(["grant"]);
    expect(await gate.account("twice")).toMatchObject({ available: 5, granted: 5 });
  });

  it("adds once however many send it at the same time", async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, async () => gate.admin("PUT", "/accounts/crowd/grants/g", { credits: 5 })),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(replies.filter((reply) => reply.json().replayed === false)).toHaveLength(1);
    expect(await gate.account("crowd")).toMatchObject({ available: 5, granted: 5 });
    expect(await kinds("crowd")).toEqual(["grant"]);
  });

  it("takes one moment for one moment, whatever zone it is written in, and routes in any order", async () => {
    const routes = ["GET /v1/cheap", "GET /v1/expensive"];
    await gate.admin("PUT", "/accounts/zones/grants/g", { credits: 5, expires_at: EXPIRY, routes });
    const again = { credits: 5, expires_at: "2099-01-31T02:00:00+02:00", routes: routes.toReversed() };
    expect((await gate.admin("PUT", "/accounts/zones/grants/g", again)).json()).toMatchObject({ replayed: true });
    expect((await gate.account("zones")).granted).toBe(5);
  });

  it("answers a repeated grant as before when its time has passed meanwhile", async () => {
    const grant = { credits: 5, expires_at: new Date(Date.now() + 1500).toISOString() };
    expect((await gate.admin("PUT", "/accounts/late/grants/g", grant)).status).toBe(200);
    await expect.poll(async () => kinds("late"), { timeout: 8000 }).toEqual(["grant", "expire"]);
    const again = await gate.admin("PUT", "/accounts/late/grants/g", grant);
    expect([again.status, again.json().replayed]).toEqual([200, true]);
    expect(await gate.account("late")).toMatchObject({ available: 0, granted: 5, expired: 5 });
  });

  it.each([
    ["credits", { credits: 6 }],
    ["kind", { credits: 5, kind: "promotional" }],
    ["priority", { credits: 5, priority: 51 }],
    ["expires_at", { credits: 5, expires_at: EXPIRY }],
    ["routes", { credits: 5, routes: ["GET /v1/cheap"] }],
  ])("refuses an id that was used with other %s, and changes nothing", async (name, other) => {
    const path = `/accounts/conflict-${name}/grants/g`;
    await gate.admin("PUT", path, { credits: 5 });
    const reply = await gate.admin("PUT", path, other);
    expect([reply.status, reply.json().code]).toEqual([409, "grant_conflict"]);
    expect(await kinds(`conflict-${name}`)).toEqual(["grant"]);
    expect(await gate.account(`conflict-${name}`)).toMatchObject({ available: 5, granted: 5 });
  });

  it("keeps ids apart by account", async () => {
    await gate.admin("PUT", "/accounts/apart-1/grants/g", { credits: 5 });
    const other = await gate.admin("PUT", "/accounts/apart-2/grants/g", { credits: 9 });
    expect(other.json()).toMatchObject({ replayed: false, balance: { available: 9, held: 0 } });
    expect((await gate.account("apart-1")).available).toBe(5);
  });

  it("pays for the routes it names and for no other", async () => {
    await gate.grant("picky", 500, { routes: ["GET /v1/cheap"] });
    const token = await gate.token("picky");
    const cheap = await gate.see("picky", "/v1/cheap", { token });
    expect(cheap).toMatchObject({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    const other = await gate.see("picky", "/v1/expensive", { token });
    expect(other).toMatchObject({ status: 402, hits: 0, entries: [], delta: 0 });
    expect(other.reply.json()).toMatchObject({ code: "insufficient_credits", shortfall: 100 });
  });

  it("refuses what would make the account's grants exceed 10^15, exactly there", async () => {
    const put = async (id: string, credits: number): Promise<number> =>
      (await gate.admin("PUT", `/accounts/rich/grants/${id}`, { credits })).status;
    for (let n = 0; n < 1000; n += 50) {
      const batch = Array.from({ length: 50 }, async (_, i) => put(`g${n + i}`, n + i === 0 ? 1e12 - 1 : 1e12));
      expect(await Promise.all(batch)).toEqual(Array(50).fill(200));
    }
    expect(await put("two-too-many", 2)).toBe(400);
    expect(await put("the-last-one", 1)).toBe(200);
    const over = await gate.admin("PUT", "/accounts/rich/grants/over", { credits: 1 });
    expect([over.status, over.json().code]).toEqual([400, "bad_request"]);
    expect(over.json().detail).toContain("10^15");
    expect(await gate.account("rich")).toMatchObject({ available: 1e15, granted: 1e15 });
  });
});

describe("DELETE grants/{id}", () => {
  it("takes back what is unspent, and leaves what was spent", async () => {
    await gate.admin("PUT", "/accounts/back/grants/g", { credits: 250 });
    await gate.grant("back", 1000, { priority: 99 });
    const token = await gate.token("back");
    expect(await gate.see("back", "/v1/expensive", { token })).toMatchObject({ status: 200, delta: -100 });
    const reply = await gate.admin("DELETE", "/accounts/back/grants/g");
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({
      account: "back",
      id: "g",
      reversed: 150,
      spent: 100,
      replayed: false,
      balance: { available: 1000, held: 0 },
    });
    expect(await gate.account("back")).toMatchObject({ available: 1000, captured: 100, reversed: 150, granted: 1250 });
  });

  it("takes back once, and answers the same when it is sent again", async () => {
    await gate.admin("PUT", "/accounts/once/grants/g", { credits: 5 });
    const first = (await gate.admin("DELETE", "/accounts/once/grants/g")).json();
    const again = (await gate.admin("DELETE", "/accounts/once/grants/g")).json();
    expect(again).toEqual({ ...first, replayed: true });
    expect(await kinds("once")).toEqual(["grant", "reverse"]);
    expect((await gate.account("once")).available).toBe(0);
  });

  it("does not let a reversed grant come back under its id", async () => {
    await gate.admin("PUT", "/accounts/undead/grants/g", { credits: 5 });
    await gate.admin("DELETE", "/accounts/undead/grants/g");
    const again = await gate.admin("PUT", "/accounts/undead/grants/g", { credits: 5 });
    expect(again.json()).toMatchObject({ replayed: true, balance: { available: 0, held: 0 } });
    expect(await kinds("undead")).toEqual(["grant", "reverse"]);
  });

  it("takes back what a call in flight held once that call has failed", async () => {
    await gate.admin("PUT", "/accounts/flight/grants/g", { credits: 100 });
    const token = await gate.token("flight");
    const failing = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      await failing.promise;
      response.writeHead(500).end();
    };
    const call = gate.call("/v1/expensive", { token });
    await expect.poll(async () => (await gate.account("flight")).held).toBe(100);
    expect((await gate.admin("DELETE", "/accounts/flight/grants/g")).json()).toMatchObject({ reversed: 0 });
    failing.resolve();
    expect((await call).status).toBe(500);
    await gate.settled("flight");
    expect(await gate.account("flight")).toMatchObject({ available: 0, held: 0, captured: 0, reversed: 100 });
  });

  it.each(["/accounts/nobody/grants/g", "/accounts/back/grants/never"])(
    "answers 404 to %s, which is not there, and writes nothing",
    async (path) => {
      const before = await kinds("back");
      const reply = await gate.admin("DELETE", path);
      expect([reply.status, reply.json().code]).toEqual([404, "not_found"]);
      expect(await kinds("back")).toEqual(before);
      expect((await gate.admin("GET", "/accounts/nobody")).status).toBe(404);
    },
  );
});
