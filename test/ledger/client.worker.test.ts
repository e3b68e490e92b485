/** Proves that the ledger's client reaches an account's object through eviction, crash and refusal, and never throws. */
import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connectLedger } from "../../src/ledger/client.ts";
import { captureOf, grantOf, holdOf } from "../support/command.ts";
import { ACCOUNTS, alter, send } from "./objects.ts";

const ledger = connectLedger(ACCOUNTS);

describe("the client", () => {
  it("gives the object's outcome as it is", async () => {
    expect(await ledger.apply("client", grantOf(10))).toEqual({
      kind: "granted",
      replayed: false,
      balance: { available: 10, held: 0 },
    });
    expect(await ledger.apply("client", holdOf(11))).toMatchObject({ kind: "insufficient_balance" });
    expect(await ledger.read("client", { read: "account" })).toMatchObject({ kind: "read", found: { available: 10 } });
  });

  it("tells an account never written to from one it could not ask", async () => {
    expect(await ledger.read("nobody", { read: "account" })).toEqual({ kind: "read", found: null });
  });

  it("goes on after the object was evicted, and after it crashed", async () => {
    await ledger.apply("moved", grantOf(10));
    await ledger.apply("moved", holdOf(4));
    await evictDurableObject(ACCOUNTS.getByName("moved"));
    expect(await ledger.apply("moved", holdOf(4))).toMatchObject({ kind: "held", replayed: true });
    await abortAllDurableObjects();
    expect(await ledger.apply("moved", captureOf(4))).toMatchObject({ kind: "captured", replayed: false });
  });

  it("crashing in the middle of it carries out a command once or is told unavailable", async () => {
    await ledger.apply("middle", grantOf(1000));
    const holds = Array.from({ length: 20 }, async (_, n) => ledger.apply("middle", holdOf(3, { id: `h${n}` })));
    await abortAllDurableObjects();
    const outcomes = await Promise.all(holds);
    for (const { kind } of outcomes) expect(["held", "unavailable"]).toContain(kind);
    const known = outcomes.filter(({ kind }) => kind === "held").length;
    const answer = await ledger.read("middle", { read: "account" });
    expect(answer).toMatchObject({ kind: "read", found: { captured: 0, granted: 1000 } });
    const held = answer.kind === "read" && answer.found ? answer.found.held : NaN;
    expect(held % 3).toBe(0);
    expect(held).toBeGreaterThanOrEqual(3 * known);
    expect(held).toBeLessThanOrEqual(60);
  });

  it("is told unavailable, not no, where the account's tables are newer than the code", async () => {
    await send("newer", grantOf(10));
    await alter("newer", `UPDATE schema_version SET version = version + 1`);
    await evictDurableObject(ACCOUNTS.getByName("newer"));
    expect(await ledger.apply("newer", holdOf(1))).toMatchObject({ kind: "unavailable" });
    expect(await ledger.read("newer", { read: "account" })).toMatchObject({ kind: "unavailable" });
  });
});
