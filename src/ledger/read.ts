/** What an account's ledger says of itself: its exact state and its journal. */
import type { Access, AccountView, Entry, EntryKind, Readings, TokenFacts } from "./command.ts";
import { liveGrants } from "./grants.ts";
import { accountRow, activePlan, balanceOf } from "./journal.ts";
import type { Store } from "./store.ts";
import { isRevoked } from "./tokens.ts";

/** The exact state of the account. */
export function readAccount(store: Store, now: number): AccountView {
  const row = accountRow(store);
  const plan = activePlan(row, now);
  return {
    status: row.status,
    plan,
    planUntil: plan === null ? null : row.plan_until,
    ...balanceOf(row),
    granted: row.granted,
    captured: row.captured,
    expired: row.expired,
    reversed: row.reversed,
    writtenOff: row.written_off,
    version: row.version,
    tokensRevokedAt: row.tokens_revoked_at,
    asOf: now,
    grants: liveGrants(store),
  };
}

export function readAccess(store: Store, token: TokenFacts, now: number): Access {
  const row = accountRow(store);
  return { suspended: row.status === "suspended", revoked: isRevoked(store, token), plan: activePlan(row, now) };
}

type EntryRow = {
  seq: number;
  at: number;
  kind: EntryKind;
  amount: number;
  held: number;
  written_off: number;
  ref: string;
  request_id: string | null;
  route: string | null;
  calls: number | null;
  balance_available: number;
  balance_held: number;
};

/** Up to `limit` entries with a sequence number above `after`, oldest first. */
export function readEntries(store: Store, after: number, limit: number): NonNullable<Readings["entries"]> {
  const rows = store.exec<EntryRow>(`SELECT * FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2`, after, limit + 1);
  const entries = rows.slice(0, limit).map((row): Entry => ({
    seq: row.seq,
    at: row.at,
    kind: row.kind,
    amount: row.amount,
    held: row.held,
    writtenOff: row.written_off,
    ref: row.ref,
    requestId: row.request_id,
    route: row.route,
    calls: row.calls,
    balance: { available: row.balance_available, held: row.balance_held },
  }));
  return { entries, next: rows.length > limit ? (entries.at(-1)?.seq ?? null) : null };
}
