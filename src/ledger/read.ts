/** What an account's ledger says of itself: its exact state and its journal. */
import type { AccountView, Entry, EntryKind, Readings } from "./command.ts";
import { liveGrants } from "./grants.ts";
import { accountRow, balanceOf } from "./journal.ts";
import type { Store } from "./store.ts";

/** The exact state of the account. */
export function readAccount(store: Store, now: number): AccountView {
  const row = accountRow(store);
  const planEnded = row.plan_until !== null && row.plan_until <= now;
  return {
    status: row.status,
    plan: planEnded ? null : row.plan,
    planUntil: planEnded ? null : row.plan_until,
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
  balance_available: number;
  balance_held: number;
};

/** Up to `limit` entries with a sequence number above `after`, oldest first. */
export function readEntries(store: Store, after: number, limit: number): NonNullable<Readings["entries"]> {
  const rows = store.exec<EntryRow>(`SELECT * FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2`, after, limit + 1);
  const entries = rows.slice(0, limit).map(
    (row): Entry => ({
      seq: row.seq,
      at: row.at,
      kind: row.kind,
      amount: row.amount,
      held: row.held,
      writtenOff: row.written_off,
      ref: row.ref,
      requestId: row.request_id,
      route: row.route,
      balance: { available: row.balance_available, held: row.balance_held },
    }),
  );
  return { entries, next: rows.length > limit ? (entries.at(-1)?.seq ?? null) : null };
}
