/**
 * Proves in rows, which do not depend on the machine, that a charge costs the same on an old and busy account as on a
 * new one: what it reads and writes, and that no query it makes walks through a table that grows. bench/growth.ts
 * says the same in time.
 */
import { describe, expect, it } from "vitest";
import { credits } from "../../src/credits.ts";
import type { HoldCommand } from "../../src/ledger/command.ts";
import { apply, nextWake, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, DAY, grantOf, holdOf, keepOf, refundOf } from "../support/command.ts";
import { countingStore, inside } from "./objects.ts";

const ROUTE = holdOf(1).route;
const later = Date.now() + DAY;

/** A call from its hold to its charge, and to the alarm that the object then sets. */
function charge(store: Store, id: string, more: Partial<HoldCommand> = {}): void {
  apply(store, holdOf(1, { id, ...more }), Date.now());
  nextWake(store);
  apply(store, captureOf(1, { id }), Date.now());
  nextWake(store);
}
/** The same with all that may come with a call: a key, a spend limit, an answer that is kept. */
function chargeKeyed(store: Store, id: string): void {
  const cap = { jti: `capped ${id}`, credits: credits(10), until: later };
  charge(store, id, { cap, idempotency: { key: `key ${id}`, digest: "d" } });
  apply(store, keepOf("an answer", { id }), Date.now());
}

/** What an account may have much of, and how it comes by the nth of it. */
const MUCH: Readonly<Record<string, (store: Store, n: number) => void>> = {
  "journal entries": (store, n) => {
    // Two a call.
    if (n % 2 === 0) charge(store, `old ${n}`);
  },
  "live grants": (store, n) => apply(store, grantOf(10, { id: `grant ${n}` }), Date.now()),
  "live grants that expire": (store, n) =>
    apply(store, grantOf(10, { id: `grant ${n}`, expiresAt: later + n }), Date.now()),
  "grants that have ended": (store, n) => {
    apply(store, grantOf(10, { id: `grant ${n}` }), Date.now());
    apply(store, { op: "reverse", id: `grant ${n}` }, Date.now());
  },
  "idempotency keys and spend limits": (store, n) => {
    if (n % 4 === 0) chargeKeyed(store, `old ${n}`);
  },
  "restricted grants that have ended": (store, n) => {
    apply(store, grantOf(10, { id: `grant ${n}`, routes: [ROUTE] }), Date.now());
    apply(store, { op: "reverse", id: `grant ${n}` }, Date.now());
  },
  "open holds": (store, n) => apply(store, holdOf(1, { id: `open ${n}` }), Date.now()),
  "revoked tokens": (store, n) => apply(store, { op: "revoke", jti: `token ${n}`, until: later }, Date.now()),
  refunds: (store, n) => {
    if (n % 4 > 0) return;
    charge(store, `old ${n}`);
    apply(store, refundOf(1, { id: `refund ${n}`, holdId: `old ${n}` }), Date.now());
  },
};

type Cost = { read: number; written: number };

/** What a charge reads and writes on an account that has so many of something, besides a grant to pay with. */
async function costWith(what: string, count: number, act: (store: Store, id: string) => void): Promise<Cost> {
  return inside(`${act.name} with ${count} ${what}`, (state) => {
    const { store, rows } = countingStore(state);
    // Of the highest priority, so that it pays whatever else there is.
    apply(store, grantOf(1_000_000, { id: "first", priority: 1 }), Date.now());
    const inOne: Store = { ...store, transaction: (block) => block() };
    state.storage.transactionSync(() => {
      for (let n = 0; n < count; n++) MUCH[what]?.(inOne, n);
    });
    Object.assign(rows, { read: 0, written: 0 });
    act(store, "measured");
    return { ...rows };
  });
}

describe("the rows of a charge", () => {
  it.each([
    ["journal entries", 10, 20_000],
    ["live grants", 10, 2_000],
    ["live grants that expire", 10, 2_000],
    ["grants that have ended", 10, 2_000],
    ["idempotency keys and spend limits", 40, 20_000],
    ["restricted grants that have ended", 10, 2_000],
    ["open holds", 10, 2_000],
    ["revoked tokens", 10, 2_000],
    ["refunds", 40, 8_000],
  ])("are the same with few and with many %s", { timeout: 60_000 }, async (what, few, many) => {
    for (const act of [charge, chargeKeyed]) {
      const [little, much] = [await costWith(what, few, act), await costWith(what, many, act)];
      expect(much.written).toBe(little.written);
      expect(Math.abs(much.read - little.read)).toBeLessThanOrEqual(2);
    }
  });

  it("are as many as the price list of the platform was reckoned with", async () => {
    // Written: the hold, two account rows, two entries, the grant, the hold's capture, its end and the index of open holds.
    expect((await costWith("journal entries", 12, charge)).written).toBe(9);
    // Also the key and its index, the token's count, the answer with its index, the bytes kept, and the indexes of the answer kept and of the token's end.
    expect((await costWith("journal entries", 12, chargeKeyed)).written).toBe(17);
  });
});

/** The steps of SQLite's plan for each statement that `act` makes. */
async function plansOf(account: string, act: (store: Store) => void): Promise<Map<string, string[]>> {
  return inside(account, (state) => {
    const { store } = countingStore(state);
    apply(store, grantOf(1_000_000, { id: "first" }), Date.now());
    apply(store, grantOf(10, { id: "restricted", routes: [ROUTE] }), Date.now());
    chargeKeyed(store, "before");
    const plans = new Map<string, string[]>();
    act({
      ...store,
      exec(query, ...bindings) {
        const plan = state.storage.sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings).toArray();
        plans.set(
          query,
          plan.map(({ detail }) => detail),
        );
        return store.exec(query, ...bindings);
      },
    });
    return plans;
  });
}

/** Walks that a charge may make, and why each is short. */
const SHORT_WALKS: readonly string[] = [
  // The tables of the schema, of which there are a handful.
  "SCAN sqlite_master",
  // In burning order and by LIMIT: the first few grants.
  "SCAN grants USING INDEX burn_order",
  // The grants for some routes only that still have credits.
  "SCAN grants USING INDEX live_restricted_grants",
];

describe("the queries of a charge", () => {
  it("walk through no table that grows and sort nothing", async () => {
    const plans = await plansOf("plans", (store) => {
      chargeKeyed(store, "h1");
      apply(store, holdOf(1, { id: "h2", idempotency: { key: "key h1", digest: "d" } }), Date.now());
      apply(store, holdOf(1, { id: "h3" }), Date.now());
      apply(store, captureOf(1, { id: "h3" }), Date.now() + 100_000);
      read(store, { read: "access", token: { jti: "t1", issuedAt: 0 } }, Date.now());
    });
    expect(plans.size).toBeGreaterThan(20);
    const walks = [...plans].flatMap(([query, plan]) =>
      plan.filter((step) => /^SCAN |TEMP B-TREE|CORRELATED|AUTOMATIC/.test(step)).map((step) => [step, query]),
    );
    expect(walks.filter(([step = ""]) => !SHORT_WALKS.includes(step))).toEqual([]);
  });

  it("of the alarm walk through no more than a batch", async () => {
    const plans = await plansOf("alarm's plans", (store) => {
      for (const days of [1, 2, 40]) wake(store, Date.now() + days * DAY);
    });
    const walks = [...plans.values()].flat().filter((step) => /^SCAN (?!sqlite_master)/.test(step));
    expect(walks).toEqual([]);
  });
});
