/** That tokens of outside issuers count as the config says: by their keys, algorithms, audience, life and accounts. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import {
  base64url,
  gateKey,
  hmacKey,
  keyOf,
  makeKey,
  nowSeconds,
  ownClaims,
  signClaims,
  type SigningKey,
} from "../support/jwt.ts";

const SECRET = "a secret of more than thirty-two bytes";
const API = "https://api.example.com";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
/** Each outside issuer of the config, by name: its key, and whose accounts it speaks for. */
const ISSUERS = {
  ed: { key: makeKey("EdDSA", "ed-1"), prefix: "ed:" },
  ec: { key: keyOf(ec, "ES256", "ec-1"), prefix: "ec:" },
  rs: { key: keyOf(rsa, "RS256", "rs-1"), prefix: "" },
  hs: { key: hmacKey(SECRET), prefix: "hs:" },
  old: { key: makeKey("EdDSA", "old-1"), prefix: "two:" },
} satisfies Record<string, { key: SigningKey; prefix: string }>;
type Name = keyof typeof ISSUERS;
const NAMES = Object.keys(ISSUERS) as Name[];
const second = makeKey("EdDSA", "old-2");
const issuerUrl = (name: Name): string => `http://${name}.example`;

let gate: TestGate;
beforeAll(async () => {
  const of = (name: Name, more: object): object => {
    const { key, prefix } = ISSUERS[name];
    const accountPrefix = prefix === "" ? {} : { accountPrefix: prefix };
    return { issuer: issuerUrl(name), audience: API, algorithms: [key.alg], ...accountPrefix, ...more };
  };
  const tokens = [
    of("ed", { keys: [ISSUERS.ed.key.jwk] }),
    of("ec", { keys: [ISSUERS.ec.key.jwk] }),
    of("rs", { keys: [ISSUERS.rs.key.jwk], maxLifeSeconds: 300 }),
    of("hs", { secret: "AUTH_HMAC" }),
    of("old", { keys: [ISSUERS.old.key.jwk, second.jwk] }),
  ];
  const plans = { pro: { includes: ["GET /v1/items/:id"] } };
  const prices = { ...PRICES, "GET /v1/reports": { credits: 20, scope: "reports" } } as unknown as typeof PRICES;
  gate = await startGate({ config: { tokens: tokens as never, plans, prices }, bindings: { AUTH_HMAC: SECRET } });
});
afterAll(async () => gate.close());

const claims = (name: Name, more: object = {}): Record<string, unknown> => {
  const iat = nowSeconds();
  return { iss: issuerUrl(name), aud: API, sub: "user", iat, exp: iat + 300, ...more };
};
const tokenOf = (name: Name, more: object = {}): string => signClaims(ISSUERS[name].key, claims(name, more));
const refusal = [401, "invalid_token"] as const;

