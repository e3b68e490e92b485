/**
 * Holds: credits set aside for a call, and what becomes of them.
 *
 * held → captured | voided | expired, exactly once. Capture reports are cumulative and never above the hold.
 * A capture that comes after expiry still charges, from what is available then; the rest is written off, visibly.
 * While a hold is open its `parts` are all it drew; once it is resolved they are what it was charged.
 */
import { lateRoom, roomUnder, spend, spendLate, unspend } from "./caps.ts";
import type { CaptureCommand, HoldCommand, HoldState, Insufficient, Outcomes, VoidCommand } from "./command.ts";
import { draw, hasRestrictedGrants, putBack, usableCredits, usableParts } from "./grants.ts";
import { about, findHold, type HoldRow } from "./hold-row.ts";
import { bindKey, freeKey, reclaimKey, refuseKey } from "./idempotency.ts";
import { accountRow, activePlan, balanceOf, post, writeOff, type AccountRow } from "./journal.ts";
import { isRevoked } from "./tokens.ts";
import { formatParts, parseParts, splitParts, sumParts, type Part } from "./parts.ts";
import type { Store } from "./store.ts";

/** A caller with this many calls in flight on one account is a runaway; it also bounds the work of one expiry sweep. */
export const OPEN_HOLDS_MAX = 10_000;

export function hold(store: Store, command: HoldCommand, now: number): Outcomes["hold"] {
  const known = findHold(store, command.id);
  if (known) {
    return isSame(known, command)
      ? { kind: "held", replayed: true, state: known.state, balance: balanceOf(accountRow(store)) }
      : { kind: "conflict" };
  }
  const refusal = refuse(store, accountRow(store), command, now);
  if (refusal) return refusal;

  const parts = draw(store, command.route, command.credits);
  store.exec(
    `INSERT INTO holds (id, credits, state, route, ttl_seconds, parts, created_at, expires_at, capped_jti, idempotency_key, idempotency_digest)
     VALUES (?1, ?2, 'held', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    command.id,
    command.credits,
    command.route,
    command.ttlSeconds,
    formatParts(parts),
    now,
    now + command.ttlSeconds * 1000,
    command.cap?.jti ?? null,
    command.idempotency?.key ?? null,
    command.idempotency?.digest ?? null,
  );
  if (command.cap) spend(store, command.cap, command.credits);
  bindKey(store, command, now);
  const balance = post(store, now, {
    kind: "hold",
    credits: command.credits,
    from: "available",
    to: "held",
    opens: 1,
    ...about(command),
  });
  return { kind: "held", replayed: false, state: "held", balance };
}

function isSame(row: HoldRow, { credits, route, ttlSeconds, cap, idempotency }: HoldCommand): boolean {
  return (
    row.credits === credits &&
    row.route === route &&
    row.ttl_seconds === ttlSeconds &&
    row.capped_jti === (cap?.jti ?? null) &&
    row.idempotency_key === (idempotency?.key ?? null) &&
    row.idempotency_digest === (idempotency?.digest ?? null)
  );
}

/** Why nothing is set aside, in the order of precedence; undefined if nothing stands in the way. */
function refuse(store: Store, account: AccountRow, command: HoldCommand, now: number): Outcomes["hold"] | undefined {
  if (account.status === "suspended") return { kind: "account_suspended" };
  if (isRevoked(store, command.token)) return { kind: "token_revoked" };
  const taken = refuseKey(store, command, now);
  if (taken) return taken;
  const plan = activePlan(account, now);
  if (plan !== null && command.includedBy.includes(plan)) return { kind: "included", balance: balanceOf(account) };
  if (account.open_holds >= OPEN_HOLDS_MAX) return { kind: "limit_exceeded" };
  if (command.cap) {
    const { limit, spent, left } = roomUnder(store, command.cap);
    if (command.credits > left) return { kind: "spend_limit_reached", limit, spent };
  }
  if (account.available < command.credits || usableCredits(store, command.route) < command.credits)
    return insufficient(store, command);
  return undefined;
}

function insufficient(store: Store, command: HoldCommand): Insufficient {
  const balance = balanceOf(accountRow(store));
  const held = hasRestrictedGrants(store) ? usableParts(store, openParts(store), command.route) : balance.held;
  return {
    kind: "insufficient_balance",
    required: command.credits,
    usable: { available: usableCredits(store, command.route), held },
    releaseAt: nextHoldExpiry(store),
    balance,
  };
}

/** What open holds have drawn and not yet been charged. */
function openParts(store: Store): Part[] {
  const open = store.exec<HoldRow>(`SELECT * FROM holds WHERE state = 'held'`);
  return open.flatMap((row) => splitParts(parseParts(row.parts), row.captured).rest);
}

export function capture(store: Store, command: CaptureCommand, now: number): Outcomes["capture"] {
  const row = findHold(store, command.id);
  if (!row) return { kind: "hold_not_found" };
  if (command.credits > row.credits) return { kind: "exceeds_hold", held: row.credits };
  if (row.state === "voided") return { kind: "hold_resolved", as: "voided" };
  if (row.state === "captured" && command.credits > row.captured) return { kind: "hold_resolved", as: "captured" };
  const charged =
    row.state === "expired" ? captureLate(store, row, command, now) : captureHeld(store, row, command, now);
  return { kind: "captured", balance: balanceOf(accountRow(store)), ...charged };
}

type Charged = { replayed: boolean; credits: number; writtenOff: number };

function captureHeld(store: Store, row: HoldRow, command: CaptureCommand, now: number): Charged {
  const reported = Math.max(row.captured, command.credits);
  const added = reported - row.captured;
  const ends = command.final && row.state === "held";
  if (added > 0) {
    // What is charged in full ends here: resolve() has nothing more to post.
    const opens = ends && reported === row.credits ? -1 : 0;
    post(store, now, { kind: "capture", credits: added, from: "held", to: "captured", opens, ...about(row) });
    store.exec(`UPDATE holds SET captured = ?2 WHERE id = ?1`, row.id, reported);
  }
  if (ends) resolve(store, { ...row, captured: reported }, "captured", now, added > 0);
  return { replayed: !ends && added === 0, credits: reported, writtenOff: 0 };
}

/** The hold has expired and its credits are back with the account: charge what can still be found, once for each credit reported. */
function captureLate(store: Store, row: HoldRow, command: CaptureCommand, now: number): Charged {
  const added = Math.max(0, command.credits - row.captured - row.written_off);
  if (added === 0) return { replayed: true, credits: row.captured, writtenOff: row.written_off };
  // Two charges under one idempotency key, or one beyond a token's cap, would be worse than one that is written off.
  const claim = reclaimKey(store, row, now) ? lateRoom(store, row.capped_jti, added) : 0;
  const parts = draw(store, row.route, claim);
  const found = sumParts(parts);
  spendLate(store, row.capped_jti, found);
  if (found > 0)
    post(store, now, { kind: "capture", credits: found, from: "available", to: "captured", ...about(row) });
  if (found < added) writeOff(store, now, added - found, about(row));
  store.exec(
    `UPDATE holds SET captured = captured + ?2, written_off = written_off + ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    found,
    added - found,
    formatParts([...parseParts(row.parts), ...parts]),
    now,
  );
  return { replayed: false, credits: row.captured + found, writtenOff: row.written_off + added - found };
}

