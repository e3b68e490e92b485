/** What a caller sees when the origin refuses or fails: its own words, at no charge. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/expensive": 100,
    "GET /v1/refusals": { credits: 100, chargeOn: "2xx-4xx" },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
});
afterAll(async () => gate.close());

describe("500 and 4xx of the origin", () => {
  // oxfmt-ignore
  const codes = [400, 403, 404, 405, 407, 409, 410, 413, 418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 508, 520, 599];
  it.each(codes)("passes a %i through unchanged and charges nothing", async (code) => {
    const account = `fails-${code}`;
    await gate.grant(account, 500);
    const headers = { "content-type": "application/vnd.error+json", "retry-after": "7", "x-reason": "because" };
    gate.origin.answer = status(code, headers, '{"error":"of the origin"}');
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(reply.body).toBe('{"error":"of the origin"}');
    expect(reply.headers).toMatchObject({ ...headers, "credits-charged": "0", "credits-remaining": "500" });
    expect(reply.headers["cache-control"]).toBe("private, no-store");
  });

  it("keeps its rule on every run", async () => {
    await gate.grant("again", 100);
    const token = await gate.token("again");
    gate.origin.answer = status(404);
    for (let n = 0; n < 10; n++) {
      const { reply: _, ...seen } = await gate.see("again", "/v1/expensive", { token });
      expect(seen).toEqual({ status: 404, hits: 1, entries: ["hold", "void"], delta: 0 });
    }
    gate.origin.answer = ok;
  });

  it("has the credits back before the caller hears of the failure", async () => {
    await gate.grant("retries", 100);
    const token = await gate.token("retries");
    for (let n = 0; n < 10; n++) {
      gate.origin.answer = status(n % 2 === 0 ? 500 : 404);
      expect((await gate.call("/v1/expensive", { token })).headers["credits-charged"]).toBe("0");
      // No pause: what was held must be available by now.
    }
    gate.origin.answer = ok;
    expect((await gate.call("/v1/expensive", { token })).status).toBe(200);
    await gate.settled("retries");
    expect(await gate.account("retries")).toMatchObject({ available: 0, held: 0, captured: 100 });
  });

  it("never reports more than one end for a hold", async () => {
    await gate.grant("mixed", 10_000);
    const token = await gate.token("mixed");
    gate.origin.answer = (request, response) => {
      response.writeHead(request.url?.endsWith("5") ? 500 : 200).end();
    };
    await Promise.all(Array.from({ length: 40 }, async (_, n) => gate.call(`/v1/expensive?${n}`, { token })));
    gate.origin.answer = ok;
    await gate.settled("mixed");
    const entries = await gate.entries("mixed");
    const ends = entries.filter(({ kind }) => kind === "capture" || kind === "void").map(({ ref }) => String(ref));
    expect(ends).toHaveLength(40);
    expect(new Set(ends).size).toBe(40);
    expect(await gate.account("mixed")).toMatchObject({ available: 10_000 - 3600, captured: 3600 });
  });
});

describe('chargeOn: "2xx-4xx"', () => {
  it.each([400, 403, 404, 409, 422, 429, 499])("charges a %i of the origin and passes it through", async (code) => {
    const account = `charged-${code}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(code, {}, "no");
    const { reply, ...seen } = await gate.see(account, "/v1/refusals", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "400" });
    expect(reply.body).toBe("no");
  });

  it.each([500, 502, 503, 599])("charges nothing for a %i all the same", async (code) => {
    const account = `uncharged-${code}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(code);
    const { reply, ...seen } = await gate.see(account, "/v1/refusals", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(reply.headers["credits-charged"]).toBe("0");
  });

  it.each([401, 402])("charges nothing for a %i, which is about the gate's own credentials", async (code) => {
    const account = `ours-${code}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(code);
    const { reply: _, ...seen } = await gate.see(account, "/v1/refusals", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
  });
});
