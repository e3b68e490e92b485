/** What a caller sees whose token is not spelled, or not signed, in the one way that counts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import {
  base64url,
  gateKey,
  hmacKey,
  makeKey,
  ownClaims,
  signClaims,
  signText,
  type SigningKey,
} from "../support/jwt.ts";

let gate: TestGate;
let key: SigningKey;
const stranger = makeKey("EdDSA");
beforeAll(async () => {
  gate = await startGate();
  key = gateKey(gate);
  await gate.grant("p401", 100_000);
});
afterAll(async () => gate.close());

const claims = (more: object = {}): Record<string, unknown> => ownClaims(gate, "p401", { ...more });
const good = (): string => signClaims(key, claims());
const parts = (token: string): [string, string, string] => token.split(".") as [string, string, string];
/** A token whose header is this text, rightly signed. */
const withHeader = (header: string | Uint8Array): string => signText(key, header, JSON.stringify(claims()));
const withPayload = (payload: string | Uint8Array): string => signText(key, '{"alg":"EdDSA"}', payload);
/** A token with more header members, rightly signed. */
const withMember = (members: object): string => signClaims(key, claims(), { ...members });
/** A good token with one of its parts replaced. */
const withPart = (index: 0 | 1 | 2, change: (part: string) => string): string =>
  parts(good())
    .map((part, at) => (at === index ? change(part) : part))
    .join(".");
/** The same bytes as base64url, spelled with stray bits in the last character. */
const stray = (part: string): string => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const other = alphabet[alphabet.indexOf(part.at(-1) ?? "") + 1] ?? "";
  const spelled = part.slice(0, -1) + other;
  expect(Buffer.from(spelled, "base64url")).toEqual(Buffer.from(part, "base64url"));
  return spelled;
};
/** JSON of claims, blown up by blanks to a length that base64url cannot spell without spare bits. */
const uneven = (text: string): string => text + " ".repeat(text.length % 3 === 0 ? 1 : 0);

describe("a sound token", () => {
  it.each([
    ["without kid and typ", () => withHeader('{"alg":"EdDSA"}')],
    ["with typ JWT", () => withMember({ typ: "JWT" })],
    ["with typ at+jwt", () => withMember({ typ: "at+jwt" })],
    ["with white space in its JSON", () => withHeader('{ "alg" : "EdDSA" }\n')],
    ["with claims the gate has no use for", () => signClaims(key, claims({ roles: ["a", { b: 1 }], x: null }))],
    ["of exactly 4096 characters", () => padded(4096)],
    ["with 1,300 levels of JSON beside its claims", () => deep(1300)],
  ])("pays %s", async (_what, make) => {
    const seen = await gate.see("p401", "/v1/cheap", { token: make() });
    expect(seen).toMatchObject(paid(1));
  });
});

/** A rightly signed token of exactly this many characters. */
function padded(length: number): string {
  for (const spare of ["", " ", "  "]) {
    const size = (n: number): string =>
      signText(key, `{"alg":"EdDSA"}${spare}`, JSON.stringify(claims({ pad: "x".repeat(n) })));
    const n = Math.floor(((length - size(0).length) * 3) / 4);
    for (let more = -2; more < 3; more++) if (size(n + more).length === length) return size(n + more);
  }
  throw new Error(`no padding makes ${length}`);
}

/** A rightly signed token with lists in lists in lists. */
function deep(levels: number): string {
  return withPayload(JSON.stringify(claims()).replace("{", `{"x":${"[".repeat(levels)}${"]".repeat(levels)},`));
}

