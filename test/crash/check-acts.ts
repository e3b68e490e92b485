/**
 * What the operator did, against the journals: an id counts once however often it was sent, what was answered with
 * yes is there, what was answered with no is not, and nothing is there that nobody asked for.
 */
import type { ActFact, EntryFact, Facts, Say } from "./facts.ts";

const ENTRY_OF = { grant: "grant", refund: "refund", reversal: "reverse" } as const;
/** Said once and for all; anything else may have been carried out or not. */
const DEFINITE = [200, 400, 404, 409];

export function checkActs(say: Say, facts: Facts): void {
  for (const { account, entries } of facts.accounts) {
    const acts = facts.acts.filter((act) => act.account === account);
    for (const act of acts) checkAct(say, act, entries, facts.final);
    for (const { kind, ref, amount } of entries) {
      const asked = acts.some((act) => ENTRY_OF[act.kind] === kind && act.id === ref);
      if (kind === "grant" && !asked) say("grant_unknown", `${account} ${ref}: ${amount}`);
      if (kind === "refund" && !asked) say("refund_unknown", `${account} ${ref}: ${amount}`);
      if (kind === "reverse" && !asked) say("reversal_unknown", `${account} ${ref}: ${amount}`);
    }
    checkBounds(say, account, entries);
  }
}

export function isAnswered(act: ActFact): boolean {
  return act.answers.some(({ status }) => DEFINITE.includes(status));
}

function checkAct(say: Say, act: ActFact, entries: readonly EntryFact[], final: boolean): void {
  const { kind, account, id, credits, charge, answers } = act;
  const made = entries.filter((entry) => entry.kind === ENTRY_OF[kind] && entry.ref === id);
  const [first] = made;
  const said = answers.filter(({ status }) => status === 200);
  const name = `${kind} ${account} ${id}`;
  // A reversal may add entries later, for credits that came back from holds; only its answer tells it from a second.
  if (kind !== "reversal" && made.length > 1) say(`${kind}_doubled`, `${name}: ${made.length} entries`);
  if (said.slice(1).some(({ replayed }) => !replayed)) say(`${kind}_doubled`, `${name}: told twice that it is new`);
  if (said.length > 0 && !first) say(`${kind}_lost`, `${name}: answered with yes, and not there`);
  if (said.length === 0 && isAnswered(act) && first) say(`${kind}_differs`, `${name}: answered with no, and there`);
  if (first && kind !== "reversal" && credits !== null && first.amount !== credits)
    say(`${kind}_differs`, `${name}: ${first.amount} instead of ${credits}`);
  if (first && charge !== null && first.requestId !== charge) say(`${kind}_differs`, `${name}: of ${first.requestId}`);
  for (const answer of first ? said.filter(({ replayed }) => kind !== "reversal" || !replayed) : []) {
    if (answer.credits !== Math.abs(first?.amount ?? 0))
      say(`${kind}_differs`, `${name}: answered ${answer.credits}, entry ${first?.amount}`);
  }
  if (final && !isAnswered(act)) say("act_unanswered", `${name}: ${act.attempts} attempts`);
}

/** Nobody gets back more than was charged, and no more is taken back than was granted. */
function checkBounds(say: Say, account: string, entries: readonly EntryFact[]): void {
  const bound = new Map<string, number>();
  const add = (id: string, amount: number): void => void bound.set(id, (bound.get(id) ?? 0) + amount);
  for (const { kind, amount, ref, requestId } of entries) {
    if (kind === "capture") add(`charge ${requestId}`, -amount);
    if (kind === "refund") add(`charge ${requestId}`, -amount);
    if (kind === "grant" || kind === "reverse") add(`grant ${ref}`, amount);
  }
  for (const [id, left] of bound) {
    if (left >= 0) continue;
    say(id.startsWith("charge") ? "refund_over_charge" : "reversal_over_grant", `${account} ${id}: by ${-left}`);
  }
}

/** What the accounts should have been granted: every id once, and the refunds that were made. */
export function sumOfGrants({ acts, accounts }: Facts): { readonly asked: number; readonly granted: number } {
  const yes = acts.filter(({ answers }) => answers.some(({ status }) => status === 200));
  const asked = yes.reduce(
    (sum, { kind, credits, answers }) =>
      sum +
      (kind === "grant"
        ? (credits ?? 0)
        : kind === "refund"
          ? (answers.find((a) => a.status === 200)?.credits ?? 0)
          : 0),
    0,
  );
  return { asked, granted: accounts.reduce((sum, { view }) => sum + view.granted, 0) };
}
