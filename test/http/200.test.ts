/** What a caller sees when a call is paid for. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
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
});