type Case = readonly [what: string, make: () => string];
const SIGNATURES: readonly Case[] = [
  ["nothing after Bearer", () => ""],
  ["no dots", () => "token"],
  ["its signature removed with the dot", () => parts(good()).slice(0, 2).join(".")],
  ["its signature removed but the dot", () => withPart(2, () => "")],
  ["its header removed", () => withPart(0, () => "")],
  ["its payload removed", () => withPart(1, () => "")],
  ["a bit of its signature changed", () => withPart(2, (part) => (part.startsWith("A") ? "B" : "A") + part.slice(1))],
  ["half a signature", () => withPart(2, (part) => part.slice(0, 43))],
  ["a signature of zeros", () => withPart(2, () => base64url(new Uint8Array(64)))],
  ["its signature twice", () => withPart(2, (part) => part + part)],
  ["S above the group order (malleable signature)", () => withPart(2, addGroupOrder)],
  ["the signature of other claims", () => withPart(1, () => base64url(JSON.stringify(claims({ sub: "victim" }))))],
  ["the signature of another header", () => withPart(0, () => base64url('{"alg":"EdDSA","typ":"JWT"}'))],
  ["the signature of a stranger's key", () => signClaims(stranger, claims())],
  ["five parts (JWE)", () => `${good()}.AAAA.AAAA`],
  ["a token as its payload", () => signText(key, '{"alg":"EdDSA","cty":"JWT"}', good())],
  ["a detached payload", () => withPart(1, () => "")],
  ["JSON serialisation", () => jsonSerialised()],
];
const ALGORITHMS: readonly Case[] = [
  ...["none", "None", "NONE", "nOnE"].flatMap((alg): Case[] => [
    [
      `alg ${alg} and no signature`,
      () => `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(claims()))}.`,
    ],
    [`alg ${alg} and a signature`, () => withHeader(JSON.stringify({ alg }))],
  ]),
  ...["eddsa", "Ed25519", "ES256", "RS256", "", " EdDSA"].map((alg): Case => [
    `alg ${JSON.stringify(alg)} over an EdDSA signature`,
    () => withHeader(JSON.stringify({ alg })),
  ]),
  ["no alg", () => withHeader("{}")],
  ["alg as a list", () => withHeader('{"alg":["EdDSA"]}')],
  ["alg null", () => withHeader('{"alg":null}')],
  ["HS256 keyed with the public key's bytes", () => signClaims(hmacKey(publicBytes()), claims())],
  ["HS256 keyed with the public key's text", () => signClaims(hmacKey(String(key.jwk["x"])), claims())],
  ["HS256 keyed with the public JWK", () => signClaims(hmacKey(JSON.stringify(key.jwk)), claims())],
  ["HS256 keyed with nothing", () => signClaims(hmacKey(""), claims())],
  ["a right signature of a wrong algorithm", () => signClaims(makeKey("ES256"), claims())],
];
const HEADERS: readonly Case[] = [
  ["jwk, a key of its own", () => signClaims(stranger, claims(), { jwk: stranger.jwk })],
  ["jwk, the gate's own key", () => withMember({ jwk: key.jwk })],
  ["jku", () => withMember({ jku: "https://attacker.example/jwks.json" })],
  ["x5u", () => withMember({ x5u: "https://attacker.example/x.pem" })],
  ["x5c", () => withMember({ x5c: ["AAAA"] })],
  ["crit with an unknown member", () => withMember({ crit: ["x"], x: 1 })],
  ["crit with nothing", () => withMember({ crit: [] })],
  ["b64 false", () => withMember({ b64: false })],
  ["b64 false and crit", () => withMember({ b64: false, crit: ["b64"] })],
  ["zip", () => withMember({ zip: "DEF" })],
  ["cty", () => withMember({ cty: "JWT" })],
  ["a member that is no standard's", () => withMember({ foo: 1 })],
  ["a member named __proto__", () => withHeader('{"alg":"EdDSA","__proto__":{"kid":"x"}}')],
  ["an unknown kid", () => withMember({ kid: "unknown" })],
  ["a kid that is a path", () => withMember({ kid: "../../x" })],
  ["an empty kid", () => withMember({ kid: "" })],
  ["a kid that is a number", () => withMember({ kid: 1 })],
  ["a kid of 4,000 characters", () => withMember({ kid: "k".repeat(2500) })],
  ...["payment-context+jwt", "jwt", "JOSE", "application/jwt", "secevent+jwt", "", 1, null].map((typ): Case => [
    `typ ${JSON.stringify(typ)}`,
    () => withMember({ typ }),
  ]),
];
const SPELLINGS: readonly Case[] = [
  ["padding", () => `${good()}==`],
  ["one sign of padding", () => `${good()}=`],
  ["a dot at the end", () => `${good()}.`],
  ["a dot in front", () => `.${good()}`],
  ["standard base64 in its signature", () => withPart(2, (part) => `+/${part.slice(2)}`)],
  ["stray bits in its signature", () => withPart(2, stray)],
  ["stray bits in its payload", () => signedAs(1, stray)],
  ["stray bits in its header", () => signedAs(0, stray)],
  ["padding in its header, signed so", () => signedAs(0, (part) => `${part}=`)],
  ["a header that is no JSON", () => withHeader("alg=EdDSA")],
  ["a header cut short", () => withHeader('{"alg":"EdDSA"')],
  ["a header that is a list", () => withHeader('["EdDSA"]')],
  ["a header named twice in alg", () => withHeader('{"alg":"none","alg":"EdDSA"}')],
  ["a header named twice in kid, once escaped", () => withHeader('{"alg":"EdDSA","kid":"a","\\u006bid":"a"}')],
  ["a byte order mark in its header", () => withHeader('\uFEFF{"alg":"EdDSA"}')],
  ["a byte order mark in its payload", () => withPayload(`\uFEFF${JSON.stringify(claims())}`)],
  ["invalid UTF-8 in its payload", () => withPayload(Buffer.from(JSON.stringify(claims({ x: "\xff" })), "latin1"))],
  ["UTF-16 in its payload", () => withPayload(Buffer.from(JSON.stringify(claims()), "utf16le"))],
  ["exp twice", () => withPayload(JSON.stringify(claims()).replace('"exp"', '"exp":1,"exp"'))],
  [
    "sub twice, once escaped",
    () => withPayload(JSON.stringify(claims()).replace('"sub"', '"s\\u0075b":"victim","sub"')),
  ],
  ["a name twice deep inside", () => withPayload(JSON.stringify(claims()).replace("{", '{"x":[{"a":1,"a":2}],'))],
  ["two JSON texts in its payload", () => withPayload(JSON.stringify(claims()) + JSON.stringify(claims()))],
  ["a payload cut short", () => withPayload(JSON.stringify(claims()).slice(0, -1))],
  ...["null", "[]", "42", '"text"', "", "true"].map((payload): Case => [
    `the payload ${JSON.stringify(payload)}`,
    () => withPayload(payload),
  ]),
  ["4097 characters", () => padded(4097)],
  ["1,000 levels of JSON and nothing else", () => withPayload("[".repeat(1000) + "]".repeat(1000))],
  ["10,000 levels of JSON beside its claims", () => deep(10_000)],
  ["10,000 dots", () => ".".repeat(10_000)],
  ["8 KiB and 1", () => padded(8193)],
  ["60 kB", () => "A".repeat(60_000)],
];

