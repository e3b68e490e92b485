/** The world of one history: gates, network, ledger, origin, clocks, and what can be done to them. */
import type { Command, HoldCommand } from "../../src/ledger/command.ts";
import type { Call } from "./call.ts";
import { CheckedLedger } from "./checked-ledger.ts";
import * as content from "./contents.ts";
import type { Disk } from "./disk.ts";
import { Gate } from "./gate.ts";
import { demand } from "./law.ts";
import { ATTEMPTS, fateOf, Network, PAYMENT_ATTEMPTS } from "./network.ts";
import { Origin } from "./origin.ts";
import type { Setting } from "./plan.ts";
import { Publisher } from "./publisher.ts";
import { reckonAnswers, reckonCaps, reckonKeys } from "./promises.ts";
import { reckon } from "./reckoning.ts";
import type { Rules } from "./rules.ts";
import type { Story } from "./story.ts";
import type { Tally } from "./tally.ts";

/** Operators and payments, among the senders. */
const DESK = -1;
const RETENTION = 30 * content.DAY;

export class World {
  readonly setting: Setting;
  readonly #tally: Tally;
  readonly ledger: CheckedLedger;
  readonly network: Network;
  readonly origin = new Origin();
  readonly gates: readonly Gate[];
  /** True time; the ledger and the gates only know clocks that are off. */
  #now = content.START;
  #callCount = 0;
  #ledgerOffset: number;
  readonly #publisher: Publisher;

  constructor(setting: Setting, disk: Disk, rules: Rules, tally: Tally, story: Story) {
    this.setting = setting;
    this.#tally = tally;
    this.#ledgerOffset = setting.ledgerOffset;
    const clock = (): number => this.#now + this.#ledgerOffset;
    this.ledger = new CheckedLedger(disk, rules, clock, {
      tally,
      story,
      stranger: setting.stranger,
      batch: setting.purgeBatch,
    });
    this.#publisher = new Publisher(this.ledger, clock);
    this.network = new Network(this.ledger, tally, story);
    const { lifecycle, included } = this.ledger;
    const around = { network: this.network, origin: this.origin, lifecycle, included, tally };
    this.gates = Array.from({ length: setting.gates }, (_, n) => {
      return new Gate(n, () => this.#now + n * setting.gateOffset, around);
    });
  }

  /** The ledger moves to a machine whose clock is behind. */
  setBack(by: number): void {
    this.#ledgerOffset -= by;
    this.ledger.clockWasSetBack = true;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.#now - content.START;
  }

  get calls(): Call[] {
    return this.gates.flatMap(({ calls }) => calls);
  }

  begin(kind: Call["kind"], a: number, b: number, c: number): void {
    const gate = this.gates[a % this.gates.length];
    if (!gate) return;
    const wanted = content.holdContent(`${kind}${(this.#callCount += 1)}`, b);
    // A call that has a key or a cap takes a hold of its own.
    const hold: HoldCommand = kind === "purse" ? { ...wanted, cap: null, idempotency: null } : wanted;
    gate.begin(kind, hold);
    this.hurry(c);
  }

  /** Half of what is sent is delivered at once, one way or another. */
  hurry(c: number): void {
    const message = this.network.waiting.at(-1);
    if (message && c % 2 === 0) this.network.attempt(message, fateOf(Math.floor(c / 2)));
  }

  /** A call or purse that its gate has let in; if there is none, one is begun. */
  at(a: number, b: number, kind: Call["kind"], act: (gate: Gate, call: Call) => void): void {
    const find = (): Call[] => this.calls.filter((call) => call.kind === kind && call.stage === "admitted");
    if (find().length === 0) this.begin(kind, a, Math.floor(b / 8), 0);
    const admitted = find();
    const call = admitted[a % Math.max(1, admitted.length)];
    const gate = call && this.gates[call.gate];
    if (call && gate) act(gate, call);
  }

  /** An operator or a payment says something; a payment says it until it is heard. */
  say(command: Command, c: number): void {
    const attempts = command.op === "grant" || command.op === "reverse" ? PAYMENT_ATTEMPTS : ATTEMPTS;
    this.network.send({ from: DESK, command, attempts, done: () => undefined });
    const message = this.network.waiting.at(-1);
    if (message && c % 4 !== 3) this.network.attempt(message, fateOf(Math.floor(c / 4)));
  }

  /** One of somebody's holds; rarely one that is not there. */
  heldId(a: number): string {
    const ids = [...this.ledger.coins.holds.keys()].filter((id) => id.startsWith("h"));
    return ids[a % (ids.length + (a % 8 === 7 ? 1 : 0))] ?? "h9";
  }

  /** What a refund is asked of: mostly a hold that was charged. */
  chargedId(b: number): string {
    const holds = [...this.ledger.coins.holds];
    const charged = holds.filter(([, hold]) => hold.charged.length > 0);
    const from = b % 8 === 7 || charged.length === 0 ? holds : charged;
    return from[b % (from.length + (b % 16 === 5 ? 1 : 0))]?.[0] ?? "h9";
  }

  read(a: number, b: number): void {
    const token = content.tokenContent(b);
    if (a % 4 === 0) this.ledger.read({ read: "access", token });
    else if (a % 4 === 1) this.ledger.read({ read: "entries", after: b % 12, limit: 1 + (Math.floor(b / 12) % 6) });
    else this.ledger.read({ read: "account" });
  }

  /** The deadlines to come, as the coin ledger knows them, in true time. */
  #nextDeadline(): number | undefined {
    const { holds, coins } = this.ledger.coins;
    const open = [...holds.values()].filter(({ state }) => state === "held").map(({ ends }) => ends);
    const running = coins.filter(({ place }) => place === "available").map(({ grant }) => grant.expiresAt ?? Infinity);
    const next = Math.min(...open, ...running) - this.#ledgerOffset;
    return next < Infinity ? next : undefined;
  }

