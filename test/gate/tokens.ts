/** An outside issuer with a real Ed25519 key that signs whatever bytes a test wants signed. */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { fixedIssuer, type TrustedIssuer } from "../../src/gate/issuer.ts";
import { loadKeys } from "../../src/gate/keys.ts";
import { NOW } from "../support/command.ts";

export const NOW_SECONDS = NOW / 1000;
export const ISSUER = "https://auth.example.com";
export const AUDIENCE = "https://api.example.com";

/** Claims of a token that is good at NOW. */
export const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: "alice", iat: NOW_SECONDS - 10, exp: NOW_SECONDS + 600 };
export const HEADER = { alg: "EdDSA", kid: "k1", typ: "JWT" };

export const base64url = (content: string | Uint8Array): string => Buffer.from(content).toString("base64url");

/** A compact JWS over header and payload as they are, signed with Ed25519. */
export function signText(header: string | Uint8Array, payload: string | Uint8Array, key: KeyObject): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(sign(null, Buffer.from(input), key))}`;
}

export type TestIssuer = {
  readonly trusted: TrustedIssuer;
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
  /** A token with these changes to good claims and header; undefined removes a member. */
  token(claims?: object, header?: object): string;
};

export async function makeIssuer(
  more: Partial<TrustedIssuer> = {},
  kid: string | undefined = "k1",
): Promise<TestIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const jwk = { ...publicKey.export({ format: "jwk" }), ...(kid === undefined ? {} : { kid }) };
  const { keys } = await loadKeys({ keys: [jwk] }, ["EdDSA"]);
  const described = { issuer: ISSUER, audience: AUDIENCE, accountPrefix: "", lifeSecondsMax: 86_400, ...more };
  return {
    trusted: fixedIssuer({ ...described, algorithms: ["EdDSA"] }, keys),
    privateKey,
    jwk,
    token: (claims = {}, header = {}) =>
      signText(JSON.stringify({ ...HEADER, ...header }), JSON.stringify({ ...CLAIMS, ...claims }), privateKey),
  };
}
