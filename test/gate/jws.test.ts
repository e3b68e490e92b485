/** Compact JWS in its one spelling: every other string, however close to a genuine token, is refused. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "../../src/gate/base64url.ts";
import { parseJws, TOKEN_BYTES_MAX, verifySignature } from "../../src/gate/jws.ts";
import { loadKeys } from "../../src/gate/keys.ts";
import { base64url, CLAIMS, HEADER, makeIssuer, signText } from "./tokens.ts";

const issuer = await makeIssuer();
const [key] = (await loadKeys({ keys: [issuer.jwk] }, ["EdDSA"])).keys;
const valid = issuer.token();

async function verifies(token: string): Promise<boolean> {
  const jws = parseJws(token);
  return jws.ok && key !== undefined && verifySignature(token, jws.value, key);
}

const headed = (header: object): string => signText(JSON.stringify(header), JSON.stringify(CLAIMS), issuer.privateKey);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split("");

describe("a genuine token", () => {
  it("verifies as it was made", async () => {
    expect(await verifies(valid)).toBe(true);
  });

  it.each([
    ["padded with =", `${valid}=`],
    ["padded with ==", `${valid}==`],
    ["with a line break after it", `${valid}\n`],
    ["with CR LF after it", `${valid}\r\n`],
    ["with a blank before it", ` ${valid}`],
    ["with a blank after it", `${valid} `],
    ["with a NUL after it", `${valid}\0`],
    ["with a dot after it", `${valid}.`],
    ["with a dot before it", `.${valid}`],
    ["with a byte order mark", `\uFEFF${valid}`],
    ["in quotes", `"${valid}"`],
    ["percent-encoded dots", valid.replaceAll(".", "%2E")],
    ["base64 instead of base64url", `${valid.slice(0, -1)}+`],
    ["in capitals", valid.toUpperCase()],
    ["without its last character", valid.slice(0, -1)],
    ["without its signature", valid.slice(0, valid.lastIndexOf(".") + 1)],
    ["without its signature and the dot", valid.slice(0, valid.lastIndexOf("."))],
    ["with an empty payload", valid.replace(/\.[^.]*\./, "..")],
    ["with an empty header", valid.replace(/^[^.]*/, "")],
    ["with a comma and itself", `${valid},${valid}`],
  ])("does not verify %s", async (_name, token) => {
    expect(await verifies(token)).toBe(false);
  });

  it("has no other last character in any part that means the same bytes", async () => {
    const parts = valid.split(".");
    for (const [index, part] of parts.entries()) {
      const twins = ALPHABET.map((last) => part.slice(0, -1) + last).filter(
        (twin) => twin !== part && Buffer.from(twin, "base64url").equals(Buffer.from(part, "base64url")),
      );
      for (const twin of twins) expect(await verifies(parts.with(index, twin).join("."))).toBe(false);
      expect(part.length % 4 === 0 || twins.length > 0).toBe(true);
    }
  });

  it("does not verify with anything inserted, removed, replaced or recased in it", async () => {
    const at = fc.nat(valid.length - 1);
    const piece = fc.oneof(
      fc.string({ minLength: 1, maxLength: 2 }),
      fc.constantFrom("=", "\n", " ", "\t", ".", "?", "-", "_", "A"),
    );
    const edited = fc.oneof(
      fc.tuple(at, piece).map(([n, text]) => valid.slice(0, n) + text + valid.slice(n)),
      fc.tuple(at, piece).map(([n, text]) => valid.slice(0, n) + text + valid.slice(n + 1)),
      at.map((n) => valid.slice(0, n) + valid.slice(n + 1)),
      at.map((n) => valid.slice(0, n) + swapCase(valid[n] ?? "") + valid.slice(n + 1)),
    );
    await fc.assert(
      fc.asyncProperty(edited, async (token) => {
        if (token !== valid) expect(await verifies(token)).toBe(false);
      }),
      { numRuns: 1_500 },
    );
  });

  it("has no second signature: s plus the order of the curve is refused", async () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const [header = "", payload = "", signature = ""] = valid.split(".");
    const raw = Buffer.from(signature, "base64url");
    const s = BigInt(`0x${Buffer.from(raw.subarray(32).toReversed()).toString("hex")}`) + order;
    const twin = Buffer.concat([
      raw.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, "0"), "hex").toReversed(),
    ]);
    expect(await verifies(`${header}.${payload}.${base64url(twin)}`)).toBe(false);
  });
});

