/** A token opens one account for as long as its claims say and not a second more; whatever is odd about it is refused. */
import { generateKeyPairSync, sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Key } from "../../src/gate/keys.ts";
import { CLOCK_SKEW_SECONDS, verifyToken } from "../../src/gate/token.ts";
import { NOW } from "../support/command.ts";
import { AUDIENCE, base64url, CLAIMS, HEADER, ISSUER, makeIssuer, NOW_SECONDS, signText } from "./tokens.ts";

const issuer = await makeIssuer();
const DAY_SECONDS = 86_400;

/** "ok", or the code and the private reason of the refusal. */
async function verdict(token: string, now = NOW, trusted = [issuer.trusted]): Promise<string> {
  const verified = await verifyToken(token, trusted, now);
  if (verified.ok) return "ok";
  return "reason" in verified.error ? `${verified.error.code}: ${verified.error.reason}` : verified.error.code;
}

const withClaims = (text: string): string => signText(JSON.stringify(HEADER), text, issuer.privateKey);
/** Good claims as JSON, with one member's value as raw text. */
const withRaw = (name: string, raw: string): string =>
  withClaims(`${JSON.stringify({ ...CLAIMS, [name]: undefined }).slice(0, -1)},"${name}":${raw}}`);

async function keysOf({ trusted }: { trusted: typeof issuer.trusted }): Promise<readonly Key[]> {
  const keys = await trusted.keysFor(undefined, NOW);
  return keys === "unavailable" ? [] : keys;
}

describe("a good token", () => {
  it("is an entitlement: account, scopes, plans, id and times", async () => {
    const token = issuer.token({ scope: "reports  read", entitlements: ["pro"], jti: "t1", nbf: NOW_SECONDS });
    expect(await verifyToken(token, [issuer.trusted], NOW)).toEqual({
      ok: true,
      value: {
        account: "alice",
        scopes: ["reports", "read"],
        plans: ["pro"],
        jti: "t1",
        // An outside issuer's clock may be ahead of ours.
        issuedAt: CLAIMS.iat - 60,
        expiresAt: CLAIMS.exp,
        spendLimit: null,
      },
    });
  });

  it("opens the account of its sub and no other, whatever else it says", async () => {
    const token = issuer.token({ account: "bob", client_id: "bob", azp: "bob", act: { sub: "bob" }, __proto: "bob" });
    expect(await verifyToken(token, [issuer.trusted], NOW)).toMatchObject({ ok: true, value: { account: "alice" } });
  });

  it("opens an account under its issuer's prefix, if there is one", async () => {
    const prefixed = await makeIssuer({ accountPrefix: "acme:" });
    const verified = await verifyToken(prefixed.token(), [prefixed.trusted], NOW);
    expect(verified).toMatchObject({ ok: true, value: { account: "acme:alice" } });
  });

  it.each([undefined, "JWT", "at+jwt"])("may have the typ %s", async (typ) => {
    expect(await verdict(issuer.token({}, { typ }))).toBe("ok");
  });

  it.each(["payment-context+jwt", "dpop+jwt", "JOSE", "logout+jwt", "secevent+jwt", "", "at+jwt;v=1"])(
    "may not have the typ %j",
    async (typ) => {
      expect(await verdict(issuer.token({}, { typ }))).toContain("invalid_token: typ");
    },
  );

  it.each([
    ["our audience alone", AUDIENCE],
    ["a list of our audience", [AUDIENCE]],
    ["a list that holds ours among others", ["https://other.example", AUDIENCE]],
  ])("names %s", async (_name, aud) => {
    expect(await verdict(issuer.token({ aud }))).toBe("ok");
  });
});

