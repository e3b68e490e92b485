/**
 * A short memory of refusals, so that a storm of calls on an empty account does not wake its object each time.
 *
 * It repeats what the ledger said less than a second ago to the same question, and nothing else. It speaks only once
 * the question was refused several times within that second, so a caller that is refused, tops up and calls again
 * always reaches the ledger. Only calls that could not be paid even with all that is held are remembered: nothing but
 * new credits changes that, and new credits that pass through this isolate clear the memory at once.
 */
import type { Command, HoldCommand, Insufficient, Outcome } from "./command.ts";

const MEMORY_MS = 1_000;
/** Refusals of one question within the second that come from the ledger itself. */
const ASKED_FIRST = 5;
/** The memory's bounds: past them what was noted first is forgotten. */
const QUESTIONS_MAX = 1_000;
const CLEARED_MAX = 1_000;

type Refused = { readonly since: number; readonly count: number; readonly outcome: Insufficient };

/** The memory of one isolate. `clock` gives milliseconds. */
export class Refusals {
  readonly #known = new Map<string, Refused>();
  /** When an account's memory was cleared: what was asked before that is not worth remembering. */
  readonly #cleared = new Map<string, number>();
  readonly #clock: () => number;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** What the ledger would say to this command, if that is known. */
  recall(account: string, command: Command): Insufficient | undefined {
    // A call with an idempotency key may have been paid already.
    if (command.op !== "hold" || command.idempotency) return undefined;
    const question = questionOf(account, command);
    const refused = this.#known.get(question);
    if (!refused) return undefined;
    if (this.#clock() - refused.since >= MEMORY_MS) {
      this.#known.delete(question);
      return undefined;
    }
    const { count, outcome } = refused;
    if (count < ASKED_FIRST || command.credits < outcome.required) return undefined;
    return { ...outcome, required: command.credits, remembered: true };
  }

  /** Notes what the ledger said to a command sent at `askedAt`, or that the command may change what it says. */
  hear(account: string, command: Command, outcome: Outcome | undefined, askedAt: number): void {
    if (command.op !== "hold") {
      if (command.op !== "capture" && command.op !== "void" && command.op !== "keep") this.#clear(account);
      return;
    }
    if (outcome?.kind !== "insufficient_balance" || askedAt <= (this.#cleared.get(account) ?? -Infinity)) return;
    if (outcome.required <= outcome.usable.available + outcome.usable.held) return;
    const question = questionOf(account, command);
    const { since, count } = this.#known.get(question) ?? { since: this.#clock(), count: 0 };
    this.#known.set(question, { since, count: count + 1, outcome });
    keepNewest(this.#known, QUESTIONS_MAX);
  }

  #clear(account: string): void {
    for (const question of this.#known.keys()) if (question.startsWith(`${account}\n`)) this.#known.delete(question);
    this.#cleared.delete(account);
    this.#cleared.set(account, this.#clock());
    keepNewest(this.#cleared, CLEARED_MAX);
  }
}

/** What besides the price decides a refusal: another route may have grants of its own, another token be revoked or capped. */
function questionOf(account: string, { route, includedBy, token, cap }: HoldCommand): string {
  return `${account}\n${JSON.stringify([route, includedBy, token.jti, token.issuedAt, cap])}`;
}

function keepNewest(map: Map<string, unknown>, max: number): void {
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
