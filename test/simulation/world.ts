/** The world of one history: gates, network, ledger, origin, clocks; and what each planned operation does in it. */
import type { Command, HoldCommand } from "../../src/ledger/command.ts";
import { credits } from "../../src/credits.ts";
import type { Call } from "./call.ts";
import { CheckedLedger } from "./checked-ledger.ts";
import * as content from "./contents.ts";
import type { Disk } from "./disk.ts";
import { Gate } from "./gate.ts";
import { demand } from "./law.ts";
import { ATTEMPTS, fateOf, Network, PAYMENT_ATTEMPTS } from "./network.ts";
import { deedOf, Origin } from "./origin.ts";
import type { OpKind, PlannedOp, Setting } from "./plan.ts";
import { Publisher } from "./publisher.ts";
import { reckon } from "./reckoning.ts";
import type { Rules } from "./rules.ts";
import type { Story } from "./story.ts";
import { count, type Tally } from "./tally.ts";

/** Operators and payments, among the senders. */
const DESK = -1;
const RETENTION = 30 * content.DAY;

export class World {
  readonly #setting: Setting;
  readonly #tally: Tally;
  readonly ledger: CheckedLedger;
  readonly network: Network;
  readonly origin = new Origin();
  readonly gates: readonly Gate[];
  /** True time; the ledger and the gates only know clocks that are off. */
  #now = content.START;
  #callCount = 0;
  readonly #publisher: Publisher;

