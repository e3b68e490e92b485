/**
 * Holds: credits set aside for a call, and what becomes of them.
 *
 * held → captured | voided | expired, exactly once. Capture reports are cumulative and never above the hold.
 * A capture that comes after expiry still charges, from what is available then; the rest is written off, visibly.
 * While a hold is open its `parts` are all it drew; once it is resolved they are what it was charged.
 */
import type {
  CaptureCommand,
  HoldCommand,
  HoldState,
  Insufficient,
  Outcomes,
  RefundCommand,
  VoidCommand,
} from "./command.ts";
import { credits as toCredits } from "../credits.ts";
import {
  draw,
  hasRestrictedGrants,
  hasRoom,
  insertGrant,
  putBack,
  termsOf,
  usableCredits,
  usableParts,
  type Part,
} from "./grants.ts";
import { accountRow, activePlan, balanceOf, post, writeOff } from "./journal.ts";
import { isRevoked } from "./tokens.ts";
import type { Store } from "./store.ts";

/** A caller with this many calls in flight on one account is a runaway; it also bounds the work of one expiry sweep. */
export const OPEN_HOLDS_MAX = 10_000;

type HoldRow = {
  id: string;
  credits: number;
  captured: number;
  written_off: number;
  refunded: number;
  state: HoldState;
  route: string;
  ttl_seconds: number;
  parts: string;
  expires_at: number;
};

export function hold(store: Store, command: HoldCommand, now: number): Outcomes["hold"] {
  const known = findHold(store, command.id);
  if (known) {
    const same =
      known.credits === command.credits && known.route === command.route && known.ttl_seconds === command.ttlSeconds;
    return same
      ? { kind: "held", replayed: true, state: known.state, balance: balanceOf(accountRow(store)) }
      : { kind: "conflict" };
  }
  const account = accountRow(store);
  if (account.status === "suspended") return { kind: "account_suspended" };
  if (isRevoked(store, command.token)) return { kind: "token_revoked" };
  const plan = activePlan(account, now);
  if (plan !== null && command.includedBy.includes(plan)) return { kind: "included", balance: balanceOf(account) };
  if (countOpenHolds(store) >= OPEN_HOLDS_MAX) return { kind: "limit_exceeded" };
  if (account.available < command.credits || usableCredits(store, command.route) < command.credits)
    return insufficient(store, command);

  const parts = draw(store, command.route, command.credits);
  store.exec(
    `INSERT INTO holds (id, credits, state, route, ttl_seconds, parts, created_at, expires_at) VALUES (?1, ?2, 'held', ?3, ?4, ?5, ?6, ?7)`,
    command.id,
    command.credits,
    command.route,
    command.ttlSeconds,
    JSON.stringify(parts),
    now,
    now + command.ttlSeconds * 1000,
  );
  const balance = post(store, now, {
    kind: "hold",
    credits: command.credits,
    from: "available",
    to: "held",
    ...about(command),
  });
  return { kind: "held", replayed: false, state: "held", balance };
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
    post(store, now, { kind: "capture", credits: added, from: "held", to: "captured", ...about(row) });
    store.exec(`UPDATE holds SET captured = ?2 WHERE id = ?1`, row.id, reported);
  }
  if (ends) resolve(store, { ...row, captured: reported }, "captured", now);
  return { replayed: !ends && added === 0, credits: reported, writtenOff: 0 };
}

