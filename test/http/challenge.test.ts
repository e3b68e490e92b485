/** That every refusal can be acted on by a program, a browser's script and a person, and kept by no cache. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readChallenges, readLinks, readNames } from "../support/fields.ts";
import { expectNoStore } from "../support/columns.ts";
import { PRICES, startGate, type CallOptions, type Reply, type TestGate } from "../support/gate.ts";
import { startOrigin, type RecordingOrigin } from "../support/origin.ts";

const SITE = "https://app.example";
let gate: TestGate;
/** With a name and an address of its own, for one site's pages, and no way to pay. */
let picky: TestGate;
let origin: RecordingOrigin;
const NAME = "A (b) = c, d; e/f #1 {x}";
beforeAll(async () => {
  origin = await startOrigin();
  const prices = { ...PRICES, "GET /v1/reports": { credits: 5, scope: "reports" } } as unknown as typeof PRICES;
  const payments = { topUpUrl: "https://pay.example/a?for={account}&x=1" };
  gate = await startGate({ origin, config: { prices, payments, support: "mailto:help@example.com" } });
  const publicUrl = "https://api.example.com";
  picky = await startGate({
    origin,
    config: { name: NAME, publicUrl, cors: { origins: [SITE, "https://b.example"] } },
  });
});
afterAll(async () => {
  await Promise.all([gate.close(), picky.close()]);
  await origin.close();
});

type Refusal = readonly [code: string, status: number, path: string, options: (token: string) => CallOptions];
/** One way to every refusal at the gate that an ordinary caller can meet. */
const REFUSALS: readonly Refusal[] = [
  ["unusable_path", 400, "/v1//cheap", () => ({})],
  ["bad_request", 400, "/v1/cheap", (token) => ({ headers: { authorization: `Bearer ${token}, x` } })],
  ["invalid_token", 401, "/v1/cheap", () => ({ token: "bad" })],
  ["token_required", 401, "/_farebox/balance", () => ({})],
  ["operator_only", 401, "/_farebox/accounts", () => ({})],
  ["payment_required", 402, "/v1/cheap", () => ({})],
  ["insufficient_credits", 402, "/v1/cheap", (token) => ({ token })],
  ["insufficient_scope", 403, "/v1/reports", (token) => ({ token })],
  ["not_for_sale", 404, "/v1/none", () => ({})],
  ["not_found", 404, "/_farebox/none", () => ({})],
  ["method_not_allowed", 405, "/v1/cheap", () => ({ method: "TRACE" })],
];
async function refuse([code, status, path, options]: Refusal): Promise<Reply> {
  const hits = origin.hits.length;
  const reply = await gate.call(path, options(await gate.token("asker")));
  expect([reply.status, reply.json().code, origin.hits.length - hits]).toEqual([status, code, 0]);
  return reply;
}

describe.each(REFUSALS)("%s", (...refusal) => {
  const [code, status] = refusal;

  it("is a problem (RFC 9457) with the members the contract names, and no others", async () => {
    const reply = await refuse(refusal);
    expect(reply.headers["content-type"]).toBe("application/problem+json");
    const problem = reply.json();
    expect(problem).toMatchObject({
      type: `${gate.url}/_farebox/problems/${code}`,
      status: reply.status,
      code,
      retryable: false,
      request_id: reply.headers["request-id"],
      docs_url: problem.type,
    });
    expect(problem.title).toMatch(/^[A-Z][^.]+$/);
    expect(problem.detail).toMatch(/\.$/);
    expect(problem.request_id).toMatch(/^req_[0-9a-f-]{36}$/);
    expect(problem.remedy).toContainEqual({ rel: "help", href: "mailto:help@example.com", title: "Ask the seller" });
    for (const remedy of problem.remedy) {
      expect(Object.keys(remedy)).toEqual(["rel", "href", "title"]);
      expect(URL.canParse(remedy.href)).toBe(true);
    }
    const known = ["balance", "code", "detail", "docs_url", "price", "remedy", "request_id", "retryable", "shortfall"];
    expect([...known, "status", "title", "type"]).toEqual(expect.arrayContaining(Object.keys(problem)));
  });

  it("leads by its type to a page that says the same of its code", async () => {
    const problem = (await refuse(refusal)).json();
    const guide = await gate.call(new URL(problem.type).pathname);
    expect([guide.status, guide.json()]).toMatchObject([
      200,
      { code, status, title: problem.title, type: problem.type, retryable: problem.retryable },
    ]);
  });

  it("is kept by no cache, and says that trying again does not help", async () => {
    const reply = await refuse(refusal);
    expectNoStore(reply);
    expect(reply.headers["x-should-retry"]).toBe("false");
    expect(reply.headers["retry-after"]).toBeUndefined();
    expect(reply.headers["etag"] ?? reply.headers["last-modified"] ?? reply.headers.expires).toBeUndefined();
  });

  it("carries a challenge an independent reader understands where the status asks for one, and none elsewhere", async () => {
    const reply = await refuse(refusal);
    const field = reply.headers["www-authenticate"];
    if ([401, 402].includes(status) || code === "insufficient_scope") {
      const [challenge, ...others] = readChallenges(field ?? "");
      expect(others).toEqual([]);
      expect(challenge?.scheme).toBe("Bearer");
      expect(challenge?.params["realm"]).toMatch(/^Test API/);
      const errors: Record<string, string> = {
        invalid_token: "invalid_token",
        insufficient_scope: "insufficient_scope",
      };
      expect(challenge?.params["error"]).toBe(errors[code]);
    } else expect(field).toBeUndefined();
  });

  it("offers a way to pay where paying helps, and nowhere else", async () => {
    const reply = await refuse(refusal);
    const account = code === "insufficient_credits" ? "asker" : "";
    const target = `https://pay.example/a?for=${account}&x=1`;
    if (status === 402) expect(readLinks(reply.headers.link?.toString() ?? "")).toEqual([{ target, rel: "payment" }]);
    else expect(reply.headers.link).toBeUndefined();
    const offered = reply.json().remedy.filter(({ rel }: { rel: string }) => rel === "payment");
    expect(offered).toEqual(status === 402 ? [{ rel: "payment", href: target, title: "Add credits" }] : []);
  });

  it("can be read by a script in a browser, unless it is the operator's", async () => {
    const reply = await refuse(refusal);
    if (code === "operator_only") {
      expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
      return;
    }
    expect(reply.headers["access-control-allow-origin"]).toBe("*");
    expect(reply.headers).not.toHaveProperty("access-control-allow-credentials");
    const exposed = readNames(reply.headers["access-control-expose-headers"]);
    for (const name of ["www-authenticate", "link", "retry-after", "x-should-retry", "request-id"])
      expect(exposed).toContain(name);
  });

  it("has the same headers for HEAD, and no body", async () => {
    const [, , path, options] = refusal;
    if (code === "method_not_allowed") return;
    const head = await gate.call(path, { ...options(await gate.token("asker")), method: "HEAD" });
    expect([head.status, head.body]).toEqual([status, ""]);
    expectNoStore(head);
    expect(head.headers["www-authenticate"]).toBe((await refuse(refusal)).headers["www-authenticate"]);
  });
});

