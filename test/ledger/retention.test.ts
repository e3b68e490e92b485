/** Proves that a finished hold is known for 30 days after the day it ended and dropped then, and that nothing else ever is. */
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/ledger/command.ts";
import { apply, duePublication, nextWake, published, wake } from "../../src/ledger/ledger.ts";
import { RETENTION_DAYS } from "../../src/ledger/retention.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf, SECOND, voidOf } from "../support/command.ts";
import { expectSoundBooks } from "./books.ts";
import { openAccount } from "./test-account.ts";

/** From the first moment of a day to the last at which what ended in that day is still kept. NOW is such a moment. */
const RETENTION = (RETENTION_DAYS + 1) * DAY - 1;
const holdIds = (store: Store): unknown[] =>
  store.exec<{ id: string }>(`SELECT id FROM holds ORDER BY id`).map(({ id }) => id);

describe("a finished hold", () => {
  it("is kept for 30 days", () => {
    expect(RETENTION_DAYS).toBe(30);
    expect(NOW % DAY).toBe(0);
  });

  const ends: [string, Command[]][] = [
    ["captured", [captureOf(4)]],
    ["captured in part", [captureOf(1)]],
    ["voided", [voidOf()]],
    ["captured in two reports", [captureOf(1, { final: false }), captureOf(4)]],
  ];
  it.each(ends)("that was %s is known up to 30 days and dropped after", (_, commands) => {
    const account = openAccount(grantOf(10), holdOf(4), ...commands);
    wake(account.store, NOW + RETENTION);
    expect(account.apply(holdOf(4), NOW + RETENTION)).toMatchObject({ kind: "held", replayed: true });
    wake(account.store, NOW + RETENTION + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("that expired is kept for 30 days from its expiry", () => {
    const account = openAccount(grantOf(10));
    account.apply(holdOf(4), NOW + DAY - SECOND);
    wake(account.store, NOW + DAY + 89 * SECOND);
    wake(account.store, NOW + DAY + RETENTION);
    expect(holdIds(account.store)).toEqual(["h1"]);
    wake(account.store, NOW + DAY + RETENTION + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("that a late report charged is kept for 30 days from then", () => {
    const account = openAccount(grantOf(10), holdOf(4));
    wake(account.store, NOW + 90 * SECOND);
    account.apply(captureOf(4), NOW + DAY);
    wake(account.store, NOW + RETENTION + DAY);
    expect(holdIds(account.store)).toEqual(["h1"]);
    wake(account.store, NOW + RETENTION + DAY + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("that was used up before it ended is dropped 30 days after its end, however often the alarm rang meanwhile", () => {
    const account = openAccount(grantOf(10), holdOf(4, { ttlSeconds: 172_800 }), captureOf(4, { final: false }));
    account.apply(captureOf(4), NOW + DAY);
    wake(account.store, NOW + RETENTION + DAY);
    expect(holdIds(account.store)).toEqual(["h1"]);
    wake(account.store, NOW + RETENTION + DAY + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("that was used up and expired is dropped 30 days after, however often the alarm rang meanwhile", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(4, { final: false }));
    for (let at = 90 * SECOND; at < DAY; at += 90 * SECOND) wake(account.store, NOW + at);
    for (let at = 0; at <= 90 * SECOND; at += SECOND) wake(account.store, NOW + RETENTION + at);
    wake(account.store, NOW + RETENTION + DAY);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("that is dropped is nobody's any more: its id is free and its charge cannot be refunded", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(4), refundOf(1));
    const at = NOW + RETENTION + 1;
    wake(account.store, at);
    expect(account.apply(captureOf(4), at)).toEqual({ kind: "hold_not_found" });
    expect(account.apply(refundOf(1, { id: "r2" }), at)).toEqual({ kind: "hold_not_found" });
    expect(account.apply(holdOf(2), at)).toMatchObject({ kind: "held", replayed: false });
  });
});

describe("purging", () => {
  it("touches neither open holds nor recent ones", () => {
    const account = openAccount(grantOf(10), holdOf(1, { id: "old" }), captureOf(1, { id: "old" }));
    account.apply(holdOf(1, { id: "long", ttlSeconds: 90 * 86_400 }));
    const later = NOW + RETENTION - 80 * SECOND;
    account.apply(holdOf(1, { id: "recent" }), later);
    account.apply(captureOf(1, { id: "recent" }), later);
    account.apply(holdOf(1, { id: "open" }), later);
    wake(account.store, NOW + RETENTION + 1);
    expect(holdIds(account.store)).toEqual(["long", "open", "recent"]);
    expect(account.view(NOW + RETENTION + 1)).toMatchObject({ available: 6, held: 2, captured: 2 });
  });

  it("drops a hold that was open when its first entry came of age, 30 days after it ends", () => {
    const account = openAccount(grantOf(10), holdOf(4, { ttlSeconds: 40 * 86_400 }));
    wake(account.store, NOW + 35 * DAY);
    account.apply(captureOf(4), NOW + 36 * DAY);
    wake(account.store, NOW + 36 * DAY + RETENTION);
    expect(holdIds(account.store)).toEqual(["h1"]);
    wake(account.store, NOW + 36 * DAY + RETENTION + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("leaves balance, grants and refunds as they are, and their ids known", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(4), refundOf(3));
    const at = NOW + RETENTION + 1;
    const { asOf: _, ...before } = account.view(at);
    wake(account.store, at);
    expect(account.view(at)).toMatchObject(before);
    expect(account.apply(grantOf(10), at)).toMatchObject({ kind: "granted", replayed: true });
    expect(account.apply(grantOf(11), at)).toEqual({ kind: "conflict" });
    expect(account.apply(refundOf(3), at)).toMatchObject({ kind: "refunded", replayed: true, credits: 3 });
    expect(account.apply(refundOf(2), at)).toEqual({ kind: "conflict" });
  });

  it("does not mistake a grant that has a hold's id for it", () => {
    const account = openAccount(grantOf(10, { id: "h1" }));
    account.apply(holdOf(4), NOW + RETENTION);
    account.apply(captureOf(4), NOW + RETENTION);
    wake(account.store, NOW + RETENTION + 1);
    expect(holdIds(account.store)).toEqual(["h1"]);
  });

  it("passes over nothing where the clock was set back between two lines", () => {
    const account = openAccount(grantOf(10), holdOf(4), voidOf());
    account.apply(grantOf(1, { id: "g2" }), NOW - 1);
    wake(account.store, NOW + RETENTION);
    expect(holdIds(account.store)).toEqual(["h1"]);
    wake(account.store, NOW + RETENTION + 1);
    expect(holdIds(account.store)).toEqual([]);
  });

  it("run twice drops nothing more", () => {
    const account = openAccount(grantOf(10), holdOf(4), captureOf(4));
    account.apply(holdOf(1, { id: "h2" }), NOW + RETENTION);
    for (let n = 0; n < 3; n++) wake(account.store, NOW + RETENTION + 1);
    expect(holdIds(account.store)).toEqual(["h2"]);
    expectSoundBooks(account.store);
  });

  it("catches up with all that is old, waking as often as the ledger asks to be woken", () => {
    const { store } = openAccount();
    apply(store, grantOf(10_000), NOW);
    for (let n = 0; n < 600; n++) {
      apply(store, holdOf(1, { id: `h${n}` }), NOW);
      apply(store, captureOf(1, { id: `h${n}` }), NOW);
    }
    ring(store, NOW, NOW + RETENTION);
    expect(holdIds(store)).toHaveLength(600);
    // A call a month later sets the alarm again, if it was not set.
    const later = NOW + RETENTION + 1;
    apply(store, holdOf(1, { id: "last" }), later);
    apply(store, captureOf(1, { id: "last" }), later);
    ring(store, later, later + 60 * SECOND);
    expect(holdIds(store)).toHaveLength(1);
  });
});

/** What the object does up to a time: an alarm whenever the ledger asks for one, at most a hundred. */
function ring(store: Store, from: number, until: number): void {
  let now = from;
  for (let n = 0; n < 100; n++) {
    const at = nextWake(store);
    if (at === null || at > until) return;
    now = Math.max(now, at);
    wake(store, now);
    const due = duePublication(store, now);
    if (due) published(store, due.version, now);
  }
}
