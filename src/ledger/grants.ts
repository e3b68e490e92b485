/**
 * Grants: the only way credits enter an account, and the order in which they burn.
 *
 * A hold remembers which grants it drew from, so that what comes back returns to the very grant it came from,
 * with that grant's expiry and restriction.
 */
import { ACCOUNT_CREDITS_MAX } from "../credits.ts";
import type { GrantCommand, GrantView, Outcomes, ReverseCommand } from "./command.ts";
import { accountRow, balanceOf, post } from "./journal.ts";
import type { Part } from "./parts.ts";
import { only, type Store } from "./store.ts";

type GrantRow = {
  seq: number;
  id: string;
  kind: GrantView["kind"];
  credits: number;
  remaining: number;
  priority: number;
  expires_at: number | null;
  routes: string | null;
  created_at: number;
  reversed: number | null;
};

/** A grant as the rest of the ledger adds one: by command, or by a refund. */
export type NewGrant = Omit<GrantCommand, "op" | "kind"> & { readonly kind: GrantView["kind"] };

export function grant(store: Store, command: GrantCommand, now: number): Outcomes["grant"] {
  const known = store.exec<GrantRow>(`SELECT * FROM grants WHERE id = ?1`, command.id)[0];
  if (known) {
    const same =
      known.credits === command.credits &&
      known.kind === command.kind &&
      known.priority === command.priority &&
      known.expires_at === command.expiresAt &&
      known.routes === formatRoutes(command.routes);
    return same ? { kind: "granted", replayed: true, balance: balanceOf(accountRow(store)) } : { kind: "conflict" };
  }
  if (isPast(command, now)) return { kind: "already_expired" };
  if (!hasRoom(store, command.credits)) return { kind: "limit_exceeded" };
  insertGrant(store, command, now);
  const balance = post(store, now, {
    kind: "grant",
    credits: command.credits,
    from: "outside",
    to: "available",
    ref: command.id,
  });
  return { kind: "granted", replayed: false, balance };
}

/** Whether a grant's time is over before it begins. */
export function isPast(command: GrantCommand, now: number): boolean {
  return command.expiresAt !== null && command.expiresAt <= now;
}

/** Whether the account may be granted this much more in its life. */
export function hasRoom(store: Store, credits: number): boolean {
  return accountRow(store).granted + credits <= ACCOUNT_CREDITS_MAX;
}

export function insertGrant(store: Store, added: NewGrant, now: number): void {
  store.exec(
    `INSERT INTO grants (id, kind, credits, remaining, live, priority, expires_at, routes, created_at) VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7)`,
    added.id,
    added.kind,
    added.credits,
    added.priority,
    added.expiresAt,
    formatRoutes(added.routes),
    now,
  );
}

export function reverse(store: Store, command: ReverseCommand, now: number): Outcomes["reverse"] {
  const known = store.exec<GrantRow>(`SELECT * FROM grants WHERE id = ?1`, command.id)[0];
  if (!known) return { kind: "grant_not_found" };
  if (known.reversed !== null) {
    return {
      kind: "reversed",
      replayed: true,
      credits: known.reversed,
      spent: known.credits - known.reversed,
      balance: balanceOf(accountRow(store)),
    };
  }
  const taken = known.remaining;
  store.exec(`UPDATE grants SET remaining = 0, live = 0, reversed = ?2 WHERE seq = ?1`, known.seq, taken);
  const balance = post(store, now, {
    kind: "reverse",
    credits: taken,
    from: "available",
    to: "reversed",
    ref: command.id,
  });
  return { kind: "reversed", replayed: false, credits: taken, spent: known.credits - taken, balance };
}

/** The grants with credits left, in the order they burn: priority, earliest expiry, promotional before bought, oldest. */
const BURN_ORDER = `ORDER BY priority, expires_at IS NULL, expires_at, kind <> 'promotional', seq`;
/** Whether a grant may pay for the route that ?1 is, as JSON: in quotes, it is in no other route's text. */
const PAYS = `(routes IS NULL OR instr(routes, ?1) > 0)`;
/** How many grants a draw reads at a time; most draws need the first alone. */
const DRAW_BATCH = 3;

/** What could pay for `route` now: all that is available but for what grants hold for other routes. */
export function usableCredits(store: Store, route: string): number {
  const { elsewhere } = only(
    store.exec<{ elsewhere: number }>(
      `SELECT COALESCE(SUM(remaining), 0) AS elsewhere FROM grants INDEXED BY live_restricted_grants
       WHERE live = 1 AND routes IS NOT NULL AND NOT ${PAYS}`,
      JSON.stringify(route),
    ),
  );
  return accountRow(store).available - elsewhere;
}

