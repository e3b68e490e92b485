/** That a flood of made-up key ids, or guesses at the operator's secret, finds nothing that grows and nothing that tells. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { remoteIssuer } from "../../src/gate/issuer.ts";
import { verifyToken } from "../../src/gate/token.ts";
import { AUDIENCE, ISSUER, makeIssuer } from "../gate/tokens.ts";
import { NOW } from "../support/command.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("10,000 tokens that name 10,000 keys nobody has", () => {
  it("are refused with one fetch a cool-down, and leave one entry in KV, which does not grow", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    const signer = await makeIssuer();
    const forger = await makeIssuer();
    const kept = new Map<string, string>();
    const fetched = vi.fn(async () => Response.json({ keys: [signer.jwk] }));
    vi.stubGlobal("fetch", fetched);
    const kv = {
      get: async () => null,
      put: async (key: string, value: string) => void kept.set(key, value),
    } as unknown as KVNamespace;
    const issuer = remoteIssuer(
      { issuer: ISSUER, audience: AUDIENCE, accountPrefix: "", lifeSecondsMax: 86_400, algorithms: ["EdDSA"] },
      "https://auth.example.com/jwks.json",
      kv,
    );
    expect(await verifyToken(signer.token(), [issuer], NOW)).toMatchObject({ ok: true });
    const size = [...kept.values()].join("").length;
    for (let n = 0; n < 10_000; n++) {
      const verified = await verifyToken(forger.token({}, { kid: `k-${n}` }), [issuer], NOW + n);
      expect(verified).toMatchObject({ ok: false, error: { code: "invalid_token" } });
    }
    // Ten seconds have passed: within the cool-down of the first fetch.
    expect(fetched).toHaveBeenCalledTimes(1);
    expect([kept.size, [...kept.values()].join("").length]).toEqual([1, size]);
    expect(await verifyToken(signer.token(), [issuer], NOW + 10_000)).toMatchObject({ ok: true });
  });
});

describe("the operator's secret", () => {
  const root = join(import.meta.dirname, "../../src");
  const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const textOf = (name: string): string => readFileSync(join(root, name), "utf8");

  it("is compared by digests of equal length, in a time that does not depend on where they differ", () => {
    const operator = textOf("operator/operator.ts");
    expect(operator).toContain("isSame(given, c.env.house.adminToken)");
    expect(operator).toMatch(/crypto\.subtle\.timingSafeEqual\(await digest\(a\), await digest\(b\)\)/);
    expect(operator).toContain('crypto.subtle.digest("SHA-256"');
  });

  it("is compared nowhere else, and by nothing that stops at the first difference", () => {
    const users = sources.filter((name) => textOf(name).includes("adminToken"));
    for (const name of users) {
      expect(textOf(name)).not.toMatch(/adminToken\)?\s*[!=]==?|[!=]==?\s*(?:[\w.]+\.)?adminToken\b/);
      expect(textOf(name)).not.toMatch(/adminToken\.(?:startsWith|includes|indexOf|localeCompare)/);
    }
    expect(users.filter((name) => name !== "setup.ts" && name !== "gate/house.ts")).toEqual(["operator/operator.ts"]);
  });
});
