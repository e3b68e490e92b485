/**
 * The network between gates and ledger. It loses messages and answers, repeats, delays and reorders them.
 *
 * A sender tries again as src/ledger/client.ts does: the very same command, a bounded number of times, and then the
 * outcome is not known. A message whose sender has given up may still arrive: it is a stray.
 */
import type { Command, Outcome } from "../../src/ledger/command.ts";
import type { CheckedLedger } from "./checked-ledger.ts";
import { describeCommand, type Story } from "./story.ts";
import { count, type Tally } from "./tally.ts";

/** As in src/ledger/client.ts. */
export const ATTEMPTS = 2;
export const CAPTURE_ATTEMPTS = 5;
/** Whoever reports a payment reports it until it is heard. */
export const PAYMENT_ATTEMPTS = 100;

export type Told = Outcome | { readonly kind: "unavailable" };
export type Message = {
  /** The gate it is from; negative: an operator or a payment. */
  readonly from: number;
  readonly command: Command;
  attempts: number;
  readonly done: (told: Told) => void;
};

/** What becomes of one attempt, in an outage of all of them. Most are answered, or nothing would ever come of anything. */
const FATES = [
  "answered",
  "answered",
  "answered",
  "lost",
  "answer_lost",
  "overdue",
  "copied",
  "answered",
  "answered",
  "outage",
] as const;
export type Fate = (typeof FATES)[number];

export function fateOf(n: number): Fate {
  return FATES[n % FATES.length] ?? "answered";
}

export class Network {
  readonly #ledger: CheckedLedger;
  readonly #tally: Tally;
  readonly #story: Story;
  readonly waiting: Message[] = [];
  readonly strays: Command[] = [];

  constructor(ledger: CheckedLedger, tally: Tally, story: Story) {
    this.#ledger = ledger;
    this.#tally = tally;
    this.#story = story;
  }

  send(message: Message): void {
    this.waiting.push(message);
  }

  /** One attempt of the message. */
  attempt(message: Message, fate: Fate): void {
    const { command } = message;
    count(this.#tally, `network ${fate}`);
    if (fate !== "answered") this.#story?.push(`      (${describeCommand(command)}: ${fate.replace("_", " ")})`);
    if (fate === "overdue" || fate === "copied") this.strays.push(command);
    if (fate === "outage" && message.attempts <= CAPTURE_ATTEMPTS) message.attempts = 1;
    if (fate === "lost" || fate === "overdue" || fate === "outage") {
      this.#timeOut(message);
      return;
    }
    const outcome = this.#ledger.apply(command);
    if (fate === "answer_lost" || outcome.kind === "crashed") this.#timeOut(message);
    // A fault is definite: the client does not try again.
    else this.#finish(message, outcome.kind === "fault" ? { kind: "unavailable" } : outcome);
  }

  /** Something on the way arrives; who sent it has long stopped listening. */
  deliverStray(index: number, keep: boolean): void {
    const command = this.strays[index];
    if (!command) return;
    if (!keep) this.strays.splice(index, 1);
    count(this.#tally, "network stray arrived");
    this.#ledger.apply(command);
  }

  /** The sender is gone. What it sent may be on the way. */
  orphan(from: number): readonly { readonly op: string; readonly id?: string }[] {
    const orphans = this.waiting.filter((each) => each.from === from);
    for (const message of orphans) {
      this.waiting.splice(this.waiting.indexOf(message), 1);
      this.strays.push(message.command);
    }
    return orphans.map(({ command }) => command);
  }

  #timeOut(message: Message): void {
    message.attempts -= 1;
    if (message.attempts <= 0) this.#finish(message, { kind: "unavailable" });
  }

  #finish(message: Message, told: Told): void {
    const index = this.waiting.indexOf(message);
    if (index >= 0) this.waiting.splice(index, 1);
    message.done(told);
  }
}
