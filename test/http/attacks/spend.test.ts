/** Attacks on the sum: races through a slow ledger, refunds of what was not charged, and everything at once. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectNoStore, paid } from "../../support/columns.ts";
import { suffering } from "../../support/faults.ts";
import { startGate, type Reply, type Seen, type TestGate } from "../../support/gate.ts";
import { ok, status } from "../../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

const together = async <T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, n) => call(n)));
const count = (replies: readonly Reply[], code: number): number =>
  replies.filter((reply) => reply.status === code).length;
/** What an account's journal says happened, and whether it adds up to the balance. */
async function expectSound(at: TestGate, account: string): Promise<Record<string, number>> {
  const kinds: Record<string, number> = {};
  const sum = { available: 0, held: 0 };
  for (const { kind, amount, held, balance } of await at.entries(account)) {
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    sum.held += held;
    sum.available += amount - held;
    expect(balance).toEqual(sum);
    expect(Math.min(sum.available, sum.held)).toBeGreaterThanOrEqual(0);
  }
  const view = await at.account(account);
  expect(view).toMatchObject(sum);
  expect(view.granted).toBe(view.available + view.held + view.captured + view.expired + view.reversed);
  return kinds;
}

describe("a ledger and a KV that answer 50 ms late", () => {
  it("serve exactly what is paid for of 40 calls at once, and charge each of those once", async () => {
    const slow = await startGate(suffering({ ledgerDelayMs: 50, kvDelayMs: 50 }));
    await slow.grant("slow", 5);
    const token = await slow.token("slow");
    const replies = await together(40, async () => slow.call("/v1/cheap", { token }));
    await slow.settled("slow");
    expect([count(replies, 200), count(replies, 402), slow.origin.hits.length]).toEqual([5, 35, 5]);
    expect(await expectSound(slow, "slow")).toEqual({ grant: 1, hold: 5, capture: 5 });
    expect(await slow.account("slow")).toMatchObject({ available: 0, captured: 5 });
    for (const reply of replies) expectNoStore(reply);
    await slow.close();
  });
});

describe("a ledger that Cloudflare calls overloaded", () => {
  it("makes a call 503 with a time to try again: never free, never 402, and nothing of it reaches the origin", async () => {
    const busy = await startGate(suffering({ overloadedBy: ["hold"] }));
    await busy.grant("busy", 100);
    const token = await busy.token("busy");
    const { reply, ...seen } = await busy.see("busy", "/v1/cheap", { token });
    const poor = await busy.see("nobody", "/v1/cheap", { token: await busy.token("nobody") });
    await busy.close();
    expect(seen).toEqual({ status: 503, hits: 0, entries: [], delta: 0 });
    expect(poor).toMatchObject({ status: 503, hits: 0, entries: [], delta: 0 });
    expect(reply.json().code).toBe("ledger_unavailable");
    expect(Number(reply.headers["retry-after"])).toBeGreaterThan(0);
    expect(reply.headers).not.toHaveProperty("credits-charged");
    expectNoStore(reply);
  });
});

