/** A gate with a mistake in its config, secrets or bindings serves nothing, and says which by name and never by value. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { startGate, type GateOptions, type TestGate } from "../support/gate.ts";
import { startOrigin, type RecordingOrigin } from "../support/origin.ts";

let origin: RecordingOrigin;
beforeAll(async () => {
  origin = await startOrigin();
});
afterAll(async () => origin.close());

const goodKey = JSON.parse(makeSigningKey());
const otherKey = JSON.parse(makeSigningKey());
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
/** In values that must not come out again. */
const TELLTALE = "TELLTALE";
const long = TELLTALE.repeat(5);

const secrets: [name: string, what: string, value: string | undefined][] = [
  ["FAREBOX_ADMIN_TOKEN", "missing", undefined],
  ["FAREBOX_ADMIN_TOKEN", "empty", ""],
  ["FAREBOX_ADMIN_TOKEN", "one character too short", TELLTALE.repeat(4).slice(1)],
  ["FAREBOX_ADMIN_TOKEN", "with a trailing newline", `${long}\n`],
  ["FAREBOX_SIGNING_KEY", "missing", undefined],
  ["FAREBOX_SIGNING_KEY", "not JSON", long],
  ["FAREBOX_SIGNING_KEY", "a public key", JSON.stringify({ ...goodKey, d: undefined })],
  ["FAREBOX_SIGNING_KEY", "an RSA key", JSON.stringify(rsa)],
  ["FAREBOX_SIGNING_KEY", "two halves of two keys", JSON.stringify({ ...goodKey, d: otherKey.d })],
];

const prices = { "GET /v1/expensive": 100, "GET /v1/free": "free" };
const issuer = { issuer: "https://a.example", audience: "b", algorithms: ["EdDSA"] };
// A config that is wrong, and the key that the gate must name.
const configs: [what: string, key: string, config: Record<string, unknown>][] = [
  ["a price of 0", 'prices["GET /v1/zero"]', { prices: { ...prices, "GET /v1/zero": 0 } }],
  ["no price where one must be", 'prices["GET /v1/null"]', { prices: { "GET /v1/null": null }, holdTtlSeconds: 90 }],
  ["overlapping routes", 'prices["GET /v1/:b"]', { prices: { "GET /v1/:a": 1, "GET /v1/:b": 2 } }],
  ["no origin", "origin", { origin: null }],
  ["an origin that is the metadata service", "origin.url", { origin: { url: "https://169.254.169.254" } }],
  ["an origin on this machine", "origin.url", { origin: { url: "https://localhost:8443" } }],
  ["an origin with a password", "origin.url", { origin: { url: `https://user:${long}@origin.example` } }],
  [
    "an origin that is the gate",
    "origin.url",
    { publicUrl: "https://me.example", origin: { url: "https://ME.example:443/" } },
  ],
  [
    "an origin header whose secret is missing",
    "secret ORIGIN_KEY",
    { origin: { url: "https://o.example", headers: { "X-Key": { secret: "ORIGIN_KEY" } } } },
  ],
  [
    "an origin header whose prefix has two lines",
    'origin.headers["X-Key"]',
    {
      origin: {
        url: "https://o.example",
        headers: { "X-Key": { secret: "FAREBOX_ADMIN_TOKEN", prefix: `${long}\n` } },
      },
    },
  ],
  [
    "an origin header whose secret's name is a secret",
    'origin.headers["X-Key"]',
    { origin: { url: "https://o.example", headers: { "X-Key": { secret: `sk-${long}` } } } },
  ],
  [
    "origin headers that are no list of names",
    "origin.headers",
    { origin: { url: "https://o.example", headers: "X-Key: y" } },
  ],
  ["a service binding that is missing", "binding ORIGIN", { origin: { binding: "ORIGIN" } }],
  [
    "holds that end before their calls",
    "holdTtlSeconds",
    { origin: { url: "https://o.example", timeoutSeconds: 1234 }, holdTtlSeconds: 60 },
  ],
  ["an issuer whose key is none", "tokens[0].keys", { tokens: [{ ...issuer, keys: [null] }] }],
];

