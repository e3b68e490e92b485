/**
 * Rounds of load and death on one storage, each followed by a reckoning.
 *
 * A round kills the gate under load, while idle, twice (the second time while it restarts), or late: after it stood
 * still for longer than its holds live, so that charges come after their holds expired.
 * Then a gate on the same storage is read, and its books are laid beside the origin's log and the receipts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { chanceOf, type Chance } from "./chance.ts";
import { isAnswered } from "./check-acts.ts";
import { send } from "./client.ts";
import { killLeftovers, startAndKill, startDoomed, type DoomedGate, type DoomedOptions } from "./doomed.ts";
import type { AccountFact, ActFact, Facts, KillFact } from "./facts.ts";
import { startLoad, type Notes } from "./load.ts";
import { attempt, firstGrant, readAccountFact, startOffice, type Gate } from "./operator.ts";
import { reconcile, type Reckoning } from "./reconcile.ts";
import { ACCOUNTS, config, HOLD_SECONDS, PRICES, startCrashOrigin, TIMES, type CrashOrigin } from "./world.ts";

type Ways = readonly [Way, ...Way[]];
type Way = "under load" | "idle" | "twice" | "late";
export type RunOptions = {
  readonly rounds: number;
  readonly seed: number;
  /** How many answers a round waits for before it kills. */
  readonly answers: readonly [min: number, max: number];
  /** How the gates die, as often as they stand here. */
  readonly ways?: Ways;
  readonly onRound?: (round: RoundFact) => void;
};
export type RoundFact = {
  readonly round: number;
  readonly how: string;
  /** What this round added. */
  readonly sent: number;
  readonly seen: number;
  readonly unanswered: number;
  readonly reckoning: Reckoning;
};
type World = Notes & {
  readonly origin: CrashOrigin;
  readonly options: DoomedOptions;
  readonly adminToken: string;
  readonly chance: Chance;
  readonly acts: ActFact[];
  readonly kills: KillFact[];
  readonly tokens: Map<string, string>;
  accounts: readonly AccountFact[];
};

const WAYS: Ways = ["under load", "under load", "under load", "under load", "idle", "twice", "twice", "late"];
const ROUND_MS_MAX = 20_000;
/** What the gate rightly says of a hold that expired while it stood still. */
const SAID_LATE = /"event":"(?:capture|void)_incomplete".*(?:"as":"expired"|"writtenOff":[1-9])/;

export async function run({
  rounds,
  seed,
  answers,
  ways = WAYS,
  onRound,
}: RunOptions): Promise<{ facts: Facts; reckoning: Reckoning }> {
  const scratch = mkdtempSync(join(tmpdir(), "farebox-crash-"));
  const tidyUp = (): void => {
    killLeftovers();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };
  // Also when the run is broken off.
  process.once("exit", tidyUp);
  const chance = chanceOf(seed);
  const origin = await startCrashOrigin(chanceOf(seed + 1));
  const adminToken = makeAdminToken();
  const world: World = {
    origin,
    hits: origin.hits,
    adminToken,
    chance,
    calls: [],
    receipts: [],
    faults: [],
    acts: [],
    kills: [],
    options: {
      scratch,
      persist: join(scratch, "storage"),
      originUrl: origin.recording.url,
      config: config(origin.recording.url),
      bindings: { FAREBOX_ADMIN_TOKEN: adminToken, FAREBOX_SIGNING_KEY: makeSigningKey() },
    },
    tokens: new Map(),
    accounts: Object.keys(ACCOUNTS).map((account) => ({ account, entries: [] }) as unknown as AccountFact),
  };
  try {
    let doomed = await startDoomed(world.options);
    await withGate(world, doomed, async (gate) => openAccounts(world, gate));
    for (let round = 1; round <= rounds; round++) {
      const before = { sent: world.calls.length, seen: world.receipts.length };
      const kill = await loadAndKill(world, doomed, chance.pick(ways), chance.whole(...answers));
      doomed = await startDoomed(world.options);
      const reckoning = reconcile(await readFacts(world, doomed, false));
      const sent = world.calls.length - before.sent;
      const seen = world.receipts.length - before.seen;
      onRound?.({ round, how: kill.how, sent, seen, unanswered: kill.unanswered.size, reckoning });
    }
    const facts = await settle(world, doomed);
    await doomed.kill();
    return { facts, reckoning: reconcile(facts) };
  } finally {
    await origin.recording.close();
    tidyUp();
    process.off("exit", tidyUp);
  }
}

