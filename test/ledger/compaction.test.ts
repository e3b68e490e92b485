/** Proves that what is older than the retention becomes a day's totals, that nothing is lost by it, and nothing newer changes. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/ledger/command.ts";
import { apply, duePublication, nextWake, published, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { formatEntry } from "../../src/wire.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { contentsOf } from "../support/store.ts";
import { expectSoundBooks } from "./books.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

/** When all of a day is older than the retention; `DUE - 1` is the last moment before. */
const DUE = NOW + 31 * DAY;
const HOUR = DAY / 24;
const ROUTES = ["GET /v1/search", "POST /v1/report"];

/** One charged call. */
function charge({ store }: TestAccount, id: string, amount: number, at: number, route = ROUTES[0] ?? ""): void {
  apply(store, holdOf(amount, { id, route }), at);
  apply(store, captureOf(amount, { id }), at + SECOND);
}
/** Purges until nothing more is due; after each purge the books must be sound. How many it took. */
function purgeAll(store: Store, at: number): number {
  for (let n = 1; n < 100; n++) {
    const before = JSON.stringify(contentsOf(store));
    wake(store, at);
    expectSoundBooks(store);
    if (JSON.stringify(contentsOf(store)) === before) return n - 1;
  }
  throw new Error("purging does not end");
}
const entriesOf = (store: Store, at: number): readonly Entry[] =>
  read(store, { read: "entries", after: 0, limit: 1_000_000 }, at)?.entries ?? [];
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
/** Whether a line is told one by one for ever. */
const told = ({ kind, requestId }: Entry): boolean => kind === "refund" || requestId === null;
/** Sums by what a total stands for: day, kind and route. */
function sums(entries: readonly Entry[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { at, kind, route, amount, held, writtenOff, calls } of entries) {
    const key = `${dayOf(at)} ${kind} ${route ?? "-"}`;
    const sum = found.get(key) ?? [0, 0, 0, 0];
    found.set(
      key,
      [amount, held, writtenOff, calls ?? 1].map((value, index) => value + (sum[index] ?? 0)),
    );
  }
  return found;
}
/** Two days of calls of every kind and end, on two routes, with grants, refunds and reversals between them. */
function busy(): TestAccount {
  const account = openAccount(grantOf(1000), grantOf(50, { id: "short", expiresAt: NOW + 20 * HOUR, priority: 90 }));
  const { store } = account;
  for (const day of [0, 1])
    for (let n = 0; n < 30; n++) {
      const [id, at] = [`d${day}n${n}`, NOW + day * DAY + n * 0.5 * HOUR];
      apply(store, holdOf(5, { id, route: ROUTES[n % 2] ?? "" }), at);
      if (n % 5 === 0) apply(store, voidOf(id), at + SECOND);
      else if (n % 5 === 1) apply(store, captureOf(2, { id }), at + SECOND);
      else if (n % 5 !== 2) apply(store, captureOf(5, { id }), at + SECOND);
      // The others expire; of those one is charged late, and one finds too little left.
      if (n === 7) apply(store, captureOf(5, { id }), at + 90 * SECOND);
      if (n === 12) apply(store, holdOf(account.view(at).available - 2, { id: `rest${id}`, ttlSeconds: 300 }), at);
      if (n === 12) apply(store, holdOf(5, { id: `last${id}` }), at + 90 * SECOND);
      if (n === 12) apply(store, captureOf(5, { id }), at + 91 * SECOND);
      if (n === 20) apply(store, refundOf(3, { id: `r${day}`, holdId: `d${day}n3` }), at + SECOND);
      if (n === 22) apply(store, grantOf(40, { id: `g${day}` }), at + SECOND);
      if (n === 24) apply(store, reverseOf(`g${day}`), at + SECOND);
    }
  wake(store, NOW + 2 * DAY);
  expectSoundBooks(store);
  return account;
}

