/** Proves that a hold is given only when all that must hold does, once for each id, and says exactly why not. */
import { describe, expect, it } from "vitest";
import { credits } from "../../src/credits.ts";
import type { Command } from "../../src/ledger/command.ts";
import { OPEN_HOLDS_MAX } from "../../src/ledger/holds.ts";
import { apply } from "../../src/ledger/ledger.ts";
import { captureOf, grantOf, holdOf, NOW, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount } from "./test-account.ts";

describe("a hold", () => {
  it("sets its credits aside: available goes down, held goes up, nothing is charged", () => {
    const account = openAccount(grantOf(10));
    expect(account.apply(holdOf(4))).toEqual({
      kind: "held",
      replayed: false,
      state: "held",
      balance: { available: 6, held: 4 },
    });
    expect(account.view()).toMatchObject({ available: 6, held: 4, captured: 0 });
  });

  it("of all that is available is given", () => {
    expect(openAccount(grantOf(10)).apply(holdOf(10))).toMatchObject({ kind: "held", balance: { available: 0 } });
  });

  it("larger than the available balance is refused and writes nothing", () => {
    const account = openAccount(grantOf(10));
    const before = contentsOf(account.store);
    expect(account.apply(holdOf(11))).toEqual({
      kind: "insufficient_balance",
      required: 11,
      usable: { available: 10, held: 0 },
      releaseAt: null,
      balance: { available: 10, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("refused does not use up its id", () => {
    const account = openAccount(grantOf(10));
    expect(account.apply(holdOf(11))).toMatchObject({ kind: "insufficient_balance" });
    expect(account.apply(holdOf(5))).toMatchObject({ kind: "held", replayed: false });
  });

  it("refused for want of credits says what calls in flight hold and when the first of them ends by itself", () => {
    const account = openAccount(grantOf(10));
    account.apply(holdOf(4, { id: "slow", ttlSeconds: 90 }));
    account.apply(holdOf(3, { id: "quick", ttlSeconds: 30 }));
    expect(account.apply(holdOf(4), NOW + SECOND)).toEqual({
      kind: "insufficient_balance",
      required: 4,
      usable: { available: 3, held: 7 },
      releaseAt: NOW + 30 * SECOND,
      balance: { available: 3, held: 7 },
    });
  });

  it("does not count as held what a partial capture has charged", () => {
    const account = openAccount(grantOf(10), holdOf(10), captureOf(6, { final: false }));
    expect(account.apply(holdOf(5, { id: "h2" }))).toMatchObject({ usable: { available: 0, held: 4 } });
  });
});

describe("a hold sent again", () => {
  it("sets nothing aside and gives the same answer, marked", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    const before = contentsOf(account.store);
    expect(account.apply(holdOf(4))).toEqual({
      kind: "held",
      replayed: true,
      state: "held",
      balance: { available: 6, held: 4 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it.each([
    ["captured", captureOf(4), NOW],
    ["voided", voidOf(), NOW],
    ["expired", grantOf(1, { id: "g2" }), NOW + 90 * SECOND],
  ])("says that it was %s meanwhile", (state, end: Command, at) => {
    const account = openAccount(grantOf(10), holdOf(4));
    account.apply(end, at);
    expect(account.apply(holdOf(4), at)).toMatchObject({ kind: "held", replayed: true, state });
    expect(account.view(at).held).toBe(0);
  });

  it.each([
    ["credits", { credits: credits(5) }],
    ["route", { route: "POST /v1/reports" }],
    ["life", { ttlSeconds: 91 }],
  ])("with other %s is a conflict that writes nothing", (_, other) => {
    const account = openAccount(grantOf(10), holdOf(4));
    const before = contentsOf(account.store);
    expect(account.apply({ ...holdOf(4), ...other })).toEqual({ kind: "conflict" });
    expect(contentsOf(account.store)).toEqual(before);
  });
});

describe("the reasons to refuse a hold", () => {
  const suspended: Command = { op: "status", status: "suspended" };
  const active: Command = { op: "status", status: "active" };
  const t1 = { jti: "t1", issuedAt: NOW / SECOND };
  const t2 = { jti: "t2", issuedAt: NOW / SECOND };

  it("are answered in order of precedence, as one after the other falls away", () => {
    const { store } = openAccount();
    const ask = (command: Command): unknown => apply(store, command, NOW);
    ask(grantOf(OPEN_HOLDS_MAX));
    for (let n = 0; n < OPEN_HOLDS_MAX; n++) ask(holdOf(1, { id: `open-${n}` }));
    ask(suspended);
    ask({ op: "revoke", jti: "t1", until: NOW + SECOND });
    ask({ op: "plan", plan: "pro", until: null });

    const known = holdOf(1, { id: "open-0", token: t1, includedBy: ["pro"] });
    expect(ask(known)).toMatchObject({ kind: "held", replayed: true });
    expect(ask({ ...known, credits: credits(2) })).toEqual({ kind: "conflict" });
    const included = holdOf(1, { token: t1, includedBy: ["pro"] });
    expect(ask(included)).toEqual({ kind: "account_suspended" });
    ask(active);
    expect(ask(included)).toEqual({ kind: "token_revoked" });
    expect(ask({ ...included, token: t2 })).toEqual({
      kind: "included",
      balance: { available: 0, held: OPEN_HOLDS_MAX },
    });
    const priced = holdOf(1, { token: t2 });
    expect(ask(priced)).toEqual({ kind: "limit_exceeded" });
    ask(captureOf(1, { id: "open-0" }));
    expect(ask(priced)).toMatchObject({ kind: "insufficient_balance" });
    ask(grantOf(2, { id: "g2" }));
    expect(ask(priced)).toMatchObject({ kind: "held", replayed: false });
    expect(ask(holdOf(1, { id: "h2", token: t2 }))).toEqual({ kind: "limit_exceeded" });
  });
});
