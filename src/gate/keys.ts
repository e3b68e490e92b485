/**
 * Verification keys, taken in with suspicion: one algorithm a key, none that is weak, none that is ambiguous.
 */
import type { JWK } from "jose";
import { importJWK } from "jose/key/import";
import type { Algorithm, Jwk } from "../config.ts";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";

export type Key = { readonly kid: string | undefined; readonly alg: Algorithm; readonly verify: CryptoKey };
export type LoadedKeys = {
  readonly keys: readonly Key[];
  /** Keys left out, and why; for the log, or for the operator where the key is in the config. */
  readonly refused: readonly { readonly kid: string; readonly why: string }[];
};

const KEYS_MAX = 100;
const RSA_BITS_MIN = 2048;
/** RFC 7518 section 3.2: a key as long as the hash. */
const HMAC_BYTES_MIN: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const EC_ALGORITHMS: Readonly<Record<string, Algorithm>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };

/**
 * Encodings of the Ed25519 points of small order, canonical and not. With such a "public key" a constant signature
 * verifies for any message, and WebCrypto imports them without complaint (measured on workerd).
 */
const SMALL_ORDER_POINTS = new Set(
  [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ].flatMap((hex) => [hex, setSignBit(hex)]),
);

function setSignBit(hex: string): string {
  return hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16);
}

/** Whether a document is a JWK Set of a sensible size. */
export function isKeySet(jwks: unknown): jwks is { readonly keys: readonly unknown[] } {
  return isRecord(jwks) && Array.isArray(jwks["keys"]) && jwks["keys"].length <= KEYS_MAX;
}

/** Loads a JWK Set (RFC 7517). `algorithms`: what the config allows; a key for anything else is left out. */
export async function loadKeys(jwks: unknown, algorithms: readonly Algorithm[]): Promise<LoadedKeys> {
  if (!isKeySet(jwks)) return { keys: [], refused: [{ kid: "", why: `not a JWK Set of at most ${KEYS_MAX} keys` }] };
  const jwkList = jwks.keys.filter(isRecord);
  const symmetric = jwkList.filter((jwk) => jwk["kty"] === "oct");
  if (symmetric.length > 0 && symmetric.length < jwkList.length)
    return { keys: [], refused: [{ kid: "", why: "mixes secret and public keys" }] };

  const keys: Key[] = [];
  const refused: { kid: string; why: string }[] = [];
  for (const jwk of jwkList) {
    const kid = typeof jwk["kid"] === "string" ? jwk["kid"] : undefined;
    const twins = jwkList.filter((other) => other["kid"] === jwk["kid"]);
    const key = twins.length > 1 ? "its kid is given twice" : await loadKey(jwk, kid, algorithms);
    if (typeof key === "string") refused.push({ kid: kid ?? "", why: key });
    else keys.push(key);
  }
  return { keys, refused };
}

async function loadKey(jwk: Jwk, kid: string | undefined, algorithms: readonly Algorithm[]): Promise<Key | string> {
  const alg = algorithmOf(jwk, algorithms);
  if (alg === undefined) return "it is for no algorithm the config allows";
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") return "its use is not sig";
  const operations = jwk["key_ops"];
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify")))
    return "its key_ops do not include verify";
  const fault = findWeakness(jwk, alg);
  if (fault !== undefined) return fault;
  try {
    if (jwk["kty"] === "oct")
      return { kid, alg, verify: await importHmac(decodeBase64url(String(jwk["k"])) ?? new Uint8Array(), alg) };
    const { kty, crv, x, y, n, e } = jwk;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- jose checks every member it reads
    const imported = await importJWK({ kty, crv, x, y, n, e } as JWK, alg);
    return imported instanceof Uint8Array ? "it is not a public key" : { kid, alg, verify: imported };
  } catch {
    return "it is not a valid key";
  }
}

/** Whether a token that names `kid` may mean this key: a key without a name goes by any. */
export function fitsKid(key: Key, kid: string): boolean {
  return key.kid === undefined || key.kid === kid;
}

/** An HMAC key of raw bytes (UTF-8 of a secret). */
export async function importHmac(secret: Uint8Array, alg: Algorithm): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: `SHA-${alg.slice(2)}` }, false, ["verify"]);
}

/** How long a secret must be for an HMAC algorithm. */
export function hmacBytesMin(alg: Algorithm): number {
  return HMAC_BYTES_MIN[alg] ?? Infinity;
}

/** The one algorithm a key is for: its own `alg`, or what its type leaves no choice about. */
function algorithmOf(jwk: Jwk, algorithms: readonly Algorithm[]): Algorithm | undefined {
  const { kty, crv, alg } = jwk;
  const fits = (name: Algorithm): boolean => {
    switch (kty) {
      case "OKP":
        return crv === "Ed25519" && name === "EdDSA";
      case "EC":
        return EC_ALGORITHMS[String(crv)] === name;
      case "RSA":
        return name.startsWith("RS") || name.startsWith("PS");
      case "oct":
        return name.startsWith("HS");
      default:
        return false;
    }
  };
  const fitting = algorithms.filter(fits);
  if (alg === undefined) return fitting.length === 1 ? fitting[0] : undefined;
  // RFC 9864 names EdDSA with Ed25519 "Ed25519"; tokens keep saying EdDSA.
  return fitting.find((name) => name === (alg === "Ed25519" ? "EdDSA" : alg));
}

function findWeakness(jwk: Jwk, alg: Algorithm): string | undefined {
  const bytes = (member: string): Uint8Array | undefined =>
    typeof jwk[member] === "string" ? decodeBase64url(jwk[member]) : undefined;
  switch (jwk["kty"]) {
    case "OKP": {
      const x = bytes("x");
      if (x?.length !== 32) return "its x is not 32 bytes of canonical base64url";
      return SMALL_ORDER_POINTS.has(Array.from(x, (byte) => byte.toString(16).padStart(2, "0")).join(""))
        ? "it is a point of small order, with which anybody can sign"
        : undefined;
    }
    case "RSA": {
      const n = bytes("n");
      const e = bytes("e");
      if (!n || !e) return "its n or e is not canonical base64url";
      if (bitLength(n) < RSA_BITS_MIN) return `its modulus is shorter than ${RSA_BITS_MIN} bits`;
      const exponent = e.reduce((value, byte) => value * 256 + byte, 0);
      return exponent < 3 || exponent % 2 === 0 ? "its exponent is even or 1" : undefined;
    }
    case "oct": {
      const k = bytes("k");
      const min = hmacBytesMin(alg);
      return k && k.length >= min ? undefined : `its secret is shorter than ${min} bytes`;
    }
    default:
      return undefined;
  }
}

function bitLength(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first - 1) * 8 + (32 - Math.clz32(bytes[first] ?? 0));
}

/** RFC 7638 thumbprint of an Ed25519 public key. */
export async function thumbprint(x: string): Promise<string> {
  const text = JSON.stringify({ crv: "Ed25519", kty: "OKP", x });
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
