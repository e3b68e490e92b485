/**
 * What an account keeps, and for how long: so that its tables stay as small as its last weeks, not as its life.
 *
 * Whole days beyond the retention are compacted: the entries of their calls become one line a kind and route, which
 * carries their sums, and the holds they tell of are dropped. Grants, refunds and reversals stay line by line for
 * ever, and so do the ids of grants and refunds. The amounts of a compacted journal still add up to the balance.
 */
import { forgetCaps } from "./caps.ts";
import type { EntryKind } from "./command.ts";
import { forgetKeys, nextKeyExpiry } from "./idempotency.ts";
import { accountRow } from "./journal.ts";
import { only, type Store } from "./store.ts";
import { forgetRevocations } from "./tokens.ts";

/** How long a finished hold is kept: so long its id is known, its charge can be refunded, its lines are told one by one. */
export const RETENTION_DAYS = 30;
const DAY_MS = 86_400_000;
const RETENTION_MS = RETENTION_DAYS * DAY_MS;
/** Bounds the work of one purge; the alarm rings again at once while there is more. */
export const PURGE_BATCH = 500;

/** When there will next be something to drop: a day and the retention after the oldest line that no purge has seen. */
export function nextPurge(store: Store): number | null {
  const oldest = store.exec<{ at: number }>(
    `SELECT at FROM entries WHERE seq > ?1 ORDER BY seq LIMIT 1`,
    accountRow(store).purged_seq,
  )[0];
  const times = [oldest ? oldest.at + DAY_MS + RETENTION_MS : null, nextKeyExpiry(store)].filter((at) => at !== null);
  return times.length > 0 ? Math.min(...times) : null;
}

/** Compacts and drops what is due, a batch at a time. */
export function purge(store: Store, now: number, batch: number): void {
  compact(store, startOfDay(now - RETENTION_MS), batch);
  forgetKeys(store, now, batch);
  forgetRevocations(store, now, batch);
  forgetCaps(store, now - RETENTION_MS, batch);
}

type Total = {
  day: number;
  kind: EntryKind;
  route: string | null;
  calls: number;
  amount: number;
  held: number;
  written_off: number;
  first: number;
  last: number;
};

/** The lines a call leaves: those of a grant, of which some expire too, have no request id. */
const OF_CALLS = `request_id IS NOT NULL AND kind <> 'refund'`;

function compact(store: Store, before: number, batch: number): void {
  const from = accountRow(store).purged_seq;
  const oldest = store.exec<{ seq: number; at: number }>(
    `SELECT seq, at FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2`,
    from,
    batch,
  );
  // Up to the first line that is too young: a clock that was set back leaves younger lines before older ones.
  const young = oldest.findIndex(({ at }) => at >= before);
  const to = oldest[(young < 0 ? oldest.length : young) - 1]?.seq;
  if (to === undefined) return;
  const totals = store.exec<Total>(
    `SELECT at / ${DAY_MS} AS day, kind, route, COUNT(*) AS calls, SUM(amount) AS amount, SUM(held) AS held,
       SUM(written_off) AS written_off, MIN(seq) AS first, MAX(seq) AS last
     FROM entries WHERE seq > ?1 AND seq <= ?2 AND ${OF_CALLS} GROUP BY day, kind, route ORDER BY first`,
    from,
    to,
  );
  const lasts = totals.map(({ last }) =>
    only(store.exec<Last>(`SELECT at, balance_available, balance_held FROM entries WHERE seq = ?1`, last)),
  );
  store.exec(
    `DELETE FROM holds WHERE state <> 'held' AND resolved_at < ?3
       AND id IN (SELECT ref FROM entries WHERE seq > ?1 AND seq <= ?2 AND ${OF_CALLS})`,
    from,
    to,
    before,
  );
  store.exec(`DELETE FROM entries WHERE seq > ?1 AND seq <= ?2 AND ${OF_CALLS}`, from, to);
  for (const [index, last] of lasts.entries()) addTotal(store, only(totals.slice(index)), last);
  store.exec(`UPDATE account SET purged_seq = ?1 WHERE id = 1`, to);
}

type Last = { at: number; balance_available: number; balance_held: number };

/** A total takes the place of the first line in it, and shows the balance after the last. */
function addTotal(store: Store, total: Total, last: Last): void {
  store.exec(
    `INSERT INTO entries (seq, at, kind, amount, held, written_off, ref, route, calls, balance_available, balance_held)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
     ON CONFLICT (ref, kind, route) WHERE calls IS NOT NULL DO UPDATE SET at = ?2, amount = amount + ?4, held = held + ?5,
       written_off = written_off + ?6, calls = calls + ?9, balance_available = ?10, balance_held = ?11`,
    total.first,
    last.at,
    total.kind,
    total.amount,
    total.held,
    total.written_off,
    new Date(total.day * DAY_MS).toISOString().slice(0, "YYYY-MM-DD".length),
    total.route,
    total.calls,
    last.balance_available,
    last.balance_held,
  );
}

function startOfDay(time: number): number {
  return time - (((time % DAY_MS) + DAY_MS) % DAY_MS);
}
