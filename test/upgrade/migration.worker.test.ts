/**
 * That an account's object whose migration fails half-way answers with a fault, has written nothing, and works once
 * what stood in its way is gone. The tables are version 1's, in a real object's storage.
 */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Row } from "../../src/ledger/store.ts";
import { captureOf, grantOf, holdOf } from "../support/command.ts";
import { ACCOUNTS, alarmOf, alter, countingStore, inside, send, viewOf } from "../ledger/objects.ts";
import * as v1 from "./ledger-1.js";

/** An object in whose storage version 1 wrote: 10 credits, 3 of them charged, 4 held. */
async function accountOf1(account: string): Promise<void> {
  await inside(account, (state) => {
    const { store } = countingStore(state);
    v1.apply(store, grantOf(10), Date.now());
    v1.apply(store, holdOf(3), Date.now());
    v1.apply(store, captureOf(3), Date.now());
    v1.apply(store, holdOf(4, { id: "open" }), Date.now());
  });
  await evictDurableObject(ACCOUNTS.getByName(account));
}

/** Every table and index with its rows, but for the platform's own. */
async function onDisk(account: string): Promise<unknown> {
  return inside(account, ({ storage }) => {
    const made = storage.sql
      .exec<{ type: string; name: string; sql: string | null }>(
        `SELECT type, name, sql FROM sqlite_master ORDER BY name`,
      )
      .toArray()
      .filter(({ name }) => !name.startsWith("_cf_"));
    const rowsOf = (name: string): Row[] => storage.sql.exec<Row>(`SELECT * FROM "${name}"`).toArray();
    return made.map((one) => (one.type === "table" ? { ...one, rows: rowsOf(one.name) } : one));
  });
}

describe("an object with version 1's tables", () => {
  it("goes on where version 1 stopped", async () => {
    await accountOf1("moved");
    expect(await viewOf("moved")).toMatchObject({ available: 3, held: 4, captured: 3, granted: 10 });
    expect(await send("moved", grantOf(10))).toMatchObject({ kind: "granted", replayed: true });
    expect(await send("moved", holdOf(4, { id: "open" }))).toMatchObject({ kind: "held", replayed: true });
    expect(await send("moved", captureOf(4, { id: "open" }))).toMatchObject({ kind: "captured", replayed: false });
    expect(await viewOf("moved")).toMatchObject({ available: 3, held: 0, captured: 7 });
    expect(await alarmOf("moved")).not.toBeNull();
  });

  // Each stands in the way of another of the migration's statements: the first, some in the middle, the last.
  it.each([
    ["the first statement", `CREATE INDEX burn_order ON grants (id)`, `DROP INDEX burn_order`],
    ["one in the middle", `CREATE TABLE idempotency_keys (x)`, `DROP TABLE idempotency_keys`],
    ["one near the end", `CREATE TABLE answers (x)`, `DROP TABLE answers`],
    ["the last table change", `CREATE INDEX daily_totals ON grants (id)`, `DROP INDEX daily_totals`],
    [
      "the note of the new version",
      `CREATE TRIGGER full BEFORE UPDATE ON schema_version BEGIN SELECT RAISE(ABORT, 'no room'); END`,
      `DROP TRIGGER full`,
    ],
  ])(
    "whose migration fails at %s answers a fault, has written nothing, and works afterwards",
    async (what, bar, lift) => {
      await accountOf1(what);
      await alter(what, bar);
      const before = await onDisk(what);
      for (const command of [holdOf(1, { id: "new" }), captureOf(4, { id: "open" }), grantOf(10)])
        expect(await send(what, command)).toEqual({ kind: "fault" });
      expect(await viewOf(what)).toEqual({ kind: "fault" });
      expect(await onDisk(what)).toEqual(before);
      await evictDurableObject(ACCOUNTS.getByName(what));
      expect(await send(what, captureOf(4, { id: "open" }))).toEqual({ kind: "fault" });
      await alter(what, lift);
      await evictDurableObject(ACCOUNTS.getByName(what));
      expect(await send(what, captureOf(4, { id: "open" }))).toMatchObject({ kind: "captured", replayed: false });
      expect(await send(what, grantOf(10))).toMatchObject({ kind: "granted", replayed: true });
      expect(await viewOf(what)).toMatchObject({ available: 3, held: 0, captured: 7, granted: 10 });
    },
  );
});