describe("a token of an outside issuer", () => {
  it.each(NAMES)("of %s pays from the account that its prefix and sub make", async (name) => {
    const account = `${ISSUERS[name].prefix}user`;
    await gate.grant(account, 10);
    expect(await gate.see(account, "/v1/cheap", { token: tokenOf(name) })).toMatchObject(paid(1));
    expect(new Map(gate.origin.hits.at(-1)?.headers).get("farebox-account")).toBe(account);
  });

  it("opens the routes of its scope and of its entitlements", async () => {
    await gate.grant("ed:scoped", 100);
    const token = tokenOf("ed", { sub: "scoped", scope: "reports", entitlements: ["pro"] });
    expect(await gate.see("ed:scoped", "/v1/reports", { token })).toMatchObject(paid(20));
    expect(await gate.see("ed:scoped", "/v1/items/1", { token })).toMatchObject(FREE);
  });

  it("keeps the accounts of two issuers apart, and both from the gate's own", async () => {
    await gate.grant("ed:same", 10);
    expect(await gate.see("ed:same", "/v1/cheap", { token: tokenOf("ed", { sub: "same" }) })).toMatchObject(paid(1));
    await expectDenial(gate, "ed:same", "/v1/cheap", { token: tokenOf("ec", { sub: "same" }) }, [
      402,
      "insufficient_credits",
    ]);
    const own = await gate.token("same");
    await expectDenial(gate, "ed:same", "/v1/cheap", { token: own }, [402, "insufficient_credits"]);
  });

  it("cannot leave its prefix by what it puts into sub", async () => {
    await gate.grant("victim", 10);
    for (const sub of ["victim", "../victim", ":victim", "/victim"]) {
      const reply = await gate.call("/v1/cheap", { token: tokenOf("ed", { sub }) });
      expect([reply.status, reply.json().code]).toEqual([402, "insufficient_credits"]);
    }
    expect(await gate.account("victim")).toMatchObject({ available: 10, captured: 0 });
  });

  it("is refused with a sub that makes no account id under its prefix", async () => {
    for (const sub of ["", "x".repeat(254), "a\u0000b"])
      await expectDenial(gate, "ed:user", "/v1/cheap", { token: tokenOf("ed", { sub }) }, refusal);
  });

  it("is withdrawn by its id and its account, on the very next paid call", async () => {
    await gate.grant("ec:leaver", 10);
    const token = tokenOf("ec", { sub: "leaver", jti: "session-1" });
    const other = tokenOf("ec", { sub: "leaver", jti: "session-2" });
    expect(await gate.see("ec:leaver", "/v1/cheap", { token })).toMatchObject(paid(1));
    expect((await gate.admin("DELETE", "/tokens/session-1?account=ec%3Aleaver")).status).toBe(200);
    await expectDenial(gate, "ec:leaver", "/v1/cheap", { token }, [401, "token_revoked"]);
    expect(await gate.see("ec:leaver", "/v1/cheap", { token: other })).toMatchObject(paid(1));
  });

  it("without a jti is withdrawn with all of its account's", async () => {
    await gate.grant("hs:leaver", 10);
    const token = tokenOf("hs", { sub: "leaver" });
    expect(await gate.see("hs:leaver", "/v1/cheap", { token })).toMatchObject(paid(1));
    await gate.admin("DELETE", "/accounts/hs%3Aleaver/tokens");
    await expectDenial(gate, "hs:leaver", "/v1/cheap", { token }, [401, "token_revoked"]);
  });
});

describe("the kid of a token", () => {
  it.each<[string, Name, SigningKey, object]>([
    ["may be left out where the issuer has one key", "ed", ISSUERS.ed.key, { kid: undefined }],
    ["may be any where the issuer's one key has none", "hs", ISSUERS.hs.key, { kid: "whatever" }],
    ["picks the first of two keys", "old", ISSUERS.old.key, {}],
    ["picks the second of two keys", "old", second, {}],
  ])("%s", async (_what, name, key, header) => {
    const account = `${ISSUERS[name].prefix}user`;
    await gate.grant(account, 1);
    const token = signClaims(key, claims(name), { ...header });
    expect(await gate.see(account, "/v1/cheap", { token })).toMatchObject(paid(1));
  });

  it.each<[string, Name, SigningKey, object]>([
    ["is left out where the issuer has two keys", "old", second, { kid: undefined }],
    ["names the issuer's other key", "old", second, { kid: "old-1" }],
    ["names no key of the issuer's", "old", second, { kid: "old-3" }],
    ["names no key of an issuer with one key", "ed", ISSUERS.ed.key, { kid: "ed-2" }],
    ["names another issuer's key", "ed", ISSUERS.ed.key, { kid: "old-1" }],
  ])("is the reason to refuse a token if it %s", async (_what, name, key, header) => {
    const token = signClaims(key, claims(name), { ...header });
    await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token }, refusal);
  });
});

