/** Proves that an account never granted anything writes no storage, whatever is asked of it. */
import { describe, expect, it } from "vitest";
import type { Command, Query } from "../../src/ledger/command.ts";
import { apply, duePublication, nextWake, open, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, grantOf, holdOf, NOW, refundOf, reverseOf, voidOf } from "../support/command.ts";
import { memoryStore } from "../support/store.ts";

const token = { jti: "t1", issuedAt: 0 };

function writesOf(store: Store, act: () => void): unknown {
  act();
  return {
    tables: store.exec(`SELECT name FROM sqlite_master`),
    pages: store.exec(`PRAGMA page_count`),
    changes: store.exec(`SELECT total_changes() AS n`),
  };
}
const NOTHING = { tables: [], pages: [{ page_count: 0 }], changes: [{ n: 0 }] };

describe("an account never granted anything", () => {
  const none = { available: 0, held: 0 };
  const refusals: [string, Command, object][] = [
    [
      "hold",
      holdOf(5, { includedBy: ["pro"] }),
      { kind: "insufficient_balance", required: 5, usable: none, releaseAt: null, balance: none },
    ],
    ["capture", captureOf(5), { kind: "hold_not_found" }],
    ["void", voidOf(), { kind: "hold_not_found" }],
    ["refund", refundOf(null), { kind: "hold_not_found" }],
    ["reverse", reverseOf(), { kind: "grant_not_found" }],
    ["grant that has expired", grantOf(5, { expiresAt: NOW }), { kind: "already_expired" }],
  ];
  it.each(refusals)("refuses a %s and writes no storage", (_, command, outcome) => {
    const store = memoryStore();
    open(store);
    expect(apply(store, command, NOW)).toEqual(outcome);
    expect(writesOf(store, () => apply(store, command, NOW))).toEqual(NOTHING);
  });

  it.each<[string, Query]>([
    ["account", { read: "account" }],
    ["access", { read: "access", token }],
    ["entries", { read: "entries", after: 0, limit: 10 }],
  ])("answers a reading of its %s with null and writes no storage", (_, query) => {
    const store = memoryStore();
    open(store);
    expect(read(store, query, NOW)).toBeNull();
    expect(writesOf(store, () => read(store, query, NOW))).toEqual(NOTHING);
  });

  it("has nothing to wake for and nothing to publish", () => {
    const store = memoryStore();
    expect(nextWake(store)).toBeNull();
    expect(duePublication(store, NOW)).toBeUndefined();
    expect(writesOf(store, () => wake(store, NOW))).toEqual(NOTHING);
  });

  it.each<[string, Command]>([
    ["grant", grantOf(5)],
    ["status", { op: "status", status: "suspended" }],
    ["plan", { op: "plan", plan: "pro", until: null }],
    ["revoke", { op: "revoke", jti: "t1", until: NOW + 1 }],
    ["revoke_all", { op: "revoke_all", issuedAt: 1 }],
  ])("is opened by an operator's %s", (_, command) => {
    const store = memoryStore();
    open(store);
    apply(store, command, NOW);
    expect(read(store, { read: "account" }, NOW)).toMatchObject({ held: 0 });
  });
});

describe("an account that was only set up", () => {
  it.each<[Command, string]>([
    [holdOf(5), "insufficient_balance"],
    [captureOf(5), "hold_not_found"],
    [voidOf(), "hold_not_found"],
    [refundOf(null), "hold_not_found"],
    [reverseOf(), "grant_not_found"],
  ])("case %#: is refused what a stranger is", (command, kind) => {
    const store = memoryStore();
    apply(store, { op: "plan", plan: "pro", until: null }, NOW);
    const before = store.exec<{ n: number }>(`SELECT total_changes() AS n`);
    expect(apply(store, command, NOW)).toMatchObject({ kind });
    expect(store.exec(`SELECT total_changes() AS n`)).toEqual(before);
  });
});
