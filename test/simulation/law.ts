/** A law found broken: which, and by what. Thrown by the checks and by nothing else. */

export type Law =
  /** granted = available + held + captured + expired + reversed, none negative, all of it found again in grants and holds. */
  | "conservation"
  /** The journal has no gap, adds up to the balance after every line, and says of every hold what became of it. */
  | "journal"
  /** held → captured | voided | expired, once; nothing charged above the hold; what is charged stays charged. */
  | "lifecycle"
  /** The first definite answer to an id and its content is the answer for ever; other content is a conflict. */
  | "idempotency"
  /** The answer is the one of a ledger that keeps every credit as a coin, and every coin lies where it should. */
  | "answer"
  /** What a gate or a reader is told is a state the ledger had during the call. */
  | "telling"
  /** A refusal, and a turn that broke down, leave nothing behind. */
  | "no trace"
  /** The alarm rings no later than the next deadline; a restart changes nothing. */
  | "waking"
  /** The copy of the account's standing comes to what the account is. */
  | "publication"
  /** Nothing reaches the origin without a hold placed before it. */
  | "unpaid"
  /** Of the calls under one idempotency key at most one is charged; none is made again whose charge came in time. */
  | "once a key"
  /** The calls of a token hold and are charged no more than its spend limit. */
  | "spend limit"
  /** The origin's log and the journal agree about every call. */
  | "reconciliation"
  /** The ledger met a bug of its own. */
  | "no fault";

export class Broken extends Error {
  readonly law: Law;

  constructor(law: Law, detail: string) {
    super(detail);
    this.law = law;
  }
}

/** Detail is a function because it is almost never wanted. */
export function demand(holds: boolean, law: Law, detail: () => string): asserts holds {
  if (!holds) throw new Broken(law, detail());
}
