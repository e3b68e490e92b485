/** Verification keys are taken in with suspicion: one algorithm a key, none that is weak, none that is ambiguous. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import type { Algorithm } from "../../src/config.ts";
import { loadKeys, thumbprint } from "../../src/gate/keys.ts";
import { ALGORITHMS } from "../support/vectors.ts";

type Jwk = Readonly<Record<string, unknown>>;

const ed25519 = generateKeyPairSync("ed25519");
const ed: Jwk = ed25519.publicKey.export({ format: "jwk" });
const ec: Jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const p384: Jwk = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" });
const rsa: Jwk = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
const rsa1024: Jwk = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
const octets = (length: number): Jwk => ({ kty: "oct", k: randomBytes(length).toString("base64url"), kid: "s" });

/** The reasons a set's keys were refused for; [] if all were taken. */
async function refusals(jwks: readonly unknown[], algorithms: readonly Algorithm[] = ALGORITHMS): Promise<string[]> {
  const { keys, refused } = await loadKeys({ keys: jwks }, algorithms);
  expect(keys.length + refused.length).toBeGreaterThan(0);
  return refused.map(({ why }) => why);
}

/** The one key that is taken of a set. */
async function taken(jwk: Jwk, algorithms: readonly Algorithm[] = ALGORITHMS): Promise<string> {
  const { keys } = await loadKeys({ keys: [jwk] }, algorithms);
  return keys.map(({ alg, verify: { type, usages } }) => `${alg} ${type} ${usages.join()}`).join();
}

function padded(n: unknown): string {
  return Buffer.concat([Buffer.alloc(128), Buffer.from(String(n), "base64url")]).toString("base64url");
}

