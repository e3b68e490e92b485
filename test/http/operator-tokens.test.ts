/** Proves that the operator's tokens say what was asked for, pay at once, and pay no more once they are revoked. */
import { createHmac } from "node:crypto";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";

const SECRET = "an outside issuer's secret of more than 32 bytes";
const LONG_PLAN = "p".repeat(100);
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({
    config: {
      prices: {
        "GET /v1/cheap": 1,
        "GET /v1/included": 5,
        "GET /v1/reports": { credits: 2, scope: "reports" },
      } as never,
      plans: { pro: { includes: ["GET /v1/included"] }, [LONG_PLAN]: { includes: [] } },
      tokens: [
        {
          issuer: "https://auth.example.com",
          audience: "https://api.example.com",
          algorithms: ["HS256"],
          secret: "OUTSIDE",
          accountPrefix: "out:",
        },
      ],
    },
    bindings: { OUTSIDE: SECRET },
  });
});
afterAll(async () => gate.close());

const mint = async (account: string, body?: unknown): Promise<Reply> =>
  gate.admin("POST", `/accounts/${account}/tokens`, body);
const revoke = async (jti: string, query = ""): Promise<Reply> =>
  gate.admin("DELETE", `/tokens/${encodeURIComponent(jti)}${query}`);
const now = (): number => Math.floor(Date.now() / 1000);
/** A token of the outside issuer, for the account "out:{sub}". */
async function outside(sub: string, jti?: string): Promise<string> {
  const jwt = new SignJWT({ iss: "https://auth.example.com", aud: "https://api.example.com", sub, iat: now() })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h");
  return (jti === undefined ? jwt : jwt.setJti(jti)).sign(new TextEncoder().encode(SECRET));
}
async function expectRevoked(account: string, token: string): Promise<void> {
  const seen = await gate.see(account, "/v1/cheap", { token });
  expect(seen).toMatchObject({ status: 401, hits: 0, entries: [], delta: 0 });
  expect(seen.reply.json().code).toBe("token_revoked");
  expect(seen.reply.headers["www-authenticate"]).toContain('error="invalid_token"');
}
async function expectPays(account: string, token: string): Promise<void> {
  expect(await gate.see(account, "/v1/cheap", { token })).toMatchObject({ status: 200, hits: 1, delta: -1 });
}

