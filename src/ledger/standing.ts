/**
 * The account's standing in Workers KV: written by the account's object, read everywhere.
 *
 * It may be a minute old and more, so it may wave through what costs nothing and feed operators' lists.
 * It is never the reason for a charge, nor for a refusal for want of money. Anything unreadable in KV counts as
 * not known, and then the ledger is asked.
 */
import { sha256Hex } from "../digest.ts";
import type { Access, AccountStatus, AccountView, TokenFacts } from "./command.ts";

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
/**
 * `revoked:` and a digest of account and jti: a jti is unique to its issuer only, so that another account's token may
 * have the same, and the two together can be longer than a key.
 */
async function revokedKey(account: string, jti: string): Promise<string> {
  return `revoked:${await sha256Hex(JSON.stringify([account, jti]))}`;
}

/** As version 1 wrote it, whose revocations are still good for as long as the tokens could be. Workers KV keys have at most 512 bytes. */
async function revokedKeyOfVersion1(jti: string): Promise<string> {
  return new TextEncoder().encode(jti).length <= 480 ? `revoked:${jti}` : `revoked:sha256:${await sha256Hex(jti)}`;
}

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
export async function writeRevocation(
  kv: KVNamespace,
  account: string,
  jti: string,
  until: number,
  now: number,
): Promise<void> {
  const expirationTtl = Math.max(EXPIRATION_TTL_SECONDS_MIN, Math.ceil((until - now) / 1000));
  await kv.put(await revokedKey(account, jti), "1", { expirationTtl });
}

/**
 * Whether an account may use what costs it nothing, as far as KV knows; undefined where KV does not answer or holds
 * something unreadable. An account that KV has never heard of is a new one: active, on no plan.
 */
export async function readAccessFromKv(
  kv: KVNamespace,
  account: string,
  token: TokenFacts,
  now: number,
): Promise<Access | undefined> {
  try {
    const { jti } = token;
    const revoked = jti === null ? [] : await Promise.all([revokedKey(account, jti), revokedKeyOfVersion1(jti)]);
    const found = await kv.get([STANDING + account, ...revoked], { cacheTtl: CACHE_TTL_SECONDS });
    const isListed = revoked.some((key) => (found.get(key) ?? null) !== null);
    const text = found.get(STANDING + account) ?? null;
    if (text === null) return { suspended: false, revoked: isListed, plan: null };
    const standing = parseStanding(JSON.parse(text));
    if (!standing) return undefined;
    const { status, plan, planUntil, tokensRevokedAt } = standing;
    return {
      suspended: status === "suspended",
      revoked: isListed || (tokensRevokedAt !== null && token.issuedAt <= tokensRevokedAt),
      plan: planUntil !== null && planUntil <= now ? null : plan,
    };
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
