/**
 * `npm run simulate`: hunts for a history in which a credit is lost, doubled or spent twice, or a call served unpaid.
 * Large runs are split between workers; every history can be replayed by its own seed alone.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { readCount, readFlags } from "./flags.ts";
import { run, type Failure, type Run } from "./run.ts";
import { addTo, type Tally } from "./tally.ts";

const USAGE = "npm run simulate -- [--histories N] [--seed S] [--workers W]";
const HISTORIES = 20_000;
const WORKERS = 2;
/** Below this, starting a worker costs more than it saves. */
const WORTH_A_WORKER = 2_000;

type Task = { readonly seed: number; readonly histories: number; readonly stride: number };

if (isMainThread) await main();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
else parentPort?.postMessage(run(workerData as Task));

async function main(): Promise<void> {
  const flags = readFlags(["histories", "seed", "workers"], USAGE);
  const histories = readCount(flags.histories, "histories", 1, USAGE) ?? HISTORIES;
  const seed = readCount(flags.seed, "seed", 0, USAGE) ?? Math.floor(Math.random() * 2 ** 32);
  const most = readCount(flags.workers, "workers", 1, USAGE) ?? WORKERS;
  console.log(`simulation: ${histories} histories from seed ${seed}`);
  const started = performance.now();
  const workers = histories < WORTH_A_WORKER ? 1 : most;
  const runs = workers === 1 ? [run({ seed, histories })] : await split(seed, histories, workers);
  report(runs, (performance.now() - started) / 1000);
}

async function split(seed: number, histories: number, workers: number): Promise<Run[]> {
  const tasks = Array.from({ length: workers }, (_, n): Task => {
    const share = Math.floor(histories / workers) + (n < histories % workers ? 1 : 0);
    return { seed: seed + n, histories: share, stride: workers };
  });
  return Promise.all(tasks.map(async (task) => start(task)));
}

async function start(task: Task): Promise<Run> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: task });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function report(runs: readonly Run[], seconds: number): void {
  const tally: Tally = new Map();
  for (const each of runs) addTo(tally, each.tally);
  const histories = runs.reduce((sum, each) => sum + each.histories, 0);
  const turns = runs.reduce((sum, each) => sum + each.turns, 0);
  for (const [what, times] of [...tally].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${String(times).padStart(10)}  ${what}`);
  const failures = runs.flatMap(({ failure }) => (failure ? [failure] : []));
  for (const failure of failures) tell(failure);
  const rate = Math.round(histories / seconds);
  const operations = tally.get("operations") ?? 0;
  console.log(
    `${histories} histories, ${operations} operations, ${turns} ledger turns, ${rate} histories/s, ${failures.length} failures`,
  );
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function tell({ seed, law, detail, after, story }: Failure): void {
  console.log(`\nBroken law: ${law}\n${story.join("\n")}\n  → ${law}: ${detail}`);
  console.log(`found in history ${after} of its worker; replay: npm run simulate -- --histories 1 --seed ${seed}\n`);
}
