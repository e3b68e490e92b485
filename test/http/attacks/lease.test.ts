/** Attacks with time: late and lost charges, wrong clocks, a KV that is stale, broken or garbled. The ledger decides. */
import { describe, expect, it } from "vitest";
import type { Config } from "../../../src/config.ts";
import { expectDenial, FREE, paid } from "../../support/columns.ts";
import { suffering, type Faults } from "../../support/faults.ts";
import { startGate, type TestGate } from "../../support/gate.ts";

const plans = { pro: { includes: ["GET /v1/items/:id"] } };

async function withGate(
  faults: Faults,
  config: Partial<Config>,
  test: (gate: TestGate) => Promise<void>,
): Promise<void> {
  const gate = await startGate(suffering(faults, { config: { plans, ...config } }));
  try {
    await test(gate);
  } finally {
    await gate.close();
  }
}

/** Holds of two seconds, which a charge can miss. */
const HASTY = { holdTtlSeconds: 2 };
const LATE = { commandDelayMs: { capture: 3000 } };
const SOON = { timeout: 6000, interval: 50 };

/** What happened to the account, after the entries that were there before. */
async function columns(gate: TestGate, account: string): Promise<object> {
  const { available, held, captured } = await gate.account(account);
  const entries = (await gate.entries(account)).slice(1).map(({ kind }) => kind);
  return { hits: gate.origin.hits.length, entries, available, held, captured };
}

describe("a charge that comes after its hold has expired", () => {
  it("is taken once from what is available then", async () => {
    await withGate(LATE, HASTY, async (gate) => {
      await gate.grant("late", 250);
      const reply = await gate.call("/v1/expensive", { token: await gate.token("late") });
      expect([reply.status, reply.headers["credits-charged"]]).toEqual([200, "100"]);
      await expect.poll(async () => (await gate.account("late")).captured, SOON).toBe(100);
      expect(await columns(gate, "late")).toEqual({
        hits: 1,
        entries: ["hold", "expire", "capture"],
        available: 150,
        held: 0,
        captured: 100,
      });
    });
  });

  it("is written off, visibly, where nothing is available any more, and never makes a balance negative", async () => {
    await withGate(LATE, HASTY, async (gate) => {
      await gate.admin("PUT", "/accounts/poor/grants/g", { credits: 100 });
      expect((await gate.call("/v1/expensive", { token: await gate.token("poor") })).status).toBe(200);
      await expect.poll(async () => (await gate.account("poor")).held, SOON).toBe(0);
      await gate.admin("DELETE", "/accounts/poor/grants/g");
      const end = ["hold", "expire", "reverse", "write_off"];
      await expect.poll(async () => columns(gate, "poor"), SOON).toMatchObject({ entries: end });
      expect(await columns(gate, "poor")).toMatchObject({ hits: 1, available: 0, held: 0, captured: 0 });
    });
  });

  it("and never comes at all leaves the call unpaid, and its credits to pay for the next one", async () => {
    await withGate({ lost: ["capture"] }, HASTY, async (gate) => {
      await gate.grant("lost", 100);
      const token = await gate.token("lost");
      expect((await gate.call("/v1/expensive", { token })).status).toBe(200);
      const waiting = await gate.call("/v1/expensive", { token });
      expect([waiting.status, waiting.json().code, gate.origin.hits.length]).toEqual([402, "credits_on_hold", 1]);
      await expect
        .poll(async () => columns(gate, "lost"), SOON)
        .toMatchObject({ entries: ["hold", "expire"], held: 0 });
      expect((await gate.call("/v1/expensive", { token })).status).toBe(200);
      expect(await columns(gate, "lost")).toMatchObject({ hits: 2, available: 0, held: 100, captured: 0 });
    });
  });
});

describe("an isolate whose clock is wrong", () => {
  it.each([
    ["an hour fast", 3_600_000],
    ["an hour slow", -3_600_000],
  ])("by being %s serves exactly what is paid for", async (_what, clockOffsetMs) => {
    await withGate({ clockOffsetMs }, {}, async (gate) => {
      await gate.grant("clock", 5);
      const token = await gate.token("clock");
      const replies = await Promise.all(Array.from({ length: 40 }, async () => gate.call("/v1/cheap", { token })));
      await gate.settled("clock");
      const statuses = replies.map(({ status }) => status).sort((a, b) => a - b);
      expect(statuses).toEqual([...Array<number>(5).fill(200), ...Array<number>(35).fill(402)]);
      expect(await columns(gate, "clock")).toMatchObject({ hits: 5, available: 0, held: 0, captured: 5 });
      // Holds and entries go by the ledger's clock.
      for (const { at } of await gate.entries("clock"))
        expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
    });
  });
});

const STALE_MS = 3000;

describe("KV that is stale", () => {
  it("keeps no withdrawn token paying: the next paid call is refused, and an included one by the end of the lag", async () => {
    await withGate({ kvStaleMs: STALE_MS }, {}, async (gate) => {
      await gate.grant("leaver", 100);
      const minted = await gate.admin("POST", "/accounts/leaver/tokens", { entitlements: ["pro"] });
      const { token, jti } = minted.json();
      expect(await gate.see("leaver", "/v1/items/1", { token })).toMatchObject(FREE);
      const began = Date.now();
      expect((await gate.admin("DELETE", `/tokens/${jti}`)).status).toBe(200);
      for (const path of ["/v1/cheap", "/v1/expensive"])
        await expectDenial(gate, "leaver", path, { token }, [401, "token_revoked"]);
      // The lag is real: what costs nothing is still served, and charged nothing, until KV tells of it.
      expect(await gate.see("leaver", "/v1/items/1", { token })).toMatchObject(FREE);
      await expect.poll(async () => (await gate.call("/v1/items/1", { token })).status, SOON).toBe(401);
      expect(Date.now() - began).toBeLessThan(STALE_MS + 2000);
      await expectDenial(gate, "leaver", "/v1/items/1", { token }, [401, "token_revoked"]);
    });
  });

  it("withholds no top-up: where it still says nothing, the next call is paid and served", async () => {
    await withGate({ kvStaleMs: 60_000 }, {}, async (gate) => {
      const token = await gate.token("topped");
      expect(await gate.see("topped", "/v1/cheap", { token })).toMatchObject({ status: 402, hits: 0, entries: [] });
      await gate.grant("topped", 1);
      expect(await gate.see("topped", "/v1/cheap", { token })).toMatchObject(paid(1));
      await expectDenial(gate, "topped", "/v1/cheap", { token }, [402, "insufficient_credits"]);
    });
  });
});

describe("KV that throws at every read and write", () => {
  it("serves nothing for nothing and refuses nobody who pays: the ledger is asked", async () => {
    await withGate({ kvThrows: true }, {}, async (gate) => {
      await gate.grant("without", 6);
      const plain = await gate.token("without");
      const entitled = await gate.token("without", { entitlements: ["pro"] });
      expect(await gate.see("without", "/v1/items/1", { token: plain })).toMatchObject(paid(5));
      expect(await gate.see("without", "/v1/items/1", { token: entitled })).toMatchObject(FREE);
      expect(await gate.see("without", "/v1/cheap", { token: plain })).toMatchObject(paid(1));
      await expectDenial(gate, "without", "/v1/cheap", { token: plain }, [402, "insufficient_credits"]);
      await gate.admin("PUT", "/accounts/without/status", { status: "suspended" });
      await expectDenial(gate, "without", "/v1/items/1", { token: entitled }, [403, "account_suspended"]);
    });
  });
});