function publicBytes(): Buffer {
  return Buffer.from(String(key.jwk["x"]), "base64url");
}

function jsonSerialised(): string {
  const [header, payload, signature] = parts(good());
  return JSON.stringify({ protected: header, payload, signature }).replaceAll(",", ";");
}

/** A token with one part spelled otherwise before it is signed. */
function signedAs(index: 0 | 1, spell: (part: string) => string): string {
  const texts = [uneven('{"alg":"EdDSA"}'), uneven(JSON.stringify(claims()))].map((text) => base64url(text));
  const input = texts.map((text, at) => (at === index ? spell(text) : text)).join(".");
  return `${input}.${base64url(key.make(Buffer.from(input)))}`;
}

/** The other S that a verifier without RFC 8032's range check would take for the same signature. */
function addGroupOrder(part: string): string {
  const bytes = Buffer.from(part, "base64url");
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = BigInt(`0x${Buffer.from(bytes.subarray(32).toReversed()).toString("hex")}`) + order;
  for (let at = 32; at < 64; at++, s >>= 8n) bytes[at] = Number(s & 0xffn);
  return base64url(bytes);
}

describe("401 invalid_token", () => {
  it.each([...SIGNATURES, ...ALGORITHMS, ...SPELLINGS])("refuses a token with %s", async (_what, make) => {
    const reply = await expectDenial(gate, "p401", "/v1/cheap", { token: make() }, [401, "invalid_token"]);
    expect(reply.headers["www-authenticate"]).toMatch(/^Bearer realm="Test API", error="invalid_token"/);
    expect(reply.headers["retry-after"]).toBeUndefined();
  });

  it.each(HEADERS)("refuses a rightly signed token with %s in its header", async (_what, make) => {
    await expectDenial(gate, "p401", "/v1/cheap", { token: make() }, [401, "invalid_token"]);
  });

  it("says the same of every bad token, so that nobody learns from it how to make a better one", async () => {
    const tokens = [
      good().slice(0, -4),
      withMember({ foo: 1 }),
      signClaims(stranger, claims()),
      signClaims(key, claims({ aud: "other" })),
    ];
    const replies = await Promise.all(tokens.map(async (token) => gate.call("/v1/cheap", { token })));
    expect(new Set(replies.map(({ body }) => body.replace(/req_[-0-9a-f]+/, ""))).size).toBe(1);
  });

  it("repeats no part of the token in its answer", async () => {
    const token = signClaims(stranger, claims({ sub: "very-secret-name" }));
    const reply = await expectDenial(gate, "p401", "/v1/cheap", { token }, [401, "invalid_token"]);
    const all = JSON.stringify(reply.headers) + reply.body;
    for (const part of [...parts(token), "very-secret-name"]) expect(all).not.toContain(part);
  });
});
