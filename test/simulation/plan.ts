/**
 * A plan: an explicit list of small operations on the simulated world.
 *
 * An operation is a kind and three small integers, each read modulo what there is, so that any part of a plan is a
 * plan: that is what lets a failing one be shrunk. Each history draws its own mix of kinds (a swarm), because a
 * history in which everything happens a little rarely drives one thing to its end.
 */
import { chanceFrom, type Chance } from "./chance.ts";

/** What can happen, and how much of it an average history has. */
const KINDS = {
  // At the gates.
  call: 6,
  purse: 3,
  origin: 8,
  spend: 4,
  report: 4,
  close: 2,
  crash: 1,
  // Between gates and ledger.
  deliver: 10,
  stray: 4,
  // At the ledger.
  restart: 1,
  break: 1,
  wake: 3,
  // Time.
  wait: 6,
  day: 1,
  age: 1,
  // Operators, payments, readers.
  grant: 7,
  reverse: 3,
  refund: 6,
  status: 1,
  plan: 1,
  revoke: 1,
  revoke_all: 1,
  read: 2,
  // Somebody who sends whatever he likes, under few ids.
  hold: 8,
  capture: 12,
  void: 2,
  keep: 2,
} as const;

export type OpKind = keyof typeof KINDS;
export type PlannedOp = { readonly kind: OpKind; readonly a: number; readonly b: number; readonly c: number };
/** What does not change during a history. */
export type Setting = {
  readonly gates: number;
  /** How far the ledger's clock is off, in milliseconds. */
  readonly ledgerOffset: number;
  readonly gateOffset: number;
  /** Whether the account is unknown at the beginning. */
  readonly stranger: boolean;
  /** Whether what is still on the way at the end arrives before the deadlines or after them. */
  readonly straysEarly: boolean;
  /** How many lines a purge takes at once. */
  readonly purgeBatch: number;
};
export type Plan = { readonly setting: Setting; readonly ops: readonly PlannedOp[] };

export const OP_KINDS = Object.keys(KINDS) as readonly OpKind[];
const OP_INTEGER_MAX = 2 ** 20;
const LENGTH_MIN = 10;
const LENGTH_MAX = 34;

export function planFrom(seed: number): Plan {
  const chance = chanceFrom(seed);
  const setting: Setting = {
    gates: 2 + chance.below(2),
    ledgerOffset: chance.pick([0, 0, -1, 1, 3_600_000, -3_600_000]),
    gateOffset: chance.pick([0, 0, 1, -999, 3_600_000, -3_600_000]),
    stranger: chance.below(16) === 0,
    straysEarly: chance.below(2) === 0,
    purgeBatch: chance.pick([500, 1, 2, 3, 7]),
  };
  const draw = swarm(chance);
  const contents = Array.from({ length: 16 }, () => chance.below(OP_INTEGER_MAX));
  const ops: PlannedOp[] = [];
  for (let n = chance.pick([4, 3, 3, 2, 2, 1, 1, 0]); n > 0; n--) ops.push(opOf("grant", chance, contents));
  for (let n = chance.pick([2, 1, 1, 1, 0]); n > 0; n--) ops.push({ ...opOf("hold", chance, contents), a: n - 1 });
  const length = LENGTH_MIN + chance.below(LENGTH_MAX - LENGTH_MIN);
  while (ops.length < length) ops.push(opOf(draw(), chance, contents));
  return { setting, ops };
}

/** What is left out together, because the one is nothing without the other. */
const NEEDS: Readonly<Partial<Record<OpKind, OpKind>>> = {
  report: "spend",
  close: "spend",
  capture: "hold",
  void: "hold",
  keep: "hold",
};

/** Draws kinds by weights of its own: many are left out, some are far more frequent than others. */
function swarm(chance: Chance): () => OpKind {
  const left = new Set(OP_KINDS.filter(() => chance.below(5) < 2));
  const weights = OP_KINDS.map((kind) => {
    const weight = KINDS[kind] * chance.pick([1, 1, 2, 5]);
    return left.has(kind) || left.has(NEEDS[kind] ?? kind) ? 0 : weight;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let at = chance.below(total);
    const index = weights.findIndex((weight) => (at -= weight) < 0);
    return OP_KINDS[index] ?? "wait";
  };
}

/** An id mostly comes with the content it came with before. */
function opOf(kind: OpKind, chance: Chance, contents: readonly number[]): PlannedOp {
  const a = chance.below(chance.pick([2, 4, 8, 64]));
  const known = kind === "grant" || kind === "hold" || kind === "refund";
  const own = contents[(a % 4) + (kind === "grant" ? 0 : kind === "hold" ? 4 : 8)] ?? 0;
  const b = known && chance.below(6) > 0 ? own : chance.below(OP_INTEGER_MAX);
  return { kind, a, b, c: chance.below(OP_INTEGER_MAX) };
}