describe("a token is refused for its", () => {
  it.each<[string, unknown]>([
    ["missing aud", undefined],
    ["other aud", "https://other.example"],
    ["aud with a slash added", `${AUDIENCE}/`],
    ["aud in another case", AUDIENCE.toUpperCase()],
    ["aud that ours begins", `${AUDIENCE}.evil.example`],
    ["empty aud", ""],
    ["empty list of aud", []],
    ["list of other aud", ["a", "b"]],
    ["nested list of aud", [[AUDIENCE]]],
    ["list with ours and a number", [AUDIENCE, 1]],
    ["list with ours and null", [AUDIENCE, null]],
    ["aud that is an object", { 0: AUDIENCE }],
    ["aud that is null", null],
  ])("%s", async (_name, aud) => {
    expect(await verdict(issuer.token({ aud }))).toBe("invalid_token: aud is not this API");
  });

  it.each<[string, unknown]>([
    ["missing iss", undefined],
    ["other iss", "https://evil.example"],
    ["iss in a list", [ISSUER]],
    ["iss with a slash added", `${ISSUER}/`],
    ["iss in another case", ISSUER.replace("auth", "Auth")],
    ["iss with a blank", `${ISSUER} `],
    ["iss that is null", null],
    ["iss that is an object", { iss: ISSUER }],
  ])("%s", async (_name, iss) => {
    expect(await verdict(issuer.token({ iss }))).toBe("invalid_token: iss is not a trusted issuer");
  });

  it.each<[string, unknown]>([
    ["missing sub", undefined],
    ["empty sub", ""],
    ["sub that is a number", 5],
    ["sub that is null", null],
    ["sub in a list", ["alice"]],
    ["sub of one dot", "."],
    ["sub of two dots", ".."],
    ["sub of 257 characters", "a".repeat(257)],
    ["sub of more than 480 bytes", "é".repeat(241)],
    ["sub with a line break", "a\nb"],
    ["sub with a NUL", "a\0"],
    ["sub with an invisible character", "ali\u200bce"],
    ["sub with a direction mark", "\u202ealice"],
    ["sub with half a pair of surrogates", "a\ud800"],
  ])("%s", async (_name, sub) => {
    expect(await verdict(issuer.token({ sub }))).toBe("invalid_token: sub is not an account id");
  });

  it.each<[string, string, string]>([
    ["exp that is a text", "exp", `"${CLAIMS.exp}"`],
    ["exp that is null", "exp", "null"],
    ["exp that is true", "exp", "true"],
    ["exp in a list", "exp", `[${CLAIMS.exp}]`],
    ["negative exp", "exp", "-1"],
    ["endless exp", "exp", "1e400"],
    ["exp of 2^60", "exp", String(2 ** 60)],
    ["exp with a fraction", "exp", `${CLAIMS.exp}.5`],
    ["iat that is a text", "iat", `"${CLAIMS.iat}"`],
    ["iat with a fraction", "iat", `${CLAIMS.iat}.5`],
    ["iat that is null", "iat", "null"],
    ["endless iat", "iat", "-1e400"],
    ["nbf that is a text", "nbf", `"${CLAIMS.iat}"`],
    ["nbf that is null", "nbf", "null"],
    ["nbf with a fraction", "nbf", `${CLAIMS.iat}.5`],
    ["jti that is a number", "jti", "1"],
    ["jti that is null", "jti", "null"],
    ["empty jti", "jti", '""'],
    ["jti with a blank", "jti", '"a b"'],
    ["jti of one dot", "jti", '"."'],
    ["jti of two dots", "jti", '".."'],
    ["jti of 701 bytes", "jti", `"${"j".repeat(701)}"`],
    ["scope in a list", "scope", '["reports"]'],
    ["scope that is a number", "scope", "1"],
    ["entitlements that are a text", "entitlements", '"pro"'],
    ["entitlements that are an object", "entitlements", '{"0":"pro"}'],
    ["entitlements that are numbers", "entitlements", "[1]"],
    ["33 entitlements", "entitlements", JSON.stringify(Array.from({ length: 33 }, String))],
  ])("%s", async (_name, name, raw) => {
    expect(await verdict(withRaw(name, raw))).toMatch(/^invalid_token: /);
  });

  it.each(["exp", "iat"])("missing %s", async (name) => {
    expect(await verdict(issuer.token({ [name]: undefined }))).toContain("missing or not an integer");
  });

  it.each<[string, string | Uint8Array]>([
    ["claim given twice", `${JSON.stringify(CLAIMS).slice(0, -1)},"sub":"bob"}`],
    ["claim given twice, once escaped", String.raw`${JSON.stringify(CLAIMS).slice(0, -1)},"s\u0075b":"bob"}`],
    ["byte order mark", `\uFEFF${JSON.stringify(CLAIMS)}`],
    ["bytes that are not UTF-8", Uint8Array.from([...Buffer.from(JSON.stringify(CLAIMS).replace("alice", "")), 0xff])],
    ["payload null", "null"],
    ["payload that is a list", JSON.stringify([CLAIMS])],
    ["payload that is a text", JSON.stringify("alice")],
    ["payload that is a token", issuer.token()],
    ["empty payload", ""],
  ])("%s", async (_name, payload) => {
    expect(await verdict(signText(JSON.stringify(HEADER), payload, issuer.privateKey))).toMatch(
      /^invalid_token: the payload/,
    );
  });
});

