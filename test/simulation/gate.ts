/**
 * A gate, as small as can be: the protocol of src/gate and src/ledger/client.ts, one step at a time.
 *
 * hold → held: ask the origin → served: told "charged", and capture, final, five attempts
 *                             → not served: void, two attempts, told "not charged"
 *      → refused: told so    → unknown: void, told "unavailable", and never forwarded
 *
 * A purse is the same hold captured in parts: it reports what it has spent so far, and its last report is final.
 */
import { credits } from "../../src/credits.ts";
import type { CaptureCommand, HoldCommand } from "../../src/ledger/command.ts";
import { newCall, type Call } from "./call.ts";
import { answerContent, SECOND } from "./contents.ts";
import { demand } from "./law.ts";
import { ATTEMPTS, CAPTURE_ATTEMPTS, type Message, type Network, type Told } from "./network.ts";
import type { Deed, Origin } from "./origin.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { count, type Tally } from "./tally.ts";

/** A purse stops this long before the ledger takes it back. */
const PURSE_MARGIN_MS = 1;

export type Surroundings = {
  readonly network: Network;
  readonly origin: Origin;
  readonly lifecycle: Lifecycle;
  /** The calls that the ledger said cost nothing. */
  readonly included: ReadonlySet<string>;
  readonly tally: Tally;
};

export class Gate {
  readonly number: number;
  readonly #clock: () => number;
  readonly #around: Surroundings;
  readonly calls: Call[] = [];

  constructor(number: number, clock: () => number, around: Surroundings) {
    this.number = number;
    this.#clock = clock;
    this.#around = around;
  }

  /** A caller comes, or a purse is wanted. Gives the message that asks for the hold. */
  begin(kind: Call["kind"], hold: HoldCommand): Message {
    const call = newCall({ id: hold.id, gate: this.number, kind, hold, sentAt: this.#clock() });
    this.calls.push(call);
    return this.#send(hold, ATTEMPTS, (told) => {
      this.#admit(call, told);
    });
  }

  #admit(call: Call, told: Told): void {
    if (told.kind === "held" && told.state === "held") {
      call.stage = "admitted";
      call.admittedBy = "hold";
    } else if (told.kind === "included" && call.kind === "call") {
      call.stage = "admitted";
      call.admittedBy = "plan";
    } else if (told.kind === "unavailable") {
      // It may have been carried out all the same.
      this.#void(call);
      this.#end(call, "unavailable");
    } else this.#end(call, "refused");
  }

  /** The call goes to the origin, and the gate hears, or does not hear, what came of it. */
  forward(call: Call, deed: Deed, cost: number): void {
    this.#ask(call, deed, cost);
    if (deed !== "ok") {
      if (call.admittedBy === "hold") this.#void(call);
      return this.#end(call, "not_charged");
    }
    if (call.admittedBy === "plan") return this.#end(call, "not_charged");
    call.spent = cost;
    call.receipts = cost;
    this.#capture(call, true);
    this.#end(call, "charged");
  }

  /** The open purse pays for a call, if its life and its credits suffice. */
  spend(purse: Call, deed: Deed, cost: number): void {
    const until = purse.sentAt + purse.hold.ttlSeconds * SECOND - PURSE_MARGIN_MS;
    if (this.#clock() >= until || purse.spent + cost > purse.hold.credits) return;
    this.#ask(purse, deed, cost);
    if (deed === "ok") purse.receipts += cost;
    if (deed === "ok") purse.spent += cost;
    count(this.#around.tally, `purse pays: ${deed}`);
  }

  report(purse: Call): void {
    this.#capture(purse, false);
  }

  close(purse: Call): void {
    this.#capture(purse, true);
    this.#end(purse, purse.spent > 0 ? "charged" : "not_charged");
  }

  /** Everything in flight is forgotten. `reached`: what its calls under way at the origin had come to already. */
  crash(reached: (call: Call) => Deed | null): void {
    const orphans = this.#around.network.orphan(this.number);
    for (const call of this.calls) {
      if (call.stage !== "ended" || orphans.some(({ op, id }) => op === "capture" && id === call.id))
        call.excuse = "crash";
      if (call.stage === "ended") continue;
      const deed = call.stage === "admitted" && call.kind === "call" ? reached(call) : null;
      if (deed !== null) this.#ask(call, deed === "ok" ? "unheard" : deed, call.hold.credits);
      if (call.stage === "admitted" && call.kind === "purse") call.told = call.spent > 0 ? "charged" : null;
      call.stage = "forgotten";
      count(this.#around.tally, `${call.kind} lost in a crash`);
    }
  }

  /** The one way to the origin. */
  #ask(call: Call, deed: Deed, cost: number): void {
    const hold = this.#around.lifecycle.find(call.id);
    // A copy of the question may come after the plan has ended, and place a hold nobody asks for: it expires.
    const paid = call.admittedBy === "plan" ? this.#around.included.has(call.id) : hold !== undefined;
    demand(paid, "unpaid", () => `${call.id} goes to the origin, admitted by ${call.admittedBy}, without its hold`);
    // Nothing is served on a purse that the ledger has taken back.
    const isOpen = call.kind === "call" || hold?.state === "held";
    demand(isOpen, "unpaid", () => `purse ${call.id} pays though it is ${hold?.state}`);
    const requestId = call.kind === "call" ? call.id : `${call.id}.${call.asked}`;
    call.asked += 1;
    this.#around.origin.take(requestId, deed, cost);
    count(this.#around.tally, `origin ${deed}`);
  }

  #end(call: Call, told: NonNullable<Call["told"]>): void {
    call.stage = "ended";
    call.told = told;
    count(this.#around.tally, `${call.kind} told ${told}`);
  }

  #capture(call: Call, final: boolean): void {
    const command: CaptureCommand = { op: "capture", id: call.id, credits: credits(call.spent), final };
    this.#send(command, CAPTURE_ATTEMPTS, (told) => {
      if (told.kind === "unavailable") call.excuse ??= "gave_up";
      else if (final && call.hold.idempotency)
        this.#send({ op: "keep", id: call.id, answer: answerContent(call.spent) }, ATTEMPTS);
    });
  }

  #void({ id }: Call): void {
    this.#send({ op: "void", id }, ATTEMPTS);
  }

  #send(command: Message["command"], attempts: number, done: Message["done"] = () => undefined): Message {
    const message: Message = { from: this.number, command, attempts, done };
    this.#around.network.send(message);
    return message;
  }
}
