/** Every refusal, as a program meets it: one status and one shape a code, a reason only for the log, a way out. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerDenial } from "../../src/gate/answer.ts";
import type { Code, Denial } from "../../src/gate/denial.ts";
import { describeDenial } from "../../src/gate/detail.ts";
import { isCode, MEANINGS } from "../../src/gate/meaning.ts";
import { ASKED, DENIALS, SECRET_REASON, SHOP } from "./denials.ts";

/** The status a caller sees for every code of the contract. */
const STATUSES: { readonly [C in Code]: number } = {
  unusable_path: 400,
  bad_request: 400,
  token_required: 401,
  invalid_token: 401,
  token_expired: 401,
  token_revoked: 401,
  operator_only: 401,
  payment_required: 402,
  insufficient_credits: 402,
  credits_on_hold: 402,
  insufficient_scope: 403,
  spend_limit_reached: 403,
  account_suspended: 403,
  not_for_sale: 404,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  grant_conflict: 409,
  request_in_flight: 409,
  already_delivered: 409,
  content_too_large: 413,
  idempotency_mismatch: 422,
  rate_limited: 429,
  internal_error: 500,
  upgrade_not_sold: 501,
  origin_unreachable: 502,
  origin_payment_required: 502,
  origin_refused_gate: 502,
  issuer_unavailable: 503,
  ledger_unavailable: 503,
  gate_misconfigured: 503,
  origin_timeout: 504,
  loop_detected: 508,
};

const lines: string[] = [];
beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation((line: string) => lines.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  lines.length = 0;
});

type Problem = Readonly<Record<string, unknown>> & {
  readonly remedy: readonly { readonly rel: string; readonly href: string; readonly title: string }[];
};
async function problemOf(denial: Denial, asked = ASKED, shop = SHOP): Promise<Problem> {
  return answerDenial(denial, asked, shop).json();
}

async function relations(denial: Denial): Promise<string[]> {
  return (await problemOf(denial)).remedy.map(({ rel }) => rel);
}

describe("a code", () => {
  it("has one row in the contract, and the contract no row without a code", () => {
    expect(Object.keys(MEANINGS).toSorted()).toEqual(Object.keys(STATUSES).toSorted());
    expect(DENIALS.map(([code]) => code).toSorted()).toEqual(Object.keys(STATUSES).toSorted());
    expect([isCode("payment_required"), isCode("toString"), isCode("")]).toEqual([true, false, false]);
  });

  it.each(DENIALS)("%s has its status, in the line and in the body", async (code, denial) => {
    const response = answerDenial(denial, ASKED, SHOP);
    const problem = (await response.json()) as Problem;
    expect([response.status, problem["status"], problem["code"]]).toEqual([STATUSES[code], STATUSES[code], code]);
  });

  it("is 402 exactly where paying, or waiting for one's own credits, makes the call work", () => {
    const codes = Object.keys(MEANINGS).filter(isCode);
    const paid = codes.filter((code) => MEANINGS[code].mend === "pay" || code === "credits_on_hold");
    expect(codes.filter((code) => MEANINGS[code].status === 402)).toEqual(paid);
    for (const code of codes) {
      if (MEANINGS[code].mend === "seller") expect(MEANINGS[code].status).not.toBe(402);
    }
  });

  it("has a title, a sentence, and no two the same title", () => {
    const meanings = Object.values(MEANINGS);
    for (const { about } of meanings) expect(about).toMatch(/^[A-Z].*\.$/);
    expect(new Set(meanings.map(({ title }) => title)).size).toBe(meanings.length);
  });
});

describe("the answer", () => {
  it.each(DENIALS)("%s is a problem of RFC 9457 that no cache may keep", async (code, denial) => {
    const response = answerDenial(denial, ASKED, SHOP);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("cache-control")).toMatch(/\bno-store\b/);
    expect(response.headers.get("cdn-cache-control")).toBe("no-store");
    const problem = (await response.json()) as Problem;
    const type = `https://api.example.com/_farebox/problems/${code}`;
    expect(problem).toMatchObject({ type, docs_url: type, title: MEANINGS[code].title, request_id: "req_1" });
    expect(String(problem["detail"])).toMatch(/^[A-Z].*\.$/);
    for (const remedy of problem.remedy) {
      expect(Object.keys(remedy)).toEqual(["rel", "href", "title"]);
      expect(URL.canParse(remedy.href)).toBe(true);
    }
  });

  it.each(DENIALS)("%s says whether trying again can help, everywhere alike", async (code, denial) => {
    const response = answerDenial(denial, ASKED, SHOP);
    const problem = (await response.json()) as Problem;
    const { retryable } = MEANINGS[code];
    const after = response.headers.get("retry-after");
    expect(problem["retryable"]).toBe(retryable);
    expect(response.headers.get("x-should-retry")).toBe(String(retryable));
    expect(after !== null).toBe(retryable);
    if (after !== null) expect(after).toMatch(/^[1-9]\d*$/);
    expect(problem["retry_after"]).toBe(after === null ? undefined : Number(after));
  });

  it.each(DENIALS)(
    "%s keeps the private reason out of the answer and in one line of the log",
    async (_code, denial) => {
      const response = answerDenial(denial, ASKED, SHOP);
      const answer = JSON.stringify([...response.headers]) + (await response.text());
      expect(answer).not.toContain(SECRET_REASON);
      expect(lines.length).toBe(1);
      const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
      expect(line).toMatchObject({ event: "refused", code: denial.code, request_id: "req_1", account: "alice" });
      expect(line["reason"]).toBe("reason" in denial || "issuer" in denial ? SECRET_REASON : undefined);
    },
  );

  it.each(DENIALS)("%s has no body for HEAD and the same headers", async (_code, denial) => {
    const [head, get] = ["HEAD", "GET"].map((method) => answerDenial(denial, { ...ASKED, method }, SHOP));
    expect(await head?.text()).toBe("");
    expect([...(head?.headers ?? [])]).toEqual([...(get?.headers ?? [])]);
  });
});

