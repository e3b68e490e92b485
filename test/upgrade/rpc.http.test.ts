/**
 * That a deploy or a roll-back costs nobody a credit: while Workers of one version meet objects of the other, each
 * says and understands the same, one balance stays one balance, and what the older cannot promise is not served.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/ledger/ledger.ts";
import { expectSoundBooks } from "../ledger/books.ts";
import { captureOf, grantOf, holdOf, refundOf, reverseOf, voidOf } from "../support/command.ts";
import { paid } from "../support/columns.ts";
import type { Reply } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";
import { fileStore } from "./file-store.ts";
import { fileIn, startPair, type Pair, type Told } from "./pair.ts";

const together = async <T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, n) => call(n)));
function tally(kinds: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
const statusesOf = (replies: readonly Reply[]): Record<string, number> =>
  tally(replies.map(({ status: code }) => code));
const kindsOf = (answers: readonly Told[]): Record<string, number> => tally(answers.map(({ kind }) => kind));
/** A token's facts that no revocation of these tests meets. */
const token = { jti: "t1", issuedAt: 2_000_000_000 };

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "farebox-upgrade-"));
  folders.push(folder);
  return folder;
}
let pair: Pair;
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The journal adds up to the balance after every line, and nothing ever was below zero. */
async function expectSound(account: string): Promise<void> {
  const sum = { available: 0, held: 0 };
  for (const { amount, held, balance } of await pair.gate.entries(account)) {
    sum.held += held;
    sum.available += amount - held;
    expect(balance).toEqual(sum);
    expect(Math.min(sum.available, sum.held)).toBeGreaterThanOrEqual(0);
  }
  const { granted, available, held, captured, expired = 0, reversed = 0 } = await pair.gate.account(account);
  expect({ available, held }).toEqual(sum);
  expect(granted).toBe(available + held + captured + expired + reversed);
}

describe("today's gate before objects of version 1", () => {
  beforeAll(async () => {
    pair = await startPair(1, newFolder());
  });
  afterAll(async () => pair.close());
  afterEach(() => {
    pair.gate.origin.answer = ok;
  });

  it("takes grants, charges calls, gives back what failed, refunds, and tells it all", async () => {
    const { gate } = pair;
    await gate.grant("life", 1000);
    const bearer = await gate.token("life");
    const { reply, ...seen } = await gate.see("life", "/v1/expensive", { token: bearer });
    expect(seen).toEqual(paid(100));
    expect(reply.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "900" });
    gate.origin.answer = status(500);
    const { reply: failed, ...voided } = await gate.see("life", "/v1/expensive", { token: bearer });
    expect(voided).toEqual({ status: 500, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(failed.headers).toMatchObject({ "credits-charged": "0", "credits-remaining": "900" });
    const refund = { request_id: reply.headers["request-id"], credits: 40 };
    for (const _ of [1, 2]) expect((await gate.admin("PUT", "/accounts/life/refunds/r1", refund)).status).toBe(200);
    expect((await gate.admin("PUT", "/accounts/life/refunds/r1", { ...refund, credits: 41 })).status).toBe(409);
    expect(await gate.account("life")).toMatchObject({ granted: 1040, available: 940, held: 0, captured: 100 });
    const kinds = (await gate.entries("life")).map(({ kind }) => kind);
    expect(kinds).toEqual(["grant", "hold", "capture", "hold", "void", "refund"]);
    const own = await gate.call("/_farebox/balance", { token: bearer });
    expect(own.json()).toMatchObject({ available: 940, held: 0 });
    const statement = await gate.call("/_farebox/statement", { token: bearer });
    expect(statement.json().lines.map(({ credits }: { credits: number }) => credits)).toEqual([1000, -100, 40]);
    await expectSound("life");
  });

  it("refuses for want of credits, suspends, sets plans and withdraws tokens", async () => {
    const { gate } = pair;
    await gate.grant("rules", 50);
    const bearer = await gate.token("rules");
    expect((await gate.call("/v1/expensive", { token: bearer })).status).toBe(402);
    await gate.admin("PUT", "/accounts/rules/status", { status: "suspended" });
    expect((await gate.call("/v1/cheap", { token: bearer })).status).toBe(403);
    await gate.admin("PUT", "/accounts/rules/status", { status: "active" });
    await gate.admin("PUT", "/accounts/rules/plan", { plan: "pro" });
    expect((await gate.call("/v1/items/1", { token: bearer })).headers["credits-charged"]).toBe("0");
    await gate.admin("DELETE", "/accounts/rules/tokens");
    expect((await gate.call("/v1/cheap", { token: bearer })).status).toBe(401);
    expect(await gate.account("rules")).toMatchObject({ available: 50, held: 0, captured: 0 });
  });

  it("serves 40 calls of price 1 on a balance of 5 exactly 5 times", async () => {
    const { gate } = pair;
    await gate.grant("rush", 5);
    const bearer = await gate.token("rush");
    const hits = gate.origin.hits.length;
    const replies = await together(40, async () => gate.call("/v1/cheap", { token: bearer }));
    await gate.settled("rush");
    expect(statusesOf(replies)).toEqual({ 200: 5, 402: 35 });
    expect(gate.origin.hits.length - hits).toBe(5);
    expect(await gate.account("rush")).toMatchObject({ available: 0, held: 0, captured: 5 });
    await expectSound("rush");
  });

  it.each<[string, object, Record<string, string>]>([
    ["with an Idempotency-Key", {}, { "idempotency-key": "k1" }],
    ["of a token with a spend limit", { spend_limit: 500 }, {}],
    ["with both", { spend_limit: 500 }, { "idempotency-key": "k2" }],
  ])("refuses a call %s, which these cannot keep, rather than serve it without", async (what, more, headers) => {
    const { gate } = pair;
    const account = `unpromised-${what.length}`;
    await gate.grant(account, 1000);
    const bearer = await gate.token(account, more);
    for (const _ of [1, 2]) {
      const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: bearer, headers });
      expect(seen).toEqual({ status: 503, hits: 0, entries: [], delta: 0 });
      expect(reply.json()).toMatchObject({ code: "ledger_unavailable", retryable: true });
    }
    // The same caller goes on where it asks for no such promise.
    const plain = await gate.token(account);
    expect((await gate.see(account, "/v1/expensive", { token: plain })).delta).toBe(-100);
  });
});

