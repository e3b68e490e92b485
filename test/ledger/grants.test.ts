import { describe, expect, it } from "vitest";
import { apply, open, read } from "../../src/ledger/ledger.ts";
import { grantOf, NOW } from "../support/command.ts";
import { memoryStore } from "../support/store.ts";

describe("a grant", () => {
  it("adds its credits once, however often it is sent", () => {
    const store = memoryStore();
    open(store);
    expect(apply(store, grantOf(10), NOW)).toMatchObject({
      kind: "granted",
      replayed: false,
      balance: { available: 10, held: 0 },
    });
    expect(apply(store, grantOf(10), NOW)).toMatchObject({ kind: "granted", replayed: true });
    expect(read(store, { read: "account" }, NOW)).toMatchObject({ available: 10, granted: 10 });
  });
});
