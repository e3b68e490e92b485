/** Proves that an account's object answers in values, survives eviction and crash, and leaves no trace of strangers. */
import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { RPC_VERSION, type Command } from "../../src/ledger/command.ts";
import { captureOf, grantOf, holdOf, refundOf, reverseOf, voidOf } from "../support/command.ts";
import { ACCOUNTS, alarmOf, alter, send, tablesOf, viewOf } from "./objects.ts";

const token = { jti: "t1", issuedAt: 0 };

describe("the account's object", () => {
  it("answers a command with its outcome and a query with what it found", async () => {
    expect(await send("answers", grantOf(10))).toEqual({
      kind: "granted",
      replayed: false,
      balance: { available: 10, held: 0 },
    });
    expect(await viewOf("answers")).toMatchObject({ available: 10, held: 0, granted: 10, status: "active" });
    const access = await ACCOUNTS.getByName("answers").read(RPC_VERSION, { read: "access", token });
    expect(access).toEqual({ suspended: false, revoked: false, plan: null });
    const entries = await ACCOUNTS.getByName("answers").read(RPC_VERSION, { read: "entries", after: 0, limit: 10 });
    expect(entries).toMatchObject({ entries: [{ kind: "grant", amount: 10 }], next: null });
  });

  it.each([0, RPC_VERSION + 1, -1, NaN, "1" as unknown as number])(
    "answers RPC version %s, which it does not speak, with a value and carries out nothing",
    async (version) => {
      const answer = { kind: "unsupported_version", supported: [RPC_VERSION, RPC_VERSION - 1] };
      const stub = ACCOUNTS.getByName(`version-${version}`);
      expect(await stub.apply(version, grantOf(10))).toEqual(answer);
      expect(await stub.read(version, { read: "account" })).toEqual(answer);
      expect(await tablesOf(`version-${version}`)).toEqual([]);
    },
  );

  it.each<[string, unknown]>([
    ["null", null],
    ["a grant of half a credit", { ...grantOf(1), credits: 0.5 }],
    ["a grant of less than nothing", { ...grantOf(1), credits: -1 }],
    ["a hold of less than nothing", { ...holdOf(1), credits: -5 }],
    ["a hold of nothing", holdOf(0)],
  ])("answers %s with a fault, and nothing was written", async (what, command) => {
    const account = `fault: ${what}`;
    await send(account, grantOf(10, { id: "g0" }));
    expect(await send(account, command as Command)).toEqual({ kind: "fault" });
    expect(await viewOf(account)).toMatchObject({ available: 10, held: 0, granted: 10 });
  });

  it("answers with a fault when storage fails half-way through a command, and nothing was written", async () => {
    await send("half-way", grantOf(10));
    await alter("half-way", `CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no room'); END`);
    expect(await send("half-way", holdOf(4))).toEqual({ kind: "fault" });
    expect(await send("half-way", grantOf(5, { id: "g2" }))).toEqual({ kind: "fault" });
    await alter("half-way", `DROP TRIGGER full`);
    expect(await viewOf("half-way")).toMatchObject({
      available: 10,
      held: 0,
      granted: 10,
      grants: [{ remaining: 10 }],
    });
    expect(await send("half-way", holdOf(4))).toMatchObject({ kind: "held", replayed: false });
  });

  it("answers with a fault, not with an exception, where its tables are newer than its code", async () => {
    await send("newer", grantOf(10));
    await alter("newer", `UPDATE schema_version SET version = version + 1`);
    await evictDurableObject(ACCOUNTS.getByName("newer"));
    const answer = await send("newer", holdOf(1)).catch((error: unknown) => ({ thrown: String(error) }));
    expect(answer).toEqual({ kind: "fault" });
  });
});

describe("another account's", () => {
  it("holds are not found: what one account owns another cannot end, charge or refund", async () => {
    await send("owner", grantOf(10));
    await send("owner", holdOf(4));
    await send("other", grantOf(10, { id: "g2" }));
    for (const command of [captureOf(4), voidOf(), refundOf(null)])
      expect(await send("other", command)).toEqual({ kind: "hold_not_found" });
    expect(await send("other", reverseOf())).toEqual({ kind: "grant_not_found" });
    expect(await viewOf("owner")).toMatchObject({ available: 6, held: 4 });
    expect(await viewOf("other")).toMatchObject({ available: 10, held: 0 });
  });
});

describe("a call interrupted between hold and capture", () => {
  it("is charged as usual when the object was evicted", async () => {
    await send("evicted", grantOf(10));
    await send("evicted", holdOf(4));
    await evictDurableObject(ACCOUNTS.getByName("evicted"));
    expect(await send("evicted", captureOf(3))).toMatchObject({ kind: "captured", replayed: false, credits: 3 });
    await evictDurableObject(ACCOUNTS.getByName("evicted"));
    expect(await send("evicted", captureOf(3))).toMatchObject({ kind: "captured", replayed: true, credits: 3 });
    expect(await viewOf("evicted")).toMatchObject({ available: 7, held: 0, captured: 3 });
  });

  it("is charged as usual when the object crashed, and everything said before still stands", async () => {
    await send("crashed", grantOf(10));
    await send("crashed", holdOf(4));
    await abortAllDurableObjects();
    expect(await send("crashed", holdOf(4))).toMatchObject({ kind: "held", replayed: true, state: "held" });
    expect(await send("crashed", captureOf(3))).toMatchObject({ kind: "captured", replayed: false });
    await abortAllDurableObjects();
    expect(await send("crashed", captureOf(3))).toMatchObject({ kind: "captured", replayed: true });
    expect(await send("crashed", grantOf(10))).toMatchObject({ kind: "granted", replayed: true });
    expect(await send("crashed", grantOf(11))).toEqual({ kind: "conflict" });
    expect(await viewOf("crashed")).toMatchObject({ available: 7, held: 0, captured: 3 });
  });

  it("leaves either all of a command or nothing when the object crashes under load", async () => {
    await send("loaded", grantOf(1000));
    const holds = Array.from({ length: 50 }, async (_, n) =>
      send("loaded", holdOf(3, { id: `h${n}` })).catch(() => ({ kind: "not known" })),
    );
    await abortAllDurableObjects();
    const outcomes = await Promise.all(holds);
    const known = outcomes.filter(({ kind }) => kind === "held").length;
    const { available, held, granted } = await viewOf("loaded");
    expect(held).toBeGreaterThanOrEqual(3 * known);
    expect(held % 3).toBe(0);
    expect(available + held).toBe(granted);
  });
});

describe("an account never granted anything", () => {
  it.each<[string, Command]>([
    ["hold", holdOf(1, { includedBy: ["pro"] })],
    ["capture", captureOf(1)],
    ["void", voidOf()],
    ["refund", refundOf(null)],
    ["reverse", reverseOf()],
  ])("has neither tables nor an alarm after a %s", async (op, command) => {
    const account = `stranger: ${op}`;
    expect(await send(account, command)).toMatchObject({ kind: expect.stringMatching(/not_found|insufficient/) });
    expect(await tablesOf(account)).toEqual([]);
    expect(await alarmOf(account)).toBeNull();
  });

  it("has neither after it was asked about", async () => {
    const stub = ACCOUNTS.getByName("asked");
    expect(await stub.read(RPC_VERSION, { read: "account" })).toBeNull();
    expect(await stub.read(RPC_VERSION, { read: "access", token })).toBeNull();
    expect(await stub.read(RPC_VERSION, { read: "entries", after: 0, limit: 1 })).toBeNull();
    expect(await tablesOf("asked")).toEqual([]);
    expect(await alarmOf("asked")).toBeNull();
  });
});
