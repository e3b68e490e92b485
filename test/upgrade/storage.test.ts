/**
 * That tables which version 1 wrote mean the same to today's code: not a credit, a hold, an entry or an id is lost on
 * the way, whatever state they were in, and whatever came after is answered as if today's code had been there all along.
 */
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/ledger/command.ts";
import { apply, nextWake, open, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { expectSoundBooks } from "../ledger/books.ts";
import { history, type Step } from "../ledger/histories.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf } from "../support/command.ts";
import { contentsOf, failingAt, memoryStore } from "../support/store.ts";
import * as v1 from "./ledger-1.js";

/** FAREBOX_SEED repeats a run; the seed of every run is printed. */
const SEED = Number(process.env["FAREBOX_SEED"] ?? Date.now() % 2 ** 31);
const settings = (numRuns: number) => ({ seed: SEED, numRuns, endOnFailure: false });
console.info(`histories across versions: FAREBOX_SEED=${SEED}`);

/** The history in version 1's words: no answers kept, no caps, no keys. */
const historyOf1 = history.map((steps) =>
  steps
    .filter(({ command }) => command.op !== "keep")
    .map(({ wait, command }): Step =>
      command.op === "hold" ? { wait, command: { ...command, cap: null, idempotency: null } } : { wait, command },
    ),
);
const split = fc.tuple(historyOf1, fc.nat()).map(([steps, n]) => {
  const at = n % (steps.length + 1);
  return [steps.slice(0, at), steps.slice(at)] as const;
});

/** As expect(…).toEqual(…), which is too slow to call a hundred thousand times. */
function expectSame(seen: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(seen, wanted)) expect(seen).toEqual(wanted);
}
const viewOf = (store: Store, now: number) => read(store, { read: "account" }, now);
const journalOf = (store: Store, now: number) => read(store, { read: "entries", after: 0, limit: 1_000_000 }, now);

/** Carries out steps from `now` on with one version's rules, and returns when the last one was. */
function run(
  store: Store,
  rules: Pick<typeof v1, "apply">,
  steps: readonly Step[],
  now: number,
  hear: (outcome: unknown) => void = () => undefined,
): number {
  let at = now;
  for (const { wait, command } of steps) hear(rules.apply(store, command, (at += wait)));
  return at;
}

/** What is in each of version 1's tables, with the columns that version 1 knew. */
function knownTo1(store: Store, tables: Record<string, object[]>): unknown {
  const now = contentsOf(store);
  return Object.fromEntries(
    Object.entries(tables).map(([name, rows]) => {
      const columns = Object.keys(rows[0] ?? {});
      return [name, now[name]?.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])))];
    }),
  );
}

describe("tables that version 1 wrote", { timeout: 60_000 }, () => {
  it("are as they were in every balance, entry, hold, grant, refund and revocation once today's code has opened them", () => {
    fc.assert(
      fc.property(historyOf1, (steps) => {
        const store = memoryStore();
        const now = run(store, v1, steps, NOW);
        const told = [v1.read(store, { read: "account" }, now), v1.read(store, { read: "access", token: token1 }, now)];
        const { schema_version: version = [], ...before } = contentsOf(store);
        open(store);
        expectSame(knownTo1(store, before), before);
        expectSame(contentsOf(store)["schema_version"] ?? [], version.length > 0 ? [{ id: 1, version: 2 }] : []);
        expectSame([viewOf(store, now), read(store, { read: "access", token: token1 }, now)], told);
        expectSoundBooks(store);
      }),
      settings(500),
    );
  });

  it("go on, from any point of a history, to the answers and rows of a ledger that was of today's version all along", () => {
    fc.assert(
      fc.property(split, ([before, after]) => {
        const [moved, native] = [memoryStore(), memoryStore()];
        const answers: [unknown[], unknown[]] = [[], []];
        const hear = (n: 0 | 1) => (outcome: unknown) => answers[n].push(outcome);
        let now = run(moved, v1, before, NOW, hear(0));
        run(native, { apply }, before, NOW, hear(1));
        open(moved);
        expectSame([viewOf(moved, now), journalOf(moved, now)], [viewOf(native, now), journalOf(native, now)]);
        run(moved, { apply }, after, now, hear(0));
        now = run(native, { apply }, after, now, hear(1));
        expectSame(answers[0], answers[1]);
        expectSame(sortedContents(moved), sortedContents(native));
        expectSame(nextWake(moved), nextWake(native));
        expectSoundBooks(moved);
      }),
      settings(500),
    );
  });

  it("know the ids of version 1's commands: sent again across the upgrade they are carried out once", () => {
    fc.assert(
      fc.property(historyOf1, (steps) => {
        const store = memoryStore();
        let now = NOW;
        for (const { wait, command } of steps) {
          const old = copyOf(store);
          const first = v1.apply(old, command, (now += wait));
          v1.apply(store, command, now);
          open(old);
          const before = viewOf(old, now);
          expectSame(apply(old, command, now), "replayed" in first ? { ...first, replayed: true } : first);
          expectSame({ ...viewOf(old, now), version: 0 }, { ...before, version: 0 });
        }
      }),
      settings(60),
    );
  });

  it("keep their books when they are compacted after the upgrade, also where version 1 had purged before", () => {
    for (const upgradeAfter of [10, 45]) {
      const store = memoryStore();
      v1.apply(store, grantOf(10_000), NOW);
      const spendDay = (rules: Pick<typeof v1, "apply">, day: number): void => {
        for (let n = 0; n < 20; n++) {
          const [id, at] = [`d${day}n${n}`, NOW + day * DAY + n * 3_600_000];
          rules.apply(store, holdOf(2, { id, token: token1 }), at);
          if (n % 5 === 0) continue;
          rules.apply(store, captureOf(n % 3, { id }), at + 1000);
          if (n % 7 === 0) rules.apply(store, refundOf(1, { id: `r${id}`, holdId: id }), at + 2000);
        }
      };
      for (let day = 0; day < upgradeAfter; day++) {
        spendDay(v1, day);
        v1.wake(store, NOW + day * DAY + DAY - 1);
      }
      open(store);
      expectSoundBooks(store);
      for (let day = upgradeAfter; day < 90; day++) {
        spendDay({ apply }, day);
        for (const _ of [1, 2, 3]) wake(store, NOW + day * DAY + DAY - 1);
        expectSoundBooks(store);
      }
      const oldest = NOW + 58 * DAY;
      expect(store.exec(`SELECT 1 FROM holds WHERE resolved_at < ?1`, oldest)).toEqual([]);
      expect(store.exec(`SELECT 1 FROM entries WHERE calls IS NOT NULL LIMIT 1`)).toHaveLength(1);
    }
  });
});