describe("POST tokens", () => {
  it("mints an at+jwt that the published keys verify, for a day unless said otherwise", async () => {
    await gate.grant("anna", 10);
    const reply = await mint("anna");
    expect(reply.status).toBe(200);
    const { token, jti, expires_at, ...rest } = reply.json();
    expect(rest).toEqual({});
    const keys = createLocalJWKSet((await gate.call("/.well-known/jwks.json")).json());
    const { payload } = await jwtVerify(token, keys, { issuer: gate.url, audience: gate.url, typ: "at+jwt" });
    expect(decodeProtectedHeader(token)).toEqual({ alg: "EdDSA", typ: "at+jwt", kid: expect.any(String) });
    const { iat = 0 } = payload;
    expect(payload).toEqual({ iss: gate.url, aud: gate.url, sub: "anna", iat, exp: iat + 86_400, jti });
    expect(Math.abs(iat - now())).toBeLessThanOrEqual(2);
    expect(expires_at).toBe(new Date((iat + 86_400) * 1000).toISOString());
    await expectPays("anna", token);
  });

  it("puts in the scope, the entitlements and the life that were asked for", async () => {
    const asked = { scope: "reports admin:read", entitlements: ["pro"], ttl_seconds: 60 };
    const { token } = (await mint("bert", asked)).json();
    const { payload } = await jwtVerify(token, createLocalJWKSet((await gate.call("/.well-known/jwks.json")).json()));
    expect(payload).toMatchObject({ scope: asked.scope, entitlements: ["pro"], exp: (payload.iat ?? 0) + 60 });
  });

  it("opens what it grants: a scope's route, a plan's route", async () => {
    await gate.grant("carl", 10);
    const plain = await gate.token("carl");
    const full = await gate.token("carl", { scope: "reports", entitlements: ["pro"] });
    expect(await gate.see("carl", "/v1/reports", { token: plain })).toMatchObject({ status: 403, hits: 0, delta: 0 });
    expect(await gate.see("carl", "/v1/reports", { token: full })).toMatchObject({ status: 200, hits: 1, delta: -2 });
    expect(await gate.see("carl", "/v1/included", { token: plain })).toMatchObject({ status: 200, delta: -5 });
    expect(await gate.see("carl", "/v1/included", { token: full })).toMatchObject({ status: 200, hits: 1, delta: 0 });
  });

  it("gives every token an id of its own, and none to an account that does not exist yet", async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await mint("unborn")).json().jti));
    expect(new Set(tokens).size).toBe(20);
    expect((await gate.admin("GET", "/accounts/unborn")).status).toBe(404);
  });

  it.each([1, 60, 31_536_000])("takes a life of %i s", async (ttl_seconds) => {
    const { expires_at } = (await mint("life", { ttl_seconds })).json();
    expect(Math.abs(Date.parse(expires_at) / 1000 - now() - ttl_seconds)).toBeLessThanOrEqual(2);
  });

  const mistakes: [named: string, body: string][] = [
    ["ttl_seconds", '{"ttl_seconds":0}'],
    ["ttl_seconds", '{"ttl_seconds":-1}'],
    ["ttl_seconds", '{"ttl_seconds":1.5}'],
    ["ttl_seconds", '{"ttl_seconds":"60"}'],
    ["ttl_seconds", '{"ttl_seconds":null}'],
    ["ttl_seconds", '{"ttl_seconds":31622401}'],
    ["ttl_seconds", '{"ttl_seconds":1e21}'],
    ["ttl_seconds", '{"ttl_seconds":1e400}'],
    ["scope", '{"scope":""}'],
    ["scope", '{"scope":" reports"}'],
    ["scope", '{"scope":"a  b"}'],
    ["scope", '{"scope":"a\\tb"}'],
    ["scope", '{"scope":"a\\"b"}'],
    ["scope", '{"scope":"a\\\\b"}'],
    ["scope", '{"scope":"é"}'],
    ["scope", '{"scope":["reports"]}'],
    ["scope", '{"scope":null}'],
    ["scope", `{"scope":"${"s".repeat(1025)}"}`],
    ["entitlements", '{"entitlements":"pro"}'],
    ["entitlements", '{"entitlements":["gold"]}'],
    ["entitlements", '{"entitlements":["constructor"]}'],
    ["entitlements", '{"entitlements":[5]}'],
    ["entitlements", '{"entitlements":null}'],
    ["entitlements", JSON.stringify({ entitlements: Array(33).fill("pro") })],
    ["sub", '{"sub":"other"}'],
    ["exp", '{"exp":4073414400}'],
    ["distinct", '{"ttl_seconds":60,"ttl_seconds":61}'],
    ["JSON object", "[]"],
    ["4 KiB", JSON.stringify({ scope: "s".repeat(1024), entitlements: Array(32).fill(LONG_PLAN) })],
  ];
  it.each(mistakes.map(([named, body]) => [named, body.slice(0, 40), body]))(
    "names the mistake in %s: %s",
    async (named, _, body) => {
      const reply = await mint("anna", body);
      expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
      expect(reply.json().detail).toContain(named);
      expect(reply.body).not.toContain("eyJ");
    },
  );
});

