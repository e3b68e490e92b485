/**
 * Proves that real objects in workerd, evicted, aborted and called again and again, play the simulation's histories to
 * the same answers and the same tables; and that this would be noticed if it were not so.
 *
 * Not tried here: an alarm whose delivery workerd itself repeats (it waits for seconds in between), two copies of one
 * object at the same time (workerd never makes them), and a disk that fails (the simulation has that).
 */
import { describe, expect, it } from "vitest";
import { ALARM_EFFECTS, EFFECTS, INCIDENTS } from "./faults.ts";
import { MAKES } from "./makes.ts";
import { runOnObjects } from "./run.ts";
import { planFrom } from "../plan.ts";

/** FAREBOX_SEED repeats a run; the seed of every run is printed. */
const SEED = Number(process.env["FAREBOX_SEED"] ?? Date.now() % 2 ** 31);
const HISTORIES = 200;
/** A wrong object must be found within so many. */
const HISTORIES_TO_FIND = 40;
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => SEED + n);
const TIMING = ["in time", "twice", "again", "at once", "late", "never"].map((how) => `alarm ${how}`);
const OTHERS = [
  ...Object.keys(ALARM_EFFECTS).map((as) => `an alarm is ${as}`),
  "an alarm races the command",
  "strangers",
];

describe("a real object", () => {
  it(
    "plays simulated histories through every fault to the answers and tables rehearsed",
    { timeout: 180_000 },
    async () => {
      const started = performance.now();
      const { histories, tally, failure } = await runOnObjects(range(HISTORIES));
      const told = [...tally].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([what, times]) => `\n  ${times} ${what}`);
      const seconds = Math.round((performance.now() - started) / 1000);
      console.info(`objects: FAREBOX_SEED=${SEED}, ${histories} histories in ${seconds} s${told.join("")}`);
      expect(failure).toBeNull();
      const wanted = [...Object.keys(EFFECTS), ...INCIDENTS, ...TIMING, ...OTHERS];
      expect(wanted.filter((what) => !tally.has(what))).toEqual([]);
    },
  );
});

describe("an object that", () => {
  it.each(Object.entries(MAKES))("%s is found out", { timeout: 60_000 }, async (what, make) => {
    const strangers = range(HISTORIES_TO_FIND * 20).filter((seed) => planFrom(seed).setting.stranger);
    const seeds = what.includes("stranger") ? strangers : range(HISTORIES_TO_FIND);
    const { failure, histories } = await runOnObjects(seeds, make);
    console.info(
      `an object that ${what}: found in history ${histories}\n${failure?.split("\n→").at(-1)?.slice(0, 300)}`,
    );
    expect(failure).toMatch(/not what was rehearsed/);
  });
});
