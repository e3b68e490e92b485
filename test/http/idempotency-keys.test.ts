/** Which Idempotency-Keys there are, what request a key stands for, and where the gate leaves keys alone. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { DENIED, expectDenial, FREE, paid } from "../support/columns.ts";
import { startGate, type CallOptions, type TestGate } from "../support/gate.ts";
import { askAgain, rich, under } from "../support/keyed.ts";
import { header, ok, status, type Answer } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/cheap": 1,
    "GET /v1/items/:id": 5,
    "POST /v1/items/:id": 5,
    "PUT /v1/items/:id": 5,
    "GET /v1/report": 20,
    "GET /v1/free": "free",
    "POST /v1/free": "free",
    "GET /v1/members": { credits: "free", scope: "members" },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices, plans: { pro: { includes: ["GET /v1/report"] } } } });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

let accounts = 0;
/** A fresh account with credits, and a token for it. */
async function fresh(): Promise<{ account: string; token: string }> {
  const account = `keys-${++accounts}`;
  return { account, token: await rich(gate, account) };
}
/** A key as the origin sees it: one of the account's, in quotes if it came so. */
function ownKey(account: string, written: string): string {
  const quoted = /^"(.*)"$/.exec(written)?.[1];
  const key = (quoted ?? written).replaceAll(/\\(["\\])/g, "$1");
  const digest = createHash("sha256")
    .update(JSON.stringify([account, key]))
    .digest("hex");
  return written.startsWith('"') ? `"${digest}"` : digest;
}
const LONGEST = "k".repeat(255);

describe("a key that can be used", () => {
  it.each([
    ["a UUID", crypto.randomUUID()],
    ["one character", "k"],
    ["255 characters", LONGEST],
    ["255 characters in quotes", `"${LONGEST}"`],
    ["255 characters, two of them escaped", `"${"k".repeat(253)}\\"\\\\"`],
    ["every bare character", "!#$%&'()*+-./09:;<=>?@AZ[]^_`az{|}~"],
    ["blanks and commas in quotes", '"a, b"'],
  ])("is %s: charged once, and it reaches the origin as the account's own", async (_, key) => {
    const { account, token } = await fresh();
    expect(await gate.see(account, "/v1/cheap", under(key, { token }))).toMatchObject(paid(1));
    expect(header(gate.origin.hits.at(-1), "idempotency-key")).toBe(ownKey(account, key));
    const again = await askAgain(gate, account, "/v1/cheap", under(key, { token }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.reply.headers["idempotency-replayed"]).toBe("true");
  });

  it.each([
    ["k", '"k"'],
    ['"k"', "k"],
    ["  k  ", "k"],
    ["k", '\t"k" '],
  ])("is the same written as %j and as %j", async (first, second) => {
    const { account, token } = await fresh();
    expect(await gate.see(account, "/v1/cheap", under(first, { token }))).toMatchObject(paid(1));
    const again = await askAgain(gate, account, "/v1/cheap", under(second, { token }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
  });

  it.each([
    ["key", "KEY"],
    ["key", "key2"],
    ['" key"', "key"],
    ['"a b"', '"a  b"'],
    [LONGEST, LONGEST.slice(1)],
  ])("is another written as %j and as %j", async (first, second) => {
    const { account, token } = await fresh();
    for (const key of [first, second])
      expect(await gate.see(account, "/v1/cheap", under(key, { token }))).toMatchObject(paid(1));
  });

  it("is another's in another account", async () => {
    for (const { account, token } of [await fresh(), await fresh()])
      expect(await gate.see(account, "/v1/cheap", under("shared", { token }))).toMatchObject(paid(1));
  });
});

describe("a key that cannot be used", () => {
  it.each<[string, string | string[]]>([
    ["empty", ""],
    ["blank", "   "],
    ["empty in quotes", '""'],
    ["of 256 characters", `${LONGEST}k`],
    ["of 256 characters in quotes", `"${LONGEST}k"`],
    ["of 10 kB", "k".repeat(10_240)],
    ["with a blank in it", "a b"],
    ["with a comma in it", "a,b"],
    ["with a tab in it", "a\tb"],
    ["with a tab in quotes", '"a\tb"'],
    ["with a quote in it", 'a"b'],
    ["with a backslash in it", "a\\b"],
    ["left open", '"k'],
    ["only closed", 'k"'],
    ["of two strings", '"a" "b"'],
    ["with parameters", '"k";a=1'],
    ["with an escape that is none", '"a\\nb"'],
    ["outside ASCII, in UTF-8", Buffer.from("ké").toString("latin1")],
    ["outside ASCII, in quotes", Buffer.from('"ké"').toString("latin1")],
    ["not even text", "k\u00e9"],
    ["sent twice", ["a", "b"]],
    ["sent twice alike", ["a", "a"]],
    ["sent twice in quotes", ['"a"', '"b"']],
    ["sent twice, once empty", ["a", ""]],
  ])("is one that is %s: 400, and nothing happens", async (_, key) => {
    const { account, token } = await fresh();
    const reply = await expectDenial(gate, account, "/v1/cheap", under(key, { token }), [400, "bad_request"]);
    expect(reply.headers["x-should-retry"]).toBe("false");
  });

  it("is told so in words that say what a key is", async () => {
    const { account, token } = await fresh();
    const reply = await expectDenial(gate, account, "/v1/cheap", under("", { token }), [400, "bad_request"]);
    expect(reply.json().detail).toContain("1 to 255 printable ASCII characters");
  });
});

const post = (body: string, more: CallOptions = {}): CallOptions => ({ method: "POST", body, ...more });

describe("a key stands for the request it came with first", () => {
  it.each<[string, string, CallOptions, string, CallOptions]>([
    ["another body", "/v1/items/1", post("a"), "/v1/items/1", post("b")],
    ["a body one byte longer", "/v1/items/1", post("a"), "/v1/items/1", post("a\n")],
    ["no body", "/v1/items/1", post("a"), "/v1/items/1", { method: "POST" }],
    ["another path", "/v1/items/1", {}, "/v1/items/2", {}],
    ["another order in the query", "/v1/items/1?a=1&b=2", {}, "/v1/items/1?b=2&a=1", {}],
    ["another query", "/v1/items/1?a=1", {}, "/v1/items/1?a=2", {}],
    ["no query", "/v1/items/1?a=1", {}, "/v1/items/1", {}],
    ["an empty query", "/v1/items/1", {}, "/v1/items/1?", {}],
    ["another method", "/v1/items/1", post("a"), "/v1/items/1", { method: "PUT", body: "a" }],
    ["HEAD for GET", "/v1/items/1", {}, "/v1/items/1", { method: "HEAD" }],
    ["another route and price", "/v1/items/1", {}, "/v1/cheap", {}],
    [
      "another part",
      "/v1/items/1",
      { headers: { range: "bytes=0-4" } },
      "/v1/items/1",
      { headers: { range: "bytes=5-9" } },
    ],
    ["a condition", "/v1/items/1", {}, "/v1/items/1", { headers: { "if-none-match": '"1"' } }],
    [
      "another kind of body",
      "/v1/items/1",
      post("a", { headers: { "content-type": "text/plain" } }),
      "/v1/items/1",
      post("a", { headers: { "content-type": "text/html" } }),
    ],
    ["a body that goes on as a path did", "/v1/items/1?", post("x"), "/v1/items/1?x", post("")],
  ])("%s is refused with 422, and nothing happens; the first one is still answered", async (_, ...calls) => {
    const [path, first, otherPath, other] = calls;
    const { account, token } = await fresh();
    expect(await gate.see(account, path, under("k", { ...first, token }))).toMatchObject(paid(5));
    const call = under("k", { ...other, token });
    const reply = await expectDenial(gate, account, otherPath, call, [422, "idempotency_mismatch"]);
    expect(reply.headers["x-should-retry"]).toBe("false");
    const again = await askAgain(gate, account, path, under("k", { ...first, token }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
  });

  it("whatever its other headers say, and however its length was told", async () => {
    const { account, token } = await fresh();
    const first = post("same", { token, headers: { "user-agent": "one", accept: "*/*" } });
    expect(await gate.see(account, "/v1/items/1", under("k", first))).toMatchObject(paid(5));
    const second = post("same", { token, headers: { "transfer-encoding": "chunked", "x-attempt": "2" } });
    expect(await askAgain(gate, account, "/v1/items/1", under("k", second))).toMatchObject({ ...DENIED, status: 200 });
  });
});

/** Answers once all of the request is there. */
const afterBody: Answer = (request, response) => void request.on("end", () => response.end("ok"));

describe("where a call costs nothing its key means what the origin makes of it", () => {
  const awkward = ['"', "a b", "k".repeat(300)];

  it.each(["k", ...awkward])("on a free route: %j", async (key) => {
    gate.origin.answer = afterBody;
    const { account, token } = await fresh();
    for (const body of ["a", "b"]) {
      const seen = await gate.see(account, "/v1/free", under(key, { method: "POST", body, token }));
      expect(seen).toMatchObject(FREE);
      expect(seen.reply.headers).not.toHaveProperty("idempotency-replayed");
      expect(header(gate.origin.hits.at(-1), "idempotency-key")).toBe(key);
      expect(gate.origin.hits.at(-1)?.body).toBe(body);
    }
  });

  it("on a free route with a body of any size", async () => {
    gate.origin.answer = afterBody;
    const { account, token } = await fresh();
    const body = "x".repeat(3_000_000);
    expect(await gate.see(account, "/v1/free", under("k", { method: "POST", body, token }))).toMatchObject(FREE);
    expect(gate.origin.hits.at(-1)?.body === body).toBe(true);
  });

  it.each(["k", ...awkward])("on a free route that asks for a scope: %j", async (key) => {
    const { account } = await fresh();
    const token = await gate.token(account, { scope: "members" });
    for (const _ of [1, 2]) expect(await gate.see(account, "/v1/members", under(key, { token }))).toMatchObject(FREE);
    expect(header(gate.origin.hits.at(-1), "idempotency-key")).toBe(ownKey(account, key));
  });

  it.each(["k", ...awkward])("on a route that the plan includes, by token or by account: %j", async (key) => {
    const { account } = await fresh();
    const byToken = await gate.token(account, { entitlements: ["pro"] });
    const onPlan = await fresh();
    await gate.admin("PUT", `/accounts/${onPlan.account}/plan`, { plan: "pro" });
    // Until KV knows of the plan the ledger decides, and for that a key must be one.
    const free = async (): Promise<unknown> =>
      (await gate.call("/v1/report", under(key, { token: onPlan.token }))).status;
    await expect.poll(free, { timeout: 5000 }).toBe(200);
    for (const [who, token] of [
      [account, byToken],
      [onPlan.account, onPlan.token],
    ] as const)
      for (const _ of [1, 2]) {
        expect(await gate.see(who, "/v1/report", under(key, { token }))).toMatchObject(FREE);
        expect(header(gate.origin.hits.at(-1), "idempotency-key")).toBe(ownKey(who, key));
      }
  });

  it("and a key used there is still free where it costs", async () => {
    const { account, token } = await fresh();
    expect(await gate.see(account, "/v1/free", under("k", { token }))).toMatchObject(FREE);
    expect(await gate.see(account, "/v1/cheap", under("k", { token }))).toMatchObject(paid(1));
  });
});

describe("who gets nothing again under a key", () => {
  it("is a token that was revoked: 401", async () => {
    const { account } = await fresh();
    const minted = (await gate.admin("POST", `/accounts/${account}/tokens`, {})).json();
    const call = under("k", { token: minted.token });
    await gate.see(account, "/v1/cheap", call);
    expect(await askAgain(gate, account, "/v1/cheap", call)).toMatchObject({ ...DENIED, status: 200 });
    await gate.admin("DELETE", `/tokens/${encodeURIComponent(minted.jti)}`);
    await expectDenial(gate, account, "/v1/cheap", call, [401, "token_revoked"]);
    const token = await gate.token(account);
    expect(await gate.see(account, "/v1/cheap", under("k", { token }))).toMatchObject({ ...DENIED, status: 200 });
  });

  it("is an account that is suspended: 403", async () => {
    const { account, token } = await fresh();
    await gate.see(account, "/v1/cheap", under("k", { token }));
    await gate.admin("PUT", `/accounts/${account}/status`, { status: "suspended" });
    await expectDenial(gate, account, "/v1/cheap", under("k", { token }), [403, "account_suspended"]);
  });

  it("is who has no token, or no good one: 402 and 401 as ever", async () => {
    const { account, token } = await fresh();
    await gate.see(account, "/v1/cheap", under("k", { token }));
    await expectDenial(gate, account, "/v1/cheap", under("k"), [402, "payment_required"]);
    await expectDenial(gate, account, "/v1/cheap", under("k", { token: "bad" }), [401, "invalid_token"]);
  });
});

it("a preflight lets pages send a key, and answers let them read that they are told again", async () => {
  gate.origin.answer = status(200);
  const preflight = await gate.call("/v1/cheap", { method: "OPTIONS", headers: { origin: "https://page.example" } });
  expect(preflight.headers["access-control-allow-headers"]).toContain("Idempotency-Key");
  const { token } = await fresh();
  const reply = await gate.call("/v1/cheap", under("k", { token }));
  expect(reply.headers["access-control-expose-headers"]).toContain("Idempotency-Replayed, Original-Request-Id");
});