/** A life of an account as a client of version 1 leads it, with each of its answers. */
const LIFE = [
  grantOf(10),
  grantOf(10),
  grantOf(11),
  holdOf(4, { token }),
  holdOf(4, { token }),
  holdOf(5, { token }),
  captureOf(1, { final: false }),
  captureOf(3),
  captureOf(3),
  captureOf(4),
  voidOf(),
  refundOf(2),
  refundOf(2),
  refundOf(3, { id: "r2" }),
  holdOf(9, { id: "h2", token }),
  voidOf("h2"),
  voidOf("h2"),
  holdOf(10, { id: "h3", token }),
  captureOf(1, { id: "nobody's" }),
  reverseOf(),
  reverseOf(),
] as const;
/** As version 1's Worker wrote them: without what came after it. */
const asOld = <T extends object>(command: T): T => {
  const { cap: _cap, idempotency: _idempotency, ...rest } = command as T & { cap?: unknown; idempotency?: unknown };
  return rest as T;
};

describe("a client of version 1 before objects of today", () => {
  beforeAll(async () => {
    pair = await startPair(2, newFolder());
  });
  afterAll(async () => pair.close());

  it("is told the same, field by field, as by an object of its own version", async () => {
    const answersOf = async (): Promise<unknown[]> => {
      const told: unknown[] = [];
      for (const command of LIFE) told.push(await pair.old("life", asOld(command)));
      const asked = await pair.old("life", { read: "account" });
      const view = asked["found"] as Record<string, unknown> & { grants: object[] };
      const grants = view.grants.map((grant) => ({ ...grant, createdAt: 0 }));
      const journal = (await pair.old("life", { read: "entries", after: 0, limit: 100 }))["found"];
      // Version 1 does not look at `calls`, of which today's lines have one more.
      const lines = (journal as { entries: object[] }).entries.map((line) => ({ ...line, at: 0, calls: null }));
      return [...told, { ...view, asOf: 0, grants }, lines, await pair.old("life", { read: "access", token })];
    };
    const today = await answersOf();
    await pair.close();
    pair = await startPair(1, newFolder());
    const own = await answersOf();
    await pair.close();
    pair = await startPair(2, newFolder());
    expect(today).toEqual(own);
    expect(kindsOf(own.slice(0, 4) as Told[])).toEqual({ granted: 2, conflict: 1, held: 1 });
  });

  it("takes 40 holds of 1 on a balance of 5 exactly 5 times", async () => {
    await pair.old("rush", grantOf(5));
    const told = await together(40, async (n) => pair.old("rush", asOld(holdOf(1, { id: `h${n}`, token }))));
    expect(kindsOf(told)).toEqual({ held: 5, insufficient_balance: 35 });
    const captured = await together(40, async (n) => pair.old("rush", captureOf(1, { id: `h${n}` })));
    expect(kindsOf(captured)).toEqual({ captured: 5, hold_not_found: 35 });
    expect(await pair.gate.account("rush")).toMatchObject({ available: 0, held: 0, captured: 5 });
    await expectSound("rush");
  });

  it("sends a command again by its id, at once or later, and it is carried out once", async () => {
    await pair.old("again", grantOf(10));
    const holds = await together(8, async () => pair.old("again", asOld(holdOf(4, { token }))));
    expect(kindsOf(holds)).toEqual({ held: 8 });
    expect(holds.filter(({ replayed }) => replayed === false)).toHaveLength(1);
    const captures = await together(8, async () => pair.old("again", captureOf(4)));
    expect(captures.filter(({ replayed }) => replayed === false)).toHaveLength(1);
    expect(await pair.gate.account("again")).toMatchObject({ available: 6, held: 0, captured: 4 });
    await expectSound("again");
  });

  it("leaves alone what a newer client promised under a key or a spend limit", async () => {
    const { gate } = pair;
    await gate.grant("promised", 1000);
    const bearer = await gate.token("promised", { spend_limit: 150 });
    const headers = { "idempotency-key": "k1" };
    const first = await gate.call("/v1/expensive", { token: bearer, headers });
    await gate.settled("promised");
    await pair.old("promised", asOld(holdOf(100, { id: "between", token })));
    await pair.old("promised", captureOf(100, { id: "between" }));
    const hits = gate.origin.hits.length;
    const again = await gate.call("/v1/expensive", { token: bearer, headers });
    expect([again.status, again.headers["request-id"] !== undefined]).toEqual([first.status, true]);
    expect(gate.origin.hits.length).toBe(hits);
    const beyond = await gate.call("/v1/expensive", { token: bearer });
    expect([beyond.status, beyond.json().code]).toEqual([403, "spend_limit_reached"]);
    expect(await gate.account("promised")).toMatchObject({ available: 800, held: 0, captured: 200 });
  });
});

