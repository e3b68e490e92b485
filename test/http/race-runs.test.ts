/**
 * The race that must be won every time: enough credits for N calls, 8N calls at the same moment, exactly N served.
 * Hundreds of runs, through one Worker and through several, with slow accounts and with answers that are lost.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BUILT_SLOW_WORKER } from "../support/build.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { startIsolates } from "../support/isolates.ts";
import { ok } from "../support/origin.ts";
import { runRaces, type Race } from "../support/race.ts";
import type { Tally } from "../support/slow-worker.ts";

/** Two groups of four: what one group holds of an account, the other must know. */
const ISOLATES = 8;
const SLOW_MS = 30;
const silent = { handleStructuredLogs: () => undefined };

type Gates = readonly [TestGate, ...TestGate[]];
async function startOne(faults: object): Promise<Gates> {
  const script = readFileSync(BUILT_SLOW_WORKER, "utf8");
  return [await startGate({ worker: { ...silent, script }, bindings: { TEST_FAULTS: JSON.stringify(faults) } })];
}
async function startMany(faults: object): Promise<Gates> {
  return startIsolates(ISOLATES, BUILT_SLOW_WORKER, { TEST_FAULTS: JSON.stringify(faults) });
}

/** Exactly as many as the balance pays for: by status, at the origin, in the journal and in the balance. */
function judgeExact({ price, affordable, sent, granted, replies, hits, entries, account }: Race): void {
  const statuses = replies.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(affordable);
  expect(statuses.filter((status) => status === 402)).toHaveLength(sent - affordable);
  const served = replies.filter(({ status }) => status === 200);
  const ids = served.map(({ headers }) => String(headers["request-id"])).sort();
  expect(served.map(({ headers }) => headers["credits-charged"])).toEqual(served.map(() => String(price)));
  expect(hits.toSorted()).toEqual(ids);
  expect(Object.keys(entries).sort()).toEqual(["capture", "grant", "hold"]);
  expect(entries["grant"]).toHaveLength(1);
  expect(entries["hold"]?.toSorted()).toEqual(ids);
  expect(entries["capture"]?.toSorted()).toEqual(ids);
  const spent = affordable * price;
  expect(account).toMatchObject({ granted, available: granted - spent, held: 0, captured: spent });
}

/** Where answers get lost, fewer may be served; but each is served and charged once, or refused and given back. */
function judgeLossy({ price, affordable, granted, replies, hits, entries, account }: Race): void {
  const served = replies.filter(({ status }) => status === 200);
  expect(replies.filter(({ status }) => ![200, 402, 503].includes(status))).toEqual([]);
  expect(served.length).toBeLessThanOrEqual(affordable);
  const ids = served.map(({ headers }) => String(headers["request-id"])).sort();
  expect(served.map(({ headers }) => headers["credits-charged"])).toEqual(served.map(() => String(price)));
  expect(hits.toSorted()).toEqual(ids);
  expect((entries["capture"] ?? []).toSorted()).toEqual(ids);
  // Every hold ended once; those the gate never learned of were voided, and belong to calls it answered with 503.
  const ended = [...(entries["capture"] ?? []), ...(entries["void"] ?? [])];
  expect(ended.sort()).toEqual((entries["hold"] ?? []).toSorted());
  const unknown = replies.filter(({ status }) => status === 503).map(({ headers }) => String(headers["request-id"]));
  expect((entries["void"] ?? []).filter((id) => !unknown.includes(id))).toEqual([]);
  expect(Object.keys(entries).filter((kind) => !["grant", "hold", "capture", "void"].includes(kind))).toEqual([]);
  expect(entries["grant"]).toHaveLength(1);
  const spent = served.length * price;
  expect(account).toMatchObject({ granted, available: granted - spent, held: 0, captured: spent });
}

describe.each([
  ["one Worker", startOne],
  [`${ISOLATES} Workers in two groups`, startMany],
])("calls through %s", { timeout: 90_000 }, (_name, start) => {
  describe("on accounts that answer at once", () => {
    let gates: Gates;
    beforeAll(async () => {
      gates = await start({});
    });
    afterAll(async () => gates[0].close());

    it("are served exactly as often as the balance pays for, in each of 100 runs", async () => {
      const races = await runRaces(gates, 100, 3, judgeExact);
      expect(races).toHaveLength(100);
      expect(new Set(races.map(({ affordable }) => affordable)).size).toBeGreaterThan(3);
      expect(new Set(races.map(({ price }) => price)).size).toBe(3);
    });
  });

  describe("on accounts and an origin that take their time", () => {
    let gates: Gates;
    beforeAll(async () => {
      gates = await start({ delayMs: SLOW_MS });
      gates[0].origin.answer = async (_request, response) => {
        await sleep(Math.random() * SLOW_MS);
        response.end("ok");
      };
    });
    afterEach(() => {
      gates[0].origin.answer = ok;
    });
    afterAll(async () => gates[0].close());

    it("are served exactly as often as the balance pays for, in each of 50 runs", async () => {
      expect(await runRaces(gates, 50, 4, judgeExact)).toHaveLength(50);
    });
  });

  describe("on accounts that lose calls and answers", () => {
    let gates: Gates;
    beforeAll(async () => {
      gates = await start({ delayMs: 10, lostCalls: 0.1, lostAnswers: 0.3 });
    });
    afterAll(async () => gates[0].close());

    it("are never served free, charged twice or left on hold, in each of 50 runs", async () => {
      const races = await runRaces(gates, 50, 4, judgeLossy);
      // Losses were common, and each kind of answer came: else this proves nothing.
      const { lost }: Tally = (await gates[0].call("/_test/tally")).json();
      expect(lost).toBeGreaterThan(500);
      const statuses = new Set(races.flatMap(({ replies }) => replies.map(({ status }) => status)));
      expect(statuses).toEqual(new Set([200, 402, 503]));
      expect(races.some(({ entries }) => entries["void"] !== undefined)).toBe(true);
    });
  });
});