/** A token that some histories revoke. */
const token1 = { jti: "t1", issuedAt: 2 };

/** All rows, whatever the order of columns; when an expiry was noticed is left out, for that is not what happened. */
function sortedContents(store: Store): unknown {
  return Object.entries(contentsOf(store)).map(([name, rows]) => [
    name,
    rows.map((row) => {
      const kept = name === "holds" && row["state"] === "expired" ? { ...row, resolved_at: null } : row;
      return Object.entries(kept).sort(([x], [y]) => (x < y ? -1 : 1));
    }),
  ]);
}

/** A copy of an account of version 1, table by table. */
function copyOf(store: Store): Store {
  const copy = memoryStore();
  const made = store.exec<{ sql: string }>(`SELECT sql FROM sqlite_master WHERE sql IS NOT NULL`);
  for (const { sql } of made) copy.exec(sql);
  for (const [name, rows] of Object.entries(contentsOf(store)))
    for (const row of rows) {
      const [columns, values] = [Object.keys(row), Object.values(row) as (string | number | null)[]];
      const places = columns.map((_, n) => `?${n + 1}`).join();
      copy.exec(`INSERT INTO "${name}" (${columns.join()}) VALUES (${places})`, ...values);
    }
  return copy;
}

describe("a migration cut short", { timeout: 60_000 }, () => {
  it("at any statement has changed nothing, version 1 still knows its tables, and today's code finishes it later", () => {
    fc.assert(
      fc.property(split, ([before, after]) => {
        const store = memoryStore();
        const seed: Command = grantOf(10, { id: "seed" });
        v1.apply(store, seed, NOW);
        const now = run(store, v1, before, NOW);
        const contents = contentsOf(store);
        let failures = 0;
        for (let done = false; !done; failures += done ? 0 : 1) {
          expect(failures).toBeLessThan(100);
          try {
            open(failingAt(store, failures + 1));
            done = true;
          } catch (error) {
            expect(String(error)).toContain("the disk is full");
            expectSame(contentsOf(store), contents);
            v1.open(store);
          }
        }
        expect(failures).toBeGreaterThan(10);
        const native = memoryStore();
        apply(native, seed, NOW);
        run(native, { apply }, before, NOW);
        const answers: [unknown[], unknown[]] = [[], []];
        run(store, { apply }, after, now, (outcome) => answers[0].push(outcome));
        run(native, { apply }, after, now, (outcome) => answers[1].push(outcome));
        expectSame(answers[0], answers[1]);
        expectSame(sortedContents(store), sortedContents(native));
      }),
      settings(40),
    );
  });
});

describe("version 1 before tables of today", { timeout: 60_000 }, () => {
  it("refuses to open them and has written nothing, at whatever point of a history", () => {
    fc.assert(
      fc.property(historyOf1, (steps) => {
        const store = memoryStore();
        apply(store, grantOf(10, { id: "seed" }), NOW);
        run(store, { apply }, steps, NOW);
        const before = contentsOf(store);
        expect(() => v1.open(store)).toThrow("deploy the newer code again");
        expectSame(contentsOf(store), before);
        open(store);
        expectSame(contentsOf(store), before);
      }),
      settings(60),
    );
  });
});
