/** Many histories, one after the other; the first failure shrunk and told. */
import { Stage } from "./history.ts";
import type { Law } from "./law.ts";
import { planFrom, type Plan } from "./plan.ts";
import { REAL_RULES, type Rules } from "./rules.ts";
import { shrink } from "./shrink.ts";
import { count, type Tally } from "./tally.ts";

export type Failure = {
  readonly seed: number;
  readonly law: Law;
  readonly detail: string;
  /** How many histories it took, this one included. */
  readonly after: number;
  readonly plan: Plan;
  readonly story: readonly string[];
};
export type Run = {
  readonly histories: number;
  readonly turns: number;
  readonly tally: Tally;
  readonly failure: Failure | null;
};

/** Plays the histories of `seed`, `seed + stride`, …; history n is replayed by its own seed alone. Stops at a failure. */
export function run(of: { seed: number; histories: number; stride?: number; rules?: Rules; shrinks?: boolean }): Run {
  const rules = of.rules ?? REAL_RULES;
  const stage = new Stage(rules);
  const tally: Tally = new Map();
  let turns = 0;
  for (let n = 0; n < of.histories; n++) {
    const seed = of.seed + n * (of.stride ?? 1);
    const plan = planFrom(seed);
    const verdict = stage.play(plan, tally);
    turns += verdict.turns;
    count(tally, "operations", plan.ops.length);
    if (verdict.broken) {
      const failure = tell({ seed, plan, ...verdict.broken }, stage, of.shrinks ?? true);
      return { histories: n + 1, turns, tally, failure: { ...failure, after: n + 1 } };
    }
  }
  return { histories: of.histories, turns, tally, failure: null };
}

type Found = { readonly seed: number; readonly plan: Plan; readonly law: Law; readonly detail: string };

function tell(found: Found, stage: Stage, shrinks: boolean): Omit<Failure, "after"> {
  const breaks = (plan: Plan): Law | null => stage.play(plan, new Map()).broken?.law ?? null;
  const plan = shrinks ? shrink(found.plan, found.law, breaks) : found.plan;
  const story: string[] = [];
  const detail = stage.play(plan, new Map(), story).broken?.detail ?? found.detail;
  return { seed: found.seed, law: found.law, detail, plan, story };
}
