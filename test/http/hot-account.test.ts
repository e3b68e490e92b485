/** That storms stay with whoever makes them: a hot account, tokens that are none, calls that nobody pays for. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILT_SLOW_WORKER } from "../support/build.ts";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { base64url, gateKey, makeKey, nowSeconds, ownClaims, signClaims, signText } from "../support/jwt.ts";
import { header } from "../support/origin.ts";
import type { Tally } from "../support/slow-worker.ts";

const STORM = 2000;
const CALLERS = 64;

let gate: TestGate;
beforeAll(async () => {
  const script = readFileSync(BUILT_SLOW_WORKER, "utf8");
  gate = await startGate({ worker: { script, handleStructuredLogs: () => undefined } });
});
afterAll(async () => gate.close());

/** What reached accounts' objects so far. Not a call of the gate's. */
async function tally(): Promise<Tally> {
  return (await gate.call("/_test/tally")).json();
}
const sumOf = ({ calls }: Tally): number => Object.values(calls).reduce((sum, n) => sum + n, 0);

/** Makes `count` calls, so many at a time. */
async function storm<T>(count: number, callers: number, call: (n: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) answers.push(await call(next++));
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return answers;
}
const idsOf = (replies: readonly Reply[]): string[] =>
  replies.map(({ headers }) => String(headers["request-id"])).sort();
const hitsOf = (account: string): string[] =>
  gate.origin.hits
    .filter((hit) => header(hit, "farebox-account") === account)
    .map((hit) => String(header(hit, "farebox-request-id")))
    .sort();
async function journalOf(account: string): Promise<Record<string, string[]>> {
  const ids: Record<string, string[]> = {};
  for (const { kind, request_id, ref } of await gate.entries(account)) (ids[kind] ??= []).push(request_id ?? ref);
  for (const list of Object.values(ids)) list.sort();
  return ids;
}

describe("a storm on one account", { timeout: 120_000 }, () => {
  const CREDITS = 1200;
  const CALM = ["calm-1", "calm-2", "calm-3"];
  const CALM_CREDITS = 1_000_000;
  let hot: Reply[];
  const calm = new Map<string, Reply[]>();

  beforeAll(async () => {
    await gate.grant("hot", CREDITS);
    for (const account of CALM) await gate.grant(account, CALM_CREDITS);
    const token = await gate.token("hot");
    const tokens = await Promise.all(CALM.map(async (account) => gate.token(account)));
    const weather = { isCalm: false };
    const raging = storm(STORM, CALLERS, async () => gate.call("/v1/cheap", { token })).finally(() => {
      weather.isCalm = true;
    });
    const callers = CALM.map(async (account, n) => {
      const replies: Reply[] = [];
      while (!weather.isCalm) replies.push(await gate.call("/v1/items/1", { token: tokens[n] ?? "" }));
      calm.set(account, replies);
    });
    [hot] = await Promise.all([raging, ...callers]);
    for (const account of ["hot", ...CALM]) await gate.settled(account);
  }, 120_000);

  it.each(CALM)("leaves %s served at every call, charged right and told its exact balance", async (account) => {
    const replies = calm.get(account) ?? [];
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(replies.map(({ headers }) => headers["credits-charged"])).toEqual(replies.map(() => "5"));
    expect(replies.map(({ headers }) => Number(headers["credits-remaining"]))).toEqual(
      replies.map((_, n) => CALM_CREDITS - 5 * (n + 1)),
    );
    const ids = idsOf(replies);
    expect(hitsOf(account)).toEqual(ids);
    expect(await journalOf(account)).toEqual({ grant: [expect.any(String)], hold: ids, capture: ids });
    const spent = 5 * replies.length;
    expect(await gate.account(account)).toMatchObject({ available: CALM_CREDITS - spent, held: 0, captured: spent });
  });

  it("leaves the others their turn: each of their callers gets on at least a quarter as fast as one of the storm's", () => {
    for (const replies of calm.values()) expect(replies.length).toBeGreaterThan(STORM / CALLERS / 4);
  });

  it("serves and charges what its account can pay for, and refuses the rest: nothing is free", async () => {
    const served = hot.filter(({ status }) => status < 400);
    const refused = hot.filter(({ status }) => [402, 429, 503].includes(status));
    expect(served.length + refused.length).toBe(STORM);
    expect(served).toHaveLength(CREDITS);
    expect(served.map(({ headers }) => headers["credits-charged"])).toEqual(served.map(() => "1"));
    const ids = idsOf(served);
    expect(hitsOf("hot")).toEqual(ids);
    expect(await journalOf("hot")).toMatchObject({ grant: [expect.any(String)], capture: ids });
    expect(await gate.account("hot")).toMatchObject({ available: 0, held: 0, captured: CREDITS });
  });
});

