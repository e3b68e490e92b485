/**
 * `npm run mutants`: is the simulation worth trusting? Puts each bug of the list into a copy of the ledger and runs
 * the simulation on it until it fails. A mutant that survives 100,000 histories is a hole in the simulation.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCount, readFlags, refuse } from "./flags.ts";
import type { Mutant } from "./mutant.ts";
import { ENDINGS_MUTANTS } from "./mutants/endings.ts";
import { GATE_MUTANTS } from "./mutants/gate.ts";
import { GRANTS_MUTANTS } from "./mutants/grants.ts";
import { HOLDS_MUTANTS } from "./mutants/holds.ts";
import { JOURNAL_MUTANTS } from "./mutants/journal.ts";
import { LEDGER_MUTANTS } from "./mutants/ledger.ts";
import { PROMISES_MUTANTS } from "./mutants/promises.ts";
import { REFUNDS_MUTANTS } from "./mutants/refunds.ts";
import { RETENTION_MUTANTS } from "./mutants/retention.ts";

const MUTANTS: readonly Mutant[] = [
  ...GRANTS_MUTANTS,
  ...HOLDS_MUTANTS,
  ...ENDINGS_MUTANTS,
  ...REFUNDS_MUTANTS,
  ...JOURNAL_MUTANTS,
  ...LEDGER_MUTANTS,
  ...PROMISES_MUTANTS,
  ...RETENTION_MUTANTS,
  ...GATE_MUTANTS,
];
const USAGE = "npm run mutants -- [--seed S] [--only NAME]";
const HISTORIES_MAX = 100_000;
const AT_ONCE = 2;
const root = join(import.meta.dirname, "../..");
const folders = new Set<string>();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });

type Trial = { readonly mutant: Mutant; readonly law: string; readonly after: number; readonly seconds: number };

const flags = readFlags(["seed", "only"], USAGE);
const seed = readCount(flags.seed, "seed", 0, USAGE) ?? Math.floor(Math.random() * 2 ** 32);
const chosen = MUTANTS.filter(({ name }) => flags.only === undefined || name === flags.only);
if (chosen.length === 0) refuse(`There is no mutant ${flags.only}.`, USAGE);
console.log(`mutants: ${chosen.length}, from seed ${seed}`);

// Before any is tried: a mutant that does not fit the code is a mistake in the list.
const sources = new Map(chosen.map((mutant) => [mutant, mutate(mutant)]));
const queue = [...chosen];
const trials: Trial[] = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const trial = await tryOut(mutant);
      trials.push(trial);
      print(trial);
    }
  }),
);
const survivors = trials.filter(({ after }) => after === 0);
console.log(`${trials.length} mutants, ${trials.length - survivors.length} found, ${survivors.length} survived`);
process.exitCode = survivors.length > 0 ? 1 : 0;

/** The file's text with the bug in it. */
function mutate({ name, file, find, replace }: Mutant): string {
  const text = readFileSync(join(root, file), "utf8");
  const times = text.split(find).length - 1;
  if (times !== 1) refuse(`Mutant ${name}: its text occurs ${times} times in ${file}, must be once.`, USAGE);
  return text.replace(find, () => replace);
}

async function tryOut(mutant: Mutant): Promise<Trial> {
  const folder = mkdtempSync(join(tmpdir(), "farebox-mutant-"));
  folders.add(folder);
  const started = performance.now();
  try {
    for (const name of ["src", "test/simulation", "test/ledger", "test/support"])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
    writeFileSync(join(folder, mutant.file), sources.get(mutant) ?? "");
    const output = await simulate(folder);
    const found = /^Broken law: (.+)$/m.exec(output)?.[1];
    const after = Number(/^found in history (\d+)/m.exec(output)?.[1] ?? 0);
    const clean = / 0 failures$/m.test(output);
    if (!clean && after === 0) throw new Error(`mutant ${mutant.name} did not run:\n${output}`);
    const seconds = (performance.now() - started) / 1000;
    return { mutant, law: found ?? "", after, seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
}

async function simulate(folder: string): Promise<string> {
  const args = ["--histories", String(HISTORIES_MAX), "--seed", String(seed), "--workers", "1"];
  const child = spawn(process.execPath, [join(folder, "test/simulation/simulate.ts"), ...args]);
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.once("error", reject);
    child.once("close", () => {
      resolve(output);
    });
  });
}

function print({ mutant, law, after, seconds }: Trial): void {
  const found = after > 0 ? `history ${after}`.padEnd(16) : "SURVIVED".padEnd(16);
  const columns = [mutant.name.padEnd(52), mutant.bug.padEnd(20), found, law.padEnd(16), `${seconds.toFixed(1)} s`];
  console.log(`  ${columns.join("")}`);
}
