/**
 * What happens to one account in one history: what reached its ledger, and when, as the simulation's world sends it.
 *
 * `record` plays the plan of a seed in that world. `retime` then lets its alarms come twice, late, never, at once or
 * together with a command. `rehearse` plays the result with all the laws watching: its answers and its tables, turn by
 * turn, are what the real object is held to. Times lie ten years ahead, so that no alarm rings by itself.
 */
import type { Command, Query } from "../../../src/ledger/command.ts";
import { PURGE_BATCH } from "../../../src/ledger/retention.ts";
import type { Chance } from "../chance.ts";
import { CheckedLedger } from "../checked-ledger.ts";
import { DAY, START } from "../contents.ts";
import type { Disk } from "../disk.ts";
import { Stage } from "../history.ts";
import { Broken } from "../law.ts";
import { planFrom } from "../plan.ts";
import { REAL_RULES, type Rules } from "../rules.ts";
import { describeCommand } from "../story.ts";
import { count, type Tally } from "../tally.ts";
import { readTables, type Tables } from "./tables.ts";

type Turn =
  | { readonly kind: "apply"; readonly command: Command; readonly alarm: "none" | "before" | "races" }
  | { readonly kind: "read"; readonly query: Query }
  | { readonly kind: "alarm" }
  /** An alarm that will not come. */
  | { readonly kind: "lost alarm" }
  | { readonly kind: "restart" };
/** A turn and the ledger's clock at that moment. */
export type Step = { readonly now: number; readonly turn: Turn };
export type Rehearsed = Step & { readonly answer: unknown; readonly after: Tables };
export type Script = { readonly stranger: boolean; readonly before: Tables; readonly steps: readonly Rehearsed[] };

const AHEAD = 3652 * DAY;
/** By then tokens' lives end, and a purge may drop what was just written. */
const RACES_UNTIL = START + AHEAD + 800 * DAY;

/** Everything that reaches the ledger in the history of `seed`. Turns that broke down never were. */
export function record(seed: number, disk: Disk): Step[] {
  const steps: Step[] = [];
  let last = START;
  const note = (turn: Turn, now: number): void => {
    last = now;
    steps.push({ now: now + AHEAD, turn });
  };
  const rules: Rules = {
    ...REAL_RULES,
    apply(store, command, now) {
      const outcome = REAL_RULES.apply(store, command, now);
      note({ kind: "apply", command: ahead(command), alarm: "none" }, now);
      return outcome;
    },
    read(store, query, now) {
      const found = REAL_RULES.read(store, query, now);
      note({ kind: "read", query }, now);
      return found;
    },
    // The object takes its own batch.
    wake(store, now) {
      REAL_RULES.wake(store, now, PURGE_BATCH);
      note({ kind: "alarm" }, now);
    },
    open(store) {
      REAL_RULES.open(store);
      note({ kind: "restart" }, last);
    },
  };
  const { broken } = new Stage(rules, disk).play(planFrom(seed), new Map());
  if (broken) throw new Error(`the simulation alone breaks ${broken.law}: ${broken.detail}`);
  return steps;
}

function later(at: number): number {
  return at + AHEAD;
}

/** The command with its times ten years later. */
function ahead(command: Command): Command {
  switch (command.op) {
    case "grant":
      return { ...command, expiresAt: command.expiresAt === null ? null : later(command.expiresAt) };
    case "plan":
      return { ...command, until: command.until === null ? null : later(command.until) };
    case "revoke":
      return { ...command, until: later(command.until) };
    case "hold":
      return { ...command, cap: command.cap && { ...command.cap, until: later(command.cap.until) } };
    case "capture":
    case "void":
    case "keep":
    case "refund":
    case "reverse":
    case "status":
    case "revoke_all":
      return command;
  }
}

/** The same turns with alarms that cannot be relied upon. */
export function retime(steps: readonly Step[], chance: Chance, tally: Tally): Step[] {
  const retimed: Step[] = [];
  let late: number[] = [];
  const ring = (how: string, now: number): void => {
    count(tally, `alarm ${how}`);
    retimed.push({ now, turn: { kind: "alarm" } });
  };
  for (const step of steps) {
    const { now, turn } = step;
    if (turn.kind === "alarm") {
      const how = chance.pick(["in time", "in time", "in time", "twice", "late", "never"]);
      if (how === "late") late.push(1 + chance.below(3));
      else if (how === "never") retimed.push({ now, turn: { kind: "lost alarm" } });
      else ring(how, now);
      if (how === "twice") ring("again", now);
      if (how === "never") count(tally, "alarm never");
    } else {
      const isRaced = turn.kind === "apply" && now < RACES_UNTIL && chance.below(12) === 0;
      retimed.push(isRaced ? { now, turn: { ...turn, alarm: "races" } } : step);
      if (chance.below(12) === 0) ring("at once", now);
    }
    late = late.map((left) => left - 1);
    for (const _ of late.filter((left) => left === 0)) ring("late", now);
    late = late.filter((left) => left > 0);
  }
  return retimed;
}

/** Plays the turns on a disk of its own, every law watching. */
export function rehearse(steps: readonly Step[], stranger: boolean, disk: Disk): Script {
  disk.reset(stranger);
  let now = 0;
  const story: string[] = [];
  const ledger = new CheckedLedger(disk, REAL_RULES, () => now, {
    tally: new Map(),
    story,
    stranger,
    batch: PURGE_BATCH,
  });
  const before = readTables(disk.store);
  const played: Rehearsed[] = [];
  try {
    for (const step of steps) {
      ledger.clockWasSetBack ||= step.now < now;
      now = step.now;
      const { answer, turn } = carryOut(ledger, disk, step.turn);
      played.push({ now, turn, answer, after: readTables(disk.store) });
    }
  } catch (error) {
    const what = error instanceof Broken ? error.law : "no fault";
    throw new Error(`${story.join("\n")}\nthe rehearsal breaks ${what}: ${String(error)}`, { cause: error });
  }
  return { stranger, before, steps: played };
}

function carryOut(ledger: CheckedLedger, disk: Disk, turn: Turn): { answer: unknown; turn: Turn } {
  switch (turn.kind) {
    case "apply": {
      if (turn.alarm === "none") return { answer: ledger.apply(turn.command), turn };
      // Whichever comes first, the end is the same, unless the alarm drops what the command asks for.
      const old = droppable(disk);
      ledger.wake();
      const alarm = droppable(disk) === old ? "races" : "before";
      return { answer: ledger.apply(turn.command), turn: { ...turn, alarm } };
    }
    case "read":
      return { answer: ledger.read(turn.query), turn };
    case "alarm":
      ledger.wake();
      return { answer: undefined, turn };
    case "restart":
      ledger.restart();
      return { answer: undefined, turn };
    case "lost alarm":
      return { answer: undefined, turn };
  }
}

/** What only a purge takes away. */
function droppable(disk: Disk): string {
  if (disk.rows(`SELECT 1 AS yes FROM sqlite_master WHERE name = 'account'`).length === 0) return "";
  const counts = ["idempotency_keys", "answers", "holds", "revoked_tokens", "capped_tokens"].map(
    (name) => `(SELECT COUNT(*) FROM ${name}) AS ${name}`,
  );
  return JSON.stringify(disk.rows(`SELECT purged_seq, ${counts.join(", ")} FROM account`));
}

export function describeStep({ now, turn }: Step): string {
  const what =
    turn.kind === "apply"
      ? describeCommand(turn.command)
      : turn.kind === "read"
        ? `read ${JSON.stringify(turn.query)}`
        : turn.kind;
  return `${new Date(now).toISOString()} ${what}`;
}
