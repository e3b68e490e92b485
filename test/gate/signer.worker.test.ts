/** The signing secret, in workerd: its WebCrypto takes halves of different keys for a pair, so the signer must not. */
import { describe, expect, it } from "vitest";
import { loadSigner } from "../../src/gate/signer.ts";

type PrivateJwk = { readonly kty: string; readonly crv: string; readonly x: string; readonly d: string };

async function fresh(): Promise<PrivateJwk> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("no pair of keys");
  const { kty, crv, x, d } = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as PrivateJwk;
  return { kty, crv, x, d };
}

describe("the signing secret", () => {
  it("is taken if its two halves belong together", async () => {
    expect(await loadSigner(JSON.stringify(await fresh()))).toMatchObject({ kid: expect.any(String) });
  });

  it.each(["x", "d"] as const)("is refused if its %s is another key's", async (half) => {
    const jwk = { ...(await fresh()), [half]: (await fresh())[half] };
    expect(await loadSigner(JSON.stringify(jwk))).toContain("does not belong");
  });

  it("is refused if it is of small order", async () => {
    const x = "A".repeat(43);
    expect(await loadSigner(JSON.stringify({ ...(await fresh()), x }))).toContain("small order");
  });
});
