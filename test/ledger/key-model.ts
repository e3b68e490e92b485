/** Idempotency keys of the model ledger: whose a key is, worked out from all holds that ever came under it. */
import type { HoldCommand } from "../../src/ledger/command.ts";
import { ANSWERING, DAY, isDelivered, type Answer, type HeldAnswer, type Hold } from "./coin.ts";

export class KeyModel {
  readonly #holds: ReadonlyMap<string, Hold>;
  /** Whom a key belongs to. */
  readonly #owners = new Map<string, Hold>();

  constructor(holds: ReadonlyMap<string, Hold>) {
    this.#holds = holds;
  }

  /** The key is this hold's from now on, and the answer of the one before it is dropped. */
  own(hold: Hold, now: number): void {
    if (hold.boundAt <= now - DAY) hold.answer = undefined;
    hold.boundAt = now;
    for (const other of this.#underKeyOf(hold.command)) if (other !== hold) other.answer = undefined;
    if (hold.command.idempotency) this.#owners.set(hold.command.idempotency.key, hold);
  }

  /** The call, other than `self`, that has the command's key today: under way, or delivered. There is never more than one. */
  boundTo(command: HoldCommand, now: number, self?: Hold): Hold | undefined {
    const bound = this.#underKeyOf(command).filter(
      (hold) => hold !== self && hold.boundAt > now - DAY && (hold.state === "held" || isDelivered(hold)),
    );
    if (bound.length > 1) throw new Error(`${bound.length} calls have one key`);
    return bound[0];
  }

  answer(bound: Hold, { idempotency }: HoldCommand, now: number, balance: object): Answer {
    if (bound.command.idempotency?.digest !== idempotency?.digest) return { kind: "idempotency_mismatch" };
    if (bound.state === "held") return { kind: "request_in_flight", releaseAt: bound.ends };
    const answeredBy = bound.endedAt + ANSWERING;
    if (bound.answer === undefined && now < answeredBy) return { kind: "request_in_flight", releaseAt: answeredBy };
    const [requestId, credits, answer] = [bound.command.id, bound.charged.length, bound.answer ?? null];
    return { kind: "already_delivered", requestId, credits, answer, balance };
  }

  keep(hold: Hold | undefined, answer: HeldAnswer | null, now: number): Answer {
    if (!hold) return { kind: "hold_not_found" };
    if (!isDelivered(hold)) return { kind: "nothing_charged" };
    const { idempotency } = hold.command;
    if (!idempotency || this.#owners.get(idempotency.key) !== hold || hold.boundAt <= now - DAY)
      return { kind: "key_passed_on" };
    if (hold.answer === undefined) hold.answer = answer;
    return { kind: "kept" };
  }

  /** The alarm drops keys whose day is over. */
  forget(now: number): void {
    for (const [key, hold] of this.#owners) {
      if (hold.boundAt > now - DAY) continue;
      this.#owners.delete(key);
      Object.assign(hold, { answer: undefined, boundAt: -Infinity });
    }
  }

  #underKeyOf({ idempotency }: HoldCommand): Hold[] {
    return idempotency
      ? [...this.#holds.values()].filter(({ command }) => command.idempotency?.key === idempotency.key)
      : [];
  }
}
