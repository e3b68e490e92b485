/**
 * Lays the origin's log, the journals and what callers and the operator saw side by side.
 *
 * What a kill explains is counted; whatever nothing explains is residue, and there must be none.
 */
import { checkActs, sumOfGrants } from "./check-acts.ts";
import { checkHitsAndReceipts, checkHolds, isServed } from "./check-holds.ts";
import { checkJournal } from "./check-journal.ts";
import type { Facts, Residue } from "./facts.ts";

export type Counted = { readonly calls: number; readonly credits: number };
export type Reckoning = {
  readonly sent: number;
  readonly seen: number;
  readonly hits: number;
  readonly freeHits: number;
  readonly served: Counted;
  readonly charged: Counted;
  readonly voided: Counted;
  readonly expired: Counted;
  readonly open: Counted;
  readonly writtenOff: number;
  /** Charged, or written off, after the hold had expired. */
  readonly late: number;
  /** Served and not charged, because the gate died or stood still: the seller's loss. */
  readonly loss: Counted;
  /** Of those, how many their callers saw the answer of. */
  readonly lossSeen: number;
  /** Calls the kills may have cut: before their answers, and between their answers and their charges. */
  readonly cut: { readonly unanswered: number; readonly justAnswered: number; readonly frozen: number };
  readonly refused: number;
  readonly grants: { readonly ids: number; readonly retried: number; readonly asked: number; readonly granted: number };
  readonly residue: readonly Residue[];
};

function count(of: readonly { readonly credits: number }[]): Counted {
  return { calls: of.length, credits: of.reduce((sum, { credits }) => sum + credits, 0) };
}

export function reconcile(facts: Facts): Reckoning {
  const residue: Residue[] = [];
  const say = (kind: Residue["kind"], what: string): void => void residue.push({ kind, what });
  for (const account of facts.accounts) checkJournal(say, account);
  const stories = checkHolds(say, facts);
  checkHitsAndReceipts(say, facts, stories);
  checkActs(say, facts);
  for (const fault of facts.faults) say("gate_fault", fault);

  const ended = (end: string): Counted => count(stories.filter((story) => story.end === end));
  const lostIds = new Set(stories.filter((story) => story.lost).map(({ requestId }) => requestId));
  const grants = sumOfGrants(facts);
  if (facts.final && grants.asked !== grants.granted)
    say("grant_differs", `granted ${grants.granted} in all, of ids that were asked for ${grants.asked}`);
  const asked = facts.acts.filter(({ kind }) => kind !== "reversal");
  return {
    sent: facts.calls.length,
    seen: facts.receipts.length,
    hits: facts.hits.length,
    freeHits: facts.hits.filter(({ route }) => facts.prices[route] === 0).length,
    served: count(facts.hits.filter((hit) => isServed(hit) && hit.credits > 0)),
    charged: count(stories.filter(({ charged }) => charged > 0).map(({ charged }) => ({ credits: charged }))),
    voided: ended("voided"),
    expired: ended("expired"),
    open: ended("open"),
    late: stories.filter((story) => story.late).length,
    writtenOff: stories.reduce((sum, story) => sum + story.writtenOff, 0),
    loss: count(stories.filter(({ lost }) => lost)),
    lossSeen: facts.receipts.filter(({ requestId }) => lostIds.has(requestId)).length,
    cut: {
      unanswered: facts.kills.reduce((sum, { unanswered }) => sum + unanswered.size, 0),
      justAnswered: facts.kills.reduce((sum, { justAnswered }) => sum + justAnswered.size, 0),
      frozen: facts.kills.reduce((sum, { frozen }) => sum + frozen.size, 0),
    },
    refused: facts.receipts.filter(({ status }) => status === 402).length,
    grants: { ids: asked.length, retried: facts.acts.filter(({ attempts }) => attempts > 1).length, ...grants },
    residue,
  };
}