const ofTarget = (n: number, more: object = {}): Record<string, unknown> =>
  ownClaims(gate, "target", { jti: `bad-${n}`, ...more });

const unsigned = (alg: string, n: number): string =>
  `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(ofTarget(n)))}`;

/** Every kind of token that is none, each of them a new one each time. */
function badTokens(good: string): readonly ((n: number) => string)[] {
  const own = gateKey(gate);
  const [head = "", claims = "", signature = ""] = good.split(".");
  const kid = String(JSON.parse(Buffer.from(head, "base64url").toString()).kid);
  const stranger = makeKey("EdDSA", kid);
  const unknown = makeKey("EdDSA", "nobody-knows-me");
  const past = { iat: nowSeconds() - 900, exp: nowSeconds() - 300 };
  return [
    (n) => signClaims(stranger, ofTarget(n)),
    (n) => signClaims(unknown, ofTarget(n)),
    (n) => `${head}.${base64url(JSON.stringify(ofTarget(n)))}.${signature}`,
    (n) => signClaims(own, ofTarget(n, past)),
    (n) => signClaims(own, ofTarget(n, { aud: "https://elsewhere.example" })),
    (n) => signClaims(own, ofTarget(n, { exp: undefined })),
    (n) => `${unsigned("none", n)}.`,
    (n) => `${unsigned("NONE", n)}.${signature}`,
    (n) => signText(own, "{", String(n)),
    (n) => `${head}.${claims}.${n}`,
    (n) => `garbage-${n}`,
    (n) => `${n}.${n}.${n}`,
  ];
}

describe("a storm of bad tokens", { timeout: 120_000 }, () => {
  const BAD = 5000;

  it("is refused at the edge: 5,000 of them, of twelve kinds, make no call to an account and none to the origin", async () => {
    await gate.grant("target", 100);
    const good = await gate.token("target");
    const before = await tally();
    // Made as the bad ones are, but for what is bad about them.
    const alike = signClaims(gateKey(gate), ofTarget(0));
    expect((await gate.call("/v1/cheap", { token: alike })).status).toBe(200);
    await gate.settled("target");
    const counted = await tally();
    // The count counts: one call that is paid for is a hold and a capture.
    expect(counted.calls["hold"]).toBe((before.calls["hold"] ?? 0) + 1);
    expect(counted.calls["capture"]).toBe((before.calls["capture"] ?? 0) + 1);
    expect(counted.changedRows).toBeGreaterThan(before.changedRows);

    const hits = gate.origin.hits.length;
    const makers = badTokens(good);
    const statuses = await storm(BAD, CALLERS, async (n) => {
      const token = makers[n % makers.length]?.(n) ?? "";
      const response = await fetch(`${gate.url}/v1/cheap`, { headers: { authorization: `Bearer ${token}` } });
      await response.arrayBuffer();
      return response.status;
    });
    expect(statuses.filter((status) => status === 401)).toHaveLength(BAD);
    expect(gate.origin.hits.length - hits).toBe(0);
    expect(await tally()).toEqual(counted);
  });
});

describe("a storm of calls that nobody pays for", { timeout: 120_000 }, () => {
  const UNPAID = 1500;

  it("writes nothing to any ledger, and never reaches the origin", async () => {
    await gate.grant("poor", 99);
    const tokens = [undefined, await gate.token("poor"), await gate.token("stranger")];
    const before = { journal: await gate.entries("poor"), account: await gate.account("poor"), tally: await tally() };
    const hits = gate.origin.hits.length;
    const replies = await storm(UNPAID, CALLERS, async (n) => {
      const token = tokens[n % tokens.length];
      return gate.call("/v1/expensive", token === undefined ? {} : { token });
    });
    const after = await tally();
    expect(replies.filter(({ status }) => status === 402)).toHaveLength(UNPAID);
    // The ledger was asked where somebody might have paid, a few times a second; the edge remembers what it said.
    const asked = (after.calls["hold"] ?? 0) - (before.tally.calls["hold"] ?? 0);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(UNPAID / 3);
    expect(sumOf(after) - sumOf(before.tally)).toBe(asked);
    expect(after.changedRows).toBe(before.tally.changedRows);
    expect(await gate.entries("poor")).toEqual(before.journal);
    expect(await gate.account("poor")).toEqual({ ...before.account, as_of: expect.any(String) });
    expect((await gate.admin("GET", "/accounts/stranger")).status).toBe(404);
    expect(gate.origin.hits.length - hits).toBe(0);
  });
});
