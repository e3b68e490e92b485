/** That the reconciler finds every kind of discrepancy, also in journals whose own sums are right, and finds none where there is none. */
import { describe, expect, it } from "vitest";
import { close, draft, line, type Books, type Draft } from "./books.ts";
import { RESIDUE_KINDS, type ResidueKind } from "./facts.ts";
import { reconcile } from "./reconcile.ts";

const kindsIn = (books: Books): ResidueKind[] => reconcile(books).residue.map(({ kind }) => kind);

/** Finds what a doctoring is about; a fixture that has lost it is a mistake of the test. */
function the<T>(list: readonly T[], is: (item: T) => boolean): T {
  const found = list.find(is);
  if (found === undefined) throw new Error("the books have no such thing");
  return found;
}
const entryOf = (books: Books, kind: string, ref: string): Books["accounts"][number]["entries"][number] =>
  the(the(books.accounts, () => true).entries, (entry) => entry.kind === kind && entry.ref === ref);
const lineOf = (books: Draft, kind: string, ref: string): Draft["lines"][number] =>
  the(books.lines, (each) => each.kind === kind && each.ref === ref);
const ofCall = <T extends { call: number }>(list: readonly T[], call: number): T =>
  the(list, (each) => each.call === call);
const without = <T>(list: T[], is: (item: T) => boolean): void => void list.splice(list.indexOf(the(list, is)), 1);
const dropLine = (books: Draft, kind: string, ref: string): void => {
  without(books.lines, (each) => each.kind === kind && each.ref === ref);
};
const actOf = (books: Draft, kind: string, id: string): Draft["acts"][number] =>
  the(books.acts, (act) => act.kind === kind && act.id === id);

