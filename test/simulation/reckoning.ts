/**
 * The reckoning: the origin's own log against the journal, once the network is healed and every deadline has passed.
 * Gates that crashed stay crashed: what they served and never reported is the seller's loss, and bounded.
 */
import type { Call } from "./call.ts";
import type { CheckedLedger } from "./checked-ledger.ts";
import { demand } from "./law.ts";
import type { Origin } from "./origin.ts";
import { count, type Tally } from "./tally.ts";

export function reckon(calls: readonly Call[], origin: Origin, ledger: CheckedLedger, tally: Tally): void {
  const { facts } = ledger.books;
  demand(facts.held === 0, "reconciliation", () => `${facts.held} credits are still held`);
  for (const call of calls) reckonCall(call, origin, ledger, tally);
}

function reckonCall(call: Call, origin: Origin, ledger: CheckedLedger, tally: Tally): void {
  const { captured, writtenOff } = ledger.books.holds.get(call.id) ?? { captured: 0, writtenOff: 0 };
  const charged = captured + writtenOff;
  const served = servedCredits(call, origin);
  const say = (what: string) => () =>
    `${what}: ${JSON.stringify({ ...call, hold: call.hold.credits, captured, writtenOff, served })}`;
  demand(charged <= served, "reconciliation", say("charged for more than the origin served"));
  const wasTold = call.receipts;
  demand(wasTold <= served && charged <= wasTold, "reconciliation", say("charged for more than the caller was told"));
  // Whatever the network did: a report that was carried out counts, once, and only the highest.
  const reported = ledger.reported.get(call.id) ?? 0;
  demand(charged === reported, "reconciliation", say(`not what was reported, ${reported}`));
  const lost = wasTold - charged;
  demand(lost === 0 || call.excuse !== null, "reconciliation", say("served, told, and not charged"));
  if (lost > 0) count(tally, call.excuse === "crash" ? "loss by a gate's crash" : "loss by reports that never arrived");
  if (writtenOff > 0) count(tally, "call written off");
  if (captured > 0) count(tally, "call captured");
}

function servedCredits(call: Call, origin: Origin): number {
  let sum = 0;
  const ids = call.kind === "call" ? [call.id] : Array.from({ length: call.asked }, (_, n) => `${call.id}.${n}`);
  for (const id of ids) {
    const entry = origin.log.get(id);
    if (entry?.served === true) sum += entry.credits;
  }
  return sum;
}
