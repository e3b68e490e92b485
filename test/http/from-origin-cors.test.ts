/** Which pages' scripts may read an answer is for the gate's config to say, whatever the origin says of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

const APP = "https://app.example.com";
const OTHER = "https://other.example.com";
const prices = { "GET /v1/cheap": 1, "POST /v1/cheap": 1, "GET /v1/free": "free" } as unknown as Config["prices"];

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate({ config: { prices, cors: { origins: [APP, OTHER] } } });
  await gate.grant("browser", 1000);
  token = await gate.token("browser");
});
afterAll(async () => gate.close());

function expectReadable(reply: Reply, origin: string): void {
  expect(reply.headers["access-control-allow-origin"]).toBe(origin);
  expect(reply.headers["access-control-expose-headers"]).toContain("Credits-Charged");
  expect(reply.headers["vary"]).toBe("Origin");
  expect(reply.headers).not.toHaveProperty("access-control-allow-credentials");
}

function expectUnreadable(reply: Reply): void {
  expect(reply.headers).not.toHaveProperty("access-control-allow-origin");
  expect(reply.headers).not.toHaveProperty("access-control-expose-headers");
  expect(reply.headers["vary"]).toBe("Origin");
}

describe("a list of sites", () => {
  it.each([APP, OTHER])("lets %s read a paid answer and a refusal", async (origin) => {
    const headers = { origin };
    const { reply, ...seen } = await gate.see("browser", "/v1/cheap", { token, headers });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expectReadable(reply, origin);
    for (const refusal of [
      gate.call("/v1/cheap", { headers }),
      gate.call("/v1/none", { headers }),
      gate.call("/v1/cheap", { headers, token: "x" }),
    ])
      expectReadable(await refusal, origin);
  });

  it.each([
    "https://evil.example",
    `${APP}.evil.example`,
    `${APP}:8443`,
    APP.toUpperCase(),
    "http://app.example.com",
    "null",
    undefined,
  ])("lets %s read nothing, and tells caches that it depends on who asks", async (origin) => {
    const headers = origin === undefined ? {} : { origin };
    const { reply, ...seen } = await gate.see("browser", "/v1/cheap", { token, headers });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expectUnreadable(reply);
    expectUnreadable(await gate.call("/v1/cheap", { headers }));
  });

  it("does not let the origin say otherwise", async () => {
    gate.origin.answer = status(200, {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "Set-Cookie",
      vary: "Accept-Encoding, Cookie",
    });
    const stranger = await gate.see("browser", "/v1/cheap", { token, headers: { origin: "https://evil.example" } });
    const friend = await gate.see("browser", "/v1/cheap", { token, headers: { origin: APP } });
    gate.origin.answer = ok;
    expectUnreadable(stranger.reply);
    expectReadable(friend.reply, APP);
  });

  it("answers a preflight itself, free of charge, for those sites alone", async () => {
    const ask = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
    for (const path of ["/v1/cheap", "/v1/free", "/v1/none"]) {
      const friend = await gate.see("browser", path, { method: "OPTIONS", token, headers: { ...ask, origin: APP } });
      expect(friend).toMatchObject({ status: 204, hits: 0, entries: [], delta: 0 });
      expectReadable(friend.reply, APP);
      expect(friend.reply.headers["access-control-allow-headers"]).toContain("Authorization");
      expect(friend.reply.headers["access-control-allow-methods"]).toContain("POST");
      const stranger = await gate.see("browser", path, {
        method: "OPTIONS",
        token,
        headers: { ...ask, origin: "https://evil.example" },
      });
      expect(stranger).toMatchObject({ status: 204, hits: 0, entries: [], delta: 0 });
      expectUnreadable(stranger.reply);
    }
  });

  it("never lets a page read the operator's API", async () => {
    for (const path of ["/_farebox/accounts", "/_farebox/accounts/browser", "/_farebox/tokens/x"]) {
      const reply = await gate.call(path, { token: gate.adminToken, headers: { origin: APP } });
      expect(reply.headers).not.toHaveProperty("access-control-allow-origin");
      const preflight = await gate.call(path, {
        method: "OPTIONS",
        headers: { origin: APP, "access-control-request-method": "PUT" },
      });
      expect(preflight.headers).not.toHaveProperty("access-control-allow-origin");
    }
  });
});
