/** A gate without its bindings and secrets, or with weak ones, serves nothing: it names each, and shows none. */
import { describe, expect, it } from "vitest";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { usd, type Config, type Price } from "../../src/config.ts";
import type { Mistake } from "../../src/config/say.ts";
import type { PriceList } from "../../src/gate/price.ts";
import { setUp } from "../../src/setup.ts";
import { envOf } from "./env.ts";
import { JWK, RIGHT, told, withValue } from "./right.ts";

async function mistakesOf(changes: Record<string, unknown>, config = RIGHT): Promise<readonly Mistake[]> {
  const setup = await setUp(config, envOf(changes));
  return setup.ok ? [] : setup.mistakes;
}

describe("a gate with everything it needs", () => {
  it("is ready, with the config's prices, issuers and origin", async () => {
    const setup = await setUp(RIGHT, envOf());
    if (!setup.ok) throw new Error(told(setup.mistakes));
    const { house } = setup;
    expect(house.prices.routes.map(({ id, credits }) => [id, credits])).toEqual([
      ["GET /v1/search", 500],
      ["POST /v1/reports", 20_000],
      ["GET /v1/items/:id?", 1_000_000],
      ["GET /v1/status", 0],
    ]);
    expect(house.prices.find("POST", "/v1/reports")).toMatchObject({
      scope: "reports",
      timeoutSeconds: 60,
      holdTtlSeconds: 120,
      chargeOn: "2xx-4xx",
      passOriginStatus: [401],
      upgrade: true,
    });
    expect(house.prices.find("GET", "/v1/search")).toMatchObject({ timeoutSeconds: 10, passOriginStatus: [402] });
    expect(house.outsideIssuers.map(({ issuer, lifeSecondsMax }) => [issuer, lifeSecondsMax])).toEqual([
      ["https://auth.example.com", 3600],
      ["https://b.example", 86_400],
      ["https://c.example", 86_400],
    ]);
    expect(house.origin).toMatchObject({
      base: "https://origin.example.com",
      headers: [
        ["X-Api-Key", "Bearer origin-key"],
        ["X-Plain", "text"],
      ],
    });
  });

  it("holds a call's credits for its time-out and a minute, if the config does not say how long", async () => {
    const setup = await setUp(withValue(["holdTtlSeconds"], undefined), envOf());
    expect(setup.ok && setup.house.prices.find("POST", "/v1/reports")).toMatchObject({ holdTtlSeconds: 120 });
    expect(setup.ok && setup.house.prices.find("GET", "/v1/search")).toMatchObject({ holdTtlSeconds: 70 });
  });
});

/** The price list of a gate that can be set up. */
async function pricesOf(list: Readonly<Record<string, Price>>, plans: Config["plans"] = {}): Promise<PriceList> {
  const setup = await setUp({ name: "Shop", origin: "route", prices: list, plans }, envOf());
  if (!setup.ok) throw new Error(told(setup.mistakes));
  return setup.house.prices;
}

describe("a price list that passes the checks", () => {
  it.each(["GET /v1/:id{[a-z%]+}", "GET /v1/:id{(?:%[0-9A-F]{2})+}", "GET /v1/:id{[0-9;]+}", "GET /v1/a%20b/:id"])(
    "can be set up: %s",
    async (id) => {
      const list = await pricesOf({ [id]: usd("1") });
      expect(list.routes.map((route) => route.id)).toEqual([id]);
      expect(list.find("GET", "/nowhere")).toMatchObject({ kind: "not_for_sale" });
    },
  );

  it("gives no plan a route of the same price that it does not include", async () => {
    const list = { "GET /v1/a": usd("1"), "GET /v1/*": usd("1") };
    const rest = await pricesOf(list, { rest: { includes: ["GET /v1/*"] } });
    expect(rest.find("GET", "/v1/A")).toMatchObject({ kind: "ambiguous" });
    const one = await pricesOf(list, { one: { includes: ["GET /v1/a"] } });
    expect(one.find("GET", "/v1/A")).toMatchObject({ kind: "ambiguous" });
  });
});

