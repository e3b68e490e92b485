/**
 * `npm run crash -- --rounds N [--seed S]`: kills the gate N times under load, and after each time reconciles what
 * reached the origin with the journals and with what callers saw. Ends with 1 if anything is left unexplained.
 */
import { readCount, readFlags, refuse } from "../simulation/flags.ts";
import { setup } from "../support/build.ts";
import type { Counted, Reckoning } from "./reconcile.ts";
import { run, type RoundFact } from "./run.ts";

const ROUNDS_MAX = 1000;
const USAGE = "npm run crash -- [--rounds N] [--seed S]";
const flags = readFlags(["rounds", "seed"], USAGE);
const rounds = readCount(flags.rounds, "rounds", 1, USAGE) ?? 20;
if (rounds > ROUNDS_MAX) refuse(`--rounds ${rounds}: must be at most ${ROUNDS_MAX}.`, USAGE);
const seed = readCount(flags.seed, "seed", 0, USAGE) ?? Date.now() % 1e9;
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    process.exit(130);
  });

console.log(`${rounds} rounds, seed ${seed}`);
setup();
const { reckoning } = await run({ rounds, seed, answers: [30, 400], onRound: print });
printTable(reckoning);
process.exitCode = reckoning.residue.length === 0 ? 0 : 1;

function print({ round, how, sent, seen, unanswered, reckoning: { loss, open, residue } }: RoundFact): void {
  console.log(
    `round ${String(round).padStart(3)}  killed ${how.padEnd(10)}  ${sent} calls, ${seen} answers, ${unanswered} in flight` +
      `  so far: lost ${loss.calls} (${loss.credits} credits), held ${open.calls}, residue ${residue.length}`,
  );
}

function say({ calls, credits }: Counted): string {
  return `${calls} (${credits} credits)`;
}

function printTable(found: Reckoning): void {
  const { grants, residue } = found;
  const rows: readonly (readonly [string, string | number])[] = [
    ["calls sent", found.sent],
    ["answers seen", `${found.seen}, ${found.refused} of them 402`],
    ["origin hits", `${found.hits}, ${found.freeHits} of them free`],
    ["served, for a price", say(found.served)],
    ["charged", say(found.charged)],
    ["voided", say(found.voided)],
    ["expired", say(found.expired)],
    ["charged late", `${found.late}, whose holds had expired`],
    ["written off", `${found.writtenOff} credits`],
    [
      "served, not charged",
      `${say(found.loss)}, ${found.lossSeen} of them answered; in flight at the kills were ${found.cut.unanswered} calls, ${found.cut.justAnswered} just answered, ${found.cut.frozen} held up beyond their holds`,
    ],
    [
      "granted",
      `${grants.granted} credits; the ${grants.ids} ids were granted ${grants.asked}; ${grants.retried} sent more than once`,
    ],
    ["RESIDUE", residue.length],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`${name.padEnd(22)}${value}`);
  for (const { kind, what } of residue) console.log(`  ${kind}: ${what}`);
}
