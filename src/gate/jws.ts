/**
 * The strict grammar in front of jose: compact JWS (RFC 7515 section 7.1) in its one spelling, and its signature.
 *
 * jose alone accepts white space inside a signature and base64url with stray bits, so one token would have many
 * spellings. Here it has one, and what a header may say is a short list: a member we do not know we do not ignore.
 */
import { compactVerify } from "jose/jws/compact/verify";
import { decodeBase64url } from "./base64url.ts";
import type { Key } from "./keys.ts";
import { refuse, ok, type Result } from "../result.ts";
import { parseStrictObject } from "./strict-json.ts";

/** 4 KiB, measured before anything else is looked at. */
export const TOKEN_BYTES_MAX = 4096;
const KID_CHARACTERS_MAX = 128;
const HEADER_MEMBERS = ["alg", "kid", "typ"];

export type Jws = {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly typ: string | undefined;
  readonly payload: Uint8Array;
};

/** Takes a token apart. The error is for the log. */
export function parseJws(token: string): Result<Jws, string> {
  if (token.length > TOKEN_BYTES_MAX) return refuse("longer than 4 KiB");
  const parts = token.split(".", 4);
  if (parts.length !== 3) return refuse("not three parts");
  const [header, payload, signature] = parts.map(decodeBase64url);
  if (!header || !payload || !signature) return refuse("not canonical base64url");
  if (signature.length === 0) return refuse("no signature");
  const members = parseStrictObject(header);
  if (!members) return refuse("the header is not a JSON object with distinct members");
  const unknown = Object.keys(members).find((name) => !HEADER_MEMBERS.includes(name));
  if (unknown !== undefined) return refuse("the header has a member other than alg, kid and typ");
  const { alg, kid, typ } = members;
  if (typeof alg !== "string") return refuse("alg is not a string");
  if (kid !== undefined && (typeof kid !== "string" || kid.length > KID_CHARACTERS_MAX))
    return refuse("kid is not a short string");
  if (typ !== undefined && typeof typ !== "string") return refuse("typ is not a string");
  return ok({ alg, kid, typ, payload });
}

/** Whether `key` made the signature. The algorithm is the key's: a header that names another is refused, not obeyed. */
export async function verifySignature(token: string, jws: Jws, key: Key): Promise<boolean> {
  if (jws.alg !== key.alg) return false;
  try {
    await compactVerify(token, key.verify, { algorithms: [key.alg] });
    return true;
  } catch {
    return false;
  }
}
