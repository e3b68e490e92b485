/** WWW-Authenticate, read by an independent parser: one Bearer challenge that says the same as the refusal. */
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import { answerDenial } from "../../src/gate/answer.ts";
import { MEANINGS } from "../../src/gate/meaning.ts";
import { parseChallenges, type Challenge } from "./auth-params.ts";
import { ASKED, DENIALS, SHOP } from "./denials.ts";

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const DENIAL = Object.fromEntries(DENIALS.map(([code, denial]) => [code, denial]));

/** The challenges of a refusal; undefined if it has none. */
function challengesOf(code: string, name = SHOP.name): Challenge[] | undefined {
  const denial = DENIAL[code];
  if (!denial) throw new Error(code);
  const field = answerDenial(denial, ASKED, { ...SHOP, name }).headers.get("www-authenticate");
  return field === null ? undefined : parseChallenges(field);
}

const bearer = (params: Record<string, string>): Challenge[] => [
  { scheme: "Bearer", params: new Map(Object.entries(params)) },
];

function mistakesOf(name: string): string[] {
  return checkConfig({ name, origin: "route", prices: {} }).map(({ key }) => key);
}

describe("the parser", () => {
  it("reads the examples of RFC 9110 and RFC 6750", () => {
    expect(parseChallenges('Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""')).toEqual([
      { scheme: "Basic", params: new Map([["realm", "simple"]]) },
      { scheme: "Newauth", params: new Map(Object.entries({ realm: "apps", type: "1", title: 'Login to "apps"' })) },
    ]);
    expect(parseChallenges('Bearer realm="example", error="invalid_token"')).toEqual(
      bearer({ realm: "example", error: "invalid_token" }),
    );
    expect(parseChallenges("Negotiate")).toEqual([{ scheme: "Negotiate", params: new Map() }]);
  });

  it.each([
    'Bearer realm="a',
    'Bearer realm="a"b',
    'Bearer realm="a" error="b"',
    "Bearer realm=",
    'realm="a"',
    'Bearer realm="é"',
  ])("throws at %s", (field) => {
    expect(() => parseChallenges(field)).toThrow();
  });
});

describe("the challenge", () => {
  it("comes with every 401 and 402 and where a scope is missing, and with nothing else", () => {
    for (const [code] of DENIALS) {
      const { status } = MEANINGS[code];
      expect([code, challengesOf(code) !== undefined]).toEqual([
        code,
        status === 401 || status === 402 || code === "insufficient_scope",
      ]);
    }
  });

  it.each(["invalid_token", "token_expired", "token_revoked"] as const)("of %s names RFC 6750's error", (code) => {
    expect(challengesOf(code)).toEqual(
      bearer({ realm: "Example API", error: "invalid_token", error_description: MEANINGS[code].title }),
    );
  });

  it("of a missing scope names the scope", () => {
    expect(challengesOf("insufficient_scope")).toEqual(
      bearer({ realm: "Example API", error: "insufficient_scope", scope: "reports" }),
    );
  });

  it.each(["payment_required", "insufficient_credits", "credits_on_hold", "token_required"])(
    "of %s names no error: nothing is wrong with a token",
    (code) => {
      expect(challengesOf(code)).toEqual(bearer({ realm: "Example API" }));
    },
  );

  it("of the operator's API is of a realm of its own", () => {
    expect(challengesOf("operator_only")).toEqual(bearer({ realm: "Example API, operator" }));
  });

  it.each([
    "Acme, Inc.",
    "a, Basic realm=b",
    "a=b; c=d",
    "100% (beta) <x>",
    " leading and trailing ",
    "{}[]|~`^'",
    "x".repeat(100),
  ])("says a realm the config allows as it is: %s", (name) => {
    expect(mistakesOf(name)).toEqual([]);
    for (const [code] of DENIALS) {
      const [challenge, ...more] = challengesOf(code, name) ?? bearer({ realm: name });
      expect(challenge?.params.get("realm")).toBe(code === "operator_only" ? `${name}, operator` : name);
      expect(more).toEqual([]);
    }
  });

  it.each(['a"b', "a\\b", "a\r\nX: y", "a\nb", "é", "a\0b", "x".repeat(101), "x".repeat(10_240), ""])(
    "is spared a realm it could not say: the config refuses %j",
    (name) => {
      expect(mistakesOf(name)).toContain("name");
    },
  );

  it("parses for every name the config allows", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 30 }), (name) => {
        if (mistakesOf(name).length > 0) return;
        expect(challengesOf("invalid_token", name)?.[0]?.params.get("realm")).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["reports:read", "https://api.example.com/scope", "a.b-c_d", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"])(
    "says a scope the config allows as it is: %s",
    (scope) => {
      const prices = { "GET /v1/a": { credits: "free", scope } } as const;
      expect(checkConfig({ name: "Shop", origin: "route", prices })).toEqual([]);
      const field = answerDenial({ code: "insufficient_scope", scope }, ASKED, SHOP).headers.get("www-authenticate");
      expect(parseChallenges(field ?? "")[0]?.params.get("scope")).toBe(scope);
    },
  );
});
