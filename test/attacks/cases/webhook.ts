/** Attacks on payment notices. None is taken yet; each case says what it will have to show. */
import type { Case } from "../case.ts";

const notApplicable =
  "Payments by Stripe are not built: no notice is taken, credits come in by the operator's grants alone.";

const CASES: readonly (readonly [attack: string, expected: string])[] = [
  ["A notice without a signature, or with one that is malformed.", "400, no entry."],
  ["A signature over the same JSON written otherwise.", "400: the raw bytes are signed."],
  ["Two signatures, of which the second is good.", "Taken."],
  ["The secret is replaced.", "Both count meanwhile; afterwards the old one is 400."],
  ["The secret is empty or missing.", "The gate serves nothing."],
  ["A notice of more than a megabyte.", "413."],
  ["One notice five times, or twenty at once.", "Credited once."],
  ["A notice's id with other content.", "No second grant, and a line in the log."],
  ["Notices of payments that failed, expired or are unpaid.", "Nothing is credited."],
  ["Notices of test payments, or of another Stripe account.", "Nothing is credited."],
  ["A refund's notice before the payment's.", "The same end as in order."],
  ["Partial refunds of more than the payment.", "Reversed up to the payment."],
  ["A refund after the credits were spent.", "Never a negative balance; by policy."],
  ["A payment that names no account, an unknown one, or another's.", "Set aside, and a line in the log."],
  ["A crash between credit and answer.", "Stripe asks again; credited once."],
  ["Notices of two accounts at once.", "Independent."],
];

export const WEBHOOK: readonly Case[] = CASES.map(([attack, expected], n) => ({
  id: `webhook-${n + 1}`,
  attack,
  expected,
  notApplicable,
}));
