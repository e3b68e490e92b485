/** One broken config a mistake, in what is sold and whose tokens count: what is said names key, value and mend. */
import { describe, expect, it } from "vitest";
import { usd } from "../../src/config.ts";
import type { Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import { JWK, mistakesWith, RIGHT, told, withValue } from "./right.ts";

type Said = readonly [key: string, problem: string, mend: string];
function expectSaid(
  mistakes: readonly { key: string; problem: string; mend: string }[],
  ...said: readonly Said[]
): void {
  expect(mistakes).toEqual(
    said.map(([key, problem, mend]) => ({
      key,
      problem: expect.stringContaining(problem),
      mend: expect.stringContaining(mend),
    })),
  );
}

const priced = (...ids: string[]): ReturnType<typeof checkConfig> =>
  checkConfig({ name: "Shop", origin: "route", prices: Object.fromEntries(ids.map((id) => [id, usd("1")])) });

describe("a mistake in a price", () => {
  it.each<[unknown, string, string]>([
    [0, "costs 0", 'write "free"'],
    [-1, "costs -1", "1 to 10^12 credits"],
    [0.5, "costs 0.5", "1 to 10^12 credits"],
    [1e13, "costs 10000000000000", "1 to 10^12 credits"],
    [1e21, "costs 1e+21", "1 to 10^12 credits"],
    ["500", 'costs "500"', "1 to 10^12 credits"],
    ["Free", 'costs "Free"', "1 to 10^12 credits"],
    [Number.NaN, "costs", "1 to 10^12 credits"],
    [null, "costs null", "1 to 10^12 credits"],
    [true, "costs true", "1 to 10^12 credits"],
    [[500], "costs [500]", "1 to 10^12 credits"],
    [500n, "costs 500", "1 to 10^12 credits"],
    [{}, "costs missing", "1 to 10^12 credits"],
    [{ credits: 0 }, "costs 0", 'write "free"'],
  ])("names route, price and mend: %s", (price, problem, mend) => {
    expectSaid(mistakesWith(["prices", "GET /v1/search"], price), ['prices["GET /v1/search"]', problem, mend]);
  });

  it.each<[string, unknown, string, string]>([
    ["scope", "a b", 'is "a b"', "one scope"],
    ["scope", 'a"b', "is", "one scope"],
    ["scope", "", 'is ""', "one scope"],
    ["scope", ["a"], 'is ["a"]', "one scope"],
    ["timeoutSeconds", 0, "is 0", "1 to 3600"],
    ["timeoutSeconds", "5", 'is "5"', "1 to 3600"],
    ["chargeOn", "never", 'is "never"', '"2xx-3xx" or "2xx-4xx"'],
    ["passOriginStatus", [403], "is [403]", "401, 402 or both"],
    ["upgrade", "yes", 'is "yes"', "true or leave it out"],
  ])("names the option %s: %j", (option, value, problem, mend) => {
    const path = ["prices", "POST /v1/reports", option];
    expectSaid(mistakesWith(path, value), [`prices["POST /v1/reports"].${option}`, problem, mend]);
  });

  it.each([
    ["GET", 'write it as "METHOD /path"'],
    ["/v1/a", 'write it as "METHOD /path"'],
    ["HEAD /v1/a", "price the GET"],
    ["OPTIONS /v1/a", "cannot be priced"],
    ["get /v1/a", "cannot be priced"],
    ["GET v1/a", "starts with /"],
    ["GET /v1/%61", "canonical"],
    ["GET /v1/../a", "canonical"],
    ["GET /v1//a", "canonical"],
    ["GET /v1/a*", "neither a literal"],
    ["GET /v1/:id?/a", "only the last"],
    ["GET /v1/:id{[}", "not a regular expression"],
  ])("names a route that is none: %s", (id, mend) => {
    expectSaid(priced(id), [`prices[${JSON.stringify(id)}]`, "is no route", mend]);
  });

  it.each(["GET /_farebox", "GET /_farebox/health", "POST /_farebox/:x", "GET /.well-known/jwks.json"])(
    "names a route of the gate's own: %s",
    (id) => {
      expectSaid(priced(id), [`prices[${JSON.stringify(id)}]`, "the gate's own", "outside /_farebox/"]);
    },
  );

  it.each([
    ["GET /v1/:a", "GET /v1/:b"],
    ["GET /v1/items", "GET /v1/items/:id?"],
    ["GET /v1/items/:id", "GET /v1/items/:id?"],
    ["GET /v1/:a{[0-9]+}", "GET /v1/:b{[0-9]{2}}"],
    ["GET /v1/:a/x", "GET /v1/:b/x"],
    ["GET /v1/:a/*", "GET /v1/:b/*"],
  ])("names two routes that could match one path: %s and %s", (one, two) => {
    expectSaid(priced(one, two), [`prices[${JSON.stringify(two)}]`, `and ${JSON.stringify(one)}`, "more specific"]);
  });

  it.each([
    ["GET /v1/a", "POST /v1/a"],
    ["GET /v1/a", "GET /v1/:x"],
    ["GET /v1/:x", "GET /v1/*"],
    ["GET /v1/*", "GET /v1/*/*"],
    ["GET /v1/:a/x", "GET /v1/:b/y"],
  ])("is not in %s beside %s", (one, two) => {
    expect(told(priced(one, two))).toBe("");
  });

  it("names prices that are no table", () => {
    for (const prices of [null, 5, "free", [1]]) {
      expectSaid(mistakesWith(["prices"], prices).slice(0, 1), [
        "prices",
        `is ${JSON.stringify(prices)}`,
        "GET /v1/search",
      ]);
    }
  });
});

describe("a mistake in a plan", () => {
  it.each<[string, unknown, string, string, string]>([
    [
      "pro",
      { includes: ["GET /v1/serach"] },
      'plans["pro"].includes',
      '"GET /v1/serach", which has no price',
      "exactly as in prices",
    ],
    ["pro", { includes: ["toString"] }, 'plans["pro"].includes', "which has no price", "exactly as in prices"],
    ["pro", { includes: [5] }, 'plans["pro"].includes', "names 5", "exactly as in prices"],
    ["pro", { includes: "GET /v1/search" }, 'plans["pro"]', "is {", "includes: ["],
    ["pro", ["GET /v1/search"], 'plans["pro"]', "is [", "includes: ["],
    ["pro", 5, 'plans["pro"]', "is 5", "includes: ["],
    ["a plan", { includes: [] }, 'plans["a plan"]', "is no plan name", "1 to 128 letters"],
    ["", { includes: [] }, 'plans[""]', "is no plan name", "1 to 128 letters"],
  ])("names plan, value and mend: %s %j", (name, plan, key, problem, mend) => {
    expectSaid(mistakesWith(["plans", name], plan), [key, problem, mend]);
  });

  it("names plans that are no table", () => {
    expectSaid(mistakesWith(["plans"], ["pro"]), ["plans", 'is ["pro"]', "includes: ["]);
  });
});

describe("a mistake in an issuer", () => {
  const issuer = { issuer: "https://d.example", audience: "a", algorithms: ["EdDSA"], keys: [JWK] };
  const saidOf = (more: object): ReturnType<typeof checkConfig> =>
    checkConfig(withValue(["tokens"], [{ ...issuer, ...more }]));

  it.each<[object, string, string, string]>([
    [{ issuer: "" }, ".issuer", 'is ""', "exactly as its tokens carry it"],
    [{ issuer: 5 }, ".issuer", "is 5", "exactly as its tokens carry it"],
    [{ audience: undefined }, ".audience", "is missing", "exactly as its tokens carry it"],
    [{ audience: ["a"] }, ".audience", 'is ["a"]', "exactly as its tokens carry it"],
    [{ algorithms: undefined }, ".algorithms", "is missing", "EdDSA, ES256"],
    [{ algorithms: [] }, ".algorithms", "is []", "EdDSA, ES256"],
    [{ algorithms: "EdDSA" }, ".algorithms", 'is "EdDSA"', "EdDSA, ES256"],
    [{ algorithms: ["none"] }, ".algorithms", 'is ["none"]', "EdDSA, ES256"],
    [{ algorithms: ["EdDSA", "RS1"] }, ".algorithms", '"RS1"', "EdDSA, ES256"],
    [{ algorithms: ["EdDSA", "HS256"] }, ".algorithms", '"HS256"', "public keys go with the others"],
    [{ keys: undefined }, "", "has no key", "exactly one of jwks"],
    [{ jwks: "https://d.example/k" }, "", "has jwks and keys", "exactly one of jwks"],
    [{ keys: undefined, secret: "K" }, ".algorithms", 'is ["EdDSA"]', "exactly one of HS256"],
    [
      { keys: undefined, secret: "K", algorithms: ["HS256", "HS512"] },
      ".algorithms",
      '"HS512"',
      "exactly one of HS256",
    ],
    [
      { keys: undefined, secret: "not a name", algorithms: ["HS256"] },
      ".secret",
      "is not the name",
      "wrangler secret put",
    ],
    [{ keys: undefined, secret: "", algorithms: ["HS256"] }, ".secret", "is not the name", "wrangler secret put"],
    [{ keys: undefined, jwks: "http://d.example/k" }, ".jwks", 'is "http://d.example/k"', "https URL"],
    [{ keys: undefined, jwks: "d.example" }, ".jwks", 'is "d.example"', "https URL"],
    [{ keys: undefined, jwks: 5 }, ".jwks", "is 5", "https URL"],
    [{ keys: [] }, ".keys", "is []", "public JWKs"],
    [{ keys: JWK }, ".keys", "is {", "public JWKs"],
    [{ keys: [null] }, ".keys", "is [null]", "public JWKs"],
    [{ keys: ["https://d.example/k"] }, ".keys", 'is ["https', "public JWKs"],
    [{ accountPrefix: "" }, ".accountPrefix", 'is ""', "1 to 64 printable ASCII"],
    [{ accountPrefix: "a b" }, ".accountPrefix", 'is "a b"', "1 to 64 printable ASCII"],
    [{ accountPrefix: 5 }, ".accountPrefix", "is 5", "1 to 64 printable ASCII"],
    [{ maxLifeSeconds: 59 }, ".maxLifeSeconds", "is 59", "60 to 86400"],
    [{ maxLifeSeconds: 86_401 }, ".maxLifeSeconds", "is 86401", "60 to 86400"],
    [{ issuer: RIGHT.publicUrl }, ".issuer", "the gate itself", "leave it out"],
  ])("names key, value and mend: %j", (more, key, problem, mend) => {
    expectSaid(saidOf(more), [`tokens[0]${key}`, problem, mend]);
  });

  it("does not show what stands where the name of a secret should", () => {
    const secret = "c0rrect-horse-battery-staple-c0rrect-horse";
    expect(told(saidOf({ keys: undefined, secret, algorithms: ["HS256"] }))).not.toContain("c0rrect");
  });

  it("names an issuer listed twice", () => {
    const mistakes = checkConfig(withValue(["tokens"], [issuer, issuer]));
    expectSaid(mistakes, ["tokens[1].issuer", "listed before", "list every issuer once"]);
  });

  it("names issuers that are no list, or no issuers", () => {
    expectSaid(mistakesWith(["tokens"], issuer), ["tokens", "is {", "list of issuers"]);
    expectSaid(mistakesWith(["tokens"], [null]), ["tokens[0]", "is null", "issuer, audience, algorithms"]);
  });
});

const issuer = (name: string, accountPrefix: string): object => ({
  issuer: name,
  audience: "a",
  algorithms: ["EdDSA"],
  jwks: "https://i.example/keys",
  accountPrefix,
});

describe("two issuers whose accounts could be one", () => {
  it.each([
    ["acme", "acme:"],
    ["acme:", "acme:"],
  ])("are named: %s and %s", (one, other) => {
    const tokens = [issuer("https://a.example", one), issuer("https://b.example", other)];
    const config = { name: "Shop", origin: "route", prices: {}, tokens } as unknown as Config;
    expectSaid(checkConfig(config), ["tokens[1].accountPrefix", other, "begin with another's"]);
  });
});
