/** Proves over random histories that the law of conservation holds after every step and that every answer is the right one. */
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { credits } from "../../src/credits.ts";
import type { AccountView, Command, GrantView } from "../../src/ledger/command.ts";
import { apply, open, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";
import { NOW, SECOND } from "../support/command.ts";
import { contentsOf, memoryStore } from "../support/store.ts";
import { expectSoundBooks } from "./books.ts";
import { history, type Step } from "./histories.ts";
import { CoinLedger } from "./model.ts";

/** FAREBOX_SEED repeats a run; the seed of every run is printed. */
const SEED = Number(process.env["FAREBOX_SEED"] ?? Date.now() % 2 ** 31);
const settings = (numRuns: number) => ({ seed: SEED, numRuns, endOnFailure: false });
console.info(`histories of the ledger: FAREBOX_SEED=${SEED}`);

const viewOf = (store: Store, now: number): AccountView | null => read(store, { read: "account" }, now);
const REFUSALS =
  `conflict already_expired limit_exceeded insufficient_balance account_suspended token_revoked hold_not_found
  exceeds_hold hold_resolved nothing_charged exceeds_charge grant_not_found`.split(/\s+/);

function newStore(): Store {
  const store = memoryStore();
  open(store);
  return store;
}

/** As expect(…).toEqual(…), which is too slow to call a hundred thousand times. */
function expectSame(seen: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(seen, wanted)) expect(seen).toEqual(wanted);
}

const PLACES = ["available", "held", "captured", "expired", "reversed"] as const;

/** Carries out one step on both ledgers and compares what they say and where every credit lies. */
function compare(store: Store, model: CoinLedger, command: Command, now: number): void {
  const outcome = apply(store, command, now);
  expectSoundBooks(store);
  const view = viewOf(store, now);
  const grants = view?.grants ?? [];
  const refunded = (id: string): GrantView[] => grants.filter((grant) => grant.id.startsWith(`refund/${id}/`));
  expectSame(outcome, model.apply(command, now, refunded));
  for (const place of PLACES) expectSame([place, view?.[place] ?? 0], [place, model.count(place)]);
  expectSame([view?.granted ?? 0, view?.writtenOff ?? 0], [model.coins.length, model.writtenOff]);
  for (const { id, remaining } of grants) expectSame([id, remaining], [id, model.remaining(id)]);
}

describe("any history", { timeout: 60_000 }, () => {
  it("is answered as by a ledger that keeps every credit as a coin, and its books are sound after every step", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const store = newStore();
        const model = new CoinLedger();
        let now = NOW;
        for (const { wait, command } of steps) {
          now += wait;
          compare(store, model, command, now);
        }
      }),
      settings(1500),
    );
  });

  it("changes nothing when each of its commands is sent twice, and the answer is the same", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const store = newStore();
        let now = NOW;
        for (const { wait, command } of steps) {
          now += wait;
          const first = apply(store, command, now);
          const before = viewOf(store, now);
          const again = apply(store, command, now);
          expectSame(again, "replayed" in first ? { ...first, replayed: true } : first);
          // Settings may be said twice: that moves the version and nothing else.
          expectSame({ ...viewOf(store, now), version: 0 }, { ...before, version: 0 });
        }
      }),
      settings(300),
    );
  });

  it("ends the same with alarms delivered at any time, twice, or never", () => {
    const alarms = fc.infiniteStream(fc.constantFrom(0, 0, 1, 2));
    fc.assert(
      fc.property(history, alarms, (steps, rings) => {
        const [quiet, rung] = [newStore(), newStore()];
        let now = NOW;
        for (const { wait, command } of steps) {
          for (let n = rings.next().value; n > 0; n--) wake(rung, now + Math.floor(wait / n));
          now += wait;
          expectSame(apply(rung, command, now), apply(quiet, command, now));
          expectSoundBooks(rung);
        }
        expect({ ...viewOf(rung, now), version: 0 }).toEqual({ ...viewOf(quiet, now), version: 0 });
      }),
      settings(300),
    );
  });

  it("that is refused a command is as if it had not been sent", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const store = newStore();
        let now = NOW;
        for (const { wait, command } of steps) {
          now += wait;
          viewOf(store, now);
          const before = contentsOf(store);
          const { kind } = apply(store, command, now);
          if (REFUSALS.includes(kind)) expectSame(contentsOf(store), before);
        }
      }),
      settings(300),
    );
  });

  it("keeps its books to the credit at the limits of what an account may be granted", () => {
    const huge = fc.constantFrom(1, 2, 1e12 - 1, 1e12, 5e14, 1e15 - 1, 1e15).map(credits);
    const scaled = fc.tuple(history, fc.infiniteStream(huge));
    fc.assert(
      fc.property(scaled, ([steps, amounts]) => {
        const store = newStore();
        let now = NOW;
        for (const { wait, command } of steps) {
          now += wait;
          const given = "credits" in command && command.credits !== null;
          apply(store, given ? { ...command, credits: amounts.next().value } : command, now);
          expectSoundBooks(store);
        }
      }),
      settings(300),
    );
  });
});

/** The history with an expiry on every grant. */
const expiring = (steps: readonly Step[]): Step[] =>
  steps.map((step) =>
    step.command.op === "grant"
      ? { ...step, command: { ...step.command, expiresAt: step.command.expiresAt ?? NOW + 60 * SECOND } }
      : step,
  );

describe("a history that ends", () => {
  it("leaves nothing held and nothing spendable once every deadline has passed", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const store = newStore();
        let now = NOW;
        for (const { wait, command } of expiring(steps)) apply(store, command, (now += wait));
        const view = viewOf(store, NOW + 1000 * SECOND);
        if (!view) return;
        expectSoundBooks(store);
        expect(view.held).toBe(0);
        // What a refund of an expired grant gave has no expiry; nothing else is left.
        expect(view.grants.filter(({ kind }) => kind !== "refund")).toEqual([]);
        expect(view.available).toBe(view.grants.reduce((sum, { remaining }) => sum + remaining, 0));
      }),
      settings(300),
    );
  });
});