/** The hold has expired and its credits are back with the account: charge what can still be found, once for each credit reported. */
function captureLate(store: Store, row: HoldRow, command: CaptureCommand, now: number): Charged {
  const added = Math.max(0, command.credits - row.captured - row.written_off);
  if (added === 0) return { replayed: true, credits: row.captured, writtenOff: row.written_off };
  const parts = draw(store, row.route, added);
  const found = parts.reduce((sum, [, credits]) => sum + credits, 0);
  if (found > 0)
    post(store, now, { kind: "capture", credits: found, from: "available", to: "captured", ...about(row) });
  if (found < added) writeOff(store, now, added - found, about(row));
  store.exec(
    `UPDATE holds SET captured = captured + ?2, written_off = written_off + ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    found,
    added - found,
    JSON.stringify([...parseParts(row.parts), ...parts]),
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

/** Ends an open hold: what was not captured goes back to the grants it came from. */
function resolve(store: Store, row: HoldRow, state: Exclude<HoldState, "held">, now: number): void {
  const { charged, rest } = splitParts(parseParts(row.parts), row.captured);
  const released = row.credits - row.captured;
  store.exec(
    `UPDATE holds SET state = ?2, captured = ?3, parts = ?4, resolved_at = ?5 WHERE id = ?1`,
    row.id,
    state,
    row.captured,
    JSON.stringify(charged),
    now,
  );
  const kind = state === "expired" ? "expire" : "void";
  if (released > 0) post(store, now, { kind, credits: released, from: "held", to: "available", ...about(row) });
  putBack(store, rest, now);
}

export function refund(store: Store, command: RefundCommand, now: number): Outcomes["refund"] {
  const known = store.exec<{ hold_id: string; requested: number | null; credits: number }>(
    `SELECT * FROM refunds WHERE id = ?1`,
    command.id,
  )[0];
  if (known) {
    const same = known.hold_id === command.holdId && known.requested === command.credits;
    return same
      ? { kind: "refunded", replayed: true, credits: known.credits, balance: balanceOf(accountRow(store)) }
      : { kind: "conflict" };
  }
  const row = findHold(store, command.holdId);
  if (!row) return { kind: "hold_not_found" };
  const refundable = row.captured - row.refunded;
  if (row.captured === 0) return { kind: "nothing_charged" };
  const wanted = command.credits ?? refundable;
  if (wanted === 0 || wanted > refundable) return { kind: "exceeds_charge", refundable };
  if (!hasRoom(store, wanted)) return { kind: "limit_exceeded" };

  store.exec(
    `INSERT INTO refunds (id, hold_id, requested, credits, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
    command.id,
    row.id,
    command.credits,
    wanted,
    now,
  );
  store.exec(`UPDATE holds SET refunded = refunded + ?2 WHERE id = ?1`, row.id, wanted);
  // The last credits drawn come back first: what earlier refunds returned lies behind them.
  const charged = splitParts(parseParts(row.parts), row.captured).charged;
  const unreturned = splitParts(charged, row.captured - row.refunded).charged;
  const returned = splitParts(unreturned, refundable - wanted).rest;
  for (const [index, [grantSeq, credits]] of returned.entries()) {
    // "/" is in no id a caller can make, so these never meet a grant of somebody's.
    insertGrant(
      store,
      {
        id: `refund/${command.id}/${index}`,
        kind: "refund",
        credits: toCredits(credits),
        ...termsOf(store, grantSeq, now),
      },
      now,
    );
  }
  const balance = post(store, now, {
    kind: "refund",
    credits: wanted,
    from: "outside",
    to: "available",
    ref: command.id,
    requestId: row.id,
    route: row.route,
  });
  return { kind: "refunded", replayed: false, credits: wanted, balance };
}

export function nextHoldExpiry(store: Store): number | null {
  return (
    store.exec<{ at: number | null }>(`SELECT MIN(expires_at) AS at FROM holds WHERE state = 'held'`)[0]?.at ?? null
  );
}

function countOpenHolds(store: Store): number {
  return store.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM holds WHERE state = 'held'`)[0]?.n ?? 0;
}

function findHold(store: Store, id: string): HoldRow | undefined {
  return store.exec<HoldRow>(`SELECT * FROM holds WHERE id = ?1`, id)[0];
}

/** A hold's id is the id of the request it pays for. */
function about(of: { readonly id: string; readonly route: string }): { ref: string; requestId: string; route: string } {
  return { ref: of.id, requestId: of.id, route: of.route };
}

/** The first `credits` of the parts, and what lies behind them. */
function splitParts(parts: readonly Part[], credits: number): { charged: Part[]; rest: Part[] } {
  const charged: Part[] = [];
  const rest: Part[] = [];
  let left = credits;
  for (const [grantSeq, n] of parts) {
    const first = Math.min(left, n);
    left -= first;
    if (first > 0) charged.push([grantSeq, first]);
    if (n > first) rest.push([grantSeq, n - first]);
  }
  return { charged, rest };
}

function parseParts(text: string): Part[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by this file and by nothing else
  return JSON.parse(text) as Part[];
}