function swapCase(text: string): string {
  return text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
}

describe("a header", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const attacker = (header: object): string => signText(JSON.stringify(header), JSON.stringify(CLAIMS), privateKey);

  it.each([
    ["none", "none"],
    ["None", "None"],
    ["NONE", "NONE"],
    ["nOnE", "nOnE"],
  ])("that says alg %s is refused, signed or not", async (_name, alg) => {
    const unsigned = `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(CLAIMS))}.`;
    expect(await verifies(unsigned)).toBe(false);
    expect(await verifies(headed({ ...HEADER, alg }))).toBe(false);
  });

  it.each(["HS256", "ES256", "RS256", "PS256", "Ed25519", "eddsa", "EdDSA ", ""])(
    "that names %j for a key that is for EdDSA is refused",
    async (alg) => {
      expect(await verifies(headed({ ...HEADER, alg }))).toBe(false);
    },
  );

  it("that asks for HMAC with the public key as the secret is refused", async () => {
    const jwk = issuer.jwk as { readonly x: string };
    const input = `${base64url('{"alg":"HS256","kid":"k1"}')}.${base64url(JSON.stringify(CLAIMS))}`;
    for (const secret of [Buffer.from(jwk.x, "base64url"), jwk.x, JSON.stringify(issuer.jwk)]) {
      const mac = createHmac("sha256", secret).update(input).digest("base64url");
      expect(await verifies(`${input}.${mac}`)).toBe(false);
    }
  });

  it.each([
    ["the attacker's jwk", { jwk: publicKey.export({ format: "jwk" }) }],
    ["a jku", { jku: "https://evil.example/jwks" }],
    ["an x5u", { x5u: "https://evil.example/x" }],
    ["an x5c", { x5c: ["MII"] }],
    ["crit with an unknown name", { crit: ["x"], x: 1 }],
    ["an empty crit", { crit: [] }],
    ["b64 false", { b64: false }],
    ["b64 false and crit", { b64: false, crit: ["b64"] }],
    ["b64 true", { b64: true }],
    ["zip", { zip: "DEF" }],
    ["cty", { cty: "JWT" }],
    ["an unknown member", { foo: 1 }],
    ["a name in another case", { Kid: "k1" }],
    ["__proto__", JSON.parse('{"__proto__":{"alg":"none"}}') as object],
  ])("that carries %s is refused, whoever signed it", async (_name, member) => {
    expect(await verifies(headed({ ...HEADER, ...member }))).toBe(false);
    expect(await verifies(attacker({ ...HEADER, ...member }))).toBe(false);
  });

  it.each([
    ["alg twice", '{"alg":"EdDSA","alg":"EdDSA","kid":"k1"}'],
    ["alg twice, once escaped", String.raw`{"alg":"EdDSA","\u0061lg":"none","kid":"k1"}`],
    ["no alg", '{"kid":"k1"}'],
    ["alg in a list", '{"alg":["EdDSA"],"kid":"k1"}'],
    ["a kid that is a number", '{"alg":"EdDSA","kid":1}'],
    ["a kid that is null", '{"alg":"EdDSA","kid":null}'],
    ["a kid of 129 characters", JSON.stringify({ alg: "EdDSA", kid: "k".repeat(129) })],
    ["a typ that is a number", '{"alg":"EdDSA","kid":"k1","typ":1}'],
    ["a byte order mark", '\uFEFF{"alg":"EdDSA","kid":"k1"}'],
    ["a list", '["EdDSA"]'],
    ["null", "null"],
    ["text that is no JSON", "EdDSA"],
  ])("with %s is refused", async (_name, header) => {
    expect(await verifies(signText(header, JSON.stringify(CLAIMS), issuer.privateKey))).toBe(false);
  });
});

/** A genuine token of exactly this length. */
function sized(length: number): string {
  for (const typ of ["", "J", "JW", "JWT"]) {
    const header = JSON.stringify({ ...HEADER, typ });
    const rest = length - signText(header, "", issuer.privateKey).length;
    const token = signText(header, "x".repeat(Math.floor((rest * 3) / 4)), issuer.privateKey);
    if (token.length === length) return token;
  }
  throw new Error(`no token is ${length} characters long`);
}

