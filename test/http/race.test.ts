/** That calls made at the same moment never spend more than there is, and never less than they were served. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startGate, type CallOptions, type Reply, type TestGate } from "../support/gate.ts";
import { ok } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { plans: { pro: { includes: ["GET /v1/items/:id"] } } } });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

async function together<T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, async (_, n) => call(n)));
}
function tally(replies: readonly Reply[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
/** What an account's journal says happened. */
async function kinds(account: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind } of await gate.entries(account)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
/** The journal's amounts must add up to the balance, after every entry of it. */
async function expectSound(account: string): Promise<void> {
  const sum = { available: 0, held: 0 };
  for (const { amount, held, balance } of await gate.entries(account)) {
    sum.held += held;
    sum.available += amount - held;
    expect(balance).toEqual(sum);
    expect(Math.min(sum.available, sum.held)).toBeGreaterThanOrEqual(0);
  }
  expect(await gate.account(account)).toMatchObject(sum);
}

describe("calls at the same moment", () => {
  it.each([0, 40])(
    "40 of price 1 on a balance of 5 reach the origin exactly 5 times (origin takes %d ms)",
    async (ms) => {
      const account = `rush-${ms}`;
      await gate.grant(account, 5);
      const token = await gate.token(account);
      gate.origin.answer = async (_request, response) => {
        await sleep(ms);
        response.end("ok");
      };
      const hits = gate.origin.hits.length;
      const replies = await together(40, async () => gate.call("/v1/cheap", { token }));
      await gate.settled(account);
      expect(tally(replies)).toEqual({ 200: 5, 402: 35 });
      expect(gate.origin.hits.length - hits).toBe(5);
      expect(await kinds(account)).toEqual({ grant: 1, hold: 5, capture: 5 });
      expect(await gate.account(account)).toMatchObject({ available: 0, held: 0, captured: 5 });
      for (const reply of replies.filter(({ status }) => status === 402))
        expect(["insufficient_credits", "credits_on_hold"]).toContain(reply.json().code);
      const charged = replies.map(({ headers }) => Number(headers["credits-charged"] ?? 0));
      expect(charged.reduce((a, b) => a + b)).toBe(5);
      await expectSound(account);
    },
  );

  it("two of price 100 on a balance of 100 are served once", async () => {
    await gate.grant("pair", 100);
    const token = await gate.token("pair");
    const hits = gate.origin.hits.length;
    const replies = await together(2, async () => gate.call("/v1/expensive", { token }));
    await gate.settled("pair");
    expect(tally(replies)).toEqual({ 200: 1, 402: 1 });
    expect(gate.origin.hits.length - hits).toBe(1);
    expect(await gate.account("pair")).toMatchObject({ available: 0, held: 0, captured: 100 });
    await expectSound("pair");
  });

  it("of several methods, prices and tokens share one balance", async () => {
    await gate.grant("mixed", 250);
    const tokens = await together(4, async () => gate.token("mixed"));
    const ways: [string, string][] = [
      ["GET", "/v1/expensive"],
      ["HEAD", "/v1/expensive"],
      ["POST", "/v1/expensive"],
      ["GET", "/v1/cheap"],
      ["GET", "/v1/items/1"],
    ];
    const price: Record<string, number> = { "/v1/expensive": 100, "/v1/cheap": 1, "/v1/items/1": 5 };
    const hits = gate.origin.hits.length;
    const paid = await together(40, async (n) => {
      const [method, path] = ways[n % ways.length] ?? ["GET", "/v1/cheap"];
      const options: CallOptions = { method, token: tokens[n % 4] ?? "" };
      return (await gate.call(path, options)).status === 200 ? (price[path] ?? NaN) : 0;
    });
    await gate.settled("mixed");
    const spent = paid.reduce((a, b) => a + b);
    expect(spent).toBeLessThanOrEqual(250);
    expect(gate.origin.hits.length - hits).toBe(paid.filter((credits) => credits > 0).length);
    expect(await gate.account("mixed")).toMatchObject({ available: 250 - spent, held: 0, captured: spent });
    await expectSound("mixed");
  });

  it("with top-ups among them end at the exact sum", async () => {
    await gate.grant("refill", 3);
    const token = await gate.token("refill");
    const [replies] = await Promise.all([
      together(30, async () => gate.call("/v1/cheap", { token })),
      together(10, async () => gate.grant("refill", 2)),
    ]);
    await gate.settled("refill");
    const served = tally(replies)[200] ?? 0;
    expect(served).toBeGreaterThanOrEqual(3);
    expect(served).toBeLessThanOrEqual(23);
    expect(await gate.account("refill")).toMatchObject({
      granted: 23,
      available: 23 - served,
      captured: served,
      held: 0,
    });
    await expectSound("refill");
  });

  it("with one top-up sent many times are topped up once", async () => {
    const token = await gate.token("once");
    const [granted, replies] = await Promise.all([
      together(10, async () => gate.admin("PUT", "/accounts/once/grants/one", { credits: 4 })),
      together(20, async () => gate.call("/v1/cheap", { token })),
    ]);
    await gate.settled("once");
    expect(granted.filter((reply) => reply.json().replayed === false)).toHaveLength(1);
    const served = tally(replies)[200] ?? 0;
    expect(served).toBeLessThanOrEqual(4);
    expect(await gate.account("once")).toMatchObject({ granted: 4, available: 4 - served, captured: served });
  });

  it("that the origin fails give their credits back for others, and nobody pays for a failure", async () => {
    await gate.grant("flaky", 10);
    const token = await gate.token("flaky");
    let turn = 0;
    gate.origin.answer = (_request, response) => void response.writeHead(turn++ % 2 === 0 ? 500 : 200).end();
    const replies = await together(40, async () => gate.call("/v1/cheap", { token }));
    await gate.settled("flaky");
    const counts = tally(replies);
    const served = counts[200] ?? 0;
    expect((counts[200] ?? 0) + (counts[500] ?? 0) + (counts[402] ?? 0)).toBe(40);
    expect(await gate.account("flaky")).toMatchObject({ available: 10 - served, held: 0, captured: served });
    expect(await kinds("flaky")).toEqual({
      grant: 1,
      hold: served + (counts[500] ?? 0),
      ...(served > 0 ? { capture: served } : {}),
      ...(counts[500] === undefined ? {} : { void: counts[500] }),
    });
    await expectSound("flaky");
  });

  it("with a refund of one charge sent many times get it back once", async () => {
    await gate.grant("back", 100);
    const token = await gate.token("back");
    const paid = await gate.call("/v1/expensive", { token });
    await gate.settled("back");
    const request_id = paid.headers["request-id"];
    const [refunds, replies] = await Promise.all([
      together(10, async (n) => gate.admin("PUT", `/accounts/back/refunds/r${n}`, { request_id })),
      together(10, async () => gate.call("/v1/expensive", { token })),
    ]);
    await gate.settled("back");
    expect(tally(refunds)[200]).toBe(1);
    const served = tally(replies)[200] ?? 0;
    expect(served).toBeLessThanOrEqual(1);
    expect(await gate.account("back")).toMatchObject({ granted: 200, available: 100 - 100 * served, held: 0 });
    await expectSound("back");
  });

  it("with a suspension among them are all decided before or after it", async () => {
    await gate.grant("halted", 100);
    const token = await gate.token("halted");
    const hits = gate.origin.hits.length;
    const [replies] = await Promise.all([
      together(30, async () => gate.call("/v1/cheap", { token })),
      gate.admin("PUT", "/accounts/halted/status", { status: "suspended" }),
    ]);
    await gate.settled("halted");
    const served = tally(replies)[200] ?? 0;
    expect(served + (tally(replies)[403] ?? 0)).toBe(30);
    expect(gate.origin.hits.length - hits).toBe(served);
    expect(await gate.account("halted")).toMatchObject({ available: 100 - served, held: 0, captured: served });
    expect((await gate.call("/v1/cheap", { token })).status).toBe(403);
  });

  it("of a plan's route are all free while the plan is being set, or charged before it is", async () => {
    await gate.grant("joining", 1000);
    const token = await gate.token("joining");
    const [replies] = await Promise.all([
      together(30, async () => gate.call("/v1/items/1", { token })),
      gate.admin("PUT", "/accounts/joining/plan", { plan: "pro" }),
    ]);
    await gate.settled("joining");
    expect(tally(replies)).toEqual({ 200: 30 });
    const charged = replies.reduce((sum, { headers }) => sum + Number(headers["credits-charged"]), 0);
    expect((await gate.account("joining")).available).toBe(1000 - charged);
  });
});
