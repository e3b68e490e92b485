/** Proves that a charge is given back once for each refund's id, never more than was charged, and on the terms of the grants that paid. */
import { describe, expect, it } from "vitest";
import type { Command, GrantView } from "../../src/ledger/command.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

const charged = [grantOf(100), holdOf(100), captureOf(100)];
const LATER = NOW + 90 * SECOND;

const sum = (grants: readonly GrantView[]): number => grants.reduce((total, { remaining }) => total + remaining, 0);

/** What refunds gave back, by priority: how much, when it expires and what it may pay for. */
function refundsByPriority(account: TestAccount, now = NOW): Record<number, unknown[]> {
  const refunds = account.view(now).grants.filter(({ kind }) => kind === "refund");
  const byPriority = Map.groupBy(refunds, ({ priority }) => priority);
  return Object.fromEntries(
    [...byPriority].map(([priority, grants]) => [priority, [sum(grants), grants[0]?.expiresAt, grants[0]?.routes]]),
  );
}

describe("a refund", () => {
  it("gives back all of the charge when no amount is named", () => {
    const account = openAccount(...charged);
    expect(account.apply(refundOf(null))).toEqual({
      kind: "refunded",
      replayed: false,
      credits: 100,
      balance: { available: 100, held: 0 },
    });
    expect(account.view()).toMatchObject({ available: 100, granted: 200, captured: 100 });
  });

  it("may give back a part, and the next one all that is left", () => {
    const account = openAccount(...charged, refundOf(60));
    expect(account.apply(refundOf(null, { id: "r2" }))).toMatchObject({ credits: 40, balance: { available: 100 } });
  });

  it("can be spent", () => {
    const account = openAccount(...charged, refundOf(60), holdOf(60, { id: "h2" }), captureOf(60, { id: "h2" }));
    expect(account.view()).toMatchObject({ available: 0, captured: 160 });
  });

  it("sent again gives nothing back and the same answer, marked", () => {
    const account = openAccount(...charged, refundOf(60));
    const before = contentsOf(account.store);
    expect(account.apply(refundOf(60))).toEqual({
      kind: "refunded",
      replayed: true,
      credits: 60,
      balance: { available: 60, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of all that is left gives the same answer again, though nothing is left by then", () => {
    expect(openAccount(...charged, refundOf(null)).apply(refundOf(null))).toMatchObject({
      replayed: true,
      credits: 100,
    });
  });

  it("says in the journal which call it is for", () => {
    expect(
      openAccount(...charged, refundOf(60))
        .entries()
        .at(-1),
    ).toMatchObject({
      kind: "refund",
      amount: 60,
      held: 0,
      ref: "r1",
      requestId: "h1",
      route: "GET /v1/search",
    });
  });

  it("of a part reported while the hold is open is given, and bounded by that part", () => {
    const account = openAccount(grantOf(100), holdOf(100), captureOf(30, { final: false }));
    expect(account.apply(refundOf(31))).toEqual({ kind: "exceeds_charge", refundable: 30 });
    expect(account.apply(refundOf(30))).toMatchObject({ credits: 30, balance: { available: 30, held: 70 } });
    expect(account.apply(captureOf(100))).toMatchObject({ credits: 100 });
    expect(account.apply(refundOf(null, { id: "r2" }))).toMatchObject({ credits: 70 });
  });

  it("of a charge that came late is bounded by what was charged, not by what was written off", () => {
    const account = openAccount(grantOf(100), holdOf(100));
    account.apply(holdOf(60, { id: "h2", ttlSeconds: 900 }), LATER);
    account.apply(captureOf(100), LATER);
    expect(account.apply(refundOf(41), LATER)).toEqual({ kind: "exceeds_charge", refundable: 40 });
    expect(account.apply(refundOf(40), LATER)).toMatchObject({ kind: "refunded" });
  });
});

describe("a refund is refused and writes nothing", () => {
  const cases: [string, Command[], Command, object][] = [
    ["above the charge", [], refundOf(101), { kind: "exceeds_charge", refundable: 100 }],
    ["where the sum would be", [refundOf(60)], refundOf(60, { id: "r2" }), { kind: "exceeds_charge", refundable: 40 }],
    ["of nothing", [], refundOf(0), { kind: "exceeds_charge", refundable: 100 }],
    [
      "where nothing is left",
      [refundOf(null)],
      refundOf(null, { id: "r2" }),
      { kind: "exceeds_charge", refundable: 0 },
    ],
    ["for a call nobody made", [], refundOf(1, { holdId: "h9" }), { kind: "hold_not_found" }],
    ["with a known id for another amount", [refundOf(60)], refundOf(61), { kind: "conflict" }],
    ["with a known id for no amount", [refundOf(60)], refundOf(null), { kind: "conflict" }],
    ["with a known id for another call", [refundOf(60)], refundOf(60, { holdId: "h2" }), { kind: "conflict" }],
    ["beyond the account's limit", [grantOf(1e15 - 100, { id: "g2" })], refundOf(1), { kind: "limit_exceeded" }],
    ["twice over", [grantOf(1e15 - 100, { id: "g2" })], refundOf(101), { kind: "exceeds_charge", refundable: 100 }],
  ];
  it.each(cases)("%s", (_, before, command, outcome) => {
    const account = openAccount(...charged, ...before);
    const contents = contentsOf(account.store);
    expect(account.apply(command)).toEqual(outcome);
    expect(contentsOf(account.store)).toEqual(contents);
  });

  it.each([
    ["open", null, NOW],
    ["voided", voidOf(), NOW],
    ["captured for nothing", captureOf(0), NOW],
    ["expired", grantOf(1, { id: "g2" }), LATER],
  ])("for a hold that is %s: nothing was charged", (_, end: Command | null, at) => {
    const account = openAccount(grantOf(10), holdOf(4));
    if (end) account.apply(end, at);
    expect(account.apply(refundOf(null), at)).toEqual({ kind: "nothing_charged" });
    expect(account.apply(refundOf(4), at)).toEqual({ kind: "nothing_charged" });
  });
});

describe("credits given back", () => {
  const brief = grantOf(3, { id: "brief", priority: 1, expiresAt: NOW + DAY });
  const narrow = grantOf(3, { id: "narrow", priority: 2, routes: ["GET /v1/search"] });
  const spent = [brief, narrow, holdOf(6), captureOf(6)];

  it("inherit priority, expiry and routes of the grants that paid, each for its part", () => {
    expect(refundsByPriority(openAccount(...spent, refundOf(null)))).toEqual({
      1: [3, NOW + DAY, null],
      2: [3, null, ["GET /v1/search"]],
    });
  });

  it("do so in parts as they do at once", () => {
    const parts = [1, 1, 2, 1, 1].map((credits, index) => refundOf(credits, { id: `r${index}` }));
    expect(refundsByPriority(openAccount(...spent, ...parts))).toEqual({
      1: [3, NOW + DAY, null],
      2: [3, null, ["GET /v1/search"]],
    });
  });

  it("do so when a part is given back before the rest is charged", () => {
    const account = openAccount(brief, narrow, holdOf(6), captureOf(3, { final: false }), refundOf(3), captureOf(6));
    account.apply(refundOf(null, { id: "r2" }));
    expect(refundsByPriority(account)).toEqual({ 1: [3, NOW + DAY, null], 2: [3, null, ["GET /v1/search"]] });
  });

  it("do so when a part is given back before a late report charges the rest", () => {
    const account = openAccount(brief, narrow, holdOf(6), captureOf(3, { final: false }), refundOf(3));
    account.apply(reverseOf("refund/r1/0"));
    account.apply(captureOf(6), LATER);
    account.apply(refundOf(null, { id: "r2" }), LATER);
    expect(refundsByPriority(account, LATER)).toEqual({ 2: [3, null, ["GET /v1/search"]] });
  });

  it("do not inherit an expiry that has passed: the refund would be worth nothing", () => {
    const account = openAccount(...spent);
    account.apply(refundOf(null), NOW + DAY);
    expect(refundsByPriority(account, NOW + DAY)).toMatchObject({ 1: [3, null, null] });
  });

  it("expire like any other when the inherited expiry passes", () => {
    const account = openAccount(...spent, refundOf(null));
    expect(account.view(NOW + DAY)).toMatchObject({ available: 3, expired: 3 });
  });
});
