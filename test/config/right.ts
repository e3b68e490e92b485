/** A config that uses every key and is right, and the same with one thing changed. */
import { generateKeyPairSync } from "node:crypto";
import { usd, type Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import type { Mistake } from "../../src/config/say.ts";

export const JWK = { ...generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }), kid: "k1" };

const ISSUER = { issuer: "https://auth.example.com", audience: "https://api.example.com" };

export const RIGHT: Config = {
  name: "Example API",
  publicUrl: "https://api.example.com",
  origin: {
    url: "https://origin.example.com",
    headers: { "X-Api-Key": { secret: "ORIGIN_KEY", prefix: "Bearer " }, "X-Plain": "text" },
    timeoutSeconds: 10,
  },
  tokens: [
    { ...ISSUER, algorithms: ["EdDSA"], keys: [JWK], accountPrefix: "acme:", maxLifeSeconds: 3600 },
    { ...ISSUER, issuer: "https://b.example", algorithms: ["RS256"], jwks: "https://b.example/jwks.json" },
    { ...ISSUER, issuer: "https://c.example", algorithms: ["HS256"], secret: "HMAC_KEY" },
  ],
  prices: {
    "GET /v1/search": usd("0.0005"),
    "POST /v1/reports": {
      credits: usd("0.02"),
      scope: "reports",
      timeoutSeconds: 60,
      chargeOn: "2xx-4xx",
      passOriginStatus: [401],
      upgrade: true,
    },
    "GET /v1/items/:id?": usd("1"),
    "GET /v1/status": "free",
  },
  plans: { pro: { includes: ["GET /v1/search"] } },
  unlisted: "deny",
  chargeOn: "2xx-3xx",
  passOriginStatus: [402],
  holdTtlSeconds: 120,
  payments: { topUpUrl: "https://pay.example.com/?account={account}" },
  support: "mailto:help@example.com",
  cors: { origins: ["https://app.example.com"] },
};

/** The right config with a value set at a path of keys; undefined removes the key. */
export function withValue(path: readonly (string | number)[], value: unknown): Config {
  const set = (node: unknown, [key, ...rest]: readonly (string | number)[]): unknown => {
    if (key === undefined) return value;
    const copy: Record<string | number, unknown> = Array.isArray(node) ? [...node] : { ...Object(node) };
    const next = set(copy[key], rest);
    if (next === undefined) delete copy[key];
    else copy[key] = next;
    return Array.isArray(node) ? Object.values(copy) : copy;
  };
  return set(RIGHT, path) as Config;
}

/** What the checks say of the right config with one thing changed. */
export function mistakesWith(path: readonly (string | number)[], value: unknown): Mistake[] {
  return checkConfig(withValue(path, value));
}

/** What a person reads of a mistake. */
export function told(mistakes: readonly Mistake[]): string {
  return mistakes.map(({ key, problem, mend }) => `${key} ${problem} → ${mend}`).join("\n");
}
