/** Proves that what KV says of accounts is read strictly: anything unreadable counts as not known, never as yes or no. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Access } from "../../src/ledger/command.ts";
import { listStandings, readAccessFromKv, writeRevocation, type Standing } from "../../src/ledger/standing.ts";
import { DAY, NOW, SECOND } from "../support/command.ts";
import { KV } from "./objects.ts";

const standing: Standing = {
  status: "active",
  plan: "pro",
  planUntil: null,
  tokensRevokedAt: null,
  available: 10,
  held: 2,
  version: 3,
  asOf: NOW,
};
const ISSUED = 1000;
const NOTHING_SAID: Access = { suspended: false, revoked: false, plan: null };

async function accessOf(account: string, jti: string | null = "t1"): Promise<Access | undefined> {
  return readAccessFromKv(KV, account, { jti, issuedAt: ISSUED }, NOW);
}

describe("a standing in KV", () => {
  it.each<[string, Partial<Standing>, Partial<Access>]>([
    ["an active account on a plan", {}, { plan: "pro" }],
    ["an account on no plan", { plan: null }, { plan: null }],
    ["a suspended account", { status: "suspended" }, { suspended: true, plan: "pro" }],
    ["a plan that still runs", { planUntil: NOW + 1 }, { plan: "pro" }],
    ["a plan that ends now", { planUntil: NOW }, { plan: null }],
    ["tokens revoked up to the second before", { tokensRevokedAt: ISSUED - 1 }, { revoked: false, plan: "pro" }],
    ["tokens revoked up to this token's second", { tokensRevokedAt: ISSUED }, { revoked: true, plan: "pro" }],
    ["tokens revoked up to the second after", { tokensRevokedAt: ISSUED + 1 }, { revoked: true, plan: "pro" }],
    ["more than this version knows", { more: true } as object, { plan: "pro" }],
  ])("of %s says so", async (what, facts, access) => {
    await KV.put(`standing:${what}`, JSON.stringify({ ...standing, ...facts }));
    expect(await accessOf(what)).toEqual({ ...NOTHING_SAID, ...access });
    expect(await accessOf(what, null)).toEqual({ ...NOTHING_SAID, ...access });
  });

  it("there is none of: the account is a new one, active and on no plan", async () => {
    expect(await accessOf("nobody")).toEqual(NOTHING_SAID);
  });

  it.each<[string, string]>([
    ["nothing", ""],
    ["no JSON", "{"],
    ["null", "null"],
    ["a number", "7"],
    ["a list", "[]"],
    ["an empty object", "{}"],
    ["another status", JSON.stringify({ ...standing, status: "gold" })],
    ["a plan that is no name", JSON.stringify({ ...standing, plan: 1 })],
    ["no plan member", JSON.stringify({ ...standing, plan: undefined })],
    ["a plan's end that is no time", JSON.stringify({ ...standing, planUntil: "soon" })],
    ["an epoch that is no time", JSON.stringify({ ...standing, tokensRevokedAt: "1" })],
    ["no epoch member", JSON.stringify({ ...standing, tokensRevokedAt: undefined })],
    ["a balance in text", JSON.stringify({ ...standing, available: "10" })],
    ["no held", JSON.stringify({ ...standing, held: undefined })],
  ])("that holds %s is not known", async (what, text) => {
    await KV.put(`standing:garbage ${what}`, text);
    expect(await accessOf(`garbage ${what}`)).toBeUndefined();
  });

  it("that KV fails to give is not known", async () => {
    expect(await accessOf("x".repeat(600))).toBeUndefined();
  });

  it("where KV is missing is not known", async () => {
    const missing = (env as Record<string, unknown>)["NO_SUCH_BINDING"] as KVNamespace;
    expect(await readAccessFromKv(missing, "alice", { jti: null, issuedAt: 1 }, NOW)).toBeUndefined();
  });
});

const listed = async (): Promise<string[]> => (await KV.list({ prefix: "revoked:" })).keys.map(({ name }) => name);

describe("a revocation in KV", () => {
  it.each<[string, string]>([
    ["as usual", "t-revoked"],
    ["as long as a KV key", "long".repeat(128)],
    ["longer than a KV key", "longer".repeat(200)],
    ["in many bytes", "✓".repeat(256)],
  ])("of a jti %s is seen for that token, of that account, and for no other", async (_, jti) => {
    await writeRevocation(KV, "anyone", jti, Date.now() + DAY, Date.now());
    expect(await accessOf("anyone", jti)).toEqual({ ...NOTHING_SAID, revoked: true });
    expect(await accessOf("anyone else", jti)).toEqual(NOTHING_SAID);
    expect(await accessOf("anyone", `${jti}2`)).toEqual(NOTHING_SAID);
    expect(await accessOf("anyone", jti.slice(1))).toEqual(NOTHING_SAID);
    expect(await accessOf("anyone", null)).toEqual(NOTHING_SAID);
  });

  it.each([
    ["as long as the token could be valid", DAY, DAY],
    ["a minute at least, which is the least KV can", SECOND, 60 * SECOND],
    ["a minute even for one that ran out", -DAY, 60 * SECOND],
  ])("is kept %s", async (what, validFor, keptFor) => {
    const now = Date.now();
    const before = await listed();
    await writeRevocation(KV, "anyone", what, now + validFor, now);
    const { keys } = await KV.list({ prefix: "revoked:" });
    const expiration = (keys.find(({ name }) => !before.includes(name))?.expiration ?? NaN) * SECOND;
    expect(expiration).toBeGreaterThanOrEqual(now + keptFor - SECOND);
    expect(expiration).toBeLessThanOrEqual(now + keptFor + 3 * SECOND);
  });
});

describe("the list of accounts", () => {
  it("comes page by page to its end, with what KV knows of each", async () => {
    for (const n of [1, 2, 3]) await KV.put(`standing:listed${n}`, "{}", { metadata: { ...standing, available: n } });
    await KV.put("standing:listed4", "{}", { metadata: { status: "gold" } });
    await KV.put("standing:listed5", "{}");
    const found: Record<string, number | null> = {};
    let cursor: string | undefined;
    for (let page = 0; page < 100; page++) {
      const { accounts, next } = await listStandings(KV, 2, cursor);
      expect(accounts.length).toBeLessThanOrEqual(2);
      for (const { account, standing: seen } of accounts) found[account] = seen && seen.available;
      if (next === null) break;
      cursor = next;
    }
    expect(found).toMatchObject({ listed1: 1, listed2: 2, listed3: 3, listed4: null, listed5: null });
  });
});