describe("a gate refuses to serve, and names", () => {
  it.each<[string, Record<string, unknown>, string, string, string]>([
    ["a missing KV", { KV: undefined }, "binding KV", "is missing", "[[kv_namespaces]]"],
    ["a KV that is none", { KV: "KV" }, "binding KV", "is missing", "[[kv_namespaces]]"],
    ["missing accounts", { ACCOUNTS: undefined }, "binding ACCOUNTS", "is missing", "[[durable_objects.bindings]]"],
    [
      "a missing admin token",
      { FAREBOX_ADMIN_TOKEN: undefined },
      "secret FAREBOX_ADMIN_TOKEN",
      "is missing",
      "32 or more",
    ],
    ["an empty admin token", { FAREBOX_ADMIN_TOKEN: "" }, "secret FAREBOX_ADMIN_TOKEN", "is missing", "32 or more"],
    [
      "an admin token of 31 characters",
      { FAREBOX_ADMIN_TOKEN: "a1".repeat(16).slice(1) },
      "secret FAREBOX_ADMIN_TOKEN",
      "shorter than 32",
      "32 or more",
    ],
    [
      "an admin token with a line break after it",
      { FAREBOX_ADMIN_TOKEN: `${makeAdminToken()}\n` },
      "secret FAREBOX_ADMIN_TOKEN",
      "line break",
      "32 or more",
    ],
    [
      "an admin token with a blank in it",
      { FAREBOX_ADMIN_TOKEN: `${makeAdminToken()} x` },
      "secret FAREBOX_ADMIN_TOKEN",
      "blank",
      "32 or more",
    ],
    [
      "a missing signing key",
      { FAREBOX_SIGNING_KEY: undefined },
      "secret FAREBOX_SIGNING_KEY",
      "is missing",
      "npm run new-key",
    ],
    [
      "an empty signing key",
      { FAREBOX_SIGNING_KEY: "" },
      "secret FAREBOX_SIGNING_KEY",
      "is missing",
      "npm run new-key",
    ],
    [
      "a signing key that is none",
      { FAREBOX_SIGNING_KEY: "tmp" },
      "secret FAREBOX_SIGNING_KEY",
      "is not JSON",
      "npm run new-key",
    ],
    ["a missing HMAC secret", { HMAC_KEY: undefined }, "secret HMAC_KEY", "is missing", "wrangler secret put HMAC_KEY"],
    ["an empty HMAC secret", { HMAC_KEY: "" }, "secret HMAC_KEY", "is missing", "wrangler secret put HMAC_KEY"],
    [
      "an HMAC secret of 31 bytes",
      { HMAC_KEY: "h".repeat(31) },
      "secret HMAC_KEY",
      "shorter than 32",
      "wrangler secret put HMAC_KEY",
    ],
    [
      "an HMAC secret of 31 bytes and a line break",
      { HMAC_KEY: `${"h".repeat(31)}\n` },
      "secret HMAC_KEY",
      "",
      "wrangler secret put HMAC_KEY",
    ],
    [
      "an HMAC secret with a line break after it",
      { HMAC_KEY: `${"h".repeat(64)}\n` },
      "secret HMAC_KEY",
      "",
      "wrangler secret put HMAC_KEY",
    ],
    [
      "a missing secret of an origin header",
      { ORIGIN_KEY: undefined },
      "secret ORIGIN_KEY",
      "is missing",
      'origin.headers["X-Api-Key"]',
    ],
    [
      "a secret of an origin header with a line break",
      { ORIGIN_KEY: "a\nb" },
      "secret ORIGIN_KEY",
      "one line",
      'origin.headers["X-Api-Key"]',
    ],
  ])("%s", async (_name, changes, key, problem, mend) => {
    expect(await mistakesOf(changes)).toEqual([
      { key, problem: expect.stringContaining(problem), mend: expect.stringContaining(mend) },
    ]);
  });

  it("a missing service binding", async () => {
    const config = withValue(["origin"], { binding: "ORIGIN" });
    expect(told(await mistakesOf({}, config))).toContain("binding ORIGIN is missing → add [[services]]");
    expect(await mistakesOf({ ORIGIN: { fetch: () => undefined } }, config)).toEqual([]);
  });

  it("every one of several, and the config's own mistakes with them", async () => {
    const changes = { KV: undefined, ACCOUNTS: undefined, FAREBOX_ADMIN_TOKEN: "short", FAREBOX_SIGNING_KEY: "tmp" };
    const keys = (await mistakesOf(changes, withValue(["name"], ""))).map(({ key }) => key);
    expect(keys).toEqual([
      "name",
      "binding KV",
      "binding ACCOUNTS",
      "secret FAREBOX_ADMIN_TOKEN",
      "secret FAREBOX_SIGNING_KEY",
    ]);
  });

  it.each<[string, object, string]>([
    ["weak", { ...JWK, x: Buffer.alloc(32).toString("base64url") }, "small order"],
    ["for another use", { ...JWK, use: "enc" }, "use is not sig"],
    ["for another algorithm", { ...JWK, alg: "ES256" }, "no algorithm"],
    ["private", { ...JWK, d: JWK.x }, "contains a secret key"],
  ])("a key of the config that is %s", async (_name, jwk, problem) => {
    const said = told(await mistakesOf({}, withValue(["tokens", 0, "keys"], [jwk])));
    expect(said).toContain("tokens[0].keys");
    expect(said).toContain(problem);
  });
});

describe("what is said of a secret", () => {
  it("never contains it", async () => {
    const secret = "tell-nobody-tell-nobody";
    const { d, ...rest } = JSON.parse(makeSigningKey()) as Record<string, string>;
    for (const FAREBOX_SIGNING_KEY of [secret, JSON.stringify({ ...rest, d: secret }), JSON.stringify({ d })]) {
      const changes = { FAREBOX_ADMIN_TOKEN: secret, FAREBOX_SIGNING_KEY, HMAC_KEY: secret, ORIGIN_KEY: `${secret}\n` };
      const mistakes = await mistakesOf(changes);
      expect(mistakes.length).toBe(4);
      expect(told(mistakes)).not.toContain("tell-nobody");
      expect(told(mistakes)).not.toContain(d);
    }
  });
});
