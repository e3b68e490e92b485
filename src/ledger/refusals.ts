/**
 * A short memory of refusals, so that a storm of calls on an empty account does not wake its object each time.
 *
 * It repeats what the ledger said less than a second ago and nothing else. It speaks only once an account was refused
 * several times within that second, so a caller that is refused, tops up and calls again always reaches the ledger.
 * Only calls that could not be paid even with all that is held are remembered: nothing but new credits changes that,
 * and new credits that pass through this isolate clear the memory at once.
 */
import type { Command, HoldCommand, Insufficient, Outcome } from "./command.ts";

const MEMORY_MS = 1_000;
/** Refusals of an account within the second that come from the ledger itself. */
const ASKED_FIRST = 5;
/** The memory's bound: past it the account refused longest ago is forgotten. */
const ACCOUNTS_MAX = 1_000;

type Refused = {
  readonly since: number;
  readonly count: number;
  readonly asked: string;
  readonly outcome: Insufficient;
};

/** The memory of one isolate. `clock` gives milliseconds. */
export class Refusals {
  readonly #known = new Map<string, Refused>();
  readonly #clock: () => number;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** What the ledger would say to this command, if that is known. */
  recall(account: string, command: Command): Insufficient | undefined {
    const refused = this.#known.get(account);
    // A call with an idempotency key may have been paid already.
    if (!refused || command.op !== "hold" || command.idempotency) return undefined;
    if (this.#clock() - refused.since >= MEMORY_MS) {
      this.#known.delete(account);
      return undefined;
    }
    const { count, asked, outcome } = refused;
    if (count < ASKED_FIRST || asked !== askedBy(command) || command.credits < outcome.required) return undefined;
    return { ...outcome, required: command.credits, remembered: true };
  }

  /** Notes what the ledger said, or that it was told something that may change what it says. */
  hear(account: string, command: Command, outcome: Outcome | undefined): void {
    if (command.op !== "hold") {
      if (command.op !== "capture" && command.op !== "void" && command.op !== "keep") this.#known.delete(account);
      return;
    }
    if (outcome?.kind !== "insufficient_balance") return;
    if (outcome.required <= outcome.usable.available + outcome.usable.held) return;
    const { since, count } = this.#known.get(account) ?? { since: this.#clock(), count: 0 };
    this.#known.set(account, { since, count: count + 1, asked: askedBy(command), outcome });
    const [oldest] = this.#known.keys();
    if (this.#known.size > ACCOUNTS_MAX && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** What besides the price decides a refusal: another route may have grants of its own, another token be revoked or capped. */
function askedBy({ route, includedBy, token, cap }: HoldCommand): string {
  return JSON.stringify([route, includedBy, token.jti, token.issuedAt, cap]);
}
