/**
 * What a refund gives back: what was drawn last, and not given back before, on the terms it was drawn under.
 * The coin ledger leaves open which of a charge's coins come back; here it is the last ones.
 */
import type { GrantView } from "../../src/ledger/command.ts";
import type { CoinLedger } from "../ledger/model.ts";
import { demand } from "./law.ts";

type Drawn = { readonly id: string; readonly priority: number; readonly expiresAt: number | null } & {
  readonly routes: readonly string[] | null;
};

export class Refunds {
  /** Of each hold, how much of each grant came back. */
  readonly #given = new Map<string, Map<string, number>>();

  /** Checks the grants that a refund made. Called while the coins still lie as before it. */
  check(holdId: string, made: readonly GrantView[], coins: CoinLedger, now: number): void {
    const charged = coins.holds.get(holdId)?.charged.map(({ grant }): Drawn => grant) ?? [];
    const given = this.#given.get(holdId) ?? new Map<string, number>();
    this.#given.set(holdId, given);
    const left = withoutGiven(charged, given);
    const wanted = made.reduce((sum, { credits }) => sum + credits, 0);
    const back = wanted > 0 ? left.slice(-wanted) : [];
    for (const { id } of back) given.set(id, (given.get(id) ?? 0) + 1);
    const terms = back.map((drawn) => termsOf(drawn, now));
    const said = made.flatMap((grant) => Array.from({ length: grant.credits }, () => termsOf(grant, now)));
    const isRight = said.length === terms.length && said.every((each, index) => each === terms[index]);
    demand(isRight, "answer", () => `a refund of ${holdId} gives back ${said.join(", ")}, must be ${terms.join(", ")}`);
  }

  forget(holdId: string): void {
    this.#given.delete(holdId);
  }
}

/** Of each grant, its last coins are those given back. */
function withoutGiven(charged: readonly Drawn[], given: ReadonlyMap<string, number>): Drawn[] {
  const due = new Map(given);
  const left: Drawn[] = [];
  for (const drawn of charged.toReversed()) {
    const n = due.get(drawn.id) ?? 0;
    if (n > 0) due.set(drawn.id, n - 1);
    else left.unshift(drawn);
  }
  return left;
}

/** An expiry that has passed is not inherited. */
function termsOf({ priority, expiresAt, routes }: Omit<Drawn, "id">, now: number): string {
  return `${priority} ${expiresAt !== null && expiresAt > now ? expiresAt : "never"} ${routes?.join("+") ?? "any"}`;
}
