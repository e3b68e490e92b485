/** Proves that a kept answer never outlives the key it is kept for: nothing else would ever drop it. */
import { describe, expect, it } from "vitest";
import { wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, DAY, grantOf, holdOf, keepOf, NOW, SECOND } from "../support/command.ts";
import { openAccount } from "./test-account.ts";

const idempotency = { key: "k", digest: "d" };
const answersOf = (store: Store): unknown[] => store.exec(`SELECT hold_id, bytes FROM answers`);

describe("an answer", () => {
  it("is not kept for a call whose key has passed on to another, or is dropped with the rest", () => {
    const account = openAccount(grantOf(10), holdOf(1, { id: "h1", idempotency }));
    const expired = NOW + 90 * SECOND;
    account.apply(holdOf(1, { id: "h2", idempotency }), expired);
    account.apply(captureOf(1, { id: "h2" }), expired);
    account.apply(captureOf(1, { id: "h1" }), expired);
    account.apply(keepOf("nobody can ask for it", { id: "h1" }), expired);
    wake(account.store, NOW + 40 * DAY);
    expect(answersOf(account.store)).toEqual([]);
  });

  it("is not kept for a call whose key's day is over, or is dropped with the rest", () => {
    const account = openAccount(grantOf(10), holdOf(1, { id: "h1", idempotency }), captureOf(1));
    wake(account.store, NOW + DAY);
    account.apply(keepOf("nobody can ask for it"), NOW + DAY);
    wake(account.store, NOW + 40 * DAY);
    expect(answersOf(account.store)).toEqual([]);
  });
});
