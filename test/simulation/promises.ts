/** What was promised beyond the single call: one charge a key, no more than its limit a token. Judged by the tables. */
import type { Call } from "./call.ts";
import type { CheckedLedger } from "./checked-ledger.ts";
import { DAY } from "./contents.ts";
import { demand } from "./law.ts";
import type { Origin } from "./origin.ts";

/** Nearer together than any clock is off, or set back, two calls are within a key's day. */
const SURELY_WITHIN = DAY - 3_600_000;

type Keyed = {
  id: string;
  key: string;
  created_at: number;
  resolved_at: number;
  captured: number;
  state: string;
};

export function reckonKeys(calls: readonly Call[], origin: Origin, ledger: CheckedLedger): void {
  const holds = ledger.rows<Keyed>(
    `SELECT id, idempotency_key AS "key", created_at, resolved_at, captured, state FROM holds WHERE idempotency_key IS NOT NULL ORDER BY created_at`,
  );
  const served = new Set(calls.filter(({ id }) => origin.log.get(id)?.served === true).map(({ id }) => id));
  for (const [index, earlier] of holds.entries()) {
    for (const later of holds.slice(index + 1)) {
      // A charge that turns up when the key's day is over is charged like any.
      const apart = Math.max(later.created_at - earlier.created_at, Math.abs(later.resolved_at - earlier.resolved_at));
      if (later.key !== earlier.key || apart > SURELY_WITHIN) continue;
      const say = (): string => `${JSON.stringify(earlier)} and ${JSON.stringify(later)}`;
      demand(earlier.captured === 0 || later.captured === 0, "once a key", say);
      const bothServed = served.has(earlier.id) && served.has(later.id);
      const inTime = earlier.state === "captured" && later.state === "captured";
      demand(!bothServed || !inTime, "once a key", say);
    }
  }
}

type Stored = { stray: number; bytes: number; counted: number };

/** Kept answers are those of calls whose key still points at them, and their bytes are counted right. */
export function reckonAnswers(ledger: CheckedLedger): void {
  const [stored] = ledger.rows<Stored>(
    `SELECT (SELECT COUNT(*) FROM answers WHERE hold_id NOT IN (SELECT hold_id FROM idempotency_keys)) AS stray,
       (SELECT COALESCE(SUM(bytes), 0) FROM answers) AS bytes, answer_bytes AS counted FROM account`,
  );
  const holds = !stored || (stored.stray === 0 && stored.bytes === stored.counted);
  demand(holds, "once a key", () => `answers are left over: ${JSON.stringify(stored)}`);
}

type Capped = { jti: string; spent: number };

export function reckonCaps(ledger: CheckedLedger): void {
  const tokens = ledger.rows<Capped>(
    `SELECT capped_jti AS jti, SUM(CASE state WHEN 'held' THEN credits ELSE captured END) AS spent
     FROM holds WHERE capped_jti IS NOT NULL GROUP BY capped_jti`,
  );
  for (const { jti, spent } of tokens) {
    const limit = ledger.limits.get(jti) ?? 0;
    demand(spent <= limit, "spend limit", () => `${jti} spent ${spent} of ${limit}`);
  }
}