describe("a token is refused", () => {
  it.each(NAMES.flatMap((name) => NAMES.filter((other) => other !== name).map((other) => [name, other] as const)))(
    "that says it is of %s and is signed by %s, under either kid",
    async (name, other) => {
      for (const kid of [ISSUERS[name].key.kid, ISSUERS[other].key.kid, undefined]) {
        const token = signClaims(ISSUERS[other].key, claims(name), { kid });
        await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token }, refusal);
      }
    },
  );

  it.each(NAMES)("that says it is of the gate and is signed by %s", async (name) => {
    const token = signClaims(ISSUERS[name].key, ownClaims(gate, "user"), { kid: undefined });
    await expectDenial(gate, "user", "/v1/cheap", { token }, refusal);
  });

  it.each(NAMES)("that says it is of %s and is signed by the gate", async (name) => {
    const token = signClaims(gateKey(gate), claims(name), { kid: ISSUERS[name].key.kid });
    await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token }, refusal);
  });

  it.each(NAMES)("that is of %s for another audience, such as the gate's own", async (name) => {
    for (const aud of [gate.url, issuerUrl(name), `${API}/`, undefined]) {
      const token = tokenOf(name, { aud });
      await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token }, refusal);
    }
  });

  it("that comes with its issuer's name as Host, so that the gate would seem to be the issuer", async () => {
    const headers = { host: "ed.example" };
    for (const aud of [API, issuerUrl("ed")]) {
      await expectDenial(gate, "user", "/v1/cheap", { headers, token: tokenOf("ed", { aud }) }, refusal);
      const forged = signClaims(gateKey(gate), claims("ed", { aud: API }));
      await expectDenial(gate, "ed:user", "/v1/cheap", { headers, token: forged }, refusal);
    }
  });

  it.each<[string, Name, () => SigningKey]>([
    ["PS256 with the key for RS256", "rs", () => keyOf(rsa, "PS256", "rs-1")],
    ["HS256 keyed with the RSA key's PEM", "rs", () => hmacKey(pem(rsa), "HS256", "rs-1")],
    ["HS256 keyed with the EC key's PEM", "ec", () => hmacKey(pem(ec), "HS256", "ec-1")],
    ["HS512 with the secret for HS256", "hs", () => hmacKey(SECRET, "HS512")],
    ["HS256 with the secret's name", "hs", () => hmacKey("AUTH_HMAC")],
    ["HS256 with a part of the secret", "hs", () => hmacKey(SECRET.slice(0, -1))],
    ["HS256 with nothing", "hs", () => hmacKey("")],
  ])("that is signed by %s", async (_what, name, key) => {
    const token = signClaims(key(), claims(name));
    await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token }, refusal);
  });

  it("that carries an ES256 signature in DER instead of the two numbers, or of zeros", async () => {
    const [header = "", payload = "", signature = ""] = tokenOf("ec").split(".");
    const [r, s] = [
      Buffer.from(signature, "base64url").subarray(0, 32),
      Buffer.from(signature, "base64url").subarray(32),
    ];
    const der = Buffer.concat([Buffer.from([0x30, 70, 2, 33, 0]), r, Buffer.from([2, 33, 0]), s]);
    for (const bytes of [der, Buffer.alloc(64), Buffer.alloc(0)])
      await expectDenial(gate, "ec:user", "/v1/cheap", { token: `${header}.${payload}.${base64url(bytes)}` }, refusal);
  });

  it.each<[string, Name, object]>([
    ["longer than a day", "ed", { exp: nowSeconds() + 90_000 }],
    ["a second longer than its issuer's maxLifeSeconds", "rs", { iat: nowSeconds(), exp: nowSeconds() + 301 }],
  ])("that lives %s", async (_what, name, more) => {
    await expectDenial(gate, `${ISSUERS[name].prefix}user`, "/v1/cheap", { token: tokenOf(name, more) }, refusal);
  });
});

function pem(key: Parameters<typeof createPublicKey>[0]): string {
  return createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
}

describe("a token accepted to the last second of its issuer's limit", () => {
  it.each<[Name, number]>([
    ["ed", 86_400],
    ["rs", 300],
  ])("of %s: %d s", async (name, life) => {
    const account = `${ISSUERS[name].prefix}user`;
    await gate.grant(account, 1);
    const iat = nowSeconds();
    expect(await gate.see(account, "/v1/cheap", { token: tokenOf(name, { iat, exp: iat + life }) })).toMatchObject(
      paid(1),
    );
  });
});

describe("a revocation", () => {
  it("of one issuer's token leaves another issuer's token of the same jti alone, on an included route too", async () => {
    const revoked = tokenOf("ed", { jti: "1", entitlements: ["pro"] });
    const other = tokenOf("ec", { jti: "1", entitlements: ["pro"] });
    expect((await gate.admin("DELETE", "/tokens/1?account=ed:user")).status).toBe(200);
    expect((await gate.call("/v1/items/7", { token: revoked })).status).toBe(401);
    expect((await gate.call("/v1/items/7", { token: other })).status).toBe(200);
  });

  it("of all tokens reaches one whose issuer's clock is ahead of ours", async () => {
    await gate.grant("hs:ahead", 10);
    const iat = nowSeconds() + 50;
    const token = tokenOf("hs", { sub: "ahead", iat, exp: iat + 100 });
    expect((await gate.call("/v1/cheap", { token })).status).toBe(200);
    expect((await gate.admin("DELETE", "/accounts/hs:ahead/tokens")).status).toBe(200);
    expect((await gate.call("/v1/cheap", { token })).json()).toMatchObject({ code: "token_revoked" });
  });
});