describe("a day that is older than the retention", () => {
  it("becomes one line a kind and route, which has the sums, the count and the last line's balance", () => {
    const account = busy();
    const before = entriesOf(account.store, DUE - 1);
    purgeAll(account.store, DUE + DAY);
    const totals = entriesOf(account.store, DUE + DAY).filter(({ calls }) => calls !== null);
    const keys = totals.map(({ ref, kind, route }) => `${ref} ${kind} ${route}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(totals.length).toBeGreaterThan(12);
    expect(new Set(totals.map(({ kind }) => kind))).toEqual(
      new Set(["hold", "capture", "void", "expire", "write_off"]),
    );
    for (const total of totals) {
      const of = before.filter(
        ({ at, kind, route, requestId }) =>
          requestId !== null && kind === total.kind && route === total.route && dayOf(at) === total.ref,
      );
      const sum = (pick: (entry: Entry) => number): number => of.reduce((all, entry) => all + pick(entry), 0);
      expect(total).toEqual({
        seq: of[0]?.seq,
        at: of.at(-1)?.at,
        kind: total.kind,
        amount: sum(({ amount }) => amount),
        held: sum(({ held }) => held),
        writtenOff: sum(({ writtenOff }) => writtenOff),
        ref: dayOf(total.at),
        requestId: null,
        route: total.route,
        calls: of.length,
        balance: of.at(-1)?.balance,
      });
    }
    expect(sums(entriesOf(account.store, DUE + DAY))).toEqual(sums(before));
  });

  it("keeps its grants, refunds, reversals and expiries of grants line by line, word for word", () => {
    const account = busy();
    const before = entriesOf(account.store, DUE - 1).filter(told);
    expect(new Set(before.map(({ kind }) => kind))).toEqual(new Set(["grant", "refund", "reverse", "expire"]));
    purgeAll(account.store, DUE + DAY);
    expect(entriesOf(account.store, DUE + DAY).filter(({ calls }) => calls === null)).toEqual(before);
  });

  it("leaves the account, its grants and every sum as they were", () => {
    const account = busy();
    const { asOf: _, ...before } = account.view(DUE - 1);
    purgeAll(account.store, DUE + DAY);
    expect(account.view(DUE + DAY)).toMatchObject(before);
  });

  it("is compacted to its last moment, and the next day's first line is not touched", () => {
    const account = openAccount(grantOf(100));
    charge(account, "last", 1, NOW + DAY - 2 * SECOND);
    charge(account, "next", 1, NOW + DAY);
    const before = entriesOf(account.store, DUE);
    purgeAll(account.store, DUE - 1);
    expect(entriesOf(account.store, DUE)).toEqual(before);
    purgeAll(account.store, DUE);
    const entries = entriesOf(account.store, DUE);
    expect(entries.map(({ kind, calls }) => [kind, calls])).toEqual([
      ["grant", null],
      ["hold", 1],
      ["capture", 1],
      ["hold", null],
      ["capture", null],
    ]);
    expect(entries.slice(3)).toEqual(before.slice(3));
  });

  it("keeps apart what one call left on two days", () => {
    const account = openAccount(grantOf(100));
    apply(account.store, holdOf(5), NOW + DAY - SECOND);
    apply(account.store, captureOf(5), NOW + DAY + SECOND);
    purgeAll(account.store, DUE + DAY);
    expect(entriesOf(account.store, DUE + DAY).slice(1)).toMatchObject([
      { kind: "hold", ref: dayOf(NOW), calls: 1, balance: { available: 95, held: 5 } },
      { kind: "capture", ref: dayOf(NOW + DAY), calls: 1, balance: { available: 95, held: 0 } },
    ]);
  });
});

/** 1,300 lines on one route, with a grant in the middle. */
function long(): TestAccount {
  const account = openAccount(grantOf(10_000));
  for (let n = 0; n < 650; n++) {
    charge(account, `h${n}`, 1 + (n % 3), NOW + n * 60 * SECOND);
    if (n === 400) account.apply(grantOf(7, { id: "g2" }), NOW + n * 60 * SECOND + 2 * SECOND);
  }
  return account;
}

describe("a day of more lines than a purge takes", () => {
  it("ends in the same totals, batch by batch, each batch leaving the books sound", () => {
    const account = long();
    const before = sums(entriesOf(account.store, DUE - 1));
    expect(purgeAll(account.store, DUE)).toBe(3);
    const entries = entriesOf(account.store, DUE);
    expect(entries.map(({ kind, calls }) => [kind, calls])).toEqual([
      ["grant", null],
      ["hold", 650],
      ["capture", 650],
      ["grant", null],
    ]);
    expect(sums(entries)).toEqual(before);
    expect(entries[2]?.balance).toEqual({ available: 8708, held: 0 });
    expect(account.store.exec(`SELECT id FROM holds`)).toEqual([]);
  });

  it("is asked for again until it is done, then the alarm falls silent", () => {
    const { store } = long();
    published(store, Infinity, NOW);
    let rings = 0;
    for (let at = nextWake(store); at !== null && at <= DUE + DAY; at = nextWake(store)) {
      const now = Math.max(at, DUE);
      wake(store, now);
      expect(duePublication(store, now)).toBeUndefined();
      rings++;
      expect(rings).toBeLessThan(10);
    }
    expect(rings).toBeGreaterThanOrEqual(3);
    expect(entriesOf(store, DUE)).toHaveLength(4);
    expect(nextWake(store)).toBeNull();
  });

  it.each([1, 3, 100, 499])("is read in pages of %d while it is compacted: no line twice, and an end", (limit) => {
    const { store } = long();
    const seen: Entry[] = [];
    let [after, pages]: [number | null, number] = [0, 0];
    while (after !== null) {
      const page: { entries: readonly Entry[]; next: number | null } = read(
        store,
        { read: "entries", after, limit },
        DUE,
      ) ?? { entries: [], next: null };
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      expect(page.entries.every(({ seq }) => seq > (after ?? 0))).toBe(true);
      seen.push(...page.entries);
      after = page.next;
      pages++;
      expect(pages).toBeLessThan(1400);
      if (pages % 2 === 0) wake(store, DUE);
    }
    const seqs = seen.map(({ seq }) => seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });
});

describe("what is within the retention", () => {
  it("is not changed by a purge of what is older", () => {
    const account = busy();
    const { store } = account;
    charge(account, "recent", 1, DUE - 5 * DAY);
    apply(store, holdOf(1, { id: "open" }), DUE + DAY - SECOND);
    const recent = (): unknown => [
      entriesOf(store, DUE + DAY).slice(-3),
      store.exec(`SELECT * FROM holds WHERE id IN ('recent', 'open') ORDER BY id`),
    ];
    const before = recent();
    purgeAll(store, DUE + DAY);
    expect(recent()).toEqual(before);
  });

  it("goes on from the totals: later lines have the balances that follow, and later totals merge with none", () => {
    const account = busy();
    purgeAll(account.store, DUE + DAY);
    const { available } = account.view(DUE + DAY);
    account.apply(grantOf(30, { id: "later" }), DUE + DAY);
    charge(account, "later", 5, DUE + DAY);
    expect(account.entries(DUE + DAY + HOUR).at(-1)?.balance).toEqual({ available: available + 25, held: 0 });
    const before = sums(account.entries(DUE + DAY + HOUR));
    purgeAll(account.store, DUE + 33 * DAY);
    expect(sums(entriesOf(account.store, DUE + 33 * DAY))).toEqual(before);
  });

  it("answers a command sent again as it did: grants and refunds for ever, holds while they are kept", () => {
    const account = openAccount(grantOf(100));
    charge(account, "old", 5, NOW);
    account.apply(refundOf(2, { holdId: "old" }), NOW + SECOND);
    account.apply(reverseOf("g1"), NOW + HOUR);
    account.apply(grantOf(50, { id: "g2" }), NOW + 5 * DAY);
    charge(account, "kept", 5, NOW + 5 * DAY);
    purgeAll(account.store, DUE);
    const before = contentsOf(account.store);
    for (const command of [grantOf(100), refundOf(2, { holdId: "old" }), reverseOf(), captureOf(5, { id: "kept" })])
      expect(account.apply(command, DUE)).toMatchObject({ replayed: true });
    expect(account.apply(holdOf(5, { id: "kept" }), DUE)).toMatchObject({ replayed: true, state: "captured" });
    expect(account.apply(grantOf(99), DUE)).toEqual({ kind: "conflict" });
    expect(account.apply(captureOf(5, { id: "old" }), DUE)).toEqual({ kind: "hold_not_found" });
    expect(contentsOf(account.store)).toEqual(before);
  });

  it("may be refunded although the lines of its hold have become totals: its charge came later", () => {
    const account = openAccount(grantOf(100));
    account.apply(holdOf(5, { ttlSeconds: 40 * 86_400 }));
    account.apply(captureOf(5), NOW + 30 * DAY);
    purgeAll(account.store, NOW + 35 * DAY);
    expect(account.entries(NOW + 35 * DAY)).toMatchObject([{}, { kind: "hold", calls: 1 }, { calls: null }]);
    expect(account.apply(refundOf(5), NOW + 35 * DAY)).toMatchObject({ kind: "refunded", credits: 5 });
  });
});

describe("the journal as JSON", () => {
  it("shows of a total its day and how many calls it stands for, and of a single line neither", () => {
    const account = openAccount(grantOf(100));
    charge(account, "a", 5, NOW);
    charge(account, "b", 6, NOW + HOUR);
    expect(account.entries(DUE).map(formatEntry)[1]).not.toHaveProperty("calls");
    purgeAll(account.store, DUE);
    expect(account.entries(DUE).map(formatEntry)[2]).toEqual({
      seq: 3,
      at: new Date(NOW + HOUR + SECOND).toISOString(),
      kind: "capture",
      amount: -11,
      held: -11,
      ref: "2026-11-23",
      route: "GET /v1/search",
      calls: 2,
      balance: { available: 89, held: 0 },
    });
  });
});