describe("a token's size and shape", () => {
  it("is taken at 4 KiB and refused a byte past it", async () => {
    expect(TOKEN_BYTES_MAX).toBe(4096);
    expect(await verifies(sized(4096))).toBe(true);
    expect(parseJws(sized(4097))).toEqual({ ok: false, error: "longer than 4 KiB" });
  });

  it.each([
    ["8 kB and a byte", "a".repeat(8193)],
    ["60 kB", `${"a".repeat(20_000)}.${"a".repeat(20_000)}.${"a".repeat(20_000)}`],
    ["10,000 dots", ".".repeat(10_000)],
    ["4,096 dots", ".".repeat(4096)],
    ["a payload of 4 KiB of opening brackets", `e30.${base64url("[".repeat(3000))}.AA`],
  ])("costs next to nothing to refuse: %s", (_name, token) => {
    // The best of some: the machine may be busy with other things.
    const times = Array.from({ length: 20 }, () => {
      const started = performance.now();
      expect(parseJws(token).ok).toBe(false);
      return performance.now() - started;
    });
    expect(Math.min(...times)).toBeLessThan(5);
  });

  it.each([
    ["five parts, as a JWE has", "eyJhbGciOiJkaXIifQ.a.b.c.d"],
    ["four parts", `${valid}.AA`],
    ["two parts", "e30.e30"],
    ["the JSON serialisation", JSON.stringify({ payload: "e30", protected: "e30", signature: "AA" })],
    ["a token in a token", `${base64url(JSON.stringify(HEADER))}.${valid}.AA`],
    ["nothing", ""],
    ["two dots", ".."],
    ["characters outside ASCII", "é.é.é"],
    ["a lone surrogate", "\ud800.e30.AA"],
  ])("is no other than three parts: %s is refused", (_name, token) => {
    expect(parseJws(token).ok).toBe(false);
  });

  it("is parsed or refused, never thrown at, whatever it is", async () => {
    const part = fc.oneof(fc.base64String(), fc.string(), fc.json().map(base64url), fc.constantFrom("", "e30", "eyJ9"));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await verifies(parts.join("."))).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("base64url", () => {
  it("decodes what it encodes, and nothing else to the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (content) => {
        expect(encodeBase64url(content)).toBe(base64url(content));
        expect(decodeBase64url(encodeBase64url(content))).toEqual(content);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AZaz09-_+/=. \n".split("")), maxLength: 6 }), (text) => {
        const decoded = decodeBase64url(text);
        if (decoded) expect(encodeBase64url(decoded)).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });
});

function pair(
  alg: string,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
  hash: string,
): readonly [string, KeyObject, KeyObject, (input: string, key: KeyObject) => Buffer] {
  return [
    alg,
    publicKey,
    privateKey,
    (input, by) => sign(hash, Buffer.from(input), { key: by, dsaEncoding: "ieee-p1363" }),
  ];
}

describe("other keys", () => {
  const pairs: readonly (readonly [string, KeyObject, KeyObject, (input: string, key: KeyObject) => Buffer])[] = [
    pair("ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256"),
    pair("ES384", generateKeyPairSync("ec", { namedCurve: "P-384" }), "sha384"),
    pair("RS256", generateKeyPairSync("rsa", { modulusLength: 2048 }), "sha256"),
  ];

  it.each(pairs)("%s verifies with its own key and algorithm only", async (alg, publicKey, privateKey, make) => {
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1", alg };
    const [own] = (await loadKeys({ keys: [jwk] }, ["EdDSA", "ES256", "ES384", "RS256"])).keys;
    const input = `${base64url(JSON.stringify({ alg, kid: "k1" }))}.${base64url(JSON.stringify(CLAIMS))}`;
    const token = `${input}.${base64url(make(input, privateKey))}`;
    const jws = parseJws(token);
    if (!jws.ok || !own || !key) throw new Error("the test's token or key is not usable");
    expect(await verifySignature(token, jws.value, own)).toBe(true);
    expect(await verifySignature(token, jws.value, key)).toBe(false);
    expect(await verifySignature(`${token.slice(0, -8)}AAAAAAAA`, jws.value, own)).toBe(false);
  });
});
