/** Proves when the copy of the standing is due: at once after money in and settings, soon after calls, never twice in a second. */
import { describe, expect, it } from "vitest";
import type { Command } from "../../src/ledger/command.ts";
import { duePublication, nextWake, postponePublication, published } from "../../src/ledger/ledger.ts";
import { RETENTION_DAYS } from "../../src/ledger/retention.ts";
import type { Store } from "../../src/ledger/store.ts";
import { captureOf, DAY, grantOf, holdOf, NOW, refundOf, reverseOf, SECOND, voidOf } from "../support/command.ts";
import { openAccount, type TestAccount } from "./test-account.ts";

/** An account whose standing was written at NOW. */
function publishedAccount(...commands: Command[]): TestAccount {
  const account = openAccount(...commands);
  publish(account.store, NOW);
  expect(duePublication(account.store, NOW + DAY)).toBeUndefined();
  return account;
}

function publish(store: Store, now: number): void {
  const due = duePublication(store, now);
  if (!due) return expect.fail("nothing is due");
  published(store, due.version, now);
}

/** How long after `from` the standing is due. */
function dueAfter({ store }: TestAccount, from: number): number {
  for (let ms = 0; ms <= 20_000; ms += 100) if (duePublication(store, from + ms)) return ms;
  return Infinity;
}

describe("the standing", () => {
  it.each<[string, Command]>([
    ["grant", grantOf(1, { id: "g2" })],
    ["refund", refundOf(1)],
    ["reversal", reverseOf()],
    ["status", { op: "status", status: "suspended" }],
    ["plan", { op: "plan", plan: "pro", until: null }],
    ["revocation", { op: "revoke", jti: "t1", until: NOW + DAY }],
    ["revocation of all", { op: "revoke_all", issuedAt: 1 }],
  ])("is due at once after a %s", (_, command) => {
    const account = publishedAccount(grantOf(10), holdOf(1), captureOf(1));
    account.apply(command, NOW + DAY);
    expect(dueAfter(account, NOW + DAY)).toBe(0);
  });

  it.each<[string, Command]>([
    ["hold", holdOf(1, { id: "h2" })],
    ["capture", captureOf(1)],
    ["void", voidOf()],
  ])("is due within 5 seconds after a %s", (_, command) => {
    const account = publishedAccount(grantOf(10), holdOf(1, { ttlSeconds: 10 * 86_400 }));
    account.apply(command, NOW + DAY);
    expect(dueAfter(account, NOW + DAY)).toBe(5000);
  });

  it("is not put off by the calls that follow", () => {
    const account = publishedAccount(grantOf(10));
    for (let n = 0; n < 6; n++) account.apply(holdOf(1, { id: `h${n}` }), NOW + DAY + n * SECOND);
    expect(dueAfter(account, NOW + DAY)).toBe(5000);
  });

  it("is brought forward by a grant", () => {
    const account = publishedAccount(grantOf(10));
    account.apply(holdOf(1), NOW + DAY);
    account.apply(grantOf(1, { id: "g2" }), NOW + DAY + SECOND);
    expect(dueAfter(account, NOW + DAY)).toBe(1000);
  });

  it("is never due within a second of the last time it was written", () => {
    const account = publishedAccount(grantOf(10));
    account.apply(grantOf(1, { id: "g2" }), NOW + 10);
    expect(dueAfter(account, NOW)).toBe(1000);
  });

  it("is written at most once a second under any load, and last with all that changed", () => {
    const account = openAccount(grantOf(1));
    const writes: number[] = [];
    for (let ms = 0; ms < 10_000; ms += 50) {
      if (ms < 5000) account.apply(grantOf(1, { id: `more-${ms}` }), NOW + ms);
      const due = duePublication(account.store, NOW + ms);
      if (!due) continue;
      published(account.store, due.version, NOW + ms);
      writes.push(ms);
    }
    expect(writes).toEqual([0, 1000, 2000, 3000, 4000, 5000]);
    expect(duePublication(account.store, NOW + DAY)).toBeUndefined();
  });

  it("is due again when something changed while it was being written", () => {
    const account = openAccount(grantOf(10));
    const due = duePublication(account.store, NOW);
    account.apply(grantOf(1, { id: "g2" }), NOW + 10);
    published(account.store, due?.version ?? NaN, NOW + 20);
    expect(dueAfter(account, NOW + 20)).toBe(1000);
  });

  it("that could not be written is tried again when it was put off to", () => {
    const account = openAccount(grantOf(10));
    postponePublication(account.store, NOW + 10_000);
    expect(dueAfter(account, NOW)).toBe(10_000);
  });

  it("is not due for what changes nothing", () => {
    const account = publishedAccount(grantOf(10));
    account.apply(grantOf(10), NOW + DAY);
    account.apply(holdOf(11), NOW + DAY);
    expect(dueAfter(account, NOW + DAY)).toBe(Infinity);
  });
});

/** Up to the retention, when old holds are dropped: retention.test.ts has that. */
const wakeOf = (store: Store): number | null => {
  const at = nextWake(store);
  return at !== null && at >= NOW + RETENTION_DAYS * DAY ? null : at;
};

describe("the ledger asks to be woken", () => {
  it.each<[string, Command[], number | null]>([
    ["never, when nothing is due", [grantOf(10)], null],
    ["when a grant expires", [grantOf(10, { expiresAt: NOW + DAY })], NOW + DAY],
    ["not for a spent grant", [grantOf(1, { expiresAt: NOW + DAY }), holdOf(1), captureOf(1)], null],
    ["when the first hold expires", [grantOf(10), holdOf(1), holdOf(1, { id: "h2", ttlSeconds: 3 })], NOW + 3 * SECOND],
    ["not for a hold that has ended", [grantOf(10), holdOf(1), captureOf(1)], null],
  ])("%s", (_, commands, at) => {
    expect(wakeOf(publishedAccount(...commands).store)).toBe(at);
  });

  it("when the standing is due", () => {
    const account = publishedAccount(grantOf(10));
    account.apply(holdOf(1), NOW + DAY);
    expect(nextWake(account.store)).toBe(NOW + DAY + 5000);
  });
});
