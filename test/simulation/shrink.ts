/** Makes a failing plan small: leaves out operations, then makes its integers smaller, while the same law breaks. */
import type { Law } from "./law.ts";
import type { Plan, PlannedOp, Setting } from "./plan.ts";

/** Bounds the work; a plan that is still large then is printed as it is. */
const TRIES_MAX = 4000;
const PLAIN: Setting = {
  gates: 2,
  ledgerOffset: 0,
  gateOffset: 0,
  stranger: false,
  straysEarly: true,
  purgeBatch: 500,
};

/** `breaks` plays a plan and says which law it breaks. */
export function shrink(plan: Plan, law: Law, breaks: (plan: Plan) => Law | null): Plan {
  let best = plan;
  let tries = 0;
  const attempt = (candidate: Plan): boolean => {
    tries += 1;
    if (tries > TRIES_MAX || breaks(candidate) !== law) return false;
    best = candidate;
    return true;
  };
  for (;;) {
    const before = best;
    dropOps(() => best, attempt);
    simplifyOps(() => best, attempt);
    simplifySetting(() => best, attempt);
    if (best === before) return best;
  }
}

type Attempt = (candidate: Plan) => boolean;

/** Delta debugging: ever smaller chunks, each left out if the plan still fails without it. */
function dropOps(best: () => Plan, attempt: Attempt): void {
  for (let size = Math.ceil(best().ops.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best().ops.length;) {
      const { setting, ops } = best();
      if (!attempt({ setting, ops: ops.toSpliced(at, size) })) at += size;
    }
  }
}

function simplifyOps(best: () => Plan, attempt: Attempt): void {
  for (let index = 0; index < best().ops.length; index++) {
    for (const name of ["a", "b", "c"] as const) {
      const value = best().ops[index]?.[name] ?? 0;
      const smaller = [0, 1, 2, 3, 4, 5, 6, 7, 8, value % 16, value % 64, Math.floor(value / 2)];
      for (const n of new Set(smaller)) if (n < value && attempt(withOp(best(), index, { [name]: n }))) break;
    }
  }
}

function withOp({ setting, ops }: Plan, index: number, change: Partial<PlannedOp>): Plan {
  return { setting, ops: ops.map((op, at) => (at === index ? { ...op, ...change } : op)) };
}

function simplifySetting(best: () => Plan, attempt: Attempt): void {
  for (const name of ["gates", "ledgerOffset", "gateOffset", "stranger", "straysEarly"] as const) {
    const { setting, ops } = best();
    if (setting[name] !== PLAIN[name]) attempt({ setting: { ...setting, [name]: PLAIN[name] }, ops });
  }
}
