/** Bugs in what is kept and for how long. */
import { mutants, type Mutant } from "../mutant.ts";

export const RETENTION_MUTANTS: readonly Mutant[] = [
  ...mutants("retention", "retention.ts", [
    ["forgotten-a-day-early", "startOfDay(now - RETENTION_MS)", "startOfDay(now - RETENTION_MS + DAY_MS)"],
    [
      "forgotten-in-the-middle-of-a-day",
      "compact(store, startOfDay(now - RETENTION_MS), batch);",
      "compact(store, now - RETENTION_MS, batch);",
    ],
    ["never-forgotten", "  compact(store, startOfDay(now - RETENTION_MS), batch);\n", ""],
    [
      "open-holds-are-forgotten",
      "DELETE FROM holds WHERE state <> 'held' AND resolved_at < ?3",
      "DELETE FROM holds WHERE created_at < ?3",
    ],
    ["late-charges-are-forgotten-early", "state <> 'held' AND resolved_at < ?3", "state <> 'held' AND created_at < ?3"],
    [
      "refund-lines-are-forgotten",
      "const OF_CALLS = `request_id IS NOT NULL AND kind <> 'refund'`;",
      "const OF_CALLS = `request_id IS NOT NULL`;",
    ],
    [
      "grant-lines-are-forgotten",
      "const OF_CALLS = `request_id IS NOT NULL AND kind <> 'refund'`;",
      "const OF_CALLS = `kind <> 'refund'`;",
    ],
    [
      "lines-are-dropped-without-a-total",
      "addTotal(store, only(totals.slice(index)), last);",
      "if (index > 0) addTotal(store, only(totals.slice(index)), last);",
    ],
    ["totals-are-not-added-up", "amount = amount + ?4, held", "amount = ?4, held"],
    ["totals-forget-write-offs", "SUM(written_off) AS written_off", "0 AS written_off"],
    ["totals-mix-routes", "GROUP BY day, kind, route ORDER", "GROUP BY day, kind ORDER"],
    ["totals-mix-days", "SELECT at / ${DAY_MS} AS day", "SELECT MIN(at) / ${DAY_MS} AS day"],
    [
      "total-shows-the-first-balance",
      "WHERE seq = ?1`, last)",
      "WHERE seq = ?1 - 1 OR seq = ?1 ORDER BY seq`, last).slice(0, 1)",
    ],
    ["young-lines-are-passed-over", "young < 0 ? oldest.length : young", "young < 0 ? oldest.length : oldest.length"],
    [
      "caps-are-forgotten-early",
      "forgetCaps(store, now - RETENTION_MS, batch);",
      "forgetCaps(store, now + 900 * DAY_MS, batch);",
    ],
    ["keys-are-forgotten-early", "forgetKeys(store, now, batch);", "forgetKeys(store, now + DAY_MS, batch);"],
    ["purge-forgets-where-it-was", "SET purged_seq = ?1 WHERE", "SET purged_seq = ?1 + 1 WHERE"],
  ]),
];