export function voidHold(store: Store, command: VoidCommand, now: number): Outcomes["void"] {
  const row = findHold(store, command.id);
  if (!row) return { kind: "hold_not_found" };
  if (row.state === "voided") return { kind: "voided", replayed: true, balance: balanceOf(accountRow(store)) };
  if (row.state !== "held") return { kind: "hold_resolved", as: row.state };
  resolve(store, row, "voided", now);
  return { kind: "voided", replayed: false, balance: balanceOf(accountRow(store)) };
}

/** Releases every hold whose deadline has passed. */
export function expireHolds(store: Store, now: number): void {
  const due = store.exec<HoldRow>(
    `SELECT * FROM holds WHERE state = 'held' AND expires_at <= ?1 ORDER BY expires_at, id`,
    now,
  );
  for (const row of due) resolve(store, row, "expired", now);
}

/** Ends an open hold: what was not captured goes back to the grants it came from. `told`: an entry of this turn says so. */
function resolve(store: Store, row: HoldRow, state: Exclude<HoldState, "held">, now: number, told = false): void {
  const { first: charged, rest } = splitParts(parseParts(row.parts), row.captured);
  const released = row.credits - row.captured;
  store.exec(
    `UPDATE holds SET state = ?2, captured = ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    state,
    row.captured,
    formatParts(charged),
    // An expiry is as old as its deadline, whenever somebody noticed: the alarm only helps.
    state === "expired" ? row.expires_at : now,
  );
  // Also when nothing is left to release: the journal tells of every end, and a purge finds ended holds by it.
  const kind = state === "expired" ? "expire" : "void";
  if (released > 0 || !told)
    post(store, now, { kind, credits: released, from: "held", to: "available", opens: -1, ...about(row) });
  unspend(store, row.capped_jti, released);
  if (state !== "captured") freeKey(store, row);
  putBack(store, rest, now);
}

export function nextHoldExpiry(store: Store): number | null {
  return (
    store.exec<{ at: number | null }>(`SELECT MIN(expires_at) AS at FROM holds WHERE state = 'held'`)[0]?.at ?? null
  );
}
