/** Proves what anybody may learn without a token: that the gate is ready, its prices, its problems and its public keys. */
import { calculateJwkThumbprint } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MEANINGS } from "../../src/gate/meaning.ts";
import { makeSigningKey } from "../../scripts/secrets.ts";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";

const PUBLIC_URL = "https://api.example.com";
const signingKeys = [makeSigningKey(), makeSigningKey()];
const UPSTREAM_SECRET = "the-origins-own-credential";
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({
    config: {
      name: "Tea API",
      publicUrl: PUBLIC_URL,
      prices: {
        "GET /v1/cheap": 1,
        "POST /v1/items/:id": { credits: 500, scope: "write", timeoutSeconds: 5, chargeOn: "2xx-4xx" },
        "GET /v1/status": "free",
        "GET /v1/members": { credits: "free", scope: "members" },
      } as never,
      plans: { pro: { includes: ["GET /v1/cheap"] }, team: { includes: ["GET /v1/cheap", "POST /v1/items/:id"] } },
      unlisted: 7 as never,
      payments: { topUpUrl: "https://pay.example.com/?account={account}" },
      support: "mailto:help@example.com",
    },
    bindings: { FAREBOX_SIGNING_KEY: `{"keys":[${signingKeys.join(",")}]}`, UPSTREAM: UPSTREAM_SECRET },
  });
});
afterAll(async () => gate.close());

const get = async (path: string): Promise<Reply> => gate.call(path);

describe.each(["/_farebox/health", "/_farebox/prices", "/_farebox/problems", "/.well-known/jwks.json"])(
  "%s",
  (path) => {
    it("is for anybody, browsers' scripts too, and is not kept by caches", async () => {
      const reply = await gate.call(path, { headers: { origin: "https://app.example.com" } });
      expect(reply.status).toBe(200);
      expect(reply.headers).toMatchObject({ "access-control-allow-origin": "*", "cache-control": "private, no-store" });
      expect(reply.headers["request-id"]).toMatch(/^req_/);
    });

    it("looks at no token", async () => {
      for (const authorization of ["Bearer not.a.token", "Basic YTpi"])
        expect((await gate.call(path, { headers: { authorization } })).status).toBe(200);
    });

    it("answers HEAD without a body, and never asks the origin", async () => {
      const reply = await gate.call(path, { method: "HEAD" });
      expect([reply.status, reply.body]).toEqual([200, ""]);
      expect(gate.origin.hits).toEqual([]);
    });
  },
);

describe("health", () => {
  it("says ready, and no more", async () => {
    expect((await get("/_farebox/health")).json()).toEqual({ status: "ready" });
  });

  it("names what is wrong and how to mend it, never a value, and everything else is 503", async () => {
    const bad = await startGate({
      config: { origin: { url: "https://user:hunter2@origin.example.com" }, payments: { topUpUrl: "http://hunter3" } },
      bindings: { FAREBOX_ADMIN_TOKEN: "hunter4", FAREBOX_SIGNING_KEY: '{"hunter5":1}' },
      without: ["KV", "ACCOUNTS"],
      origin: gate.origin,
    });
    const health = await bad.call("/_farebox/health");
    const others = ["/_farebox/prices", "/.well-known/jwks.json", "/_farebox/accounts", "/v1/cheap", "/v1/nothing"];
    const replies = await Promise.all(others.map(async (path) => bad.call(path, { token: "hunter4" })));
    await bad.close();
    expect(health.status).toBe(503);
    const { status, mistakes } = health.json();
    expect(status).toBe("misconfigured");
    const keys = mistakes.map(({ key }: { key: string }) => key);
    for (const key of ["origin.url", "payments.topUpUrl", "binding KV", "binding ACCOUNTS"])
      expect(keys).toContain(key);
    for (const name of ["FAREBOX_ADMIN_TOKEN", "FAREBOX_SIGNING_KEY"]) expect(keys).toContain(`secret ${name}`);
    for (const { mend } of mistakes) expect(mend).toMatch(/\w/);
    expect(health.body).not.toContain("hunter");
    for (const reply of replies) {
      expect(reply.json()).toMatchObject({ status: 503, code: "gate_misconfigured", retryable: false });
      expect(reply.headers["cache-control"]).toContain("no-store");
      expect(reply.body).not.toContain("hunter");
    }
    expect(gate.origin.hits).toEqual([]);
  });
});