describe("DELETE tokens/{jti}", () => {
  it("refuses that token from then on, and no other of the account", async () => {
    await gate.grant("dora", 10);
    const { token, jti } = (await mint("dora")).json();
    const other = await gate.token("dora");
    await expectPays("dora", token);
    const reply = await revoke(jti);
    expect([reply.status, reply.json()]).toEqual([200, { jti, account: "dora", revoked: true }]);
    await expectRevoked("dora", token);
    await expectPays("dora", other);
  });

  it("may be said twice, and moves no credits", async () => {
    await gate.grant("emil", 10);
    const { token, jti } = (await mint("emil")).json();
    const first = await revoke(jti);
    const again = await revoke(jti, "?account=emil");
    expect([again.status, again.json()]).toEqual([first.status, first.json()]);
    await expectRevoked("emil", token);
    expect((await gate.entries("emil")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("refuses it on a route of its plan, too", async () => {
    const { token, jti } = (await mint("fritz", { entitlements: ["pro"] })).json();
    expect((await gate.call("/v1/included", { token })).status).toBe(200);
    await revoke(jti);
    await expect.poll(async () => (await gate.call("/v1/included", { token })).status, { timeout: 5000 }).toBe(401);
  });

  it("refuses an outside issuer's token when told its account", async () => {
    await gate.grant("out:greta", 10);
    const token = await outside("greta", "session-1");
    const other = await outside("greta", "session-2");
    await expectPays("out:greta", token);
    expect((await revoke("session-1", "?account=out%3Agreta")).json()).toMatchObject({ account: "out:greta" });
    await expectRevoked("out:greta", token);
    await expectPays("out:greta", other);
  });

  it("refuses a token of ours whatever account is named beside it", async () => {
    await gate.grant("ida", 10);
    const { token, jti } = (await mint("ida")).json();
    await expectPays("ida", token);
    expect((await revoke(jti, "?account=other")).status).toBe(200);
    await expectRevoked("ida", token);
  });

  it("refuses an outside token whose id is made like ours, as another gate's is", async () => {
    await gate.grant("out:hans", 10);
    const jti = `${"a".repeat(20)}.${Buffer.from("hans").toString("base64url")}`;
    const token = await outside("hans", jti);
    await expectPays("out:hans", token);
    expect((await revoke(jti, "?account=out%3Ahans")).status).toBe(200);
    await expectRevoked("out:hans", token);
  });

  it.each(["session-1", "a.b.c", "", `${"a".repeat(20)}.`, `${"a".repeat(20)}.%25`, `${"a".repeat(19)}.YQ`])(
    "asks for the account of an id that is not ours: %s",
    async (jti) => {
      const reply = await gate.admin("DELETE", `/tokens/${jti}`);
      if (jti === "") expect(reply.status).toBe(404);
      else {
        expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
        expect(reply.json().detail).toContain("?account=");
      }
    },
  );

  it.each([
    ["an account that cannot be", "x", "?account=%00"],
    ["an empty account", "x", "?account="],
    ["an id with a blank", "a%20b", "?account=a"],
    ["an id with a control character", "a%0Ab", "?account=a"],
    ["an id of 2,000 bytes", "x".repeat(2000), "?account=a"],
  ])("refuses %s", async (_, jti, query) => {
    const reply = await gate.admin("DELETE", `/tokens/${jti}${query}`);
    expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
  });
});

describe("DELETE accounts/{account}/tokens", () => {
  it("refuses every token issued so far, of every issuer, and no later one", async () => {
    await gate.grant("out:karl", 10);
    const tokens = [
      await outside("karl", "k1"),
      await outside("karl"),
      await gate.token("out:karl"),
      await gate.token("out:karl"),
    ];
    for (const token of tokens) await expectPays("out:karl", token);
    const reply = await gate.admin("DELETE", "/accounts/out:karl/tokens");
    const { revoked_up_to } = reply.json();
    expect([reply.status, reply.json()]).toEqual([200, { account: "out:karl", revoked_up_to }]);
    for (const token of tokens) await expectRevoked("out:karl", token);
    expect((await gate.account("out:karl")).tokens_revoked_at).toBe(revoked_up_to);
    await expect.poll(() => Date.now(), { timeout: 3000 }).toBeGreaterThan(Date.parse(revoked_up_to) + 1000);
    await expectPays("out:karl", await gate.token("out:karl"));
  });

  it("does not refuse the token that is minted next", async () => {
    await gate.grant("lena", 10);
    await gate.admin("DELETE", "/accounts/lena/tokens");
    await expectPays("lena", await gate.token("lena"));
  });

  it("leaves other accounts' tokens alone", async () => {
    await gate.grant("mira", 10);
    const token = await gate.token("mira");
    await gate.admin("DELETE", "/accounts/mir/tokens");
    await expectPays("mira", token);
  });
});

describe("a token of the gate", () => {
  it("cannot be made from its public parts", async () => {
    await gate.grant("nils", 10);
    const [header = "", payload = ""] = (await gate.token("nils")).split(".");
    const { keys } = (await gate.call("/.well-known/jwks.json")).json();
    const signature = createHmac("sha256", keys[0].x).update(`${header}.${payload}`).digest("base64url");
    const seen = await gate.see("nils", "/v1/cheap", { token: `${header}.${payload}.${signature}` });
    expect(seen).toMatchObject({ status: 401, hits: 0, entries: [], delta: 0 });
  });
});
