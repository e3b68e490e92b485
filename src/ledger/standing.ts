/**
 * The account's standing in Workers KV: written by the account's object, read everywhere.
 *
 * It may be a minute old and more, so it may wave through what costs nothing and feed operators' lists.
 * It is never the reason for a charge, nor for a refusal for want of money. Anything unreadable in KV counts as
 * not known, and then the ledger is asked.
 */
import type { AccountStatus, AccountView } from "./command.ts";

export type Standing = {
  readonly status: AccountStatus;
  readonly plan: string | null;
  readonly planUntil: number | null;
  readonly tokensRevokedAt: number | null;
  readonly available: number;
  readonly held: number;
  readonly version: number;
  readonly asOf: number;
};

/** The shortest time Workers KV keeps an answer at the edge. */
const CACHE_TTL_SECONDS = 30;
/** Workers KV's own minimum. */
const EXPIRATION_TTL_SECONDS_MIN = 60;

const STANDING = "standing:";
const REVOKED = "revoked:";

export async function writeStanding(kv: KVNamespace, account: string, view: AccountView): Promise<void> {
  const standing: Standing = {
    status: view.status,
    plan: view.plan,
    planUntil: view.planUntil,
    tokensRevokedAt: view.tokensRevokedAt,
    available: view.available,
    held: view.held,
    version: view.version,
    asOf: view.asOf,
  };
  // The same facts as metadata come with a listing, without a read for each account.
  await kv.put(STANDING + account, JSON.stringify(standing), { metadata: standing });
}

/** Tells every location that a token is revoked. `until`: the latest time it could still have been valid, in milliseconds. */
export async function writeRevocation(kv: KVNamespace, jti: string, until: number, now: number): Promise<void> {
  const expirationTtl = Math.max(EXPIRATION_TTL_SECONDS_MIN, Math.ceil((until - now) / 1000));
  await kv.put(REVOKED + jti, "1", { expirationTtl });
}

/** What KV knows of an account and of one of its tokens; undefined where KV does not answer or holds something unreadable. */
export async function readStanding(
  kv: KVNamespace,
  account: string,
  jti: string | null,
): Promise<{ standing: Standing | null; revoked: boolean } | undefined> {
  try {
    const keys = jti === null ? [STANDING + account] : [STANDING + account, REVOKED + jti];
    const found = await kv.get(keys, { cacheTtl: CACHE_TTL_SECONDS });
    const text = found.get(STANDING + account) ?? null;
    const standing = text === null ? null : parseStanding(JSON.parse(text));
    if (standing === undefined) return undefined;
    return { standing, revoked: jti !== null && (found.get(REVOKED + jti) ?? null) !== null };
  } catch {
    return undefined;
  }
}

/** One page of the accounts KV knows. */
export async function listStandings(
  kv: KVNamespace,
  limit: number,
  cursor: string | undefined,
): Promise<{ accounts: { account: string; standing: Standing | null }[]; next: string | null }> {
  const page = await kv.list({ prefix: STANDING, limit, cursor: cursor ?? null });
  const accounts = page.keys.map(({ name, metadata }) => ({
    account: name.slice(STANDING.length),
    standing: parseStanding(metadata) ?? null,
  }));
  return { accounts, next: page.list_complete ? null : page.cursor };
}

function parseStanding(value: unknown): Standing | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { status, plan, planUntil, tokensRevokedAt, available, held, version, asOf } = value as Partial<
    Record<keyof Standing, unknown>
  >;
  if (status !== "active" && status !== "suspended") return undefined;
  if (plan !== null && typeof plan !== "string") return undefined;
  if (planUntil !== null && typeof planUntil !== "number") return undefined;
  if (tokensRevokedAt !== null && typeof tokensRevokedAt !== "number") return undefined;
  if (
    typeof available !== "number" ||
    typeof held !== "number" ||
    typeof version !== "number" ||
    typeof asOf !== "number"
  )
    return undefined;
  return { status, plan, planUntil, tokensRevokedAt, available, held, version, asOf };
}
