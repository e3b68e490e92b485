/** Refunds: later grants that name the charge they reverse, on the terms of the grants it was drawn from. */
import { credits } from "../credits.ts";
import type { Outcomes, RefundCommand } from "./command.ts";
import { hasRoom, insertGrant, termsOf } from "./grants.ts";
import { about, findHold, type HoldRow } from "./hold-row.ts";
import { accountRow, balanceOf, post } from "./journal.ts";
import { formatParts, parseParts, splitParts, sumParts, withoutParts, type Part } from "./parts.ts";
import type { Store } from "./store.ts";

type RefundRow = { hold_id: string; requested: number | null; credits: number };

export function refund(store: Store, command: RefundCommand, now: number): Outcomes["refund"] {
  const known = store.exec<RefundRow>(`SELECT * FROM refunds WHERE id = ?1`, command.id)[0];
  if (known) {
    if (known.hold_id !== command.holdId || known.requested !== command.credits) return { kind: "conflict" };
    return { kind: "refunded", replayed: true, credits: known.credits, balance: balanceOf(accountRow(store)) };
  }
  const hold = findHold(store, command.holdId);
  if (!hold) return { kind: "hold_not_found" };
  if (hold.captured === 0) return { kind: "nothing_charged" };
  const refundable = hold.captured - hold.refunded;
  const wanted = command.credits ?? refundable;
  if (wanted === 0 || wanted > refundable) return { kind: "exceeds_charge", refundable };
  if (!hasRoom(store, wanted)) return { kind: "limit_exceeded" };

  store.exec(
    `INSERT INTO refunds (id, hold_id, requested, credits, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
    command.id,
    hold.id,
    command.credits,
    wanted,
    now,
  );
  giveBack(store, command.id, hold, wanted, now);
  const balance = post(store, now, {
    kind: "refund",
    credits: wanted,
    from: "outside",
    to: "available",
    ...about(hold),
    ref: command.id,
  });
  return { kind: "refunded", replayed: false, credits: wanted, balance };
}

/** Makes the grants of a refund: what was drawn last, and not given back before, comes back first. */
function giveBack(store: Store, refundId: string, hold: HoldRow, wanted: number, now: number): void {
  const given = parseParts(hold.refunded_parts);
  const charged = splitParts(parseParts(hold.parts), hold.captured).first;
  const left = withoutParts(charged, given);
  const returned: Part[] = splitParts(left, sumParts(left) - wanted).rest;
  store.exec(
    `UPDATE holds SET refunded = refunded + ?2, refunded_parts = ?3 WHERE id = ?1`,
    hold.id,
    wanted,
    formatParts([...given, ...returned]),
  );
  for (const [index, [grantSeq, amount]] of returned.entries()) {
    // "/" is in no id a caller can make, so these never meet a grant of somebody's.
    const id = `refund/${refundId}/${index}`;
    insertGrant(store, { id, kind: "refund", credits: credits(amount), ...termsOf(store, grantSeq, now) }, now);
  }
}
