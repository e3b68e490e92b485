/** What each kind of operation does in the world, its integers read modulo what there is. */
import { credits } from "../../src/credits.ts";
import * as content from "./contents.ts";
import { fateOf } from "./network.ts";
import { deedOf } from "./origin.ts";
import type { OpKind } from "./plan.ts";
import type { World } from "./world.ts";

export const STEPS: Readonly<Record<OpKind, (world: World, a: number, b: number, c: number) => void>> = {
  call: (world, a, b, c) => {
    world.begin("call", a, b, c);
  },
  purse: (world, a, b, c) => {
    world.begin("purse", a, b, c);
  },
  origin: (world, a, b, c) => {
    world.at(a, b, "call", (gate, call) => {
      gate.forward(call, deedOf(b), Math.max(0, call.hold.credits - (c % 3 === 2 ? c % 7 : 0)));
      world.hurry(c);
    });
  },
  spend: (world, a, b, c) => {
    world.at(a, b, "purse", (gate, purse) => {
      gate.spend(purse, deedOf(b), 1 + (c % 3));
    });
  },
  report: (world, a, b, c) => {
    world.at(a, b, "purse", (gate, purse) => {
      gate.report(purse);
      world.hurry(c);
    });
  },
  close: (world, a, b, c) => {
    world.at(a, b, "purse", (gate, purse) => {
      gate.close(purse);
      world.hurry(c);
    });
  },
  crash: (world, a, b) => {
    world.gates[a % world.gates.length]?.crash((call) => (b % 2 === 0 ? null : deedOf(b + call.asked)));
  },
  deliver: (world, a, b) => {
    const message = world.network.waiting[a % Math.max(1, world.network.waiting.length)];
    if (message) world.network.attempt(message, fateOf(b));
  },
  stray: (world, a, b) => {
    world.network.deliverStray(a % Math.max(1, world.network.strays.length), b % 4 === 3);
  },
  restart: (world, a, b) => {
    // Another machine, whose clock may be behind.
    if (a % 2 === 1) world.setBack([1, 999, 1000, 2000][b % 4] ?? 0);
    world.ledger.restart();
  },
  break: (world, a, b) => {
    world.ledger.breakNext(1 + ((a + b) % 20), b % 2 === 0 ? { kind: "crashed" } : { kind: "fault" });
  },
  wake: (world, a) => {
    world.ring(a);
  },
  wait: (world, a, b) => {
    world.wait(a + b);
  },
  day: (world, a, b) => {
    world.sleep(a + b);
  },
  age: (world, a, b) => {
    world.age(a + b);
  },
  grant: (world, a, b, c) => {
    const command = content.grantContent(`g${a % 4}`, b, world.setting.ledgerOffset);
    // Said again, the routes may come in another order.
    const isKnown = world.ledger.coins.grants.has(command.id);
    world.say(isKnown ? { ...command, routes: command.routes?.toReversed() ?? null } : command, c);
  },
  reverse: (world, a, b, c) => {
    // Now and then a grant that a refund made.
    world.say({ op: "reverse", id: b % 5 === 4 ? `refund/r${a % 4}/0` : `g${a % 4}` }, c);
  },
  refund: (world, a, b, c) => {
    world.say(content.refundContent(`r${a % 4}`, world.chargedId(b), Math.floor(b / 8)), c);
  },
  status: (world, a, _b, c) => {
    world.say({ op: "status", status: a % 4 === 3 ? "suspended" : "active" }, c);
  },
  plan: (world, a, b, c) => {
    const until = b % 2 === 0 ? null : content.START + world.setting.ledgerOffset + 2 * content.SECOND;
    world.say({ op: "plan", plan: a % 2 === 0 ? "pro" : null, until }, c);
  },
  revoke: (world, a, _b, c) => {
    world.say({ op: "revoke", jti: a % 3 === 2 ? "t1" : "t2", until: content.START + 900 * content.DAY }, c);
  },
  revoke_all: (world, a, _b, c) => {
    world.say({ op: "revoke_all", issuedAt: a % 2 }, c);
  },
  read: (world, a, b) => {
    world.read(a, b);
  },
  hold: (world, a, b) => {
    world.ledger.apply(content.holdContent(`h${a % 4}`, b));
  },
  capture: (world, a, b, c) => {
    world.ledger.apply({ op: "capture", id: world.heldId(a), credits: credits(b % 6), final: c % 3 === 2 });
  },
  keep: (world, a, b) => {
    world.ledger.apply({ op: "keep", id: world.heldId(a), answer: content.answerContent(b) });
  },
  void: (world, a) => {
    world.ledger.apply({ op: "void", id: world.heldId(a) });
  },
};