  constructor(setting: Setting, disk: Disk, rules: Rules, tally: Tally, story: Story) {
    this.#setting = setting;
    this.#tally = tally;
    const clock = (): number => this.#now + setting.ledgerOffset;
    this.ledger = new CheckedLedger(disk, rules, clock, { tally, story, stranger: setting.stranger });
    this.#publisher = new Publisher(this.ledger, clock);
    this.network = new Network(this.ledger, tally, story);
    const around = { network: this.network, origin: this.origin, lifecycle: this.ledger.lifecycle, tally };
    this.gates = Array.from({ length: setting.gates }, (_, n) => {
      return new Gate(n, () => this.#now + n * setting.gateOffset, around);
    });
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.#now - content.START;
  }

  get calls(): Call[] {
    return this.gates.flatMap(({ calls }) => calls);
  }

  step({ kind, a, b, c }: PlannedOp): void {
    count(this.#tally, `op ${kind}`);
    this.#steps[kind](a, b, c);
  }

  readonly #steps: Readonly<Record<OpKind, (a: number, b: number, c: number) => void>> = {
    call: (a, b, c) => {
      this.#begin("call", a, b, c);
    },
    purse: (a, b, c) => {
      this.#begin("purse", a, b, c);
    },
    origin: (a, b, c) => {
      this.#at(a, b, "call", (gate, call) => {
        gate.forward(call, deedOf(b), Math.max(0, call.hold.credits - (c % 3 === 2 ? c % 7 : 0)));
        this.#hurry(c);
      });
    },
    spend: (a, b, c) => {
      this.#at(a, b, "purse", (gate, purse) => {
        gate.spend(purse, deedOf(b), 1 + (c % 3));
      });
    },
    report: (a, b, c) => {
      this.#at(a, b, "purse", (gate, purse) => {
        gate.report(purse);
        this.#hurry(c);
      });
    },
    close: (a, b, c) => {
      this.#at(a, b, "purse", (gate, purse) => {
        gate.close(purse);
        this.#hurry(c);
      });
    },
    crash: (a, b) => {
      this.gates[a % this.gates.length]?.crash((call) => (b % 2 === 0 ? null : deedOf(b + call.asked)));
    },
    deliver: (a, b) => {
      const message = this.network.waiting[a % Math.max(1, this.network.waiting.length)];
      if (message) this.network.attempt(message, fateOf(b));
    },
    stray: (a, b) => {
      this.network.deliverStray(a % Math.max(1, this.network.strays.length), b % 4 === 3);
    },
    restart: () => {
      this.ledger.restart();
    },
    break: (a, b) => {
      this.ledger.breakNext(1 + ((a + b) % 20), b % 2 === 0 ? { kind: "crashed" } : { kind: "fault" });
    },
    wake: (a) => {
      this.#ring(a);
    },
    wait: (a, b) => {
      this.#wait(a + b);
    },
    age: (a, b) => {
      this.#age(a + b);
    },
    grant: (a, b, c) => {
      const command = content.grantContent(`g${a % 4}`, b, this.#setting.ledgerOffset);
      // Said again, the routes may come in another order.
      const isKnown = this.ledger.coins.grants.has(command.id);
      this.#say(isKnown ? { ...command, routes: command.routes?.toReversed() ?? null } : command, c);
    },
    reverse: (a, b, c) => {
      // Now and then a grant that a refund made.
      this.#say({ op: "reverse", id: b % 5 === 4 ? `refund/r${a % 4}/0` : `g${a % 4}` }, c);
    },
    refund: (a, b, c) => {
      this.#say(content.refundContent(`r${a % 4}`, this.#chargedId(b), Math.floor(b / 8)), c);
    },
    status: (a, _b, c) => {
      this.#say({ op: "status", status: a % 4 === 3 ? "suspended" : "active" }, c);
    },
    plan: (a, b, c) => {
      const until = b % 2 === 0 ? null : content.START + this.#setting.ledgerOffset + 2 * content.SECOND;
      this.#say({ op: "plan", plan: a % 2 === 0 ? "pro" : null, until }, c);
    },
    revoke: (a, _b, c) => {
      this.#say({ op: "revoke", jti: a % 3 === 2 ? "t1" : "t2", until: content.START + 900 * content.DAY }, c);
    },
    revoke_all: (a, _b, c) => {
      this.#say({ op: "revoke_all", issuedAt: a % 2 }, c);
    },
    read: (a, b) => {
      this.#read(a, b);
    },
    hold: (a, b) => {
      this.ledger.apply(content.holdContent(`h${a % 4}`, b));
    },
    capture: (a, b, c) => {
      this.ledger.apply({ op: "capture", id: this.#heldId(a), credits: credits(b % 6), final: c % 3 === 2 });
    },
    void: (a) => {
      this.ledger.apply({ op: "void", id: this.#heldId(a) });
    },
  };

  #begin(kind: Call["kind"], a: number, b: number, c: number): void {
    const gate = this.gates[a % this.gates.length];
    if (!gate) return;
    const hold: HoldCommand = content.holdContent(`${kind}${(this.#callCount += 1)}`, b);
    gate.begin(kind, hold);
    this.#hurry(c);
  }

  /** Half of what is sent is delivered at once, one way or another. */
  #hurry(c: number): void {
    const message = this.network.waiting.at(-1);
    if (message && c % 2 === 0) this.network.attempt(message, fateOf(Math.floor(c / 2)));
  }

  /** A call or purse that its gate has let in; if there is none, one is begun. */
  #at(a: number, b: number, kind: Call["kind"], act: (gate: Gate, call: Call) => void): void {
    const find = (): Call[] => this.calls.filter((call) => call.kind === kind && call.stage === "admitted");
    if (find().length === 0) this.#begin(kind, a, Math.floor(b / 8), 0);
    const admitted = find();
    const call = admitted[a % Math.max(1, admitted.length)];
    const gate = call && this.gates[call.gate];
    if (call && gate) act(gate, call);
  }

  /** An operator or a payment says something; a payment says it until it is heard. */
  #say(command: Command, c: number): void {
    const attempts = command.op === "grant" || command.op === "reverse" ? PAYMENT_ATTEMPTS : ATTEMPTS;
    this.network.send({ from: DESK, command, attempts, done: () => undefined });
    const message = this.network.waiting.at(-1);
    if (message && c % 4 !== 3) this.network.attempt(message, fateOf(Math.floor(c / 4)));
  }

  /** One of somebody's holds; rarely one that is not there. */
  #heldId(a: number): string {
    const ids = [...this.ledger.coins.holds.keys()].filter((id) => id.startsWith("h"));
    return ids[a % (ids.length + (a % 8 === 7 ? 1 : 0))] ?? "h9";
  }

  /** What a refund is asked of: mostly a hold that was charged. */
  #chargedId(b: number): string {
    const holds = [...this.ledger.coins.holds];
    const charged = holds.filter(([, hold]) => hold.charged.length > 0);
    const from = b % 8 === 7 || charged.length === 0 ? holds : charged;
    return from[b % (from.length + (b % 16 === 5 ? 1 : 0))]?.[0] ?? "h9";
  }

  #read(a: number, b: number): void {
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
    const next = Math.min(...open, ...running) - this.#setting.ledgerOffset;
    return next < Infinity ? next : undefined;
  }

  /** Mostly a deadline is met to the millisecond, or just missed. */
  #wait(how: number): void {
    const by = [1, 999, 1000, 2000][how % 4] ?? 1;
    const deadline = this.#nextDeadline();
    if (deadline === undefined || how % 3 === 0) this.#now += by;
    else this.#now = Math.max(this.#now, deadline + ([0, 0, -1, 1][how % 4] ?? 0));
  }

  /** The alarm rings: when it should, or whenever; once or twice. */
  #ring(how: number): void {
    const at = this.ledger.chores.nextWake();
    const deadline = this.#nextDeadline();
    const clock = this.#setting.ledgerOffset;
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

  /** A month goes by. No message lives so long. */
  #age(how: number): void {
    this.#settle();
    this.network.strays.length = 0;
    this.#now += RETENTION + ([0, 1, -content.SECOND, content.SECOND][how % 4] ?? 0);
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
    while (this.#setting.straysEarly && this.network.strays.length > 0) this.network.deliverStray(0, false);
    this.#now += content.LONGEST_HOLD + content.SECOND;
    while (this.network.strays.length > 0) this.network.deliverStray(0, false);
    this.#now += content.LONGEST_HOLD + content.SECOND;
    this.ledger.read({ read: "account" });
    // The last turn of all must not break down.
    this.ledger.read({ read: "account" });
    this.#publisher.finish((at) => {
      this.#now = Math.max(this.#now, at - this.#setting.ledgerOffset);
    });
    this.ledger.checkAll();
    reckon(this.calls, this.origin, this.ledger, this.#tally);
  }
}
