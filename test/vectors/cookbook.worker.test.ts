/** The worked examples of the JOSE RFCs, in workerd: plain compact signatures verify, everything cleverer is refused. */
import { describe, expect, it } from "vitest";
import { accepts, cookbook, describeVectors } from "../support/vectors.ts";

const RFC_7515_KEY = {
  kty: "oct",
  k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
};
const RFC_7515_CLAIMS =
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

describeVectors("the cookbook", cookbook, () => {
  it.each([
    ["RFC 7520 4.1, RS256", "4_1.rsa_v15_signature.json"],
    ["RFC 7520 4.2, PS384", "4_2.rsa-pss_signature.json"],
    ["RFC 7520 4.3, ES512", "4_3.ecdsa_signature.json"],
    ["RFC 7520 4.4, HS256", "4_4.hmac-sha2_integrity_protection.json"],
    ["RFC 8037 A.4, Ed25519", "jws.json"],
  ])("verifies %s", async (_name, file) => {
    const { input, output } = cookbook.get(file);
    // A key of ours says which algorithm it is for; two RSA algorithms fit the cookbook's, which does not.
    expect(await accepts({ ...input.key, alg: input.alg }, output.compact)).toBe(true);
  });

  it("does not guess the algorithm of a key that leaves a choice", async () => {
    const { input, output } = cookbook.get("4_1.rsa_v15_signature.json");
    expect(await accepts(input.key, output.compact)).toBe(false);
  });

  it.each([
    ["detached content", "4_5.signature_with_detached_content.json"],
    ["unprotected header members", "4_6.protecting_specific_header_fields.json"],
    ["no protected header", "4_7.protecting_content_only.json"],
    ["several signatures", "4_8.multiple_signatures.json"],
    ["an unencoded payload", "hmac-sha2_b64_false.json"],
    ["an unencoded payload in JSON only", "4.2.hmac-sha2_b64_false.json"],
    ["encryption to a curve", "ecdh-es.json"],
  ])("refuses %s, in whatever serialisation it is shown", async (_name, file) => {
    const { input, output } = cookbook.get(file);
    const jwk = Array.isArray(input.key) ? { keys: input.key } : input.key;
    const shown = [output.compact, output.json, output.json_flat].filter((form) => form !== undefined);
    for (const form of shown) {
      expect(await accepts(jwk, typeof form === "string" ? form : JSON.stringify(form))).toBe(false);
    }
    expect(shown.length).toBeGreaterThan(0);
  });

  it("refuses a signature nested in encryption, and verifies the same signature alone", async () => {
    const { sign, encrypt } = cookbook.get("6.nesting_signatures_and_encryption.json");
    for (const { key } of [sign.input, encrypt.input]) expect(await accepts(key, encrypt.output.compact)).toBe(false);
    expect(await accepts({ ...sign.input.key, alg: "PS256" }, sign.output.compact)).toBe(true);
  });
});

describe("the examples of RFC 7515 and RFC 7519", () => {
  it("verifies RFC 7515 A.1, HS256", async () => {
    const token = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${RFC_7515_CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    expect(await accepts({ ...RFC_7515_KEY, alg: "HS256" }, token)).toBe(true);
  });

  it("refuses RFC 7515 A.5 and RFC 7519 6.1, which nobody signed", async () => {
    const token = `eyJhbGciOiJub25lIn0.${RFC_7515_CLAIMS}.`;
    expect(await accepts({ ...RFC_7515_KEY, alg: "HS256" }, token)).toBe(false);
  });
});