/** What of these parts could pay for `route` if it came back. */
export function usableParts(store: Store, parts: readonly Part[], route: string): number {
  const pays = new Map<number, boolean>();
  let sum = 0;
  for (const [grantSeq, credits] of parts) {
    const known = pays.get(grantSeq) ?? paysFor(grantRow(store, grantSeq), route);
    pays.set(grantSeq, known);
    if (known) sum += credits;
  }
  return sum;
}

/** Whether any grant may pay for some routes only: where none does, nobody need look which. */
export function hasRestrictedGrants(store: Store): boolean {
  return store.exec(`SELECT 1 AS yes FROM grants WHERE routes IS NOT NULL LIMIT 1`).length > 0;
}

function grantRow(store: Store, grantSeq: number): GrantRow {
  return only(store.exec<GrantRow>(`SELECT * FROM grants WHERE seq = ?1`, grantSeq));
}

function paysFor(row: GrantRow, route: string): boolean {
  return row.routes === null || parseRoutes(row.routes).includes(route);
}

/** Takes up to `credits` out of the grants that may pay for `route`, in burning order. The balance is the caller's to post. */
export function draw(store: Store, route: string, credits: number): Part[] {
  const parts: Part[] = [];
  let missing = credits;
  while (missing > 0) {
    const batch = store.exec<GrantRow>(
      `SELECT * FROM grants WHERE live = 1 AND ${PAYS} ${BURN_ORDER} LIMIT ?2`,
      JSON.stringify(route),
      DRAW_BATCH,
    );
    for (const row of batch) {
      const taken = Math.min(missing, row.remaining);
      if (taken === 0) break;
      setRemaining(store, row, row.remaining - taken);
      parts.push([row.seq, taken]);
      missing -= taken;
    }
    // Each of them pays, so all of a whole batch ran dry if anything is still missing.
    if (batch.length < DRAW_BATCH) break;
  }
  return parts;
}

/** Puts drawn credits back where they came from, last drawn first. What came from a grant that has ended since expires at once. */
export function putBack(store: Store, parts: readonly Part[], now: number): void {
  for (const [grantSeq, credits] of parts.toReversed()) {
    const row = grantRow(store, grantSeq);
    if (row.reversed !== null) {
      store.exec(`UPDATE grants SET reversed = reversed + ?2 WHERE seq = ?1`, grantSeq, credits);
      post(store, now, { kind: "reverse", credits, from: "available", to: "reversed", ref: row.id });
    } else if (row.expires_at !== null && row.expires_at <= now) {
      post(store, now, { kind: "expire", credits, from: "available", to: "expired", ref: row.id });
    } else {
      setRemaining(store, row, row.remaining + credits);
    }
  }
}

/** `live` is written only when it changes: it is what the index is on. */
function setRemaining(store: Store, row: GrantRow, remaining: number): void {
  if (remaining > 0 === row.remaining > 0)
    store.exec(`UPDATE grants SET remaining = ?2 WHERE seq = ?1`, row.seq, remaining);
  else
    store.exec(`UPDATE grants SET remaining = ?2, live = ?3 WHERE seq = ?1`, row.seq, remaining, remaining > 0 ? 1 : 0);
}

/** Ends the grants whose time has come. */
export function expireGrants(store: Store, now: number): void {
  for (const row of store.exec<GrantRow>(
    `SELECT * FROM grants WHERE live = 1 AND expires_at <= ?1 ORDER BY expires_at, seq`,
    now,
  )) {
    setRemaining(store, row, 0);
    post(store, now, { kind: "expire", credits: row.remaining, from: "available", to: "expired", ref: row.id });
  }
}

/** The terms a refund of credits drawn from this grant inherits: a passed expiry is not inherited, or the refund would be worth nothing. */
export function termsOf(
  store: Store,
  grantSeq: number,
  now: number,
): Pick<NewGrant, "priority" | "expiresAt" | "routes"> {
  const row = grantRow(store, grantSeq);
  return {
    priority: row.priority,
    expiresAt: row.expires_at !== null && row.expires_at > now ? row.expires_at : null,
    routes: row.routes === null ? null : parseRoutes(row.routes),
  };
}

export function liveGrants(store: Store): GrantView[] {
  return store.exec<GrantRow>(`SELECT * FROM grants WHERE live = 1 ${BURN_ORDER}`).map((row) => ({
    id: row.id,
    kind: row.kind,
    credits: row.credits,
    remaining: row.remaining,
    priority: row.priority,
    expiresAt: row.expires_at,
    routes: row.routes === null ? null : parseRoutes(row.routes),
    createdAt: row.created_at,
  }));
}

export function nextGrantExpiry(store: Store): number | null {
  return store.exec<{ at: number | null }>(`SELECT MIN(expires_at) AS at FROM grants WHERE live = 1`)[0]?.at ?? null;
}

function formatRoutes(routes: readonly string[] | null): string | null {
  return routes === null ? null : JSON.stringify(routes.toSorted());
}

function parseRoutes(text: string): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by formatRoutes and by nothing else
  return JSON.parse(text) as string[];
}
