/** The ledger's facts as JSON for people and programs: snake_case, credits as integers, times in RFC 3339. */
import type { AccountView, Entry, GrantView } from "./ledger/command.ts";

export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

function formatTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : formatTime(ms);
}

/** An account nobody ever granted anything looks like one that is empty. */
export function emptyAccount(now: number): AccountView {
  return {
    status: "active",
    plan: null,
    planUntil: null,
    available: 0,
    held: 0,
    granted: 0,
    captured: 0,
    expired: 0,
    reversed: 0,
    writtenOff: 0,
    version: 0,
    tokensRevokedAt: null,
    asOf: now,
    grants: [],
  };
}

/** What a buyer sees of its account. */
export function formatBalance(account: string, view: AccountView): object {
  return {
    account,
    status: view.status,
    plan: view.plan,
    available: view.available,
    held: view.held,
    granted: view.granted,
    captured: view.captured,
    as_of: formatTime(view.asOf),
  };
}

/** What an operator sees of an account: all of it. */
export function formatAccount(account: string, view: AccountView): object {
  return {
    ...formatBalance(account, view),
    plan_until: formatTimeOrNull(view.planUntil),
    expired: view.expired,
    reversed: view.reversed,
    written_off: view.writtenOff,
    tokens_revoked_at: formatTimeOrNull(view.tokensRevokedAt === null ? null : view.tokensRevokedAt * 1000),
    grants: view.grants.map(formatGrant),
  };
}

function formatGrant(grant: GrantView): object {
  return {
    id: grant.id,
    kind: grant.kind,
    credits: grant.credits,
    remaining: grant.remaining,
    priority: grant.priority,
    expires_at: formatTimeOrNull(grant.expiresAt),
    routes: grant.routes,
    created_at: formatTime(grant.createdAt),
  };
}

/** One line of the journal. */
export function formatEntry(entry: Entry): object {
  return {
    seq: entry.seq,
    at: formatTime(entry.at),
    kind: entry.kind,
    amount: entry.amount,
    held: entry.held,
    ref: entry.ref,
    ...(entry.requestId === null ? {} : { request_id: entry.requestId }),
    ...(entry.route === null ? {} : { route: entry.route }),
    // An object of the version before does not speak of totals.
    ...(typeof entry.calls === "number" ? { calls: entry.calls } : {}),
    ...(entry.kind === "write_off" ? { written_off: entry.writtenOff } : {}),
    balance: entry.balance,
  };
}
