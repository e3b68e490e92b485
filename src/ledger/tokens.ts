/** Tokens withdrawn before their time, one by one or all of an account's at once. */
import type { Outcomes, RevokeAllCommand, RevokeCommand, TokenFacts } from "./command.ts";
import { accountRow, touch } from "./journal.ts";
import type { Store } from "./store.ts";

export function isRevoked(store: Store, token: TokenFacts): boolean {
  const since = accountRow(store).tokens_revoked_at;
  if (since !== null && token.issuedAt <= since) return true;
  return token.jti !== null && isListed(store, token.jti);
}

export function revoke(store: Store, command: RevokeCommand, now: number): Outcomes["revoke"] {
  store.exec(
    `INSERT INTO revoked_tokens (jti, until) VALUES (?1, ?2) ON CONFLICT (jti) DO UPDATE SET until = MAX(until, ?2)`,
    command.jti,
    command.until,
  );
  touch(store, now);
  return { kind: "changed" };
}

export function revokeAll(store: Store, command: RevokeAllCommand, now: number): Outcomes["revoke_all"] {
  store.exec(
    `UPDATE account SET tokens_revoked_at = MAX(COALESCE(tokens_revoked_at, 0), ?1) WHERE id = 1`,
    command.issuedAt,
  );
  touch(store, now);
  return { kind: "changed" };
}

/** Drops what could not be valid any more even if nobody had revoked it. */
export function forgetRevocations(store: Store, now: number, batch: number): void {
  store.exec(
    `DELETE FROM revoked_tokens WHERE jti IN (SELECT jti FROM revoked_tokens WHERE until < ?1 LIMIT ?2)`,
    now,
    batch,
  );
}

function isListed(store: Store, jti: string): boolean {
  return store.exec(`SELECT 1 AS yes FROM revoked_tokens WHERE jti = ?1`, jti).length > 0;
}
