/** Proves that a token's calls are never charged and never hold more than its cap, and what gives room under it back. */
import { describe, expect, it } from "vitest";
import { credits } from "../../src/credits.ts";
import type { Command, HoldCommand, Outcomes } from "../../src/ledger/command.ts";
import { apply, open, wake } from "../../src/ledger/ledger.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf, memoryStore } from "../support/store.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

const UNTIL = NOW + DAY;
const EXPIRED = NOW + 90 * SECOND;
/** A hold under a cap of `limit` on token t1. */
const capped = (amount: number, id: string, limit: number, more: Partial<HoldCommand> = {}): HoldCommand =>
  holdOf(amount, { id, cap: { jti: "t1", credits: credits(limit), until: UNTIL }, ...more });
const reached = (limit: number, spent: number): object => ({ kind: "spend_limit_reached", limit, spent });
const after = (...commands: readonly Command[]): TestAccount => openAccount(grantOf(100), ...commands);
/** What the ledger says is spent under a cap of 10, asked by a call that no cap of 10 allows. */
function spentOf(account: TestAccount, at = NOW): unknown {
  const outcome: Outcomes["hold"] = account.apply(capped(11, "asking", 10), at);
  return outcome.kind === "spend_limit_reached" ? outcome.spent : outcome;
}

describe("a cap", () => {
  it("is exact to the credit: the last one is spent, one more is refused", () => {
    const account = after(capped(6, "h1", 10), captureOf(6), capped(3, "h2", 10));
    expect(account.apply(capped(2, "h3", 10))).toEqual(reached(10, 9));
    expect(account.apply(capped(1, "h3", 10))).toMatchObject({ kind: "held", replayed: false });
    expect(account.apply(capped(1, "h4", 10))).toEqual(reached(10, 10));
    expect(account.view()).toMatchObject({ available: 90, held: 4, captured: 6 });
  });

  it("refuses a single call above it, and writes nothing", () => {
    const account = after();
    const before = contentsOf(account.store);
    expect(account.apply(capped(11, "h1", 10))).toEqual(reached(10, 0));
    expect(contentsOf(account.store)).toEqual(before);
    expect(account.apply(capped(10, "h1", 10))).toMatchObject({ kind: "held" });
  });

  it("counts what calls in flight hold", () => {
    const account = after(capped(4, "h1", 10), capped(4, "h2", 10));
    expect(account.apply(capped(4, "h3", 10))).toEqual(reached(10, 8));
  });

  it("counts a hold that is sent again once", () => {
    const account = after(capped(4, "h1", 10));
    expect(account.apply(capped(4, "h1", 10))).toMatchObject({ replayed: true });
    expect(spentOf(account)).toBe(4);
  });

  it("is part of what a hold is: under another token the same id is a conflict", () => {
    const account = after(capped(4, "h1", 10));
    const other = { jti: "t2", credits: credits(10), until: UNTIL };
    expect(account.apply(capped(4, "h1", 10, { cap: other }))).toEqual({ kind: "conflict" });
    expect(account.apply(capped(4, "h1", 10, { cap: null }))).toEqual({ kind: "conflict" });
  });

  it("of one token leaves another's alone, and calls without one alone", () => {
    const account = after(capped(10, "h1", 10));
    const other = { jti: "t2", credits: credits(10), until: UNTIL };
    expect(account.apply(capped(10, "h2", 10, { cap: other }))).toMatchObject({ kind: "held" });
    expect(account.apply(holdOf(80, { id: "h3" }))).toMatchObject({ kind: "held" });
    expect(account.apply(capped(1, "h4", 10))).toEqual(reached(10, 10));
    expect(account.apply(capped(1, "h4", 10, { cap: other }))).toEqual(reached(10, 10));
  });

  it("is the one the call comes with, where one token comes with several: lowered or raised, what was spent counts", () => {
    const account = after(capped(6, "h1", 10), captureOf(6));
    expect(account.apply(capped(1, "h2", 5))).toEqual(reached(5, 6));
    expect(account.apply(capped(1, "h2", 7))).toMatchObject({ kind: "held" });
    expect(account.apply(capped(1, "h3", 7))).toEqual(reached(7, 7));
    expect(account.apply(capped(13, "h3", 20))).toMatchObject({ kind: "held" });
    expect(account.apply(capped(1, "h4", 20))).toEqual(reached(20, 20));
  });
});

describe("room under a cap", () => {
  it.each<[string, Command[], number, number]>([
    ["a void", [voidOf()], NOW, 0],
    ["an expiry", [], EXPIRED, 0],
    ["the rest of a capture in part", [captureOf(1)], NOW, 1],
    ["a capture of nothing", [captureOf(0)], NOW, 0],
    ["the rest of reports when they end", [captureOf(1, { final: false }), captureOf(3)], NOW, 3],
    ["the rest of reports when they expire", [captureOf(3, { final: false })], EXPIRED, 3],
  ])("comes back with %s, once", (_, commands, at, spent) => {
    const account = after(capped(8, "h1", 10), ...commands);
    expect(spentOf(account, at)).toBe(spent);
    for (const command of commands) account.apply(command, at);
    expect(spentOf(account, at)).toBe(spent);
    expect(account.apply(capped(10 - spent, "h2", 10), at)).toMatchObject({ kind: "held" });
  });

  it("does not come with a report that leaves the hold open", () => {
    const account = after(capped(8, "h1", 10), captureOf(1, { final: false }));
    expect(spentOf(account)).toBe(8);
  });

  it("does not come back with a refund", () => {
    const account = after(capped(8, "h1", 10), captureOf(8), refundOf(null));
    expect(account.view()).toMatchObject({ available: 100 });
    expect(account.apply(capped(3, "h2", 10))).toEqual(reached(10, 8));
  });
});