describe("the facts", () => {
  it("of a lack of credits are price, balance and what is missing, as integers", async () => {
    const denial = {
      code: "insufficient_credits",
      price: 500,
      usable: 20,
      balance: { available: 50, held: 5 },
    } as const;
    const problem = await problemOf(denial);
    expect(problem).toMatchObject({ price: 500, balance: { available: 50, held: 5 }, shortfall: 480 });
    expect(problem["detail"]).toBe(
      "This call costs 500 credits ($0.0005); 50 are available, 20 of them for this route. Add credits and call again.",
    );
  });

  it("of credits on hold are price, balance and when to try again, and no shortfall", async () => {
    const denial = {
      code: "credits_on_hold",
      price: 5,
      balance: { available: 2, held: 5 },
      retryAfterSeconds: 7,
    } as const;
    const problem = await problemOf(denial);
    expect(problem).toMatchObject({ price: 5, balance: { available: 2, held: 5 }, retry_after: 7 });
    expect(problem).not.toHaveProperty("shortfall");
  });

  it("of a call without a token are the price, and nobody's balance", async () => {
    const { account: _account, ...nobody } = ASKED;
    const problem = await problemOf({ code: "payment_required", price: 500 }, nobody);
    expect(problem).toMatchObject({ price: 500 });
    expect(problem).not.toHaveProperty("balance");
    expect(problem.remedy.map(({ rel }) => rel)).not.toContain("balance");
  });

  it("of every other refusal hold no balance", async () => {
    for (const [code, denial] of DENIALS) {
      if (code !== "insufficient_credits" && code !== "credits_on_hold")
        expect(describeDenial(denial)).not.toHaveProperty("balance");
    }
  });

  it("of a method not allowed are the ones that are, in Allow", () => {
    const denial = { code: "method_not_allowed", method: "TRACE", allowed: ["GET", "HEAD"] } as const;
    expect(answerDenial(denial, ASKED, SHOP).headers.get("allow")).toBe("GET, HEAD");
  });

  it.each([
    [["GET", "POST"], "PUT is not sold at this path; GET, POST are."],
    [["GET"], "PUT is not sold at this path; GET is."],
    [[], "Nothing is sold at this path. The price list is at /_farebox/prices."],
  ])("of a path not sold this way are the ways it is: %j", (soldMethods, detail) => {
    expect(describeDenial({ code: "not_for_sale", method: "PUT", soldMethods }).detail).toBe(detail);
  });

  it("of an expired token are when, in RFC 3339", () => {
    expect(describeDenial({ code: "token_expired", expiredAt: 1_795_392_000 }).detail).toContain(
      "2026-11-23T00:00:00Z",
    );
    expect(describeDenial({ code: "token_expired", expiredAt: 0 }).detail).toContain("1970-01-01T00:00:00Z");
  });

  it("of one credit are in the singular", () => {
    expect(describeDenial({ code: "payment_required", price: 1 }).detail).toContain("costs 1 credit ($0.000001)");
  });
});

describe("the way out", () => {
  it("of every 402 leads to where one pays, to the prices and to help", async () => {
    for (const [code, denial] of DENIALS) {
      if (MEANINGS[code].status === 402)
        expect(await relations(denial)).toEqual(expect.arrayContaining(["payment", "prices", "help"]));
      else expect(await relations(denial)).not.toContain("payment");
    }
  });

  it("of every refusal leads to help", async () => {
    for (const [, denial] of DENIALS) expect(await relations(denial)).toContain("help");
  });

  it("names the account in the page where one pays, encoded, and in Link the same", async () => {
    const asked = { ...ASKED, account: 'a&b=c"> é' };
    const response = answerDenial({ code: "payment_required", price: 1 }, asked, SHOP);
    const href = "https://pay.example.com/top-up?account=a%26b%3Dc%22%3E%20%C3%A9";
    expect(response.headers.get("link")).toBe(`<${href}>; rel="payment"`);
    expect(((await response.json()) as Problem).remedy[0]).toEqual({ rel: "payment", href, title: "Add credits" });
  });

  it("has no Link where there is no page to pay at", () => {
    const shop = { ...SHOP, topUpUrl: undefined };
    expect(answerDenial({ code: "payment_required", price: 1 }, ASKED, shop).headers.has("link")).toBe(false);
  });
});
