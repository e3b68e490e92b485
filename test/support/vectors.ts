/**
 * The published test vectors beside the checkout (../shared/vectors), for tests in Node and in workerd alike, and the
 * verdict of the signature layer on one of them.
 */
import { describe, it } from "vitest";
import type { Algorithm, Jwk } from "../../src/config.ts";
import { parseJws, verifySignature } from "../../src/gate/jws.ts";
import { loadKeys } from "../../src/gate/keys.ts";

declare global {
  interface ImportMeta {
    /** Vite's: the matching files, read when the test is built, which is how they reach workerd. */
    glob(pattern: string, options: { readonly eager: true; readonly import: "default" }): Record<string, unknown>;
  }
}

type VectorFiles = ReadonlyMap<string, any>; // oxlint-disable-line typescript/no-explicit-any -- as published

/** By file name; empty where the folder is missing. */
export const wycheproof: VectorFiles = byName(
  import.meta.glob("../../../shared/vectors/wycheproof/*.json", { eager: true, import: "default" }),
);
export const cookbook: VectorFiles = byName(
  import.meta.glob("../../../shared/vectors/ietf-cookbook/**/*.json", { eager: true, import: "default" }),
);
export const whatwgUrl: VectorFiles = byName(
  import.meta.glob("../../../shared/vectors/whatwg-url/*.json", { eager: true, import: "default" }),
);

function byName(files: Record<string, unknown>): VectorFiles {
  return new Map(Object.entries(files).map(([path, content]) => [path.slice(path.lastIndexOf("/") + 1), content]));
}

/** A describe that says in its name why it is skipped where the vectors are missing. */
export function describeVectors(name: string, files: VectorFiles, body: () => void): void {
  if (files.size > 0) describe(name, body);
  else describe.skip(`${name} (skipped: the folder ../shared/vectors is missing)`, () => it("runs", () => undefined));
}

/** Every algorithm a config can allow: the widest door. */
// oxfmt-ignore
export const ALGORITHMS: readonly Algorithm[] = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512"];

/** Whether the signature layer accepts a token with a JWK or JWK Set: what lies below the claims. */
export async function accepts(jwk: Jwk, token: string): Promise<boolean> {
  const { keys } = await loadKeys("keys" in jwk ? jwk : { keys: [jwk] }, ALGORITHMS);
  const jws = parseJws(token);
  if (!jws.ok) return false;
  const { kid } = jws.value;
  const key = kid === undefined && keys.length === 1 ? keys[0] : keys.find((known) => known.kid === kid);
  return key !== undefined && verifySignature(token, jws.value, key);
}
