/** The law of the ledger, checked from its tables alone: nothing appears, nothing is lost, journal and balance agree. */
import { expect } from "vitest";
import type { Row, Store } from "../../src/ledger/store.ts";

const FACTS = `
  SELECT
    a.*,
    (SELECT COALESCE(SUM(amount), 0) FROM entries) AS journal_total,
    (SELECT COALESCE(SUM(held), 0) FROM entries) AS journal_held,
    (SELECT COALESCE(SUM(written_off), 0) FROM entries) AS journal_written_off,
    (SELECT COALESCE(SUM(amount), 0) FROM entries WHERE kind IN ('grant', 'refund')) AS journal_granted,
    (SELECT COALESCE(-SUM(amount), 0) FROM entries WHERE kind = 'capture') AS journal_captured,
    (SELECT COALESCE(-SUM(amount), 0) FROM entries WHERE kind = 'expire') AS journal_expired,
    (SELECT COALESCE(-SUM(amount), 0) FROM entries WHERE kind = 'reverse') AS journal_reversed,
    (SELECT COALESCE(SUM(COALESCE(calls, 1)), 0) FROM entries) AS entry_count,
    -- A line follows from the one before it; what was compacted in between, and totals, only add up.
    (SELECT COUNT(*) FROM entries e LEFT JOIN entries b ON b.seq = e.seq - 1
     WHERE e.calls IS NULL AND b.calls IS NULL AND (e.seq > a.purged_seq + 1 OR a.purged_seq = 0) AND (
       e.balance_held <> COALESCE(b.balance_held, 0) + e.held
       OR e.balance_available <> COALESCE(b.balance_available, 0) + e.amount - e.held)) AS broken_entries,
    (SELECT COALESCE(SUM(remaining), 0) FROM grants) AS grants_remaining,
    (SELECT COALESCE(SUM(credits), 0) FROM grants) AS grants_total,
    (SELECT COALESCE(SUM(reversed), 0) FROM grants) AS grants_reversed,
    (SELECT COUNT(*) FROM grants WHERE live <> (remaining > 0)) AS mislabelled_grants,
    (SELECT COUNT(*) FROM holds WHERE state = 'held') AS open_count,
    (SELECT COALESCE(SUM(credits - captured), 0) FROM holds WHERE state = 'held') AS holds_open
  FROM account a`;

/** Fails the test unless the account's books are sound. An account never written to has none. */
export function expectSoundBooks(store: Store): void {
  if (store.exec(`SELECT 1 FROM sqlite_master WHERE name = 'account'`).length === 0) return;
  const found = store.exec<Row & Record<string, number>>(FACTS)[0] ?? {};
  const fact = (name: string): number => found[name] ?? NaN;
  const bucket = (...names: string[]): number => names.reduce((sum, name) => sum + fact(name), 0);
  const wrong = [
    fact("granted") === bucket("available", "held", "captured", "expired", "reversed") || "the law of conservation",
    (fact("available") >= 0 && fact("held") >= 0) || "a negative balance",
    fact("journal_total") === bucket("available", "held") || "the journal's sum",
    fact("journal_held") === fact("held") || "the journal's sum of held",
    fact("journal_granted") === fact("granted") || "the journal's grants",
    fact("journal_captured") === fact("captured") || "the journal's captures",
    fact("journal_expired") === fact("expired") || "the journal's expiries",
    fact("journal_reversed") === fact("reversed") || "the journal's reversals",
    fact("journal_written_off") === fact("written_off") || "the journal's write-offs",
    (fact("entry_count") === fact("seq") && fact("broken_entries") === 0) || "a running balance of the journal",
    fact("grants_remaining") === fact("available") || "the sum of what grants have left",
    fact("grants_total") === fact("granted") || "the sum of the grants",
    fact("grants_reversed") === fact("reversed") || "the sum of what was reversed",
    fact("mislabelled_grants") === 0 || "a grant's live flag",
    fact("holds_open") === fact("held") || "the sum of the open holds",
    fact("open_count") === fact("open_holds") || "the number of open holds",
  ].filter((held) => held !== true);
  if (wrong.length > 0) expect.fail(`the books are wrong in: ${wrong.join(", ")}\n${JSON.stringify(found)}`);
}
