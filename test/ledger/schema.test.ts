/** Proves that an account's tables survive reopening, refuse to go back, and are never left half made. */
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/ledger/command.ts";
import { apply, open, read } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, grantOf, holdOf, NOW, refundOf, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf, failingAt, memoryStore } from "../support/store.ts";
import { expectSoundBooks } from "./books.ts";
import { openAccount } from "./test-account.ts";

const STATEMENTS_MAX = 200;

/** Runs `act` with its first, second, third … statement failing, until it goes through. */
function failEverywhere(store: Store, act: (failing: Store) => void): number {
  const before = contentsOf(store);
  for (let n = 1; n <= STATEMENTS_MAX; n++) {
    try {
      act(failingAt(store, n));
      return n - 1;
    } catch (error) {
      expect(String(error)).toContain("the disk is full");
      expect(contentsOf(store)).toEqual(before);
    }
  }
  return expect.fail("it never went through");
}

describe("an account's tables", () => {
  it("opened again hold what they held, and every id is known", () => {
    const { store } = openAccount(grantOf(10), holdOf(4), captureOf(3), refundOf(1), holdOf(2, { id: "h2" }));
    const before = contentsOf(store);
    open(store);
    open(store);
    expect(contentsOf(store)).toEqual(before);
    for (const command of [grantOf(10), holdOf(4), captureOf(3), refundOf(1), holdOf(2, { id: "h2" })])
      expect(apply(store, command, NOW)).toMatchObject({ replayed: true });
    expect(read(store, { read: "account" }, NOW)).toMatchObject({ available: 6, held: 2, captured: 3 });
  });

  it("of a newer version than the code knows are refused and left alone", () => {
    const { store } = openAccount(grantOf(10));
    store.exec(`UPDATE schema_version SET version = version + 1`);
    const before = contentsOf(store);
    expect(() => {
      open(store);
    }).toThrow("deploy the newer code again");
    expect(contentsOf(store)).toEqual(before);
  });

  it("are made whole or not at all", () => {
    const store = memoryStore();
    const failures = failEverywhere(store, (failing) => {
      apply(failing, grantOf(10), NOW);
    });
    expect(failures).toBeGreaterThan(10);
    expect(read(store, { read: "account" }, NOW)).toMatchObject({ available: 10 });
  });

  it("keep the older shape when a migration throws half-way, and take the newer one when it does not", () => {
    const store = memoryStore();
    store.exec(`CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT`);
    store.exec(`INSERT INTO schema_version VALUES (1, 0)`);
    const failures = failEverywhere(store, (failing) => {
      open(failing);
    });
    expect(failures).toBeGreaterThan(10);
    expect(apply(store, grantOf(10), NOW)).toMatchObject({ kind: "granted" });
  });
});

describe("a command cut short at any statement", () => {
  const later = NOW + 90 * SECOND;
  const prepared = [
    grantOf(3, { id: "g1", expiresAt: NOW + SECOND }),
    grantOf(10, { id: "g2" }),
    holdOf(4, { id: "paid" }),
    captureOf(4, { id: "paid" }),
    holdOf(5),
  ];
  it.each<[string, Command, number]>([
    ["grant", grantOf(1, { id: "g3" }), NOW],
    ["hold", holdOf(4, { id: "h2" }), NOW],
    ["hold that finds others expired", holdOf(4, { id: "h2" }), later],
    ["capture", captureOf(2), NOW],
    ["late capture", captureOf(5), later],
    ["void", voidOf(), NOW],
    ["refund", refundOf(null, { holdId: "paid" }), NOW],
    ["reversal", reverseOf("g2"), NOW],
    ["revocation", { op: "revoke", jti: "t1", until: later }, NOW],
  ])("has written nothing (%s), and is carried out when sent again", (_, command, at) => {
    const { store } = openAccount(...prepared);
    const failures = failEverywhere(store, (failing) => {
      apply(failing, command, at);
    });
    expect(failures).toBeGreaterThan(1);
    expectSoundBooks(store);
  });
});

describe("the tables themselves", () => {
  it.each([
    `UPDATE account SET available = available + 1`,
    `UPDATE account SET available = -1, granted = granted - 11`,
    `UPDATE account SET granted = 0.5, available = 0.5`,
    `UPDATE account SET granted = 1000000000000001, available = 1000000000000001`,
    `INSERT INTO account (id) VALUES (2)`,
    `UPDATE grants SET remaining = credits + 1`,
    `UPDATE grants SET remaining = -1`,
    `UPDATE grants SET credits = 'ten'`,
    `UPDATE holds SET state = 'spent'`,
    `UPDATE holds SET captured = credits + 1`,
    `UPDATE holds SET refunded = captured + 1`,
    `INSERT INTO refunds VALUES ('r', 'h1', NULL, 0, 0)`,
    `UPDATE entries SET kind = 'gift'`,
  ])("refuse what the rules would never write: %s", (statement) => {
    const { store } = openAccount(grantOf(10), holdOf(4));
    expect(() => store.exec(statement)).toThrow(/CHECK constraint failed|cannot store/);
  });
});
