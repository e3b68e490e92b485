/** Proves that a refund gives back a charge of the account at most once over, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());

/** An account that paid 100 of its 500 credits for one call. */
async function charged(account: string): Promise<string> {
  await gate.grant(account, 500);
  const token = await gate.token(account);
  gate.origin.answer = ok;
  const seen = await gate.see(account, "/v1/expensive", { token });
  expect(seen).toMatchObject({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
  return String(seen.reply.headers["request-id"]);
}
async function refund(account: string, id: string, body: unknown): Promise<Reply> {
  return gate.admin("PUT", `/accounts/${account}/refunds/${id}`, body);
}
const available = async (account: string): Promise<number> => (await gate.account(account)).available;

describe("PUT refunds/{id}", () => {
  it("gives back all that is left of the charge when no amount is named", async () => {
    const request_id = await charged("all");
    const reply = await refund("all", "r1", { request_id });
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({
      account: "all",
      id: "r1",
      request_id,
      credits: 100,
      replayed: false,
      balance: { available: 500, held: 0 },
    });
  });

  it("writes one entry that names the refund, the call and its route", async () => {
    const request_id = await charged("entry");
    await refund("entry", "r1", { request_id, credits: 30 });
    expect((await gate.entries("entry")).at(-1)).toMatchObject({
      kind: "refund",
      amount: 30,
      held: 0,
      ref: "r1",
      request_id,
      route: "GET /v1/expensive",
      balance: { available: 430, held: 0 },
    });
  });

  it("gives back credits that pay for the next call", async () => {
    await gate.grant("again", 100);
    const token = await gate.token("again");
    const first = await gate.see("again", "/v1/expensive", { token });
    expect((await gate.see("again", "/v1/expensive", { token })).status).toBe(402);
    await refund("again", "r1", { request_id: first.reply.headers["request-id"] });
    expect(await gate.see("again", "/v1/expensive", { token })).toMatchObject({ status: 200, hits: 1, delta: -100 });
  });

  it("gives back parts until the charge is used up, and then no more", async () => {
    const request_id = await charged("parts");
    expect((await refund("parts", "r1", { request_id, credits: 60 })).status).toBe(200);
    const over = await refund("parts", "r2", { request_id, credits: 60 });
    expect([over.status, over.json().code]).toEqual([409, "conflict"]);
    expect(over.json().detail).toContain("40 credits");
    expect(await available("parts")).toBe(460);
    expect((await refund("parts", "r2", { request_id })).json()).toMatchObject({ credits: 40, replayed: false });
    expect((await refund("parts", "r3", { request_id })).status).toBe(409);
    expect((await refund("parts", "r3", { request_id, credits: 1 })).status).toBe(409);
    expect(await available("parts")).toBe(500);
  });

  it("refuses more than the charge, and writes nothing", async () => {
    const request_id = await charged("more");
    const before = await gate.entries("more");
    expect((await refund("more", "r1", { request_id, credits: 101 })).status).toBe(409);
    expect(await gate.entries("more")).toEqual(before);
    expect(await available("more")).toBe(400);
  });

  it("gives back once when it is sent again", async () => {
    const request_id = await charged("twice");
    const first = (await refund("twice", "r1", { request_id, credits: 60 })).json();
    const again = (await refund("twice", "r1", { request_id, credits: 60 })).json();
    expect(again).toEqual({ ...first, replayed: true });
    expect(await available("twice")).toBe(460);
  });

  it("gives back once however many send it at the same time, and never more than the charge", async () => {
    const request_id = await charged("crowd");
    const same = Array.from({ length: 10 }, async () => refund("crowd", "same", { request_id, credits: 30 }));
    const others = Array.from({ length: 10 }, async (_, n) => refund("crowd", `r${n}`, { request_id, credits: 30 }));
    const statuses = (await Promise.all([...same, ...others])).map((reply) => reply.status);
    expect(statuses.every((code) => code === 200 || code === 409)).toBe(true);
    expect(await available("crowd")).toBe(490);
    const refunds = (await gate.entries("crowd")).filter(({ kind }) => kind === "refund");
    expect(refunds.map(({ amount }) => amount)).toEqual([30, 30, 30]);
  });

  it.each([
    ["amount", { credits: 61 }],
    ["all that is left", {}],
  ])("refuses an id that was used before, with another amount: %s", async (name, other) => {
    const account = `conflict-${name.length}`;
    const request_id = await charged(account);
    await refund(account, "r1", { request_id, credits: 60 });
    const reply = await refund(account, "r1", { request_id, ...other });
    expect([reply.status, reply.json().code]).toEqual([409, "grant_conflict"]);
    expect(await available(account)).toBe(460);
  });

  it("refuses an id that was used for another call", async () => {
    const request_id = await charged("conflict-call");
    await refund("conflict-call", "r1", { request_id, credits: 60 });
    const second = await charged("conflict-call");
    const reply = await refund("conflict-call", "r1", { request_id: second, credits: 60 });
    expect([reply.status, reply.json().code]).toEqual([409, "grant_conflict"]);
    expect(await available("conflict-call")).toBe(860);
  });

  it("keeps the ids of refunds and of grants apart", async () => {
    const request_id = await charged("apart");
    await gate.admin("PUT", "/accounts/apart/grants/one", { credits: 7 });
    expect((await refund("apart", "one", { request_id, credits: 60 })).json()).toMatchObject({ replayed: false });
    expect(await available("apart")).toBe(467);
    expect((await gate.admin("DELETE", "/accounts/apart/grants/one")).json()).toMatchObject({ reversed: 7 });
  });

  it("answers 404 for another account's call, as for one that never was, and moves nothing", async () => {
    const request_id = await charged("owner");
    await gate.grant("thief", 10);
    const foreign = await refund("thief", "r1", { request_id });
    const made_up = await refund("thief", "r1", { request_id: "req_00000000-0000-0000-0000-000000000000" });
    for (const reply of [foreign, made_up]) {
      const { request_id: _, ...problem } = reply.json();
      expect(problem).toMatchObject({ status: 404, code: "not_found", detail: "There is no such charge." });
    }
    expect([await available("owner"), await available("thief")]).toEqual([400, 10]);
    expect((await gate.entries("thief")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("answers 404 for an account nobody knows, and does not make it", async () => {
    expect((await refund("nobody", "r1", { request_id: "req_1" })).status).toBe(404);
    expect((await gate.admin("GET", "/accounts/nobody")).status).toBe(404);
  });

  it("refuses to refund a call that was not charged", async () => {
    await gate.grant("free", 500);
    gate.origin.answer = status(500);
    const failed = await gate.see("free", "/v1/expensive", { token: await gate.token("free") });
    expect(failed).toMatchObject({ status: 500, hits: 1, entries: ["hold", "void"], delta: 0 });
    const reply = await refund("free", "r1", { request_id: failed.reply.headers["request-id"] });
    expect([reply.status, reply.json().code]).toEqual([409, "conflict"]);
    expect(await available("free")).toBe(500);
  });

  it("refuses to refund a call still in flight", async () => {
    await gate.grant("flight", 500);
    const finishing = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      await finishing.promise;
      response.end("ok");
    };
    const call = gate.call("/v1/expensive", { token: await gate.token("flight") });
    await expect.poll(async () => (await gate.account("flight")).held).toBe(100);
    const request_id = (await gate.entries("flight")).at(-1).ref;
    const reply = await refund("flight", "r1", { request_id });
    finishing.resolve();
    await call;
    expect([reply.status, reply.json().code]).toEqual([409, "conflict"]);
    await gate.settled("flight");
    expect(await available("flight")).toBe(400);
  });

  it("is not used up by a refusal", async () => {
    const request_id = await charged("retry");
    expect((await refund("retry", "r1", { request_id, credits: 101 })).status).toBe(409);
    expect((await refund("retry", "r1", { request_id, credits: 100 })).json()).toMatchObject({ replayed: false });
    expect(await available("retry")).toBe(500);
  });

  it.each([
    ["credits", { credits: 0 }],
    ["credits", { credits: -1 }],
    ["credits", { credits: 0.5 }],
    ["credits", { credits: 1.5 }],
    ["credits", { credits: "60" }],
    ["credits", { credits: 1e13 }],
    ["credits", { credits: 1e21 }],
    ["credits", '{"request_id":"REQUEST","credits":1e400}'],
    ["JSON object", '{"request_id":"REQUEST","credits":NaN}'],
    ["distinct", '{"request_id":"REQUEST","credits":1,"credits":2}'],
    ["amount", { amount: 60 }],
    ["request_id", { request_id: undefined }],
    ["request_id", { request_id: "" }],
    ["request_id", { request_id: null }],
    ["request_id", { request_id: 5 }],
  ])("names the mistake in %s %j, and moves nothing", async (named, body) => {
    const account = `bad-${JSON.stringify(body).replace(/\W/g, "")}`;
    const request_id = await charged(account);
    const sent = typeof body === "string" ? body.replace("REQUEST", request_id) : { request_id, ...body };
    const reply = await refund(account, "r1", sent);
    expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
    expect(reply.json().detail).toContain(named);
    expect(await available(account)).toBe(400);
  });
});
