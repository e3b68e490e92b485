/** One history: a plan carried out in a world of its own, and what came of it. */
import { createHash } from "node:crypto";
import { Disk } from "./disk.ts";
import { Broken, type Law } from "./law.ts";
import type { Plan } from "./plan.ts";
import { REAL_RULES, type Rules } from "./rules.ts";
import { STEPS } from "./steps.ts";
import type { Story } from "./story.ts";
import { count, type Tally } from "./tally.ts";
import { World } from "./world.ts";

export type Verdict = {
  readonly turns: number;
  readonly broken: { readonly law: Law; readonly detail: string } | null;
};

/** Carries out plans, one after the other, on one disk. */
export class Stage {
  readonly #disk: Disk;
  readonly #rules: Rules;

  constructor(rules: Rules = REAL_RULES, disk = new Disk()) {
    this.#rules = rules;
    this.#disk = disk;
  }

  play(plan: Plan, tally: Tally, story: Story = null): Verdict {
    this.#disk.reset(plan.setting.stranger);
    const world = new World(plan.setting, this.#disk, this.#rules, tally, story);
    try {
      for (const [index, op] of plan.ops.entries()) {
        story?.push(`  ${index + 1}. at ${world.elapsed} ms: ${op.kind} ${op.a} ${op.b} ${op.c}`);
        count(tally, `op ${op.kind}`);
        STEPS[op.kind](world, op.a, op.b, op.c);
      }
      story?.push(`  the end: the network heals, every deadline passes`);
      world.finish();
      return { turns: world.ledger.turns, broken: null };
    } catch (error) {
      const law = error instanceof Broken ? error.law : "no fault";
      return {
        turns: world.ledger.turns,
        broken: { law, detail: error instanceof Broken ? error.message : String(error) },
      };
    }
  }

  /** A digest of the journal as the last history left it. */
  digest(): string {
    const exists = this.#disk.rows(`SELECT 1 AS yes FROM sqlite_master WHERE name = 'entries'`).length > 0;
    const lines = exists ? this.#disk.rows(`SELECT * FROM entries ORDER BY seq`) : [];
    return createHash("sha256").update(JSON.stringify(lines)).digest("hex");
  }
}
