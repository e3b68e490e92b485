/**
 * Spend caps: what a token may spend in its life, all its calls together.
 *
 * `spent` is what its calls were charged and what they hold now. A refund gives credits back to the account and does
 * not loosen the cap. A late charge goes as far as the cap allows, like any other.
 */
import type { SpendCap } from "./command.ts";
import type { Store } from "./store.ts";

type CapRow = { spend_limit: number; spent: number };

/** What is left of a token's cap. */
export function roomUnder(store: Store, cap: SpendCap): { limit: number; spent: number; left: number } {
  const spent = find(store, cap.jti)?.spent ?? 0;
  return { limit: cap.credits, spent, left: cap.credits - spent };
}

/** Counts credits against a cap that has room for them. */
export function spend(store: Store, cap: SpendCap, credits: number): void {
  store.exec(
    `INSERT INTO capped_tokens (jti, spend_limit, spent, until) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (jti) DO UPDATE SET spend_limit = ?2, spent = spent + ?3`,
    cap.jti,
    cap.credits,
    credits,
    cap.until,
  );
  // By itself, because a statement that may change it writes the index even when it does not.
  store.exec(`UPDATE capped_tokens SET until = ?2 WHERE jti = ?1 AND until < ?2`, cap.jti, cap.until);
}

/** Credits of a hold under this cap were released. */
export function unspend(store: Store, jti: string | null, credits: number): void {
  if (jti !== null && credits > 0)
    store.exec(`UPDATE capped_tokens SET spent = spent - ?2 WHERE jti = ?1`, jti, credits);
}

/** How much of a late charge of `credits` the hold's token may still be charged. */
export function lateRoom(store: Store, jti: string | null, credits: number): number {
  if (jti === null) return credits;
  const row = find(store, jti);
  return row ? Math.max(0, Math.min(credits, row.spend_limit - row.spent)) : 0;
}

/** Counts a late charge that found room. */
export function spendLate(store: Store, jti: string | null, credits: number): void {
  if (jti !== null && credits > 0)
    store.exec(`UPDATE capped_tokens SET spent = spent + ?2 WHERE jti = ?1`, jti, credits);
}

/** Drops the counts of tokens that ended before `time`, when nothing can be charged under them any more. */
export function forgetCaps(store: Store, time: number, batch: number): void {
  store.exec(
    `DELETE FROM capped_tokens WHERE jti IN (SELECT jti FROM capped_tokens WHERE until < ?1 LIMIT ?2)`,
    time,
    batch,
  );
}

function find(store: Store, jti: string): CapRow | undefined {
  return store.exec<CapRow>(`SELECT spend_limit, spent FROM capped_tokens WHERE jti = ?1`, jti)[0];
}
