/** The gate as an issuer: one secret, one or several keys, tokens that outlive a change of key, ids that name the account. */
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import * as fc from "fast-check";
import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import { makeSigningKey } from "../../scripts/secrets.ts";
import { isAccountId } from "../../src/account-id.ts";
import { fixedIssuer } from "../../src/gate/issuer.ts";
import { accountOfTokenId, loadSigner, makeTokenId, type Signer } from "../../src/gate/signer.ts";
import { isTokenId, verifyToken } from "../../src/gate/token.ts";
import { NOW } from "../support/command.ts";
import { AUDIENCE, CLAIMS, ISSUER } from "./tokens.ts";

type PrivateJwk = { readonly kty: string; readonly crv: string; readonly x: string; readonly d: string };
const fresh = (): PrivateJwk => JSON.parse(makeSigningKey()) as PrivateJwk;
const setOf = (...keys: object[]): string => JSON.stringify({ keys });

async function signerOf(secret: string): Promise<Signer> {
  const signer = await loadSigner(secret);
  if (typeof signer === "string") throw new Error(signer);
  return signer;
}

/** Whether a gate with `keys` takes a token. */
async function accepts({ keys }: Signer, token: string): Promise<boolean> {
  const own = {
    issuer: ISSUER,
    audience: AUDIENCE,
    accountPrefix: "",
    lifeSecondsMax: 86_400,
    algorithms: ["EdDSA"] as const,
  };
  return (await verifyToken(token, [fixedIssuer(own, keys)], NOW)).ok;
}

describe("the signing secret", () => {
  it("makes a signer whose tokens verify, with its thumbprint as their kid and nothing added to their claims", async () => {
    const jwk = fresh();
    const signer = await signerOf(JSON.stringify(jwk));
    const token = await signer.sign("at+jwt", CLAIMS);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const { kty, crv, x } = jwk;
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
      alg: "EdDSA",
      kid: await calculateJwkThumbprint({ kty, crv, x }),
      typ: "at+jwt",
    });
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual(CLAIMS);
    const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(true);
    expect(await accepts(signer, token)).toBe(true);
  });

  it("keeps what it signs for the origin from being taken for a buyer's token", async () => {
    const signer = await signerOf(makeSigningKey());
    expect(await accepts(signer, await signer.sign("payment-context+jwt", CLAIMS))).toBe(false);
  });

  it("publishes the public keys and nothing of the private ones", async () => {
    const [one, two] = [fresh(), fresh()];
    const { jwks, kid } = await signerOf(setOf(one, two));
    expect(jwks.keys.map(({ x }) => x)).toEqual([one.x, two.x]);
    expect(jwks.keys[0]).toEqual({ kty: "OKP", crv: "Ed25519", x: one.x, kid, alg: "EdDSA", use: "sig" });
    expect(JSON.stringify(jwks)).not.toContain(one.d);
    expect(JSON.stringify(jwks)).not.toContain(two.d);
  });

  it("is replaced without a token failing: the first key signs, all verify, and a key taken out verifies no more", async () => {
    const [before, after] = [fresh(), fresh()];
    const [old, both, replaced] = [
      await signerOf(JSON.stringify(before)),
      await signerOf(setOf(after, before)),
      await signerOf(JSON.stringify(after)),
    ];
    const [oldToken, newToken] = [await old.sign("at+jwt", CLAIMS), await both.sign("at+jwt", CLAIMS)];
    expect(await Promise.all([accepts(both, oldToken), accepts(both, newToken)])).toEqual([true, true]);
    expect(await Promise.all([accepts(replaced, oldToken), accepts(replaced, newToken)])).toEqual([false, true]);
    expect(await accepts(old, newToken)).toBe(false);
  });

  const jwk = fresh();
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const ed448 = generateKeyPairSync("ed448").privateKey.export({ format: "jwk" });
  it.each<[string, string, string]>([
    ["text that is no JSON", "s3cret-that-is-no-json", "is not JSON"],
    ["a number", "1", "is not JSON"],
    ["null", "null", "is not JSON"],
    ["an empty list of keys", setOf(), "is not JSON"],
    ["a list of texts", '{"keys":["s3cret-that-is-no-json"]}', "is not JSON"],
    ["an RSA key", JSON.stringify(rsa), "not an Ed25519 private JWK"],
    ["an Ed448 key", JSON.stringify(ed448), "not an Ed25519 private JWK"],
    ["a public key", JSON.stringify({ ...jwk, d: undefined }), "not an Ed25519 private JWK"],
    ["no x", JSON.stringify({ ...jwk, x: undefined }), "not an Ed25519 private JWK"],
    ["an RSA key second", setOf(jwk, rsa), "not an Ed25519 private JWK"],
    ["an x that is not the d's", JSON.stringify({ ...jwk, x: fresh().x }), "does not belong"],
    ["a d that is not the x's", JSON.stringify({ ...jwk, d: fresh().d }), "does not belong"],
    ["a d of 31 bytes", JSON.stringify({ ...jwk, d: jwk.d.slice(0, 42) }), "does not belong"],
    ["a d with padding", JSON.stringify({ ...jwk, d: `${jwk.d}=` }), "does not belong"],
    ["an x of 31 bytes", JSON.stringify({ ...jwk, x: jwk.x.slice(0, 42) }), "cannot be used"],
    ["an x of small order", JSON.stringify({ ...jwk, x: Buffer.alloc(32).toString("base64url") }), "small order"],
    ["one key twice", setOf(jwk, jwk), "given twice"],
  ])("is refused, and not shown, if it holds %s", async (_name, secret, why) => {
    const signer = await loadSigner(secret);
    expect(signer).toEqual(expect.stringContaining(why));
    expect(signer).not.toContain(jwk.d.slice(0, 20));
    expect(signer).not.toContain("s3cret");
  });
});

describe("a token's id", () => {
  it("carries the account, is never the same twice, and can be revoked", () => {
    const ids = Array.from({ length: 100 }, () => makeTokenId("alice"));
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect([accountOfTokenId(id), isTokenId(id)]).toEqual(["alice", true]);
  });

  it.each([
    ["256 characters", "a".repeat(256)],
    ["240 characters of two bytes", "é".repeat(240)],
    ["160 characters of three bytes", "日".repeat(160)],
    ["120 characters of four bytes", "😀".repeat(120)],
    ["every odd character", " /\\?#%&=+;:@\"'<>.~"],
  ])("can be used and revoked whatever account it carries: %s", (_name, account) => {
    expect(isAccountId(account)).toBe(true);
    const id = makeTokenId(account);
    expect([accountOfTokenId(id), isTokenId(id)]).toEqual([account, true]);
  });

  it("carries every account a token can be minted for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), (account) => {
        if (isAccountId(account)) expect(accountOfTokenId(makeTokenId(account))).toBe(account);
      }),
    );
  });

  it.each([
    "",
    "abc",
    "a.b.c",
    "short.YWxpY2U",
    `${"a".repeat(20)}.`,
    `${"a".repeat(20)}.YWxpY2U=`,
    `${"a".repeat(20)}._w`,
  ])("that we did not make carries no account: %j", (id) => {
    expect(accountOfTokenId(id)).toBeUndefined();
  });
});