describe("a key", () => {
  it.each<[string, Jwk, readonly Algorithm[], string]>([
    ["Ed25519", ed, ALGORITHMS, "EdDSA public verify"],
    ["Ed25519 that says Ed25519 (RFC 9864)", { ...ed, alg: "Ed25519" }, ALGORITHMS, "EdDSA public verify"],
    ["P-256", ec, ALGORITHMS, "ES256 public verify"],
    ["P-384", p384, ALGORITHMS, "ES384 public verify"],
    ["RSA where one RSA algorithm is allowed", rsa, ["PS256", "EdDSA"], "PS256 public verify"],
    ["RSA that says which", { ...rsa, alg: "RS512" }, ALGORITHMS, "RS512 public verify"],
    ["a secret that says which", { ...octets(64), alg: "HS512" }, ALGORITHMS, "HS512 secret verify"],
    ["one for signatures", { ...ed, use: "sig", key_ops: ["verify"] }, ALGORITHMS, "EdDSA public verify"],
    [
      "a private one, of which only the public half is kept",
      ed25519.privateKey.export({ format: "jwk" }),
      ALGORITHMS,
      "EdDSA public verify",
    ],
  ])("is taken for one algorithm: %s", async (_name, jwk, algorithms, as) => {
    expect(await taken(jwk, algorithms)).toBe(as);
  });

  it("is refused where the config allows only other algorithms", async () => {
    expect(await refusals([ed], ["ES256"])).toEqual(["it is for no algorithm the config allows"]);
  });

  it.each<[string, Jwk, string]>([
    ["RSA where several algorithms fit", rsa, "no algorithm"],
    ["P-256 that says ES384", { ...ec, alg: "ES384" }, "no algorithm"],
    ["P-256 that says HS256", { ...ec, alg: "HS256" }, "no algorithm"],
    ["RSA that says none", { ...rsa, alg: "none" }, "no algorithm"],
    ["RSA that says RSA-OAEP", { ...rsa, alg: "RSA-OAEP" }, "no algorithm"],
    ["X25519", { ...ed, crv: "X25519" }, "no algorithm"],
    ["Ed448", { ...ed, crv: "Ed448" }, "no algorithm"],
    ["secp256k1", { ...ec, crv: "secp256k1" }, "no algorithm"],
    ["an unknown kty", { ...ec, kty: "AKP" }, "no algorithm"],
    ["no kty", { crv: "Ed25519", x: ed["x"] }, "no algorithm"],
    ["use enc", { ...ed, use: "enc" }, "use is not sig"],
    ["use null", { ...ed, use: null }, "use is not sig"],
    ["key_ops encrypt", { ...ed, key_ops: ["encrypt"] }, "key_ops"],
    ["key_ops sign only", { ...ed, key_ops: ["sign"] }, "key_ops"],
    ["key_ops that is a text", { ...ed, key_ops: "verify" }, "key_ops"],
    ["RSA of 1024 bits", { ...rsa1024, alg: "RS256" }, "shorter than 2048 bits"],
    [
      "RSA of 1024 bits, padded with zeros",
      { ...rsa1024, alg: "RS256", n: padded(rsa1024["n"]) },
      "shorter than 2048 bits",
    ],
    ["RSA with exponent 1", { ...rsa, alg: "RS256", e: "AQ" }, "exponent is even or 1"],
    ["RSA with exponent 0", { ...rsa, alg: "RS256", e: "AA" }, "exponent is even or 1"],
    ["RSA with exponent 2", { ...rsa, alg: "RS256", e: "Ag" }, "exponent is even or 1"],
    ["RSA without a modulus", { kty: "RSA", alg: "RS256", e: "AQAB" }, "not canonical base64url"],
    ["a secret of 31 bytes for HS256", { ...octets(31), alg: "HS256" }, "shorter than 32 bytes"],
    ["a secret of 47 bytes for HS384", { ...octets(47), alg: "HS384" }, "shorter than 48 bytes"],
    ["a secret of 63 bytes for HS512", { ...octets(63), alg: "HS512" }, "shorter than 64 bytes"],
    ["an empty secret", { kty: "oct", k: "", alg: "HS256" }, "shorter than 32 bytes"],
    ["a point that is not on P-256", { ...ec, y: ec["x"] }, "not a valid key"],
    ["P-256 without y", { ...ec, y: undefined }, "not a valid key"],
    ["an x of 31 bytes", { ...ed, x: randomBytes(31).toString("base64url") }, "not 32 bytes"],
    ["an x with padding", { ...ed, x: `${String(ed["x"])}=` }, "not 32 bytes"],
    ["an x in standard base64", { ...ed, x: "+/".repeat(21) + "A" }, "not 32 bytes"],
    ["an x that is a number", { ...ed, x: 5 }, "not 32 bytes"],
  ])("is refused: %s", async (_name, jwk, why) => {
    const [reason, ...more] = await refusals([jwk]);
    expect(reason).toContain(why);
    expect(more).toEqual([]);
  });

  it("is taken or refused, never thrown at, whatever its members are", async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom("", "AQAB", "AA", ed["x"], ec["x"], rsa["n"], "sig", ["verify"]),
    );
    const member = fc.constantFrom("kty", "crv", "alg", "use", "key_ops", "kid", "x", "y", "n", "e", "k", "d");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(ed, ec, rsa, octets(32)), member, value, async (jwk, name, junk) => {
        const { keys, refused } = await loadKeys({ keys: [{ ...jwk, [name]: junk }] }, ALGORITHMS);
        expect(keys.length + refused.length).toBe(1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a key of small order", () => {
  const P = 2n ** 255n - 19n;
  const power = (base: bigint, exponent: bigint): bigint => {
    let [result, square] = [1n, ((base % P) + P) % P];
    for (let rest = exponent; rest > 0n; rest /= 2n) {
      if (rest % 2n === 1n) result = (result * square) % P;
      square = (square * square) % P;
    }
    return result;
  };
  const inverse = (value: bigint): bigint => power(value, P - 2n);
  const root = (value: bigint): bigint | undefined => {
    const [first, turn] = [power(value, (P + 3n) / 8n), power(2n, (P - 1n) / 4n)];
    return [first, (first * turn) % P].find((found) => (found * found - value) % P === 0n);
  };
  /** y of all points whose order divides 8: ±1 and 0, and where doubling gives y = 0, that is d·y⁴ + 2·y² = 1. */
  const smallY = (): bigint[] => {
    const d = (((-121665n * inverse(121666n)) % P) + P) % P;
    const delta = root(1n + d);
    if (delta === undefined) throw new Error("1 + d is a square");
    const squares = [delta, P - delta].map((sign) => ((sign + P - 1n) * inverse(d)) % P);
    const eighth = squares.map(root).filter((y) => y !== undefined);
    return [0n, 1n, P - 1n, ...eighth.flatMap((y) => [y, P - y])];
  };
  /** Every 32 bytes that decode to such a y, canonical or not, with either sign. */
  const encodings = smallY()
    .flatMap((y) => [y, y + P])
    .filter((y) => y < 2n ** 255n)
    .flatMap((y) => [y, y + 2n ** 255n])
    .map((number) => Buffer.from(Buffer.from(number.toString(16).padStart(64, "0"), "hex").toReversed()));

  it("has fourteen encodings", () => {
    expect(new Set(encodings.map((bytes) => bytes.toString("hex"))).size).toBe(14);
  });

  it.each(encodings.map((bytes) => [bytes.toString("hex"), bytes] as const))("is refused: %s", async (_hex, bytes) => {
    expect(await refusals([{ kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url"), kid: "k" }])).toEqual([
      expect.stringContaining("small order"),
    ]);
  });
});

describe("a key set", () => {
  it("loses every key whose kid it gives twice, and keeps the others", async () => {
    const { keys, refused } = await loadKeys(
      {
        keys: [
          { ...ed, kid: "a" },
          { ...ec, kid: "a" },
          { ...p384, kid: "b" },
        ],
      },
      ALGORITHMS,
    );
    expect(keys.map(({ kid }) => kid)).toEqual(["b"]);
    expect(refused).toEqual([
      { kid: "a", why: "its kid is given twice" },
      { kid: "a", why: "its kid is given twice" },
    ]);
  });

  it("loses every key without a kid if it has several", async () => {
    expect(await refusals([ed, ec])).toEqual(["its kid is given twice", "its kid is given twice"]);
  });

  it("is refused as a whole if it mixes secret and public keys", async () => {
    const jwks = [
      { ...octets(32), alg: "HS256" },
      { ...ec, kid: "e" },
    ];
    expect(await loadKeys({ keys: jwks }, ALGORITHMS)).toEqual({
      keys: [],
      refused: [{ kid: "", why: "mixes secret and public keys" }],
    });
  });

  it("loses only the key that is weak", async () => {
    const { keys } = await loadKeys(
      {
        keys: [
          { ...rsa1024, alg: "RS256", kid: "weak" },
          { ...ed, kid: "good" },
        ],
      },
      ALGORITHMS,
    );
    expect(keys.map(({ kid }) => kid)).toEqual(["good"]);
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["a text", "keys"],
    ["a list", [ed]],
    ["one key", ed],
    ["keys that are no list", { keys: { 0: ed } }],
    ["no keys", {}],
    ["101 keys", { keys: Array.from({ length: 101 }, (_, n) => ({ ...ed, kid: String(n) })) }],
  ])("is refused if it is %s", async (_name, jwks) => {
    const { keys, refused } = await loadKeys(jwks, ALGORITHMS);
    expect(keys).toEqual([]);
    expect(refused).toEqual([{ kid: "", why: expect.stringContaining("not a JWK Set") }]);
  });

  it("has room for 100 keys, and no more said of one than its kid and a reason", async () => {
    const jwks = Array.from({ length: 100 }, (_, n) => ({ ...ed, kid: String(n), ...(n === 7 ? { x: "AA" } : {}) }));
    const { keys, refused } = await loadKeys({ keys: jwks }, ALGORITHMS);
    expect(keys.length).toBe(99);
    expect(refused).toEqual([{ kid: "7", why: "its x is not 32 bytes of canonical base64url" }]);
  });
});

describe("a thumbprint", () => {
  it("is that of RFC 7638", async () => {
    expect(await thumbprint(String(ed["x"]))).toBe(await calculateJwkThumbprint(ed));
  });
});
