/** A journal against itself and against the balance it should add up to: nothing missing, nothing rewritten, nothing made. */
import type { AccountFact, EntryFact, Say } from "./facts.ts";

export function checkJournal(say: Say, { account, view, entries, earlier }: AccountFact): void {
  const sum = { available: 0, held: 0 };
  for (const [index, entry] of entries.entries()) {
    const name = `${account} entry ${entry.seq} (${entry.kind} ${entry.ref})`;
    if (entry.seq !== index + 1) say("journal_gap", `${name} is number ${index + 1}`);
    sum.held += entry.held;
    sum.available += entry.amount - entry.held;
    if (entry.balance.available !== sum.available || entry.balance.held !== sum.held)
      say("journal_sum", `${name} says ${JSON.stringify(entry.balance)}, the entries say ${JSON.stringify(sum)}`);
    if (sum.available < 0 || sum.held < 0) say("negative_balance", `${name}: ${JSON.stringify(sum)}`);
  }
  if (view.available !== sum.available || view.held !== sum.held)
    say(
      "journal_sum",
      `${account} has ${view.available} and ${view.held} held, the entries say ${JSON.stringify(sum)}`,
    );
  // What was read once was on disk, so no later crash may undo it.
  for (const [index, before] of earlier.entries()) {
    if (JSON.stringify(before) !== JSON.stringify(entries[index]))
      say("journal_rewritten", `${account} entry ${before.seq} was ${before.kind} ${before.ref}`);
  }
  checkConservation(say, { account, view, entries, earlier });
}

function checkConservation(say: Say, { account, view, entries }: AccountFact): void {
  const { granted, available, held, captured, expired, reversed } = view;
  if (granted !== available + held + captured + expired + reversed)
    say("conservation", `${account}: ${JSON.stringify(view)}`);
  const folded = {
    granted: total(entries, ["grant", "refund"]),
    captured: -total(entries, ["capture"]),
    expired: -total(entries, ["expire"]),
    reversed: -total(entries, ["reverse"]),
    writtenOff: entries.reduce((sum, entry) => sum + entry.writtenOff, 0),
  };
  for (const name of ["granted", "captured", "expired", "reversed", "writtenOff"] as const) {
    if (view[name] !== folded[name])
      say("conservation", `${account}: ${name} is ${view[name]}, its entries add up to ${folded[name]}`);
  }
}

/** Adds up what entries of these kinds changed. */
function total(entries: readonly EntryFact[], kinds: readonly string[]): number {
  // "+ 0" makes of -0 a 0.
  return entries.reduce((sum, entry) => sum + (kinds.includes(entry.kind) ? entry.amount : 0), 0) + 0;
}
