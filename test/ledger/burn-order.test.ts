/** Proves the order in which grants burn: priority, earliest expiry, promotional before bought, oldest. */
import { describe, expect, it } from "vitest";
import type { GrantCommand } from "../../src/ledger/command.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, voidOf } from "../support/command.ts";
import { openAccount } from "./test-account.ts";

type Terms = Partial<GrantCommand>;
const promotional = "promotional" as const;

/** What is left of each grant after one credit was spent. */
function spendOne(...grants: Terms[]): Record<string, number> {
  const account = openAccount(...grants.map((terms) => grantOf(1, terms)), holdOf(1), captureOf(1));
  return Object.fromEntries(account.view().grants.map(({ id, remaining }) => [id, remaining]));
}

describe("of two grants", () => {
  const ladder: [string, Terms, Terms][] = [
    ["the lower priority", { priority: 1 }, { priority: 2 }],
    [
      "the lower priority, though the other expires sooner,",
      { priority: 1 },
      { priority: 2, expiresAt: NOW + DAY, kind: promotional },
    ],
    ["the earlier expiry", { expiresAt: NOW + DAY }, { expiresAt: NOW + DAY + 1 }],
    ["the one that expires", { expiresAt: NOW + DAY }, { expiresAt: null }],
    [
      "the earlier expiry, though the other is promotional,",
      { expiresAt: NOW + DAY },
      { expiresAt: NOW + DAY + 1, kind: promotional },
    ],
    ["the one that expires, though the other is promotional,", { expiresAt: NOW + DAY }, { kind: promotional }],
    ["the promotional one", { kind: promotional }, { kind: "bought" }],
    [
      "the promotional one of the same expiry",
      { expiresAt: NOW + DAY, kind: promotional },
      { expiresAt: NOW + DAY, kind: "bought" },
    ],
  ];
  it.each(ladder)("%s burns first, whichever came first", (_, first, second) => {
    expect(spendOne({ ...first, id: "first" }, { ...second, id: "second" })).toEqual({ second: 1 });
    expect(spendOne({ ...second, id: "second" }, { ...first, id: "first" })).toEqual({ second: 1 });
  });

  it("alike in all else the older burns first", () => {
    expect(spendOne({ id: "z" }, { id: "a" })).toEqual({ a: 1 });
  });
});

describe("the grants of an account", () => {
  const mixed = [
    grantOf(1, { id: "last", priority: 90, expiresAt: NOW + 1 }),
    grantOf(1, { id: "fifth" }),
    grantOf(1, { id: "fourth", kind: promotional }),
    grantOf(1, { id: "third", expiresAt: NOW + 2 * DAY, kind: promotional }),
    grantOf(1, { id: "second", expiresAt: NOW + DAY }),
    grantOf(1, { id: "first", priority: 0 }),
  ];

  it("are listed in the order they burn", () => {
    const ids = openAccount(...mixed)
      .view()
      .grants.map(({ id }) => id);
    expect(ids).toEqual(["first", "second", "third", "fourth", "fifth", "last"]);
  });

  it("are drawn on one after the other by a hold larger than the first", () => {
    const account = openAccount(grantOf(3, { id: "b" }), grantOf(3, { id: "a", priority: 1 }), holdOf(4));
    expect(account.view().grants).toMatchObject([{ id: "b", remaining: 2 }]);
    account.apply(captureOf(4));
    expect(account.view()).toMatchObject({ available: 2, captured: 4 });
  });

  it("are charged in the order the hold drew on them, and get back the rest in the reverse one", () => {
    const account = openAccount(grantOf(3, { id: "b" }), grantOf(3, { id: "a", priority: 1 }), holdOf(6), captureOf(4));
    expect(account.view().grants).toMatchObject([{ id: "b", remaining: 2 }]);
  });

  it("that come back rank as they did before", () => {
    const account = openAccount(grantOf(1, { id: "a" }), grantOf(1, { id: "b" }), holdOf(1), voidOf());
    account.apply(holdOf(1, { id: "h2" }));
    expect(account.view().grants).toMatchObject([{ id: "b", remaining: 1 }]);
  });
});