describe("prices", () => {
  it("are the config's: prices, scopes, plans, what is unlisted, where to pay, and nothing else of it", async () => {
    expect((await get("/_farebox/prices")).json()).toEqual({
      name: "Tea API",
      credit: { usd: "0.000001" },
      prices: [
        { method: "GET", path: "/v1/cheap", credits: 1 },
        { method: "POST", path: "/v1/items/:id", credits: 500, scope: "write" },
        { method: "GET", path: "/v1/status", credits: 0 },
        { method: "GET", path: "/v1/members", credits: 0, scope: "members" },
      ],
      unlisted: 7,
      plans: [
        { name: "pro", includes: ["GET /v1/cheap"] },
        { name: "team", includes: ["GET /v1/cheap", "POST /v1/items/:id"] },
      ],
      payments: [{ rel: "payment", href: "https://pay.example.com/?account=", title: "Add credits" }],
    });
  });

  it("are what a call is asked for, listed or not", async () => {
    for (const [path, price] of [
      ["/v1/cheap", 1],
      ["/v1/unheard-of", 7],
    ] as const) {
      const reply = await get(path);
      expect(reply.json()).toMatchObject({ status: 402, code: "payment_required", price });
    }
    expect(gate.origin.hits).toEqual([]);
  });
});

describe("problems", () => {
  const codes = Object.keys(MEANINGS).sort();

  it("list every code the gate refuses with, once", async () => {
    const { problems } = (await get("/_farebox/problems")).json();
    expect(problems.map(({ code }: { code: string }) => code).sort()).toEqual(codes);
  });

  it.each(codes)("explain %s at the address its type names", async (code) => {
    const { problems } = (await get("/_farebox/problems")).json();
    const reply = await get(`/_farebox/problems/${code}`);
    const problem = reply.json();
    expect(reply.status).toBe(200);
    expect(problem).toEqual(problems.find((listed: { code: string }) => listed.code === code));
    expect(problem).toEqual({
      type: `${PUBLIC_URL}/_farebox/problems/${code}`,
      code,
      status: expect.any(Number),
      title: expect.stringMatching(/\w/),
      retryable: expect.any(Boolean),
      about: expect.stringMatching(/\S\.$/),
    });
    expect(problem.status).toBeGreaterThanOrEqual(400);
  });

  it.each(["nothing", "Payment_Required", "constructor", "__proto__", "toString", "%00", "a%2Fb"])(
    "do not know %s",
    async (code) => {
      const reply = await get(`/_farebox/problems/${code}`);
      expect([reply.status, reply.json().code]).toEqual([404, "not_found"]);
    },
  );

  it("are where a refusal's type and docs_url lead, with the same status and title", async () => {
    const refusals = [
      await get("/v1/cheap"),
      await get("/_farebox/balance"),
      await get("/_farebox/nothing"),
      await get("/_farebox/accounts"),
      await get("//v1/cheap"),
      await gate.call("/_farebox/health", { method: "POST" }),
      await gate.call("/v1/cheap", { token: "not.a.token" }),
    ];
    for (const refusal of refusals) {
      const { type, docs_url, code, status, title, retryable } = refusal.json();
      expect([type, status]).toEqual([docs_url, refusal.status]);
      const page = (await get(type.slice(PUBLIC_URL.length))).json();
      expect(page).toMatchObject({ type, code, status, title, retryable });
    }
  });
});

describe("the key set", () => {
  it("holds every signing key's public half, and nothing private", async () => {
    const reply = await get("/.well-known/jwks.json");
    expect(reply.headers["content-type"]).toBe("application/jwk-set+json");
    const expected = await Promise.all(
      signingKeys.map(async (text) => {
        const { d: _, ...jwk } = JSON.parse(text);
        return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: "EdDSA", use: "sig" };
      }),
    );
    expect(reply.json()).toEqual({ keys: expected });
    for (const text of signingKeys) expect(reply.body).not.toContain(JSON.parse(text).d);
  });
});
