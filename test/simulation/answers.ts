/** Every answer remembered: the first definite one to an id and its content must be the answer for ever. */
import type { Command, Outcome } from "../../src/ledger/command.ts";
import { demand } from "./law.ts";

type Known = { readonly content: string; readonly answer: string };

export class Answers {
  readonly #known = new Map<string, Known>();

  /** Checks an answer against those given before under this id. */
  check(command: Command, outcome: Outcome): void {
    if (command.op !== "grant" && command.op !== "hold" && command.op !== "refund") return;
    const key = `${command.op} ${command.id}`;
    const known = this.#known.get(key);
    const content = contentOf(command);
    const say = (): string =>
      `${key}: ${content} was answered ${JSON.stringify(outcome)}, known ${JSON.stringify(known)}`;
    if (!known) {
      const isReplay = "replayed" in outcome && outcome.replayed;
      demand(outcome.kind !== "conflict" && !isReplay, "idempotency", say);
      if ("replayed" in outcome) this.#known.set(key, { content, answer: answerOf(outcome) });
    } else if (known.content === content) {
      demand("replayed" in outcome && outcome.replayed && answerOf(outcome) === known.answer, "idempotency", say);
    } else {
      demand(outcome.kind === "conflict", "idempotency", say);
    }
  }

  /** A hold was forgotten by design. */
  forgetHold(id: string): void {
    this.#known.delete(`hold ${id}`);
  }
}

/** What makes two commands of one id the same, as the contract says, in words of its own. */
function contentOf(command: Extract<Command, { op: "grant" | "hold" | "refund" }>): string {
  switch (command.op) {
    case "grant": {
      const routes = command.routes === null ? "any" : command.routes.toSorted().join("+");
      return `${command.credits} ${command.kind} ${command.priority} ${command.expiresAt} ${routes}`;
    }
    case "hold":
      return `${command.credits} ${command.route} ${command.ttlSeconds} ${command.cap?.jti} ${JSON.stringify(command.idempotency)}`;
    case "refund":
      return `${command.holdId} ${command.credits}`;
  }
}

/** The part of an answer that time does not change. */
function answerOf(outcome: Outcome): string {
  return outcome.kind === "refunded" ? `refunded ${outcome.credits}` : outcome.kind;
}
