/**
 * The gate as an issuer: it signs buyers' tokens and, for the origin, what it decided about a call.
 *
 * Ed25519 only. The secret may hold one JWK or a JWK Set: the first key signs, all of them verify, which is how a
 * key is replaced without a token failing.
 */
import { SignJWT } from "jose/jwt/sign";
import { importJWK } from "jose/key/import";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { loadKeys, thumbprint, type Key } from "./keys.ts";

export type Signer = {
  /** RFC 7638 thumbprint of the signing key: the `kid` of what it signs, and the gate's name to itself in Via. */
  readonly kid: string;
  /** What tokens of ours verify with. */
  readonly keys: readonly Key[];
  /** RFC 7517 JWK Set of the public keys. */
  readonly jwks: { readonly keys: readonly Readonly<Record<string, string>>[] };
  /** Signs claims; adds nothing to them. */
  sign(typ: "at+jwt" | "payment-context+jwt", claims: Readonly<Record<string, unknown>>): Promise<string>;
};

/** Reads the signing secret. A string says what is wrong with it, without showing it. */
export async function loadSigner(secret: string): Promise<Signer | string> {
  const list = parseKeyList(secret);
  if (!list) return "is not JSON: it must hold an Ed25519 private JWK, or a JWK Set of them";
  const jwks: Record<string, string>[] = [];
  for (const jwk of list) {
    const { kty, crv, x, d } = jwk;
    if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string" || typeof d !== "string")
      return 'is not an Ed25519 private JWK ({"kty":"OKP","crv":"Ed25519","x":…,"d":…})';
    jwks.push({ kty: "OKP", crv: "Ed25519", x, kid: await thumbprint(x), alg: "EdDSA", use: "sig" });
  }
  const { keys, refused } = await loadKeys({ keys: jwks }, ["EdDSA"]);
  if (refused[0]) return `holds a key that cannot be used: ${refused[0].why}`;
  const kid = jwks[0]?.["kid"];
  const { x, d } = list[0] ?? {};
  if (kid === undefined) return "holds no key";
  const privateKey = await importPrivate(String(x), String(d));
  if (!privateKey || !(await belongTogether(privateKey, keys[0])))
    return "holds a private key (d) that does not belong to its public key (x)";
  return {
    kid,
    keys,
    jwks: { keys: jwks },
    sign: async (typ, claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: "EdDSA", kid, typ }).sign(privateKey),
  };
}

function parseKeyList(secret: string): Readonly<Record<string, unknown>>[] | undefined {
  try {
    const value: unknown = JSON.parse(secret);
    if (typeof value !== "object" || value === null) return undefined;
    const list: unknown = "keys" in value ? value.keys : [value];
    return Array.isArray(list) && list.length > 0 && list.every((entry) => typeof entry === "object" && entry !== null)
      ? list
      : undefined;
  } catch {
    return undefined;
  }
}

async function importPrivate(x: string, d: string): Promise<CryptoKey | undefined> {
  if (decodeBase64url(d)?.length !== 32) return undefined;
  try {
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA");
    return key instanceof Uint8Array ? undefined : key;
  } catch {
    return undefined;
  }
}

async function belongTogether(privateKey: CryptoKey, publicKey: Key | undefined): Promise<boolean> {
  const probe = new TextEncoder().encode("farebox");
  const signature = await crypto.subtle.sign("Ed25519", privateKey, probe);
  return publicKey !== undefined && crypto.subtle.verify("Ed25519", publicKey.verify, signature, probe);
}

/**
 * The id of a token we mint: random, and then the account, so that a revocation finds the account's object from the
 * jti alone, with no index that could lag or be lost.
 */
export function makeTokenId(account: string): string {
  const random = crypto.getRandomValues(new Uint8Array(15));
  return `${encodeBase64url(random)}.${encodeBase64url(new TextEncoder().encode(account))}`;
}

/** The account a jti of ours belongs to; undefined for any other jti. */
export function accountOfTokenId(jti: string): string | undefined {
  const [random = "", account = "", ...rest] = jti.split(".");
  const bytes = decodeBase64url(account);
  if (rest.length > 0 || random.length !== 20 || !bytes || bytes.length === 0) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
