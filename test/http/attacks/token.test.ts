/** Attacks with tokens that are genuine somewhere else, and with what a gate should refuse before it does any work. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSigningKey } from "../../../scripts/secrets.ts";
import { expectDenial, paid } from "../../support/columns.ts";
import { startGate, type TestGate } from "../../support/gate.ts";
import { gateKey, makeKey, nowSeconds, ownClaims, signClaims, signText } from "../../support/jwt.ts";
import { startOrigin, type RecordingOrigin } from "../../support/origin.ts";

const API = "https://api.example.com";
let origin: RecordingOrigin;
let gate: TestGate;
/** With the same signing key under another name, as a staging gate that was copied from production. */
let twin: TestGate;
const outside = makeKey("EdDSA", "outside-1");
beforeAll(async () => {
  origin = await startOrigin();
  const signing = makeSigningKey();
  const tokens = [
    { issuer: "https://a.example", audience: API, algorithms: ["EdDSA"], keys: [outside.jwk], accountPrefix: "a:" },
  ];
  const start = async (publicUrl: string): Promise<TestGate> =>
    startGate({ origin, bindings: { FAREBOX_SIGNING_KEY: signing }, config: { publicUrl, tokens: tokens as never } });
  [gate, twin] = [await start(API), await start("https://staging.example.com")];
  await gate.grant("owner", 1000);
  await twin.grant("owner", 1000);
  await gate.grant("a:owner", 1000);
});
afterAll(async () => {
  await Promise.all([gate.close(), twin.close()]);
  await origin.close();
});

describe("a token of another gate with the very same key", () => {
  it("pays at its own gate and at no other", async () => {
    for (const [own, other] of [
      [gate, twin],
      [twin, gate],
    ] as const) {
      const token = await own.token("owner");
      expect(await own.see("owner", "/v1/cheap", { token })).toMatchObject(paid(1));
      await expectDenial(other, "owner", "/v1/cheap", { token }, [401, "invalid_token"]);
      const headers = { host: "staging.example.com", "x-forwarded-host": "staging.example.com" };
      await expectDenial(other, "owner", "/v1/cheap", { token, headers }, [401, "invalid_token"]);
    }
  });
});

describe("an outside issuer's token", () => {
  it("names nobody outside its prefix, whatever account it, the path, the query, the body and the headers name", async () => {
    const iat = nowSeconds();
    const claims = { iss: "https://a.example", aud: API, sub: "owner", iat, exp: iat + 300 };
    const token = signClaims(outside, {
      ...claims,
      account: "owner",
      client_id: "owner",
      azp: "owner",
      act: { sub: "owner" },
    });
    const options = { token, headers: { "farebox-account": "owner" }, method: "POST", body: '{"account":"owner"}' };
    const before = await gate.account("owner");
    expect(await gate.see("a:owner", "/v1/expensive?account=owner", options)).toMatchObject(paid(100));
    expect(await gate.account("owner")).toMatchObject({ available: before.available, captured: before.captured });
  });

  it("of an account whose prefix spells another's id is not that account's", async () => {
    await gate.grant("a:b", 10);
    const iat = nowSeconds();
    for (const sub of ["b", "a:b"]) {
      const token = signClaims(outside, { iss: "https://a.example", aud: API, sub, iat, exp: iat + 300 });
      const { status, delta } = await gate.see("a:b", "/v1/cheap", { token });
      expect([status, delta]).toEqual(sub === "b" ? [200, -1] : [402, 0]);
    }
  });
});

const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
/** Signed as the gate signs, whatever it says. */
const signed = (payload: string): string => signText(gateKey(gate), '{"alg":"EdDSA"}', payload);
/** Claims that are good but for what is put in front of them. */
const good = (more: string): string =>
  JSON.stringify(ownClaims(gate, "owner", { iss: API, aud: API })).replace("{", `{${more},`);

describe("what is too large, too deep or too much to be a token", () => {
  const shapes: [string, () => string][] = [
    [
      "claims that say they are packed",
      () => signClaims(gateKey(gate), ownClaims(gate, "owner", { iss: API, aud: API }), { zip: "DEF" }),
    ],
    ["10,000 levels of JSON", () => signed(good(`"x":${deep(10_000)}`))],
    ["400 times the same member", () => signed(good(Array<string>(400).fill('"a":1').join()))],
    [
      "an end of 2,000 digits",
      () =>
        signed(
          good("")
            .replace("{,", "{")
            .replace(/"exp":\d+/, `"exp":${"9".repeat(2000)}`),
        ),
    ],
    ["30,000 dots", () => ".".repeat(30_000)],
    ["30,000 blanks before it", () => `${" ".repeat(30_000)}x`],
    ["4 KiB and one byte", () => `a.${"b".repeat(4093)}.c`],
    ["100,000 characters", () => "a".repeat(100_000)],
  ];
  it.each(shapes)("(%s) is refused, and nothing is asked, written or forwarded for it", async (_what, make) => {
    await expectDenial(gate, "owner", "/v1/cheap", { token: make() }, [401, "invalid_token"]);
  });

  it.each<[string, () => string]>([
    ["1,000 levels of JSON in a claim nobody asks for", () => signed(good(`"x":${deep(1000)}`))],
    ["250 claims nobody asks for", () => signed(good(Array.from({ length: 250 }, (_, n) => `"${n}":1`).join()))],
  ])("(%s) is no reason to refuse it, nor to charge it otherwise", async (_what, make) => {
    expect(await gate.see("owner", "/v1/cheap", { token: make() })).toMatchObject(paid(1));
  });
});