/** An account that paid 100 of its 500 credits for a call; the call's id. */
async function charged(account: string): Promise<string> {
  await gate.grant(account, 500);
  const seen = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
  expect(seen).toMatchObject(paid(100));
  return String(seen.reply.headers["request-id"]);
}
/** Sends a refund and judges what it did to `account` by the four columns. */
async function refund(account: string, id: string, body: object | string): Promise<Seen> {
  return gate.see(account, `/_farebox/accounts/${account}/refunds/${id}`, {
    method: "PUT",
    token: gate.adminToken,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
const refused = (code: number): object => ({ status: code, hits: 0, entries: [], delta: 0 });

describe("a refund", () => {
  it("comes to no more than its charge, in whatever parts and however often it is sent", async () => {
    const request_id = await charged("parts");
    const steps: [id: string, credits: number, expected: object][] = [
      ["r0", 101, refused(409)],
      ["r1", 60, { status: 200, hits: 0, entries: ["refund"], delta: 60 }],
      ["r2", 60, refused(409)],
      ["r1", 60, refused(200)],
      ["r1", 40, refused(409)],
      ["r2", 40, { status: 200, hits: 0, entries: ["refund"], delta: 40 }],
      ["r3", 1, refused(409)],
    ];
    for (const [id, credits, expected] of steps) {
      const { reply, ...seen } = await refund("parts", id, { request_id, credits });
      expect(seen).toEqual(expected);
      expectNoStore(reply);
    }
    expect(await gate.account("parts")).toMatchObject({ available: 500, granted: 600, captured: 100 });
  });

  it.each(["-1", "0", "0.5", "1e-7", "NaN", "Infinity", "1e400", '"60"', "true", "[60]", "9007199254740993"])(
    "of %s is refused, and moves nothing",
    async (credits) => {
      const account = `odd-${credits.replaceAll(/\W/g, "_")}`;
      const request_id = await charged(account);
      const { reply, ...seen } = await refund(account, "r", `{"request_id":"${request_id}","credits":${credits}}`);
      expect(seen).toEqual(refused(400));
      expectNoStore(reply);
    },
  );

  it("of a call that was voided is refused, and moves nothing", async () => {
    await gate.grant("voided", 500);
    gate.origin.answer = status(500);
    const failed = await gate.see("voided", "/v1/expensive", { token: await gate.token("voided") });
    expect(failed).toMatchObject({ status: 500, entries: ["hold", "void"], delta: 0 });
    const request_id = failed.reply.headers["request-id"];
    for (const body of [{ request_id }, { request_id, credits: 1 }])
      expect(await refund("voided", "r", body)).toMatchObject(refused(409));
  });

  it("of a call whose hold expired uncharged is refused, and moves nothing", async () => {
    const lossy = await startGate(suffering({ lost: ["capture"] }, { config: { holdTtlSeconds: 2 } }));
    await lossy.grant("expired", 500);
    const call = await lossy.call("/v1/expensive", { token: await lossy.token("expired") });
    await expect.poll(async () => (await lossy.account("expired")).held, { timeout: 6000 }).toBe(0);
    const seen = await lossy.see("expired", "/_farebox/accounts/expired/refunds/r", {
      method: "PUT",
      token: lossy.adminToken,
      body: JSON.stringify({ request_id: call.headers["request-id"] }),
    });
    expect(seen).toMatchObject(refused(409));
    expect(await expectSound(lossy, "expired")).toEqual({ grant: 1, hold: 1, expire: 1 });
    await lossy.close();
  });

  it("of another account's charge finds nothing, as of a charge that never was, and moves nothing of either", async () => {
    const request_id = await charged("owner");
    await gate.grant("thief", 10);
    const before = await gate.entries("owner");
    for (const id of [request_id, "req_00000000-0000-0000-0000-000000000000"])
      expect(await refund("thief", "r", { request_id: id })).toMatchObject(refused(404));
    expect(await gate.entries("owner")).toEqual(before);
    expect((await gate.account("owner")).available).toBe(400);
  });
});

describe("calls, failures, top-ups, refunds and reversals at the same moment", () => {
  it.each([1, 2, 3])("leave the law of conservation whole and no balance negative (round %d)", async (round) => {
    const account = `storm-${round}`;
    const grant = (id: string): string => `/accounts/${account}/grants/${id}`;
    for (let n = 0; n < 4; n++) await gate.admin("PUT", grant(`g${n}`), { credits: 60 });
    const token = await gate.token(account);
    const first = await together(3, async () => gate.call("/v1/items/1", { token }));
    const ids = first.map(({ headers }) => headers["request-id"]);
    gate.origin.answer = (request, response) => {
      response.writeHead(request.url?.endsWith("3") ? 500 : 200).end();
    };
    const hits = gate.origin.hits.length;
    const [replies] = await Promise.all([
      together(60, async (n) => gate.call(`/v1/items/${n % 4}`, { token })),
      together(12, async (n) => gate.admin("PUT", `/accounts/${account}/refunds/r${n}`, { request_id: ids[n % 3] })),
      together(4, async (n) => gate.admin("DELETE", grant(`g${n}`))),
      together(8, async (n) => gate.admin("PUT", grant(`more-${n % 4}`), { credits: 15 })),
    ]);
    await gate.settled(account);
    const kinds = await expectSound(gate, account);
    const served = count(replies, 200);
    expect(served + count(replies, 500) + count(replies, 402)).toBe(60);
    expect(gate.origin.hits.length - hits).toBe(served + count(replies, 500));
    // Each charge was given back once at most, each grant came once and was taken back once.
    expect(kinds).toMatchObject({ grant: 8, refund: 3, capture: 3 + served, hold: 3 + served + count(replies, 500) });
    expect((await gate.account(account)).captured).toBe(5 * (3 + served));
  });
});
