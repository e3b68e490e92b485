/** One race: far more calls than an account can pay for, all at the same moment, and what came of them. */
import type { Reply, TestGate } from "./gate.ts";
import { header } from "./origin.ts";

/** Routes of PRICES and what they cost. */
const TRACKS = [
  ["/v1/cheap", 1],
  ["/v1/items/1", 5],
  ["/v1/expensive", 100],
] as const;

export type Race = {
  readonly name: string;
  readonly price: number;
  /** How many of the calls the balance pays for. */
  readonly affordable: number;
  readonly sent: number;
  readonly granted: number;
  readonly replies: readonly Reply[];
  /** Request ids the origin saw. */
  readonly hits: readonly string[];
  /** Request ids of the journal's entries by kind. */
  readonly entries: Readonly<Record<string, readonly string[]>>;
  readonly account: unknown;
};

const below = (bound: number): number => Math.floor(Math.random() * bound);

/** A fresh account with enough for 1 to 6 calls, and mostly something over; 8 times as many calls, through all the gates in turn. */
async function runRace(gates: readonly [TestGate, ...TestGate[]], name: string): Promise<Race> {
  const [gate] = gates;
  const [path, price] = TRACKS[below(TRACKS.length)] ?? TRACKS[0];
  const affordable = 1 + below(6);
  const granted = affordable * price + below(price);
  await gate.grant(name, granted);
  const token = await gate.token(name);
  const sent = 8 * affordable;
  const replies = await Promise.all(
    Array.from({ length: sent }, async (_, n) => (gates[n % gates.length] ?? gate).call(path, { token })),
  );
  await gate.settled(name);
  const entries: Record<string, string[]> = {};
  for (const { kind, request_id, ref } of await gate.entries(name)) (entries[kind] ??= []).push(request_id ?? ref);
  const hits = gate.origin.hits.filter((hit) => header(hit, "farebox-account") === name);
  return {
    name,
    price,
    affordable,
    sent,
    granted,
    replies,
    hits: hits.map((hit) => String(header(hit, "farebox-request-id"))),
    entries,
    account: await gate.account(name),
  };
}

/** Runs races one after the other, a few side by side, so that accounts also meet in one isolate. */
export async function runRaces(
  gates: readonly [TestGate, ...TestGate[]],
  count: number,
  sideBySide: number,
  judge: (race: Race) => void,
): Promise<Race[]> {
  const races: Race[] = [];
  const name = crypto.randomUUID().slice(0, 8);
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      const race = await runRace(gates, `${name}-${next}`);
      races.push(race);
      judge(race);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, run));
  return races;
}