/** Doctored before the sums are made: a journal that adds up and is still wrong. */
const DOCTORED: readonly [ResidueKind, string, (books: Draft) => void][] = [
  ["negative_balance", "more is held than there is", (b) => void b.lines.unshift(line("hold", 0, 5, "req9"))],
  ["double_hold", "one request is held for twice", (b) => void b.lines.splice(3, 0, line("hold", 0, 5, "req1"))],
  ["double_charge", "one hold is charged twice", (b) => void b.lines.push(line("capture", -5, 0, "req1"))],
  ["ended_twice", "a charged hold is voided too", (b) => void b.lines.push(line("void", 0, -5, "req1"))],
  ["ended_twice", "a voided hold is charged too", (b) => void b.lines.push(line("capture", -5, 0, "req2"))],
  ["end_without_hold", "a charge has no hold", (b) => void b.lines.push(line("capture", -5, 0, "req8"))],
  ["held_for_ever", "a hold never ends", (b) => dropLine(b, "expire", "req6")],
  [
    "not_voided",
    "a call is answered for nothing and its hold is left to its deadline",
    (b) => void Object.assign(lineOf(b, "void", "req2"), { kind: "expire" }),
  ],
  [
    "expired_unexplained",
    "a hold is left to its deadline by a gate that lived",
    (b) => void Object.assign(lineOf(b, "void", "req2"), { kind: "expire" }),
  ],
  [
    "expired_unexplained",
    "more holds without a trace expired than calls were cut",
    (b) => the(b.kills, () => true).unanswered.clear(),
  ],
  [
    "wrong_price",
    "a hold is not the route's price",
    (b) => {
      lineOf(b, "hold", "req6").held = 6;
      lineOf(b, "expire", "req6").held = -6;
    },
  ],
  ["wrong_price", "the origin is told another price", (b) => void (ofCall(b.hits, 1).credits = 4)],
  ["wrong_charge", "less is charged than was held, and nothing written off", (b) => dropLine(b, "write_off", "req7")],
  ["hit_twice", "a request reaches the origin twice", (b) => void b.hits.push({ ...ofCall(b.hits, 1) })],
  [
    "hit_without_hold",
    "the origin is called with nothing held",
    (b) => void b.hits.push({ ...ofCall(b.hits, 1), requestId: "req8" }),
  ],
  [
    "hit_without_hold",
    "the origin is called for one account and another is charged",
    (b) => void (ofCall(b.hits, 1).account = "ben"),
  ],
  ["charged_without_hit", "a charge never reached the origin", (b) => without(b.hits, ({ call }) => call === 1)],
  ["charged_for_failure", "the origin failed and it is charged", (b) => void (ofCall(b.hits, 1).status = 503)],
  ["charged_for_failure", "the origin broke off and it is charged", (b) => void (ofCall(b.hits, 1).status = 0)],
  [
    "served_and_voided",
    "the origin served in time and the hold is voided",
    (b) => void (ofCall(b.hits, 2).status = 200),
  ],
  [
    "charge_lost",
    "a call no kill cut is served and never charged",
    (b) => the(b.kills, () => true).justAnswered.clear(),
  ],
  ["charged_and_told_nothing", "the receipt says 0 and it is charged", (b) => void (ofCall(b.receipts, 1).charged = 0)],
  [
    "charged_and_told_nothing",
    "the receipt says nothing and it is charged",
    (b) => void (ofCall(b.receipts, 1).charged = null),
  ],
  [
    "told_a_charge_never_made",
    "the receipt says a charge and it is voided",
    (b) => void (ofCall(b.receipts, 2).charged = 5),
  ],
  [
    "told_a_charge_never_made",
    "the receipt says a charge, it expired, and no kill cut it",
    (b) => the(b.kills, () => true).justAnswered.clear(),
  ],
  [
    "told_a_charge_never_made",
    "the receipt says a charge and nothing was ever held",
    (b) => void (ofCall(b.receipts, 5).charged = 5),
  ],
  ["receipt_differs", "the receipt says another charge", (b) => void (ofCall(b.receipts, 1).charged = 4)],
  ["receipt_differs", "the receipt says another balance", (b) => void (ofCall(b.receipts, 1).remaining = 126)],
  [
    "served_free",
    "a priced call is answered for nothing",
    (b) => {
      Object.assign(ofCall(b.receipts, 5), { status: 200, charged: 0 });
    },
  ],
  ["refused_and_held", "a refused call holds credits", (b) => void (ofCall(b.receipts, 2).status = 402)],
  [
    "refused_and_held",
    "a refused call reaches the origin",
    (b) => void b.hits.push({ ...ofCall(b.hits, 4), call: 5, requestId: "req5" }),
  ],
  [
    "free_and_held",
    "a free call holds credits",
    (b) => {
      b.lines.push(line("hold", 0, 5, "req4"), line("void", 0, -5, "req4"));
    },
  ],
  ["grant_doubled", "one id is granted twice", (b) => void b.lines.push(line("grant", 100, 0, "g1"))],
  [
    "grant_doubled",
    "one id is twice told that it is new",
    (b) => {
      actOf(b, "grant", "g1").answers.push({ status: 200, replayed: false, credits: 100 });
    },
  ],
  ["grant_lost", "a grant was answered and is gone", (b) => dropLine(b, "grant", "g1")],
  ["grant_differs", "a grant is of another amount", (b) => void (lineOf(b, "grant", "g1").amount = 99)],
  [
    "grant_differs",
    "a grant that was refused is there",
    (b) => {
      Object.assign(actOf(b, "grant", "g1"), { answers: [{ status: 400, replayed: false, credits: NaN }] });
    },
  ],
  ["grant_unknown", "nobody asked for a grant", (b) => void b.lines.push(line("grant", 1, 0, "g9"))],
  ["refund_doubled", "one refund is made twice", (b) => void b.lines.push({ ...lineOf(b, "refund", "r1"), amount: 1 })],
  ["refund_lost", "a refund was answered and is gone", (b) => dropLine(b, "refund", "r1")],
  ["refund_differs", "a refund is of another call", (b) => void (lineOf(b, "refund", "r1").requestId = "req7")],
  [
    "refund_unknown",
    "nobody asked for a refund",
    (b) => void b.lines.push({ ...lineOf(b, "refund", "r1"), ref: "r9", amount: 1 }),
  ],
  ["refund_over_charge", "more is refunded than was charged", (b) => void (lineOf(b, "refund", "r1").amount = 6)],
  [
    "refund_over_charge",
    "a call that was never charged is refunded",
    (b) => void (lineOf(b, "refund", "r1").requestId = "req2"),
  ],
  [
    "reversal_doubled",
    "one reversal is twice told that it is new",
    (b) => {
      actOf(b, "reversal", "g2").answers.push({ status: 200, replayed: false, credits: 30 });
    },
  ],
  ["reversal_lost", "a reversal was answered and is gone", (b) => dropLine(b, "reverse", "g2")],
  [
    "reversal_differs",
    "a reversal took another amount than it said",
    (b) => void (lineOf(b, "reverse", "g2").amount = -29),
  ],
  ["reversal_unknown", "nobody asked for a reversal", (b) => void b.lines.push(line("reverse", -1, 0, "g1"))],
  [
    "reversal_over_grant",
    "more is taken back than was granted",
    (b) => void b.lines.push(line("reverse", -1, 0, "g2")),
  ],
  ["act_unanswered", "an act was never answered", (b) => void actOf(b, "reversal", "g2").answers.splice(0)],
  ["gate_fault", "the gate says that something went wrong", (b) => void b.faults.push("ledger_fault")],
];

