/**
 * The tables of one account, and the way from an older set of tables to today's.
 *
 * STRICT because an ordinary INTEGER column takes 0.1 and text; CHECKs are the last guard behind the rules in the
 * code; WITHOUT ROWID where a text key would otherwise cost a second written row.
 */
import type { Store } from "./store.ts";

/** One step a version; a step is never edited once released. */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE account (
       id INTEGER PRIMARY KEY CHECK (id = 1),
       seq INTEGER NOT NULL DEFAULT 0,
       version INTEGER NOT NULL DEFAULT 0,
       granted INTEGER NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 1000000000000000),
       available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
       held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
       captured INTEGER NOT NULL DEFAULT 0 CHECK (captured >= 0),
       expired INTEGER NOT NULL DEFAULT 0 CHECK (expired >= 0),
       reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed >= 0),
       written_off INTEGER NOT NULL DEFAULT 0 CHECK (written_off >= 0),
       status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
       plan TEXT,
       plan_until INTEGER,
       tokens_revoked_at INTEGER,
       publish_at INTEGER,
       published_at INTEGER NOT NULL DEFAULT 0,
       purged_seq INTEGER NOT NULL DEFAULT 0,
       CHECK (granted = available + held + captured + expired + reversed)
     ) STRICT`,
    `CREATE TABLE grants (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       kind TEXT NOT NULL CHECK (kind IN ('bought', 'promotional', 'refund')),
       credits INTEGER NOT NULL CHECK (credits > 0),
       remaining INTEGER NOT NULL CHECK (remaining BETWEEN 0 AND credits),
       live INTEGER NOT NULL CHECK (live IN (0, 1)),
       priority INTEGER NOT NULL,
       expires_at INTEGER,
       routes TEXT,
       created_at INTEGER NOT NULL,
       reversed INTEGER
     ) STRICT`,
    // On a flag that changes only when a grant runs dry or revives, so that an ordinary charge writes no index row.
    `CREATE INDEX live_grants ON grants (expires_at) WHERE live = 1`,
    `CREATE INDEX restricted_grants ON grants (seq) WHERE routes IS NOT NULL`,
    `CREATE TABLE holds (
       id TEXT PRIMARY KEY,
       credits INTEGER NOT NULL CHECK (credits > 0),
       captured INTEGER NOT NULL DEFAULT 0 CHECK (captured >= 0),
       written_off INTEGER NOT NULL DEFAULT 0 CHECK (written_off >= 0),
       refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
       state TEXT NOT NULL CHECK (state IN ('held', 'captured', 'voided', 'expired')),
       route TEXT NOT NULL,
       ttl_seconds INTEGER NOT NULL,
       parts TEXT NOT NULL,
       refunded_parts TEXT NOT NULL DEFAULT '[]',
       created_at INTEGER NOT NULL,
       expires_at INTEGER NOT NULL,
       resolved_at INTEGER,
       CHECK (captured + written_off <= credits)
     ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX open_holds ON holds (expires_at) WHERE state = 'held'`,
    `CREATE TABLE refunds (
       id TEXT PRIMARY KEY,
       hold_id TEXT NOT NULL,
       requested INTEGER,
       credits INTEGER NOT NULL CHECK (credits > 0),
       at INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE revoked_tokens (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE TABLE entries (
       seq INTEGER PRIMARY KEY,
       at INTEGER NOT NULL,
       kind TEXT NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'void', 'expire', 'refund', 'reverse', 'write_off')),
       amount INTEGER NOT NULL,
       held INTEGER NOT NULL,
       written_off INTEGER NOT NULL DEFAULT 0,
       ref TEXT NOT NULL,
       request_id TEXT,
       route TEXT,
       balance_available INTEGER NOT NULL,
       balance_held INTEGER NOT NULL
     ) STRICT`,
    `INSERT INTO account (id) VALUES (1)`,
  ],
  [
    // In burning order, so that a draw reads the grants it takes from and no others.
    `CREATE INDEX burn_order ON grants (priority, expires_at IS NULL, expires_at, kind <> 'promotional', seq) WHERE live = 1`,
    `ALTER TABLE holds ADD COLUMN capped_jti TEXT`,
    `ALTER TABLE holds ADD COLUMN idempotency_key TEXT`,
    `ALTER TABLE holds ADD COLUMN idempotency_digest TEXT`,
    `CREATE TABLE capped_tokens (
       jti TEXT PRIMARY KEY,
       spend_limit INTEGER NOT NULL CHECK (spend_limit > 0),
       spent INTEGER NOT NULL CHECK (spent >= 0),
       until INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY, hold_id TEXT NOT NULL, bound_at INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
    `CREATE INDEX idempotency_keys_by_age ON idempotency_keys (bound_at)`,
    // A null status says that the answer could not be kept.
    `CREATE TABLE answers (
       seq INTEGER PRIMARY KEY,
       hold_id TEXT NOT NULL UNIQUE,
       status INTEGER,
       headers TEXT,
       body BLOB,
       bytes INTEGER NOT NULL
     ) STRICT`,
    `CREATE INDEX kept_answers ON answers (seq) WHERE status IS NOT NULL`,
    `ALTER TABLE account ADD COLUMN answer_bytes INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE entries ADD COLUMN calls INTEGER`,
    `CREATE UNIQUE INDEX daily_totals ON entries (ref, kind, route) WHERE calls IS NOT NULL`,
    // Counted as they come and go, so that no call has to count those in flight.
    `ALTER TABLE account ADD COLUMN open_holds INTEGER NOT NULL DEFAULT 0 CHECK (open_holds >= 0)`,
    `UPDATE account SET open_holds = (SELECT COUNT(*) FROM holds WHERE state = 'held')`,
    // Compaction begins at the beginning: the purge before it walked past lines that it left standing.
    `UPDATE account SET purged_seq = 0`,
    // Those that have ended pay for nothing, and there are more of them every month.
    `CREATE INDEX live_restricted_grants ON grants (seq) WHERE live = 1 AND routes IS NOT NULL`,
    `CREATE INDEX capped_tokens_by_end ON capped_tokens (until)`,
    `CREATE INDEX revoked_tokens_by_end ON revoked_tokens (until)`,
  ],
];

/** Whether this account was ever written to. Reads only, so that asking about a stranger leaves no trace. */
export function accountExists(store: Store): boolean {
  return store.exec(`SELECT 1 AS yes FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`).length > 0;
}

/** Brings the tables to today's shape. Call inside a transaction: a step cut short leaves the older shape whole. */
export function migrate(store: Store): void {
  store.exec(
    `CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT`,
  );
  const version = store.exec<{ version: number }>(`SELECT version FROM schema_version`)[0]?.version ?? 0;
  if (version > MIGRATIONS.length)
    throw new Error(
      `the account's tables are of version ${version}, this code knows ${MIGRATIONS.length}: deploy the newer code again`,
    );
  if (version === MIGRATIONS.length) return;
  for (const statement of MIGRATIONS.slice(version).flat()) store.exec(statement);
  store.exec(
    `INSERT INTO schema_version (id, version) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET version = ?1`,
    MIGRATIONS.length,
  );
}
