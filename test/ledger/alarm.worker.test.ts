/** Proves that the alarm only helps: it expires what is due, twice or never makes no difference, and it costs little. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { apply, wake } from "../../src/ledger/ledger.ts";
import { captureOf, DAY, grantOf, holdOf, SECOND } from "../support/command.ts";
import { ACCOUNTS, alarmOf, countingStore, inside, send, sleep, viewOf } from "./objects.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the clock of this isolate, which is also the objects'. */
function moveClock(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

/** What the tables say, without any expiry being evaluated. */
async function balanceOnDisk(account: string): Promise<unknown> {
  return inside(account, ({ storage }) => storage.sql.exec(`SELECT available, held, expired FROM account`).one());
}

describe("the alarm", () => {
  it("expires a hold that nobody asks about any more", async () => {
    await send("forgotten", grantOf(10));
    await send("forgotten", holdOf(4, { ttlSeconds: 1 }));
    expect(await balanceOnDisk("forgotten")).toEqual({ available: 6, held: 4, expired: 0 });
    await expect
      .poll(async () => balanceOnDisk("forgotten"), { timeout: 3000, interval: 100 })
      .toEqual({ available: 10, held: 0, expired: 0 });
  });

  it("does so although the object was evicted meanwhile", async () => {
    await send("cold", grantOf(10));
    await send("cold", holdOf(4, { ttlSeconds: 1 }));
    await evictDurableObject(ACCOUNTS.getByName("cold"));
    // Asking earlier would wake it.
    await sleep(1300);
    await expect
      .poll(async () => balanceOnDisk("cold"), { timeout: 3000, interval: 100 })
      .toEqual({ available: 10, held: 0, expired: 0 });
  });

  it("delivered twice expires once", async () => {
    await send("twice", grantOf(10, { expiresAt: Date.now() + 200 * SECOND }));
    await send("twice", holdOf(4));
    moveClock(100 * SECOND);
    for (const _ of [1, 2]) {
      await inside("twice", async ({ storage }) => storage.setAlarm(Date.now() + DAY));
      expect(await runDurableObjectAlarm(ACCOUNTS.getByName("twice"))).toBe(true);
      expect(await balanceOnDisk("twice")).toEqual({ available: 10, held: 0, expired: 0 });
    }
    moveClock(101 * SECOND);
    for (const _ of [1, 2]) {
      await inside("twice", async ({ storage }) => storage.setAlarm(Date.now() + DAY));
      await runDurableObjectAlarm(ACCOUNTS.getByName("twice"));
      expect(await balanceOnDisk("twice")).toEqual({ available: 0, held: 0, expired: 10 });
    }
  });

  it("never delivered is not missed: the next call finds the same", async () => {
    await send("never", grantOf(10, { expiresAt: Date.now() + 200 * SECOND }));
    await send("never", holdOf(4));
    await inside("never", async ({ storage }) => storage.deleteAlarm());
    moveClock(100 * SECOND);
    expect(await viewOf("never")).toMatchObject({ available: 10, held: 0, expired: 0 });
    await inside("never", async ({ storage }) => storage.deleteAlarm());
    moveClock(101 * SECOND);
    expect(await send("never", holdOf(1, { id: "h2" }))).toMatchObject({
      kind: "insufficient_balance",
      balance: { available: 0, held: 0 },
    });
  });

  it("is set for the first thing that is due, and moved forward by what is due sooner", async () => {
    const start = Date.now();
    await send("forward", grantOf(10, { expiresAt: start + DAY }));
    await expect.poll(async () => alarmOf("forward"), { timeout: 2000, interval: 20 }).toBe(start + DAY);
    await send("forward", holdOf(1, { ttlSeconds: 3 }));
    const alarm = (await alarmOf("forward")) ?? NaN;
    expect(alarm - start).toBeGreaterThanOrEqual(3000);
    expect(alarm - start).toBeLessThan(4500);
  });

  it("falls silent when nothing is due within the retention", async () => {
    await send("silent", grantOf(10));
    const quiet = Date.now() + 29 * DAY;
    await expect.poll(async () => (await alarmOf("silent")) ?? Infinity, { timeout: 2000 }).toBeGreaterThan(quiet);
  });
});

/** An account with that many finished calls, none of them old. */
function fill(state: DurableObjectState, calls: number): ReturnType<typeof countingStore> {
  const counting = countingStore(state);
  const { store } = counting;
  apply(store, grantOf(1_000_000), Date.now());
  for (let n = 0; n < calls; n++) {
    apply(store, holdOf(1, { id: `old${n}` }), Date.now());
    apply(store, captureOf(1, { id: `old${n}` }), Date.now());
  }
  counting.rows.read = 0;
  counting.rows.written = 0;
  return counting;
}

describe("the cost in rows", () => {
  it("of a call does not grow with the calls before it", async () => {
    const costs = [10, 1000].map(async (calls) =>
      inside(`call after ${calls}`, (state) => {
        const { store, rows } = fill(state, calls);
        apply(store, holdOf(1), Date.now());
        apply(store, captureOf(1), Date.now());
        return rows;
      }),
    );
    const [few, many] = await Promise.all(costs);
    expect(many).toEqual(few);
    expect(few?.written).toBeLessThanOrEqual(12);
  });

  it("of an alarm does not grow with the journal", async () => {
    const costs = [10, 1000].map(async (calls) =>
      inside(`alarm after ${calls}`, (state) => {
        const { store, rows } = fill(state, calls);
        wake(store, Date.now());
        return rows.read;
      }),
    );
    const [few = NaN, many = NaN] = await Promise.all(costs);
    // One purge may look at its batch of entries, not at all there are.
    expect(many).toBeLessThanOrEqual(few + 600);
  });
});