/** Doctored after: sums that are wrong. */
const MISCOUNTED: readonly [ResidueKind, string, (books: Books) => void][] = [
  ["journal_gap", "an entry is missing", (b) => void the(b.accounts, () => true).entries.splice(4, 1)],
  [
    "journal_sum",
    "an entry's balance is not the sum before it",
    (b) => void (entryOf(b, "void", "req2").balance.available += 1),
  ],
  [
    "journal_sum",
    "the balance is not the journal's sum",
    (b) => void (the(b.accounts, () => true).view.available += 1),
  ],
  [
    "journal_rewritten",
    "an entry that was read is another after the crash",
    (b) => void (entryOf(b, "hold", "req1").at += 1),
  ],
  [
    "journal_rewritten",
    "entries that were read are gone after the crash",
    (b) => void the(b.accounts, () => true).entries.splice(3),
  ],
  ["conservation", "credits came from nowhere", (b) => void (the(b.accounts, () => true).view.granted += 1)],
  [
    "conservation",
    "the charges are not those of the journal",
    (b) => {
      const { view } = the(b.accounts, () => true);
      view.captured += 1;
      view.reversed -= 1;
    },
  ],
];

describe("the reconciler", () => {
  it("finds nothing in books that are right, and counts what the kills explain", () => {
    const found = reconcile(close(draft()));
    expect(found.residue).toEqual([]);
    expect(found).toMatchObject({
      served: { calls: 3, credits: 15 },
      charged: { calls: 2, credits: 9 },
      voided: { calls: 1, credits: 5 },
      expired: { calls: 2, credits: 10 },
      writtenOff: 1,
      late: 1,
      loss: { calls: 1, credits: 5 },
      refused: 1,
      grants: { asked: 133, granted: 133 },
    });
  });

  it.each(DOCTORED)("finds %s: %s", (kind, _what, doctor) => {
    const books = draft();
    doctor(books);
    expect(kindsIn(close(books))).toContain(kind);
  });

  it.each(MISCOUNTED)("finds %s: %s", (kind, _what, doctor) => {
    const books = close(draft());
    doctor(books);
    expect(kindsIn(books)).toContain(kind);
  });

  it("has a case here for every kind it knows", () => {
    const cases = new Set([...DOCTORED, ...MISCOUNTED].map(([kind]) => kind));
    expect(RESIDUE_KINDS.filter((kind) => !cases.has(kind))).toEqual([]);
  });

  it("lets a hold be open, and an act unanswered, while the rounds go on, and no hold beyond its life", () => {
    const books = { ...draft(), final: false };
    dropLine(books, "expire", "req6");
    ofCall(books.receipts, 7).remaining = 118;
    actOf(books, "reversal", "g2").answers.splice(0);
    const early = close(books);
    the(early.accounts, () => true).view.asOf = entryOf(early, "hold", "req6").at + early.holdSeconds * 1000 - 1;
    expect(kindsIn(early)).toEqual([]);
    the(early.accounts, () => true).view.asOf += 1;
    expect(kindsIn(early)).toEqual(["held_for_ever"]);
  });
});