const preflight = async (at: TestGate, page: string): Promise<Reply> =>
  at.call("/v1/expensive", {
    method: "OPTIONS",
    headers: {
      origin: page,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });

describe("a preflight", () => {
  it("lets a page of any site send its token, but no cookies, unless the config names the sites", async () => {
    const { status, headers } = await preflight(gate, "https://anywhere.example");
    expect([status, headers["access-control-allow-origin"]]).toEqual([204, "*"]);
    expect(readNames(headers["access-control-allow-methods"])).toContain("post");
    expect(readNames(headers["access-control-allow-headers"])).toContain("authorization");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  it.each([
    [SITE, SITE],
    ["https://b.example", "https://b.example"],
    ["https://evil.example", undefined],
    [`${SITE}.evil.example`, undefined],
    ["http://app.example", undefined],
    ["null", undefined],
    ["*", undefined],
  ])("from %s is allowed for %s where the config names the sites", async (page, allowed) => {
    const { status, headers } = await preflight(picky, page);
    expect([status, headers["access-control-allow-origin"]]).toEqual([204, allowed]);
    expect(readNames(headers.vary)).toContain("origin");
    const refusal = await picky.call("/v1/expensive", { headers: { origin: page } });
    expect([refusal.status, refusal.headers["access-control-allow-origin"]]).toEqual([402, allowed]);
    expect(readNames(refusal.headers.vary)).toContain("origin");
  });

  it("for the operator's API allows no page anything", async () => {
    const { headers } = await gate.call("/_farebox/accounts/x/grants/y", {
      method: "OPTIONS",
      headers: { origin: SITE },
    });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });
});

describe("the names in a challenge", () => {
  it("come through an independent reader unchanged, and lead to publicUrl whatever Host says", async () => {
    const reply = await picky.call("/v1/expensive", {
      headers: { host: "evil.example", "x-forwarded-host": "evil.example" },
    });
    expect(readChallenges(reply.headers["www-authenticate"] ?? "")).toEqual([
      { scheme: "Bearer", params: { realm: NAME } },
    ]);
    expect(reply.json().type).toBe("https://api.example.com/_farebox/problems/payment_required");
    expect(reply.json().remedy).toEqual([
      { rel: "prices", href: "https://api.example.com/_farebox/prices", title: "Prices and ways to pay" },
    ]);
    expect(reply.headers.link).toBeUndefined();
    expect(reply.body).not.toContain("evil.example");
  });

  it.each(["a b", "é😀", "x>;rel=evil", 'q"uote', "a&b=c", "100%", "..x"])(
    "carry the account %s encoded",
    async (account) => {
      const reply = await gate.call("/v1/cheap", { token: await gate.token(account) });
      const [link] = readLinks(reply.headers.link?.toString() ?? "");
      expect(new URL(link?.target ?? "").searchParams.get("for")).toBe(account);
    },
  );
});

describe("a gate whose config is wrong", () => {
  it.each([
    ["a name with a quote", "name", { name: 'A "b"' }],
    ["a name with a backslash", "name", { name: "a\\b" }],
    ["a name with a line break", "name", { name: "a\r\nSet-Cookie: b=c" }],
    ["a name outside ASCII", "name", { name: "Café" }],
    ["a name of 10 kB", "name", { name: "a".repeat(10_000) }],
    ["a price of 0", 'prices["GET /v1/zero"]', { prices: { "GET /v1/zero": 0 } as unknown as typeof PRICES }],
    ["a way to pay that is no URL", "payments.topUpUrl", { payments: { topUpUrl: "https://x.example/>; rel=y" } }],
  ])("serves nothing, and names the mistake: %s", async (_what, key, config) => {
    const hits = origin.hits.length;
    const broken = await startGate({ origin, config });
    for (const path of ["/v1/cheap", "/v1/zero"]) {
      const reply = await broken.call(path);
      expect([reply.status, reply.json().code]).toEqual([503, "gate_misconfigured"]);
      expectNoStore(reply);
    }
    const health = await broken.call("/_farebox/health");
    expect([health.status, health.json().mistakes.map((mistake: { key: string }) => mistake.key)]).toEqual([
      503,
      [key],
    ]);
    expect(origin.hits.length - hits).toBe(0);
    await broken.close();
  });
});