  /** Mostly a deadline is met to the millisecond, or just missed. */
  wait(how: number): void {
    // Now and then until an answer counts as given.
    const by = how % 16 === 15 ? 300_000 : ([1, 999, 1000, 2000][how % 4] ?? 1);
    const deadline = this.#nextDeadline();
    if (deadline === undefined || how % 3 === 0) this.#now += by;
    else this.#now = Math.max(this.#now, deadline + ([0, 0, -1, 1][how % 4] ?? 0));
  }

  /** A day goes by to the millisecond, after which a key is free; mostly nobody wakes the ledger meanwhile. */
  sleep(how: number): void {
    this.#now += content.DAY + ([0, 0, -1, 1][how % 4] ?? 0);
  }

  /** The alarm rings: when it should, or whenever; once or twice. */
  ring(how: number): void {
    const at = this.ledger.chores.nextWake();
    const deadline = this.#nextDeadline();
    const clock = this.#ledgerOffset;
    if (deadline !== undefined)
      demand(
        at !== null && at <= deadline + clock,
        "waking",
        () => `next alarm ${at}, next deadline ${deadline + clock}`,
      );
    if (how % 3 === 0 && at !== null && at - clock < this.#now + content.DAY)
      this.#now = Math.max(this.#now, at - clock);
    this.ledger.wake();
    this.#publisher.ring(how);
    if (how % 4 === 3) this.ledger.wake();
  }

  /** A month goes by. No message and no gate lives so long, so what there was is reckoned up first. */
  age(how: number): void {
    this.#settle();
    this.network.strays.length = 0;
    const begun = this.#now;
    this.#reckon();
    for (const { calls } of this.gates) calls.length = 0;
    this.#now = begun + RETENTION + content.DAY + ([0, 1, -content.SECOND, content.SECOND][how % 4] ?? 0);
    this.ledger.wake();
  }

  /** The network is healed: every call and every report comes to its end. */
  #settle(): void {
    for (const call of this.calls) {
      const gate = this.gates[call.gate];
      if (call.stage !== "admitted" || !gate) continue;
      if (call.kind === "call") gate.forward(call, call.hold.credits % 2 === 0 ? "never" : "ok", call.hold.credits);
      else gate.close(call);
    }
    while (this.network.waiting.length > 0) {
      const message = this.network.waiting[0];
      if (message) this.network.attempt(message, "answered");
      // What was let in only now.
      if (this.network.waiting.length === 0 && this.calls.some(({ stage }) => stage === "admitted")) this.#settle();
    }
  }

  /** Heals everything, lets every deadline pass, and holds the origin's log against the journal. */
  finish(): void {
    this.#settle();
    while (this.setting.straysEarly && this.network.strays.length > 0) this.network.deliverStray(0, false);
    this.#pass();
    while (this.network.strays.length > 0) this.network.deliverStray(0, false);
    this.#reckon();
    this.#publisher.finish((at) => {
      this.#now = Math.max(this.#now, at - this.#ledgerOffset);
    });
    this.ledger.checkAll();
  }

  /** Lets every deadline pass, by the ledger's clock too. */
  #pass(): void {
    const behind = this.setting.ledgerOffset - this.#ledgerOffset;
    this.#now += content.LONGEST_HOLD + behind + content.SECOND;
  }

  #reckon(): void {
    this.#pass();
    this.ledger.read({ read: "account" });
    // The first may have broken down.
    this.ledger.read({ read: "account" });
    reckon(this.calls, this.origin, this.ledger, this.#tally);
    reckonKeys(this.calls, this.origin, this.ledger);
    reckonAnswers(this.ledger);
    reckonCaps(this.ledger);
  }
}
