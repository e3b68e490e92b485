/** Proves that reversing a grant takes back what is unspent of it, once, and never what another grant gave. */
import { describe, expect, it } from "vitest";
import { captureOf, grantOf, holdOf, NOW, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { openAccount } from "./test-account.ts";

const other = grantOf(5, { id: "g2", priority: 90 });

describe("a reversal", () => {
  it("takes back all of an unspent grant and nothing of another", () => {
    const account = openAccount(grantOf(10), other);
    expect(account.apply(reverseOf())).toEqual({
      kind: "reversed",
      replayed: false,
      credits: 10,
      spent: 0,
      balance: { available: 5, held: 0 },
    });
    expect(account.view()).toMatchObject({ available: 5, reversed: 10, grants: [{ id: "g2" }] });
  });

  it("takes back what is left of a spent one, and the balance never goes below zero", () => {
    const account = openAccount(grantOf(10), other, holdOf(7), captureOf(7));
    expect(account.apply(reverseOf())).toMatchObject({ credits: 3, spent: 7, balance: { available: 5 } });
  });

  it("of a wholly spent grant takes nothing and says so", () => {
    const account = openAccount(grantOf(10), other, holdOf(10), captureOf(10));
    expect(account.apply(reverseOf())).toMatchObject({ credits: 0, spent: 10, balance: { available: 5 } });
  });

  it("sent again takes nothing and gives the same answer, marked", () => {
    const account = openAccount(grantOf(10), other, holdOf(7), captureOf(7), reverseOf());
    const before = contentsOf(account.store);
    expect(account.apply(reverseOf())).toEqual({
      kind: "reversed",
      replayed: true,
      credits: 3,
      spent: 7,
      balance: { available: 5, held: 0 },
    });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("of a grant nobody made is refused and writes nothing", () => {
    const account = openAccount(other);
    const before = contentsOf(account.store);
    expect(account.apply(reverseOf())).toEqual({ kind: "grant_not_found" });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("leaves calls in flight their credits: they are charged as usual", () => {
    const account = openAccount(grantOf(10), holdOf(4), reverseOf());
    expect(account.view()).toMatchObject({ available: 0, held: 4, reversed: 6 });
    account.apply(captureOf(4));
    expect(account.view()).toMatchObject({ available: 0, held: 0, captured: 4, reversed: 6 });
  });

  it("takes what such a call did not need when it ends", () => {
    const account = openAccount(grantOf(10), holdOf(4), reverseOf(), voidOf());
    expect(account.apply(reverseOf())).toMatchObject({ replayed: true, credits: 10, spent: 0 });
    expect(account.view()).toMatchObject({ available: 0, held: 0, reversed: 10 });
  });

  it("of an expired grant takes nothing: it is gone already", () => {
    const account = openAccount(grantOf(10, { expiresAt: NOW + SECOND }), other);
    expect(account.apply(reverseOf(), NOW + SECOND)).toMatchObject({ credits: 0, balance: { available: 5 } });
    expect(account.view(NOW + SECOND)).toMatchObject({ expired: 10, reversed: 0 });
  });

  it("leaves a journal entry under the grant's id", () => {
    expect(openAccount(grantOf(10), reverseOf()).entries().at(-1)).toMatchObject({
      kind: "reverse",
      amount: -10,
      held: 0,
      ref: "g1",
    });
  });
});
