/** What a caller sees when a call is paid for. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { header, ok, status } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/cheap": 1,
    "GET /v1/expensive": 100,
    "POST /v1/expensive": 100,
    "PUT /v1/expensive": 100,
    "PATCH /v1/expensive": 100,
    "DELETE /v1/expensive": 100,
    "GET /v1/items/:id": 5,
    "GET /v1/included": 7,
    "GET /v1/free": "free",
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices, plans: { pro: { includes: ["GET /v1/included"] } } } });
});
afterAll(async () => gate.close());

describe("200", () => {
  it("charges exactly the price, once, and says so", async () => {
    await gate.grant("alice", 500);
    const token = await gate.token("alice");
    const { reply, ...seen } = await gate.see("alice", "/v1/expensive?q=1", { token });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "400" });
    expect(reply.headers["request-id"]).toMatch(/^req_/);
    expect(reply.headers["cache-control"]).toBe("private, no-store");
    expect(reply.body).toBe("ok");
  });

  it.each([200, 201, 202, 203, 205, 206, 226, 299])("charges an answer of %i", async (code) => {
    const account = `status-${code}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(code, { "x-kept": "yes" });
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "400", "x-kept": "yes" });
  });

  it("charges an answer without content", async () => {
    await gate.grant("empty", 500);
    gate.origin.answer = status(204);
    const { reply, ...seen } = await gate.see("empty", "/v1/expensive", { token: await gate.token("empty") });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 204, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.body).toBe("");
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])("charges a %s with its body, and forwards it", async (method) => {
    const account = `method-${method}`;
    await gate.grant(account, 500);
    const token = await gate.token(account);
    const headers = { "content-length": "7" };
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { method, token, headers, body: '{"a":1}' });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(gate.origin.hits.at(-1)).toMatchObject({ method, url: "/v1/expensive", body: '{"a":1}' });
    expect(reply.headers["credits-charged"]).toBe("100");
  });

  it("charges a POST without a body", async () => {
    await gate.grant("bodyless", 500);
    const token = await gate.token("bodyless");
    const { reply: _, ...seen } = await gate.see("bodyless", "/v1/expensive", { method: "POST", token });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(gate.origin.hits.at(-1)).toMatchObject({ method: "POST", body: "" });
  });

  it("charges a HEAD as its GET, forwards it as HEAD, and answers without a body", async () => {
    await gate.grant("head", 500);
    gate.origin.answer = status(200, { "content-length": "2", "x-kept": "yes" });
    const token = await gate.token("head");
    const { reply, ...seen } = await gate.see("head", "/v1/expensive", { method: "HEAD", token });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(gate.origin.hits.at(-1)?.method).toBe("HEAD");
    expect(reply.body).toBe("");
    expect(reply.headers).toMatchObject({ "credits-charged": "100", "content-length": "2", "x-kept": "yes" });
  });

  it("spends the last credits to the last one", async () => {
    await gate.grant("last", 100);
    const token = await gate.token("last");
    const { reply, ...seen } = await gate.see("last", "/v1/expensive", { token });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers["credits-remaining"]).toBe("0");
    expect(await gate.account("last")).toMatchObject({ available: 0, held: 0, captured: 100, granted: 100 });
  });

  it("writes the request's id and route into the journal", async () => {
    await gate.grant("journal", 500);
    const { reply } = await gate.see("journal", "/v1/items/42", { token: await gate.token("journal") });
    const [, hold, capture] = await gate.entries("journal");
    const about = {
      ref: reply.headers["request-id"],
      request_id: reply.headers["request-id"],
      route: "GET /v1/items/:id",
    };
    expect(hold).toMatchObject({ kind: "hold", amount: 0, held: 5, ...about });
    expect(capture).toMatchObject({ kind: "capture", amount: -5, held: -5, ...about });
    expect(header(gate.origin.hits.at(-1), "farebox-request-id")).toBe(reply.headers["request-id"]);
  });

  it("charges nothing for a free route, and asks for no token", async () => {
    await gate.grant("free", 500);
    for (const headers of [{}, { authorization: "Bearer nonsense" }, { authorization: "Basic eDp5" }]) {
      const { reply, ...seen } = await gate.see("free", "/v1/free", { headers });
      expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
      expect(reply.headers["credits-charged"]).toBe("0");
      expect(reply.headers).not.toHaveProperty("credits-remaining");
      expect(header(gate.origin.hits.at(-1), "authorization")).toBeUndefined();
      expect(header(gate.origin.hits.at(-1), "farebox-credits")).toBe("0");
    }
  });

  it("charges nothing for a route that the token's plan includes", async () => {
    await gate.grant("pro", 500);
    const token = await gate.token("pro", { entitlements: ["pro"] });
    const { reply, ...seen } = await gate.see("pro", "/v1/included", { token });
    expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
    expect(reply.headers["credits-charged"]).toBe("0");
    expect(header(gate.origin.hits.at(-1), "farebox-account")).toBe("pro");
    expect(header(gate.origin.hits.at(-1), "farebox-credits")).toBe("0");
  });

  it("charges every partial answer in full", async () => {
    await gate.grant("ranges", 200);
    const token = await gate.token("ranges");
    const hits = gate.origin.hits.length;
    gate.origin.answer = (request, response) => {
      response.writeHead(206, { "content-range": `${request.headers.range?.replace("=", " ")}/9` }).end("x");
    };
    const headers = { range: "bytes=0-0" };
    const replies = await Promise.all(
      Array.from({ length: 40 }, async () => gate.call("/v1/items/1", { token, headers })),
    );
    gate.origin.answer = ok;
    await gate.settled("ranges");
    expect(replies.map((reply) => reply.status)).toEqual(Array.from({ length: 40 }, () => 206));
    expect(replies[0]?.headers["content-range"]).toBe("bytes 0-0/9");
    expect(gate.origin.hits.length - hits).toBe(40);
    expect(await gate.account("ranges")).toMatchObject({ available: 0, captured: 200 });
    // 41st: nothing is left, so nothing is served, not one byte of it.
    const { reply: _, ...seen } = await gate.see("ranges", "/v1/items/1", { token, headers });
    expect(seen).toEqual({ status: 402, hits: 0, entries: [], delta: 0 });
  });

  it("gives every call in parallel an id and a charge of its own", async () => {
    await gate.grant("parallel", 1000);
    const token = await gate.token("parallel");
    const calls = Array.from({ length: 30 }, async (_, n) => gate.call(`/v1/items/${n}`, { token }));
    const ids = (await Promise.all(calls)).map((reply) => String(reply.headers["request-id"]));
    await gate.settled("parallel");
    const captured = (await gate.entries("parallel")).filter((entry) => entry.kind === "capture");
    expect(new Set(ids).size).toBe(30);
    expect(new Set(captured.map((entry) => entry.request_id))).toEqual(new Set(ids));
    expect(captured).toHaveLength(30);
    expect(await gate.account("parallel")).toMatchObject({ available: 850, captured: 150 });
  });
});