describe("a capture that comes after its hold expired", () => {
  it.each([
    [0, 8, 0],
    [2, 8, 0],
    [5, 5, 3],
    [10, 0, 8],
  ])("finding %d of a cap of 10 spent charges %d and writes off %d", (spent, charged, writtenOff) => {
    const account = after(capped(8, "h1", 10));
    if (spent > 0) account.apply(capped(spent, "h2", 10), EXPIRED);
    expect(account.apply(captureOf(8), EXPIRED)).toMatchObject({ credits: charged, writtenOff });
    expect(account.view(EXPIRED)).toMatchObject({ captured: charged, held: spent, writtenOff });
    expect(spentOf(account, EXPIRED)).toBe(spent + charged);
  });

  it("charges no more than the account has, and counts only that", () => {
    const account = after(capped(8, "h1", 10));
    account.apply(holdOf(97, { id: "rest", ttlSeconds: 900 }), EXPIRED);
    expect(account.apply(captureOf(8), EXPIRED)).toMatchObject({ credits: 3, writtenOff: 5 });
    expect(spentOf(account, EXPIRED)).toBe(3);
  });

  it("sent again counts once", () => {
    const account = after(capped(8, "h1", 10));
    for (let n = 0; n < 3; n++) account.apply(captureOf(8), EXPIRED);
    expect(spentOf(account, EXPIRED)).toBe(8);
  });

  it("goes to the cap the token came with last", () => {
    const account = after(capped(8, "h1", 10));
    account.apply(capped(1, "h2", 4), EXPIRED);
    expect(account.apply(captureOf(8), EXPIRED)).toMatchObject({ credits: 3, writtenOff: 5 });
  });
});

describe("what is said first", () => {
  it("is that the account is suspended, or the token revoked", () => {
    const suspended = after(capped(10, "h1", 10), { op: "status", status: "suspended" });
    expect(suspended.apply(capped(1, "h2", 10))).toEqual({ kind: "account_suspended" });
    const revoked = after(capped(10, "h1", 10), { op: "revoke", jti: "t1", until: UNTIL });
    expect(revoked.apply(capped(1, "h2", 10))).toEqual({ kind: "token_revoked" });
  });

  it("after that is what the key says, then the plan", () => {
    const idempotency = { key: "k", digest: "d" };
    const account = after(capped(10, "h1", 10, { idempotency }));
    expect(account.apply(capped(1, "h2", 10, { idempotency }))).toMatchObject({ kind: "request_in_flight" });
    account.apply({ op: "plan", plan: "pro", until: null });
    expect(account.apply(capped(1, "h2", 10, { includedBy: ["pro"] }))).toMatchObject({ kind: "included" });
  });

  it("is the cap before want of money, which a top-up would not mend", () => {
    const account = after(holdOf(100, { id: "all" }));
    expect(account.apply(capped(11, "h1", 10))).toEqual(reached(10, 0));
    expect(account.apply(capped(10, "h1", 10))).toMatchObject({ kind: "insufficient_balance" });
    expect(spentOf(account)).toBe(0);
  });
});

const counted = ({ store }: TestAccount): unknown[] => store.exec(`SELECT jti, spent, until FROM capped_tokens`);

describe("the count under a cap", () => {
  it("is forgotten 30 days after its token's end and not a millisecond before", () => {
    const account = after(capped(10, "h1", 10), captureOf(10));
    const last = UNTIL + 30 * DAY;
    wake(account.store, last);
    expect(counted(account)).toEqual([{ jti: "t1", spent: 10, until: UNTIL }]);
    expect(account.apply(capped(1, "h2", 10), last)).toEqual(reached(10, 10));
    wake(account.store, last + 1);
    expect(counted(account)).toEqual([]);
  });

  it("is kept until the later end where one token comes with two", () => {
    const account = after(capped(1, "h1", 10));
    const cap = { jti: "t1", credits: credits(10), until: UNTIL };
    account.apply(capped(1, "h2", 10, { cap: { ...cap, until: UNTIL + DAY } }));
    account.apply(capped(1, "h3", 10, { cap }));
    expect(counted(account)).toEqual([{ jti: "t1", spent: 3, until: UNTIL + DAY }]);
    wake(account.store, UNTIL + 31 * DAY);
    expect(counted(account)).toHaveLength(1);
  });

  it("is not forgotten while its token lives, however long, nor with the calls it counts", () => {
    const account = after();
    const cap = { jti: "t1", credits: credits(10), until: NOW + 365 * DAY };
    account.apply(capped(10, "h1", 10, { cap }));
    account.apply(captureOf(10));
    wake(account.store, NOW + 200 * DAY);
    expect(account.store.exec(`SELECT 1 FROM holds`)).toEqual([]);
    expect(account.apply(capped(1, "h2", 10, { cap }), NOW + 200 * DAY)).toEqual(reached(10, 10));
  });
});

describe("an account never written to", () => {
  it("is told of the cap where the call is above it, else of the money, and nothing is written", () => {
    const store = memoryStore();
    open(store);
    expect(apply(store, capped(11, "h1", 10), NOW)).toEqual(reached(10, 0));
    expect(apply(store, capped(10, "h1", 10), NOW)).toMatchObject({ kind: "insufficient_balance", required: 10 });
    expect(contentsOf(store)).toEqual({});
  });
});
