/** Compares the ledger with the coin ledger: what each says, and where every credit lies. */
import type { Command, Outcome } from "../../src/ledger/command.ts";
import type { CoinLedger } from "../ledger/model.ts";
import type { Books, Facts } from "./books.ts";
import { demand } from "./law.ts";

/** Checks an answer against the one the coin ledger gives, and the balance in it against the tables. */
export function checkAnswer(command: Command, outcome: Outcome, expected: { kind: string }, facts: Facts): void {
  const say = (): string =>
    `${JSON.stringify(command)} was answered ${JSON.stringify(outcome)}, must be ${JSON.stringify(expected)}`;
  if ("balance" in outcome) {
    const { available, held } = outcome.balance;
    demand(available === facts.available && held === facts.held, "telling", say);
  }
  demand(isSame(outcome, expected), "answer", say);
}

/** Checks that every coin lies where the tables say. */
export function checkCoins({ coins, writtenOff, holds, refunds, grants }: CoinLedger, books: Books): void {
  const places = { available: 0, held: 0, captured: 0, expired: 0, reversed: 0 };
  const left = new Map<string, number>();
  for (const { place, grant } of coins) {
    places[place] += 1;
    if (place === "available") left.set(grant.id, (left.get(grant.id) ?? 0) + 1);
  }
  const { facts } = books;
  const say = (): string =>
    `${JSON.stringify(facts)}, coins ${JSON.stringify({ ...places, writtenOff, holds: holds.size })}`;
  demand(places.available === facts.available && places.held === facts.held, "answer", say);
  demand(places.captured === facts.captured && places.expired === facts.expired, "answer", say);
  demand(places.reversed === facts.reversed && writtenOff === facts.written_off, "answer", say);
  demand(holds.size === facts.hold_count && refunds.size === facts.refund_count, "answer", say);
  demand(grants.size === books.grants.length, "answer", say);
  for (const { id, remaining } of books.grants)
    demand((left.get(id) ?? 0) === remaining, "answer", () => `grant ${id} has ${remaining}, must be ${left.get(id)}`);
}

export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [left, right] = [Object.entries(one), new Map(Object.entries(other))];
  return left.length === right.size && left.every(([name, value]) => right.has(name) && isSame(value, right.get(name)));
}