async function withGate<T>(world: World, { port }: DoomedGate, act: (gate: Gate) => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true });
  try {
    return await act({ port, adminToken: world.adminToken, agent });
  } finally {
    agent.destroy();
  }
}

async function openAccounts({ acts, tokens }: World, gate: Gate): Promise<void> {
  for (const [account, credits] of Object.entries(ACCOUNTS)) {
    const act = firstGrant(account, credits);
    acts.push(act);
    await attempt(gate, act);
    const path = `/_farebox/accounts/${account}/tokens`;
    const { body } = await send({ ...gate, token: gate.adminToken, method: "POST", path, body: "{}" });
    tokens.set(account, String((JSON.parse(body) as { token: unknown }).token));
  }
}

async function loadAndKill(world: World, doomed: DoomedGate, how: Way, answers: number): Promise<KillFact> {
  const { chance, kills, calls, acts, receipts } = world;
  await withGate(world, doomed, async (gate) => {
    const load = startLoad(doomed.port, world.tokens, chance, world);
    const office = startOffice(gate, chance, acts, receipts, (call) => calls[call - 1]?.account ?? "");
    await load.answered(answers, ROUND_MS_MAX);
    const frozen = how === "late" ? load.underWay() : new Set<number>();
    if (how === "idle") {
      await Promise.all([load.stop(), office.stop()]);
      await sleep(chance.whole(0, 1_500));
    } else if (how === "late") {
      await doomed.freeze(HOLD_SECONDS * 1000 + 500);
      await sleep(chance.whole(50, 600));
    } else {
      await sleep(chance.whole(0, 10));
    }
    kills.push({ how, frozen, ...load.die() });
    await doomed.kill();
    world.faults.push(...doomed.faults.filter((line) => how !== "late" || !SAID_LATE.test(line)));
    await Promise.all([load.stop(), office.stop()]);
  });
  // Killed once more while it starts: before, while or after it opens its storage.
  if (how === "twice") await startAndKill(world.options, chance.whole(50, 1_500));
  return kills.at(-1) ?? { how, unanswered: new Set(), justAnswered: new Set(), frozen: new Set() };
}

/** Reads the books of a gate that nobody calls. What is read is remembered, to see that no later crash undoes it. */
async function readFacts(world: World, doomed: DoomedGate, final: boolean): Promise<Facts> {
  const accounts = await withGate(world, doomed, async (gate) => {
    const read: AccountFact[] = [];
    for (const { account, entries } of world.accounts) read.push(await readAccountFact(gate, account, entries));
    return read;
  });
  world.accounts = accounts;
  const { calls, receipts, hits, acts, kills, faults } = world;
  return { prices: PRICES, ...TIMES, calls, receipts, hits, acts, kills, accounts, faults, final };
}

/** Asks again for what was never answered, and for much that was; lets the holds of the dead expire. */
async function settle(world: World, doomed: DoomedGate): Promise<Facts> {
  await withGate(world, doomed, async (gate) => {
    for (const act of world.acts) {
      for (let n = 0; n < 3 && !isAnswered(act); n++) await attempt(gate, act);
      if (world.chance.odds(0.3)) await attempt(gate, act);
    }
  });
  const deadline = performance.now() + (HOLD_SECONDS + 5) * 1000;
  const isHeld = async (): Promise<boolean> =>
    (await readFacts(world, doomed, false)).accounts.some(({ view }) => view.held > 0);
  while ((await isHeld()) && performance.now() < deadline) await sleep(200);
  world.faults.push(...doomed.faults);
  return readFacts(world, doomed, true);
}
