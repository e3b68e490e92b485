/** A call, or a purse: what a gate set credits aside for, and what became of it. Kept after a crash, for the reckoning. */
import type { HoldCommand } from "../../src/ledger/command.ts";

export type Call = {
  readonly id: string;
  readonly gate: number;
  /** A call asks the origin once; a purse as often as its credits last, and reports what it spent so far. */
  readonly kind: "call" | "purse";
  readonly hold: HoldCommand;
  /** By its gate's own clock, when the hold was sent: a purse counts its life from here. */
  readonly sentAt: number;
  stage: "holding" | "admitted" | "ended" | "forgotten";
  /** What let it in; null until then. A call that is included is free and has no hold. */
  admittedBy: "hold" | "plan" | null;
  told: "charged" | "not_charged" | "refused" | "unavailable" | null;
  /** What it reports to the ledger. */
  spent: number;
  /** What its receipts add up to: the credits of answers that were handed on as charged. */
  receipts: number;
  /** How often it asked the origin. */
  asked: number;
  /** Why what the caller was told was charged may be missing from the journal. */
  excuse: "crash" | "gave_up" | null;
};

export function newCall(of: Pick<Call, "id" | "gate" | "kind" | "hold" | "sentAt">): Call {
  return { ...of, stage: "holding", admittedBy: null, told: null, spent: 0, receipts: 0, asked: 0, excuse: null };
}
