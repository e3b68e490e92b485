/** Proves that a hold ends exactly once, as captured, voided or expired, and that what comes back goes to the grant it came from. */
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/ledger/command.ts";
import { apply, wake } from "../../src/ledger/ledger.ts";
import { captureOf, grantOf, holdOf, NOW, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { expectSoundBooks } from "./books.ts";
import { openAccount } from "./test-account.ts";

const LATER = NOW + 90 * SECOND;

describe("a void", () => {
  it("gives all of the hold back and charges nothing", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    expect(account.apply(voidOf())).toEqual({ kind: "voided", replayed: false, balance: { available: 10, held: 0 } });
    expect(account.view()).toMatchObject({ available: 10, held: 0, captured: 0 });
  });

  it("gives back what was not yet reported as spent", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(1, { final: false }));
    expect(account.apply(voidOf())).toMatchObject({ kind: "voided", balance: { available: 9, held: 0 } });
    expect(account.view()).toMatchObject({ captured: 1 });
  });

  it("sent again gives nothing back and the same answer, marked", () => {
    const account = openAccount(grantOf(10), holdOf(4), voidOf());
    const before = contentsOf(account.store);
    expect(account.apply(voidOf())).toEqual({ kind: "voided", replayed: true, balance: { available: 10, held: 0 } });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of a hold nobody made is refused", () => {
    expect(openAccount(grantOf(10)).apply(voidOf())).toEqual({ kind: "hold_not_found" });
  });
});

describe("a hold that has ended", () => {
  const expire: Command = { op: "status", status: "active" };
  it.each([
    ["captured, is not voided", captureOf(4), voidOf(), { kind: "hold_resolved", as: "captured" }],
    ["expired, is not voided", expire, voidOf(), { kind: "hold_resolved", as: "expired" }],
    ["voided, is not captured", voidOf(), captureOf(4), { kind: "hold_resolved", as: "voided" }],
    ["voided, is not even captured for nothing", voidOf(), captureOf(0), { kind: "hold_resolved", as: "voided" }],
  ])("%s", (_, end: Command, command: Command, outcome) => {
    const account = openAccount(grantOf(10), holdOf(4));
    const at = end === expire ? LATER : NOW;
    account.apply(end, at);
    const before = contentsOf(account.store);
    expect(account.apply(command, at)).toEqual(outcome);
    expect(contentsOf(account.store)).toEqual(before);
  });

  it.each([
    ["captured", captureOf(3), 7],
    ["voided", voidOf(), 10],
  ])("as %s does not expire", (_, end: Command, available) => {
    const account = openAccount(grantOf(10), holdOf(4), end);
    expect(account.view(LATER)).toMatchObject({ available, held: 0, expired: 0 });
    expect(account.entries(LATER)).toHaveLength(account.entries(NOW).length);
  });
});

describe("a hold whose deadline passes", () => {
  it("lasts until the millisecond before, and is given back at it", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    expect(account.view(LATER - 1)).toMatchObject({ available: 6, held: 4 });
    expect(account.view(LATER)).toMatchObject({ available: 10, held: 0, expired: 0 });
    expect(account.entries(LATER).at(-1)).toMatchObject({ kind: "expire", amount: 0, held: -4, ref: "h1" });
  });

  it("keeps the charge that was reported and gives back the rest", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(1, { final: false }));
    expect(account.view(LATER)).toMatchObject({ available: 9, held: 0, captured: 1 });
  });

  it("frees its credits for the very command that finds it", () => {
    const account = openAccount(grantOf(10), holdOf(10));
    expect(account.apply(holdOf(10, { id: "h2" }), LATER)).toMatchObject({ kind: "held" });
  });

  it.each([0, 1, 2, 5])("ends in the same state with %d alarms in between", (alarms) => {
    const account = openAccount(grantOf(10, { expiresAt: LATER + SECOND }), holdOf(4));
    for (let n = 0; n < alarms; n++) {
      wake(account.store, LATER);
      expectSoundBooks(account.store);
    }
    expect(account.view(LATER)).toMatchObject({ available: 10, held: 0, expired: 0 });
    expect(account.view(LATER + SECOND)).toMatchObject({ available: 0, held: 0, expired: 10 });
  });
});

describe("credits that come back", () => {
  it.each([
    ["voided", voidOf(), NOW],
    ["captured for less", captureOf(0), NOW],
    ["expired", grantOf(1, { id: "late" }), LATER],
  ])("of a hold that is %s return to the grants they came from", (_, end: Command, at) => {
    const account = openAccount(grantOf(3, { id: "a", priority: 1 }), grantOf(3, { id: "b" }), holdOf(5));
    account.apply(end, at);
    expect(account.view(at).grants.filter(({ id }) => id !== "late")).toMatchObject([
      { id: "a", remaining: 3 },
      { id: "b", remaining: 3 },
    ]);
  });

  it("to a grant that has expired meanwhile expire with it", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), holdOf(4));
    expect(account.view(NOW + SECOND)).toMatchObject({ available: 0, held: 4, expired: 6 });
    expect(account.apply(voidOf(), NOW + SECOND)).toMatchObject({ balance: { available: 0, held: 0 } });
    expect(account.view(NOW + SECOND)).toMatchObject({ available: 0, held: 0, expired: 10 });
  });

  it("to a grant that was reversed meanwhile are reversed too", () => {
    const account = openAccount(grantOf(10), holdOf(4), reverseOf());
    expect(account.apply(voidOf())).toMatchObject({ balance: { available: 0, held: 0 } });
    expect(account.view()).toMatchObject({ available: 0, held: 0, reversed: 10 });
  });

  it("are reversed rather than expired where both would apply", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), holdOf(4), reverseOf());
    account.apply(voidOf(), NOW + SECOND);
    expect(account.view(NOW + SECOND)).toMatchObject({ reversed: 10, expired: 0 });
  });

  it("leave a grant that ended unspendable", () => {
    const account = openAccount(grantOf(10), holdOf(4), reverseOf(), voidOf());
    expect(account.apply(holdOf(1, { id: "h2" }))).toMatchObject({ kind: "insufficient_balance" });
  });

  it("do not when the call costs after all: a hold outlives the end of its grant", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), holdOf(4));
    expect(account.apply(captureOf(4), NOW + SECOND)).toMatchObject({ credits: 4, writtenOff: 0 });
    expect(account.view(NOW + SECOND)).toMatchObject({ captured: 4, expired: 6 });
  });
});

describe("ten thousand holds", () => {
  it("expire in one turn", () => {
    const account = openAccount();
    const { store } = account;
    apply(store, grantOf(10_000), NOW);
    for (let n = 0; n < 10_000; n++) apply(store, holdOf(1, { id: `h${n}` }), NOW);
    expect(account.view(LATER)).toMatchObject({ available: 10_000, held: 0 });
    expectSoundBooks(store);
  });
});