describe("a token's time", () => {
  it("is up one minute after exp, exactly", async () => {
    expect(CLOCK_SKEW_SECONDS).toBe(60);
    const token = issuer.token({ iat: NOW_SECONDS - 600, exp: NOW_SECONDS });
    expect(await verdict(token, NOW + 60_000 - 1)).toBe("ok");
    expect(await verdict(token, NOW + 60_000)).toBe("token_expired");
  });

  it.each(["iat", "nbf"])("has come one minute before %s, exactly", async (name) => {
    const token = issuer.token({ [name]: NOW_SECONDS, exp: NOW_SECONDS + 600 });
    expect(await verdict(token, NOW - 60_000)).toBe("ok");
    expect(await verdict(token, NOW - 60_001)).toBe(`invalid_token: ${name} is in the future`);
  });

  it("may last as long as its issuer's tokens may, and not a second longer", async () => {
    const iat = NOW_SECONDS - 10;
    expect(await verdict(issuer.token({ iat, exp: iat + DAY_SECONDS }))).toBe("ok");
    expect(await verdict(issuer.token({ iat, exp: iat + DAY_SECONDS + 1 }))).toContain("lives longer than 86400 s");
  });

  it("ends after it begins", async () => {
    expect(await verdict(issuer.token({ iat: NOW_SECONDS, exp: NOW_SECONDS + 1 }))).toBe("ok");
    expect(await verdict(issuer.token({ iat: NOW_SECONDS, exp: NOW_SECONDS }))).toContain("exp is not after iat");
    expect(await verdict(issuer.token({ iat: NOW_SECONDS, exp: NOW_SECONDS - 1 }))).toContain("exp is not after iat");
  });

  it("is over only for a genuine token: a forged one is invalid, not expired", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const stale = { ...CLAIMS, iat: NOW_SECONDS - 900, exp: NOW_SECONDS - 600 };
    expect(await verdict(issuer.token(stale))).toBe("token_expired");
    const forged = signText(JSON.stringify(HEADER), JSON.stringify(stale), privateKey);
    expect(await verdict(forged)).toBe("invalid_token: the signature does not verify");
  });
});

describe("a token's key", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const foreign = (header: object): string => signText(JSON.stringify(header), JSON.stringify(CLAIMS), privateKey);

  it("is the one its kid names among the issuer's", async () => {
    const [one, two] = [await makeIssuer({}, "one"), await makeIssuer({}, "two")];
    const keys = [...(await keysOf(one)), ...(await keysOf(two))];
    const both = { ...one.trusted, keysFor: async () => keys };
    expect(await verdict(one.token({}, { kid: "one" }), NOW, [both])).toBe("ok");
    expect(await verdict(two.token({}, { kid: "two" }), NOW, [both])).toBe("ok");
    expect(await verdict(one.token({}, { kid: "two" }), NOW, [both])).toContain("signature");
    expect(await verdict(one.token({}, { kid: undefined }), NOW, [both])).toContain("no key");
  });

  it.each(["k2", "", "K1", "k1 ", "../../k1", "k1' OR '1'='1", "__proto__", "constructor"])(
    "is none if the issuer has none of that kid: %j",
    async (kid) => {
      expect(await verdict(issuer.token({}, { kid }))).toBe("invalid_token: no key of this issuer fits its kid");
    },
  );

  it("may go unnamed where the issuer has only one", async () => {
    expect(await verdict(issuer.token({}, { kid: undefined }))).toBe("ok");
  });

  it("is the issuer's own: another issuer's key does not sign for it", async () => {
    const other = await makeIssuer({ issuer: "https://other.example" });
    const trusted = [issuer.trusted, other.trusted];
    expect(await verdict(other.token({ iss: "https://other.example" }), NOW, trusted)).toBe("ok");
    expect(await verdict(other.token({ iss: ISSUER }), NOW, trusted)).toContain("signature");
  });

  it("is not the token's to bring", async () => {
    expect(await verdict(foreign(HEADER))).toContain("signature");
    expect(await verdict(foreign({ ...HEADER, kid: "mine" }))).toContain("no key");
  });

  it("is never one for another algorithm", async () => {
    const { privateKey: ecKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const input = `${base64url(JSON.stringify({ alg: "ES256", kid: "k1" }))}.${base64url(JSON.stringify(CLAIMS))}`;
    const signature = sign("sha256", Buffer.from(input), { key: ecKey, dsaEncoding: "ieee-p1363" });
    expect(await verdict(`${input}.${base64url(signature)}`)).toContain("signature");
  });

  it("leaves the token neither accepted nor refused while the issuer cannot be asked", async () => {
    const silent = { ...issuer.trusted, keysFor: async () => "unavailable" as const };
    expect(await verdict(issuer.token(), NOW, [silent])).toBe("issuer_unavailable");
  });
});

describe("verifying", () => {
  it("ends in an entitlement or a refusal for any claims whatever, signed as they should be", async () => {
    const name = fc.constantFrom("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "scope", "entitlements", "__proto__");
    await fc.assert(
      fc.asyncProperty(name, fc.json(), async (claim, raw) => {
        const verified = await verifyToken(withRaw(claim, raw), [issuer.trusted], NOW);
        if (verified.ok) expect(verified.value.account.length).toBeGreaterThan(0);
        else expect(["invalid_token", "token_expired"]).toContain(verified.error.code);
      }),
      { numRuns: 1_000 },
    );
  });
});
