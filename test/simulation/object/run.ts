/** Many histories on real objects, one after the other, until one differs. */
import { vi } from "vitest";
import { inside } from "../../ledger/objects.ts";
import { chanceFrom, type Chance } from "../chance.ts";
import type { Disk } from "../disk.ts";
import { possess, type Make } from "./faults.ts";
import { diskOn } from "./disk.ts";
import { hurryClients } from "./line.ts";
import { Differs, Replay } from "./replay.ts";
import { record, rehearse, retime, type Script } from "./script.ts";
import { planFrom } from "../plan.ts";
import { count, type Tally } from "../tally.ts";

export type Run = { readonly histories: number; readonly tally: Tally; readonly failure: string | null };

let runs = 0;

/** Plays the history of each seed. `make`: on objects of another make. */
export async function runOnObjects(seeds: readonly number[], make: Make | null = null): Promise<Run> {
  const tally: Tally = new Map();
  const restore = possess(make);
  hurryClients();
  vi.useFakeTimers({ toFake: ["Date"] });
  runs += 1;
  try {
    for (const [index, seed] of seeds.entries()) {
      const failure = await playOne(seed, tally);
      if (failure !== null) return { histories: index + 1, tally, failure };
    }
    return { histories: seeds.length, tally, failure: null };
  } finally {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    restore();
  }
}

async function playOne(seed: number, tally: Tally): Promise<string | null> {
  const chance = chanceFrom(seed + 2 ** 40);
  try {
    const script = await inside("scratch", ({ storage }) => write(seed, chance, diskOn(storage), tally));
    count(tally, "turns", script.steps.length);
    if (script.stranger) count(tally, "strangers");
    await new Replay(`history ${seed} of run ${runs}`, script, chance, tally).play();
    return null;
  } catch (error) {
    const what = error instanceof Differs ? "the object is not what was rehearsed" : "no object was tried";
    return `FAREBOX_SEED=${seed}: ${what}\n${String(error)}`;
  }
}

function write(seed: number, chance: Chance, disk: Disk, tally: Tally): Script {
  const { stranger } = planFrom(seed).setting;
  return rehearse(retime(record(seed, disk), chance, tally), stranger, disk);
}
