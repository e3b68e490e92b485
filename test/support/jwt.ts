/** Tokens as an issuer makes them, or a forger: signed with node:crypto over whatever text a test chooses. */
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  type KeyObject,
} from "node:crypto";
import type { TestGate } from "./gate.ts";

export type SigningKey = {
  readonly alg: string;
  readonly kid: string | undefined;
  /** The public half, as a JWKS publishes it. */
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly make: (data: Buffer) => Buffer;
};
type Claims = Readonly<Record<string, unknown>>;

/** A fresh key pair for an algorithm. */
export function makeKey(alg: "EdDSA" | "ES256" | "RS256" | "PS256", kid?: string, rsaBits = 2048): SigningKey {
  const { privateKey } =
    alg === "EdDSA"
      ? generateKeyPairSync("ed25519")
      : alg === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("rsa", { modulusLength: rsaBits });
  return keyOf(privateKey, alg, kid);
}

/** The same private key under another algorithm or kid. */
export function keyOf(privateKey: KeyObject, alg: string, kid?: string): SigningKey {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  const named = { ...jwk, alg, use: "sig", ...(kid === undefined ? {} : { kid }) };
  const pss = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return {
    alg,
    kid,
    jwk: named,
    make(data) {
      if (alg === "EdDSA") return signBytes(null, data, privateKey);
      if (alg === "ES256") return signBytes("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" });
      return signBytes("sha256", data, alg === "PS256" ? pss : privateKey);
    },
  };
}

/** An HMAC key; `alg` is HS256, HS384 or HS512. */
export function hmacKey(secret: string | Buffer, alg = "HS256", kid?: string): SigningKey {
  const jwk = { kty: "oct", k: Buffer.from(secret).toString("base64url"), alg, ...(kid === undefined ? {} : { kid }) };
  return {
    alg,
    kid,
    jwk,
    make: (data) =>
      createHmac(`sha${alg.slice(2)}`, secret)
        .update(data)
        .digest(),
  };
}

/** The gate's own signing key, to make tokens it would never mint. */
export function gateKey(gate: TestGate): SigningKey {
  return keyOf(createPrivateKey({ key: JSON.parse(gate.signingKey), format: "jwk" }), "EdDSA");
}

export function base64url(text: string | Uint8Array): string {
  return Buffer.from(text).toString("base64url");
}

/** Signs a header and a payload given as text or bytes, whatever they say. */
export function signText(key: SigningKey, header: string | Uint8Array, payload: string | Uint8Array): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(key.make(Buffer.from(input)))}`;
}

/** Signs claims. Members of `header` are added to alg and kid; undefined takes one away. */
export function signClaims(key: SigningKey, claims: Claims, header: Claims = {}): string {
  return signText(key, JSON.stringify({ alg: key.alg, kid: key.kid, ...header }), JSON.stringify(claims));
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Claims of an account that the gate takes for its own; undefined takes one away. */
export function ownClaims(gate: TestGate, account: string, more: Claims = {}): Record<string, unknown> {
  const iat = nowSeconds();
  return { iss: gate.url, aud: gate.url, sub: account, iat, exp: iat + 600, ...more };
}