describe.each([1, 2] as const)("both clients at once before objects of version %d", (objects) => {
  it("spend one balance: exactly what there is, every credit of it once, and the books are sound", async () => {
    const persist = newFolder();
    pair = await startPair(objects, persist);
    const { gate } = pair;
    await gate.grant("storm", 60);
    const bearer = await gate.token("storm");
    gate.origin.answer = (request, response) => {
      response.writeHead(request.url === "/v1/cheap?fails" ? 500 : 200).end();
    };
    const spendOld = async (n: number): Promise<string> => {
      const hold = asOld(holdOf(1, { id: `old${n}`, token }));
      const [{ kind }] = await Promise.all([pair.old("storm", hold), pair.old("storm", hold)]);
      if (kind !== "held") return kind;
      const end = n % 3 === 0 ? voidOf(`old${n}`) : captureOf(1, { id: `old${n}` });
      const [told] = await Promise.all([pair.old("storm", end), pair.old("storm", end)]);
      return told.kind;
    };
    const callNew = async (n: number): Promise<number> =>
      (await gate.call(n % 3 === 0 ? "/v1/cheap?fails" : "/v1/cheap", { token: bearer })).status;
    let [served, captured] = [0, 0];
    // Until the last credit is gone: what was voided is there for the next round.
    for (let round = 0; round < 50 && (await gate.account("storm")).available > 0; round++) {
      const [statuses, kinds] = await Promise.all([
        together(20, async (n) => callNew(round * 20 + n)),
        together(20, async (n) => spendOld(round * 20 + n)),
      ]);
      served += tally(statuses)[200] ?? 0;
      captured += tally(kinds)["captured"] ?? 0;
      await gate.settled("storm");
    }
    expect(served + captured).toBe(60);
    expect(Math.min(served, captured)).toBeGreaterThan(0);
    expect(await gate.account("storm")).toMatchObject({ granted: 60, available: 0, held: 0, captured: 60 });
    await expectSound("storm");
    await pair.close();
    const store = fileStore(fileIn(persist));
    open(store);
    expectSoundBooks(store);
    store.close();
  });
});
