/**
 * What is known of a run of crashes, from three sides that do not know of each other: what callers and the operator
 * sent and saw, what reached the origin, and what the ledger's journals say. Plain data, so that a test can doctor it.
 */

/** A call as its caller made it. The number travels in the query, so that the origin's log can be laid beside it. */
export type CallFact = {
  readonly call: number;
  readonly caller: number;
  readonly account: string;
  readonly route: string;
};

/** The beginning of an answer, as its caller saw it. */
export type ReceiptFact = {
  readonly call: number;
  readonly requestId: string;
  readonly status: number;
  /** null: the header did not come. */
  readonly charged: number | null;
  readonly remaining: number | null;
};

/** A request as it reached the origin, and what the origin did with it. */
export type HitFact = {
  readonly call: number;
  readonly requestId: string;
  /** "" on a free route, which knows no account. */
  readonly account: string;
  readonly route: string;
  readonly credits: number;
  /** What it answered; 0 while it has not, or if it broke off or was left before it could. */
  status: number;
  /** How long it took to begin its answer. */
  tookMs: number;
  done: boolean;
};

export type EntryFact = {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly amount: number;
  readonly held: number;
  readonly writtenOff: number;
  readonly ref: string;
  readonly requestId: string | null;
  readonly route: string | null;
  readonly balance: { readonly available: number; readonly held: number };
};
type ViewFact = Readonly<
  Record<"available" | "held" | "granted" | "captured" | "expired" | "reversed" | "writtenOff" | "asOf", number>
>;
export type AccountFact = {
  readonly account: string;
  readonly view: ViewFact;
  readonly entries: readonly EntryFact[];
  /** The journal as it was read after the crash before. */
  readonly earlier: readonly EntryFact[];
};

/** What the operator asked for, under one id, as often as it took. */
export type ActFact = {
  readonly kind: "grant" | "refund" | "reversal";
  readonly account: string;
  /** A reversal's is the grant's. */
  readonly id: string;
  /** null: a refund of all that is left, or a reversal. */
  readonly credits: number | null;
  /** The request a refund is for. */
  readonly charge: string | null;
  readonly expiresAt: string | null;
  attempts: number;
  readonly answers: { readonly status: number; readonly replayed: boolean; readonly credits: number }[];
};

/** Which calls a kill may have cut: those not answered yet, and each caller's last, whose charge may have been under way. */
export type KillFact = {
  readonly how: string;
  readonly unanswered: ReadonlySet<number>;
  readonly justAnswered: ReadonlySet<number>;
  /** Under way while the gate stood still for longer than a hold lives: they went on late. */
  readonly frozen: ReadonlySet<number>;
};

export type Facts = {
  readonly prices: Readonly<Record<string, number>>;
  readonly holdSeconds: number;
  readonly timeoutSeconds: number;
  readonly calls: readonly CallFact[];
  readonly receipts: readonly ReceiptFact[];
  readonly hits: readonly HitFact[];
  readonly acts: readonly ActFact[];
  readonly kills: readonly KillFact[];
  readonly accounts: readonly AccountFact[];
  /** What the gate itself said went wrong, and calls that broke while it lived. */
  readonly faults: readonly string[];
  /** Nothing is under way any more: every hold has ended and every act was answered. */
  readonly final: boolean;
};

/** Every discrepancy that no crash explains. */
export const RESIDUE_KINDS = [
  "journal_gap",
  "journal_sum",
  "journal_rewritten",
  "negative_balance",
  "conservation",
  "double_hold",
  "double_charge",
  "ended_twice",
  "end_without_hold",
  "held_for_ever",
  "not_voided",
  "expired_unexplained",
  "wrong_price",
  "wrong_charge",
  "hit_twice",
  "hit_without_hold",
  "charged_without_hit",
  "charged_for_failure",
  "served_and_voided",
  "charge_lost",
  "charged_and_told_nothing",
  "told_a_charge_never_made",
  "receipt_differs",
  "served_free",
  "refused_and_held",
  "free_and_held",
  "grant_doubled",
  "grant_lost",
  "grant_differs",
  "grant_unknown",
  "refund_doubled",
  "refund_lost",
  "refund_differs",
  "refund_unknown",
  "refund_over_charge",
  "reversal_doubled",
  "reversal_lost",
  "reversal_differs",
  "reversal_unknown",
  "reversal_over_grant",
  "act_unanswered",
  "gate_fault",
] as const;
export type ResidueKind = (typeof RESIDUE_KINDS)[number];
export type Residue = { readonly kind: ResidueKind; readonly what: string };
export type Say = (kind: ResidueKind, what: string) => void;
