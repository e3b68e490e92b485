/**
 * The rules of an account's money, as synchronous SQL: one command, one turn, one transaction.
 *
 * Expiry is evaluated at the start of every command, so that a late or lost alarm changes nothing.
 * Nothing here knows of HTTP, of the clock or of chance: time and ids are arguments.
 */
import type { Command, Op, Outcomes, Query, Readings } from "./command.ts";
import { expireGrants, grant, isPast, nextGrantExpiry, reverse } from "./grants.ts";
import { capture, expireHolds, hold, nextHoldExpiry, voidHold } from "./holds.ts";
import { keep } from "./idempotency.ts";
import { accountRow, PUBLISH_INTERVAL_MS, touch } from "./journal.ts";
import { readAccess, readAccount, readEntries } from "./read.ts";
import { refund } from "./refunds.ts";
import { nextPurge, purge, PURGE_BATCH } from "./retention.ts";
import { accountExists, migrate } from "./schema.ts";
import type { Store } from "./store.ts";
import { revoke, revokeAll } from "./tokens.ts";

/** Brings an account's tables to today's shape, once, before anything is asked of it. A stranger's stay unmade. */
export function open(store: Store): void {
  if (accountExists(store)) store.transaction(() => migrate(store));
}

/** Carries out one command at time `now` (milliseconds). Throws only on a bug, and then nothing was written. */
export function apply<K extends Op>(store: Store, command: Extract<Command, { op: K }>, now: number): Outcomes[K];
export function apply(store: Store, command: Command, now: number): Outcomes[Op] {
  return store.transaction(() => {
    if (!accountExists(store)) {
      const refusal = refuseNobody(command, now);
      if (refusal) return refusal;
      migrate(store);
    }
    expire(store, now);
    return run(store, command, now);
  });
}

/** What a command is told that may not bring an account into being. A verified token alone never does. */
function refuseNobody(command: Command, now: number): Outcomes[Op] | undefined {
  switch (command.op) {
    case "hold": {
      const { cap } = command;
      if (cap && command.credits > cap.credits) return { kind: "spend_limit_reached", limit: cap.credits, spent: 0 };
      const none = { available: 0, held: 0 };
      return { kind: "insufficient_balance", required: command.credits, usable: none, releaseAt: null, balance: none };
    }
    case "reverse":
      return { kind: "grant_not_found" };
    case "capture":
    case "void":
    case "keep":
    case "refund":
      return { kind: "hold_not_found" };
    case "grant":
      return isPast(command, now) ? { kind: "already_expired" } : undefined;
    case "status":
    case "plan":
    case "revoke":
    case "revoke_all":
      return undefined;
  }
}

function run(store: Store, command: Command, now: number): Outcomes[Op] {
  switch (command.op) {
    case "grant":
      return grant(store, command, now);
    case "hold":
      return hold(store, command, now);
    case "capture":
      return capture(store, command, now);
    case "void":
      return voidHold(store, command, now);
    case "keep":
      return keep(store, command, now);
    case "refund":
      return refund(store, command, now);
    case "reverse":
      return reverse(store, command, now);
    case "status":
      store.exec(`UPDATE account SET status = ?1 WHERE id = 1`, command.status);
      touch(store, now);
      return { kind: "changed" };
    case "plan":
      store.exec(`UPDATE account SET plan = ?1, plan_until = ?2 WHERE id = 1`, command.plan, command.until);
      touch(store, now);
      return { kind: "changed" };
    case "revoke":
      return revoke(store, command, now);
    case "revoke_all":
      return revokeAll(store, command, now);
  }
}

/** Answers a question at time `now`. What is due to expire expires first; an account never written to stays so. */
export function read<Q extends Query>(store: Store, query: Q, now: number): Readings[Q["read"]];
export function read(store: Store, query: Query, now: number): Readings[Query["read"]] {
  if (!accountExists(store)) return null;
  return store.transaction(() => {
    expire(store, now);
    switch (query.read) {
      case "account":
        return readAccount(store, now);
      case "access":
        return readAccess(store, query.token, now);
      case "entries":
        return readEntries(store, query.after, query.limit);
    }
  });
}

/** What the alarm does: expiry and purging, of at most `batch` old lines. Safe to run twice or never. */
export function wake(store: Store, now: number, batch = PURGE_BATCH): void {
  if (!accountExists(store)) return;
  store.transaction(() => {
    expire(store, now);
    purge(store, now, batch);
  });
}

/** When the alarm should next ring; null for never. */
export function nextWake(store: Store): number | null {
  if (!accountExists(store)) return null;
  const candidates = [nextHoldExpiry(store), nextGrantExpiry(store), accountRow(store).publish_at, nextPurge(store)];
  const times = candidates.filter((at) => at !== null);
  return times.length > 0 ? Math.min(...times) : null;
}

/** Whether the copy of the standing in KV is due, and of which version it would be. */
export function duePublication(store: Store, now: number): { version: number } | undefined {
  if (!accountExists(store)) return undefined;
  const { publish_at, version } = accountRow(store);
  return publish_at !== null && publish_at <= now ? { version } : undefined;
}

/** Notes that `version` of the standing is in KV. What changed since is due in a second. */
export function published(store: Store, version: number, now: number): void {
  store.exec(
    `UPDATE account SET published_at = ?2, publish_at = CASE WHEN version > ?1 THEN ?2 + ?3 END WHERE id = 1`,
    version,
    now,
    PUBLISH_INTERVAL_MS,
  );
}

/** KV did not take it: try again at `at`. */
export function postponePublication(store: Store, at: number): void {
  store.exec(`UPDATE account SET publish_at = ?1 WHERE id = 1`, at);
}

function expire(store: Store, now: number): void {
  expireHolds(store, now);
  expireGrants(store, now);
}
