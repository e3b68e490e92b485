/** Proves that the account's standing reaches KV promptly, complete and at most once a second, and that a failing KV harms nothing. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { captureOf, DAY, grantOf, holdOf, SECOND } from "../support/command.ts";
import { ACCOUNTS, alarmOf, KV, send, sleep, viewOf } from "./objects.ts";

type Written = Record<string, unknown> | null;
const writtenOf = async (account: string): Promise<Written> => KV.get(`standing:${account}`, "json");
const soon = { timeout: 2500, interval: 20 };

describe("the standing in KV", () => {
  it("is there promptly after a grant, with everything it says, in the value and in the listing", async () => {
    const before = Date.now();
    await send("prompt", grantOf(10));
    await expect.poll(async () => writtenOf("prompt"), { ...soon, timeout: 1000 }).not.toBeNull();
    const { value, metadata } = await KV.getWithMetadata("standing:prompt", "json");
    expect(value).toEqual({
      status: "active",
      plan: null,
      planUntil: null,
      tokensRevokedAt: null,
      available: 10,
      held: 0,
      version: 1,
      asOf: expect.any(Number),
    });
    expect((value as { asOf: number }).asOf).toBeGreaterThanOrEqual(before);
    expect(metadata).toEqual(value);
  });

  it("follows the status, the plan and a revocation of all tokens within a second or so", async () => {
    const until = Date.now() + DAY;
    await send("settings", { op: "status", status: "suspended" });
    await send("settings", { op: "plan", plan: "pro", until });
    await send("settings", { op: "revoke_all", issuedAt: 1_700_000_000 });
    await expect
      .poll(async () => writtenOf("settings"), soon)
      .toMatchObject({ status: "suspended", plan: "pro", planUntil: until, tokensRevokedAt: 1_700_000_000 });
  });

  it("follows calls", { timeout: 10_000 }, async () => {
    await send("calls", grantOf(10));
    await send("calls", holdOf(4));
    await send("calls", captureOf(3));
    await expect
      .poll(async () => writtenOf("calls"), { timeout: 8000, interval: 100 })
      .toMatchObject({ available: 7, held: 0 });
  });

  it("is written although the object was evicted before it was due", async () => {
    await send("cold", grantOf(10));
    await expect.poll(async () => writtenOf("cold"), soon).toMatchObject({ available: 10 });
    await send("cold", grantOf(5, { id: "g2" }));
    await evictDurableObject(ACCOUNTS.getByName("cold"));
    await expect.poll(async () => writtenOf("cold"), soon).toMatchObject({ available: 15 });
    // And the alarm does not ring on and on.
    await expect.poll(async () => (await alarmOf("cold")) ?? Infinity, soon).toBeGreaterThan(Date.now() + 29 * DAY);
  });

  it("is written at most once a second, and ends with all that happened", { timeout: 10_000 }, async () => {
    const writes = new Set<number>();
    const look = async (): Promise<void> => {
      const seen = (await writtenOf("busy"))?.["asOf"];
      if (typeof seen === "number") writes.add(seen);
    };
    const start = Date.now();
    for (let n = 1; Date.now() - start < 2500; n++) {
      await send("busy", grantOf(1, { id: `g${n}` }));
      await look();
      await sleep(10);
    }
    const { available, version } = await viewOf("busy");
    await expect.poll(async () => writtenOf("busy"), soon).toMatchObject({ available, version });
    await look();
    const times = [...writes];
    expect(times.length).toBeGreaterThanOrEqual(3);
    for (const [index, at] of times.slice(1).entries())
      expect(at - (times[index] ?? NaN)).toBeGreaterThanOrEqual(SECOND);
  });

  it("of a stranger is never written", async () => {
    await send("stranger", holdOf(1));
    await sleep(100);
    expect(await writtenOf("stranger")).toBeNull();
  });
});

describe("an account whose standing KV does not take", () => {
  // Longer than a KV key may be, so that every write of its standing fails.
  const account = "x".repeat(600);

  it("is granted, charged and read as any other, and tries again in ten seconds", async () => {
    const start = Date.now();
    await send(account, grantOf(10));
    await expect.poll(async () => (await alarmOf(account)) ?? 0, soon).toBeGreaterThanOrEqual(start + 10_000);
    expect(await send(account, holdOf(4, { ttlSeconds: 3600 }))).toMatchObject({ kind: "held" });
    expect(await send(account, captureOf(3))).toMatchObject({ kind: "captured", credits: 3 });
    expect(await viewOf(account)).toMatchObject({ available: 7, held: 0, captured: 3 });
    expect(await alarmOf(account)).toBeGreaterThan(start + 4000);
  });

  it("still expires what is due", async () => {
    await send(account, holdOf(2, { id: "short", ttlSeconds: 1 }));
    await sleep(1200);
    expect(await viewOf(account)).toMatchObject({ available: 7, held: 0 });
  });
});