/** Every path, the free and the gate's own too, and a preflight. */
const PATHS: [method: string, path: string][] = [
  ["GET", "/v1/free"],
  ["GET", "/v1/expensive"],
  ["HEAD", "/v1/expensive"],
  ["GET", "/v1/unlisted"],
  ["GET", "//not//canonical"],
  ["OPTIONS", "/v1/expensive"],
  ["GET", "/.well-known/jwks.json"],
  ["GET", "/_farebox/prices"],
  ["GET", "/_farebox/balance"],
  ["GET", "/_farebox/problems"],
  ["PUT", "/_farebox/accounts/a/grants/g"],
  ["POST", "/_farebox/accounts/a/tokens"],
];

async function expectClosed(options: GateOptions, key: string): Promise<void> {
  const gate = await startGate({ origin, ...options });
  try {
    const hits = origin.hits.length;
    for (const [method, path] of PATHS) {
      const reply = await gate.call(path, { method, headers: { authorization: `Bearer ${gate.adminToken.trim()}` } });
      expect([method, path, reply.status]).toEqual([method, path, 503]);
      expect(reply.headers["cache-control"]).toContain("no-store");
      expect(reply.headers["request-id"]).toMatch(/^req_/);
      if (method === "HEAD") expect(reply.body).toBe("");
      else expect(reply.json()).toMatchObject({ code: "gate_misconfigured", retryable: false });
      expect(reply.body).not.toContain(TELLTALE);
    }
    expect(origin.hits.length - hits).toBe(0);
    await expectHealthNames(gate, key);
  } finally {
    await gate.close();
  }
}

async function expectHealthNames(gate: TestGate, key: string): Promise<void> {
  const health = await gate.call("/_farebox/health");
  expect(health.status).toBe(503);
  expect(health.headers["cache-control"]).toContain("no-store");
  expect(health.json()).toMatchObject({ status: "misconfigured" });
  const keys: string[] = health.json().mistakes.map((mistake: { key: string }) => mistake.key);
  expect(keys).toContain(key);
  // Of config and secrets, their names: no value of this file's comes out.
  expect(health.body).not.toMatch(/TELLTALE|telltale|changeme|1234|me\.example|203\.0\.113\.77/);
  for (const secret of [goodKey.d, goodKey.x, otherKey.d, rsa.d])
    expect(health.body).not.toContain(String(secret).slice(1, 20));
}

describe("a gate that is misconfigured", () => {
  it.each(secrets)("serves nothing with %s %s", async (name, _, value) => {
    const bindings = { FAREBOX_ADMIN_TOKEN: makeAdminToken(), FAREBOX_SIGNING_KEY: makeSigningKey(), [name]: value };
    await expectClosed({ bindings }, `secret ${name}`);
  });

  it.each(["KV", "ACCOUNTS"] as const)("serves nothing without the binding %s", async (binding) => {
    await expectClosed({ without: [binding] }, `binding ${binding}`);
  });

  it.each(configs)("serves nothing with %s", async (_, key, config) => {
    await expectClosed({ config }, key);
  });

  it("names every mistake at once", async () => {
    const gate = await startGate({
      origin,
      without: ["KV", "ACCOUNTS"],
      bindings: { FAREBOX_ADMIN_TOKEN: "", FAREBOX_SIGNING_KEY: "" },
      config: { pricez: 1, support: "tel:1" },
    });
    const { mistakes } = (await gate.call("/_farebox/health")).json();
    await gate.close();
    expect(mistakes.map(({ key }: { key: string }) => key)).toEqual([
      "pricez",
      "support",
      "binding KV",
      "binding ACCOUNTS",
      "secret FAREBOX_ADMIN_TOKEN",
      "secret FAREBOX_SIGNING_KEY",
    ]);
    for (const mistake of mistakes) expect(mistake).toEqual({ key: expect.any(String), mend: expect.any(String) });
  });
});

describe("a gate that is not", () => {
  it("says it is ready, and takes a signing key with white space around it", async () => {
    const gate = await startGate({ bindings: { FAREBOX_SIGNING_KEY: ` ${makeSigningKey()}\n` } });
    const health = await gate.call("/_farebox/health");
    await gate.grant("fine", 500);
    const { reply: _, ...seen } = await gate.see("fine", "/v1/expensive", { token: await gate.token("fine") });
    await gate.close();
    expect([health.status, health.json()]).toEqual([200, { status: "ready" }]);
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
  });
});
