/** Proves that what an operator sends is read strictly: every mistake is named, and then nothing is written. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { plans: { pro: { includes: ["GET /v1/cheap"] } } } });
});
afterAll(async () => gate.close());

/** Every case has an account of its own, which must not exist afterwards. */
let cases = 0;
async function refused(rest: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Reply> {
  const account = `case-${cases++}`;
  const reply = await gate.call(`/_farebox/accounts/${account}${rest}`, {
    method: "PUT",
    token: gate.adminToken,
    headers,
    body,
  });
  expect((await gate.admin("GET", `/accounts/${account}`)).status, "the account was made").toBe(404);
  expect(gate.origin.hits).toEqual([]);
  return reply;
}
async function expectBad(rest: string, body: string | Uint8Array, named: string): Promise<void> {
  const reply = await refused(rest, body);
  expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
  expect(reply.json().detail).toContain(named);
}

describe("a grant's body", () => {
  it.each([
    ["credits", "0"],
    ["credits", "-0"],
    ["credits", "-1"],
    ["credits", "0.5"],
    ["credits", "1.5"],
    ["credits", '"5"'],
    ["credits", "1000000000001"],
    ["credits", "1e13"],
    ["credits", "1e21"],
    ["credits", "1e400"],
    ["credits", "9007199254740993"],
    ["credits", '"NaN"'],
    ["credits", "null"],
    ["credits", "true"],
    ["credits", "[5]"],
    ["credits", '{"amount":5}'],
  ])("is refused with %s %s", async (name, value) => {
    await expectBad("/grants/g", `{"${name}":${value}}`, name);
  });

  it.each([
    ["kind", '"refund"'],
    ["kind", '"Bought"'],
    ["kind", "1"],
    ["kind", '""'],
    ["priority", "-1"],
    ["priority", "101"],
    ["priority", "1.5"],
    ["priority", '"50"'],
    ["priority", "1e400"],
    ["expires_at", '"2020-01-01T00:00:00Z"'],
    ["expires_at", '"1969-12-31T23:59:59Z"'],
    ["expires_at", '"tomorrow"'],
    ["expires_at", '""'],
    ["expires_at", '"2099-01-31"'],
    ["expires_at", '"2099-01-31T00:00:00"'],
    ["expires_at", '"2099-01-31 00:00:00Z"'],
    ["expires_at", '"2099-13-01T00:00:00Z"'],
    ["expires_at", '"2099-02-30T00:00:00Z"'],
    ["expires_at", '"2099-01-31T24:00:00Z"'],
    ["expires_at", '"2099-01-31T00:00:00+99:99"'],
    ["expires_at", "4073414400"],
    ["routes", "[]"],
    ["routes", '"GET /v1/cheap"'],
    ["routes", '["GET /v1/nothing"]'],
    ["routes", '["get /v1/cheap"]'],
    ["routes", "[null]"],
    ["routes", '["GET /v1/cheap", 5]'],
  ])("is refused with %s %s", async (name, value) => {
    await expectBad("/grants/g", `{"credits":5,"${name}":${value}}`, name);
  });

  it.each([
    ["without credits", "{}", "credits"],
    ["that is missing", "", "credits"],
    ["with an unknown member", '{"credits":5,"amount":5}', "amount"],
    ["with a member of another case", '{"Credits":5,"credits":5}', "Credits"],
    ["with a member named __proto__", '{"credits":5,"__proto__":{}}', "__proto__"],
    ["with a member twice", '{"credits":5,"credits":6}', "distinct"],
    ["with a member twice, once escaped", '{"credits":5,"cr\\u0065dits":6}', "distinct"],
    ["that is an array", '[{"credits":5}]', "JSON object"],
    ["that is a number", "5", "JSON object"],
    ["that is null", "null", "JSON object"],
    ["that is a form", "credits=5", "JSON object"],
    ["with NaN", '{"credits":NaN}', "JSON object"],
    ["with a comment", '{"credits":5} // five', "JSON object"],
    ["with a byte order mark", '\uFEFF{"credits":5}', "JSON object"],
  ])("is refused %s", async (_, body, named) => {
    await expectBad("/grants/g", body, named);
  });

  it("is refused if it is not UTF-8", async () => {
    await expectBad("/grants/g", Buffer.from('{"credits":5,"kind":"\xff"}', "latin1"), "JSON object");
  });

  it.each([{}, { "transfer-encoding": "chunked" }])(
    "is refused when it is longer than 16 KiB (%o)",
    async (headers) => {
      const body = `{"credits":5${" ".repeat(16_384)}}`;
      const reply = await refused("/grants/g", body, headers as Record<string, string>);
      expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
      expect(reply.json().detail).toContain("16384 bytes");
    },
  );

  it.each([
    ["credits 1", { credits: 1 }],
    ["credits 10^12", { credits: 1e12 }],
    ["priority 0", { credits: 5, priority: 0 }],
    ["priority 100", { credits: 5, priority: 100 }],
    ["a leap day", { credits: 5, expires_at: "2096-02-29T23:59:59.999Z" }],
    ["nulls for what may be left out", { credits: 5, expires_at: null, routes: null }],
  ])("is taken with %s", async (name, body) => {
    const account = `taken-${name.replace(/\W/g, "-")}`;
    expect((await gate.admin("PUT", `/accounts/${account}/grants/g`, body)).status).toBe(200);
    expect((await gate.account(account)).granted).toBe(body.credits);
  });
});

describe("a grant's id", () => {
  it.each(["a", "A.b_c:d~e-9", "x".repeat(128), "in_1PQ"])("may be %s", async (id) => {
    expect((await gate.admin("PUT", `/accounts/ids/grants/${id}`, { credits: 1 })).json()).toMatchObject({ id });
  });

  it.each(["x".repeat(129), "a%20b", "a%2Fb", "a%00", "%C3%A9", "a%25", "a+b", "a,b", "a@b"])(
    "may not be %s",
    async (id) => {
      await expectBad(`/grants/${id}`, '{"credits":5}', "128 letters");
    },
  );
});

describe("an account's status", () => {
  it.each(['"closed"', '"Active"', '""', "null", "true", "1", '["active"]'])("may not be %s", async (value) => {
    await expectBad("/status", `{"status":${value}}`, "status");
  });

  it.each([
    ["{}", "status"],
    ['{"status":"active","reason":"x"}', "reason"],
    ["active", "JSON object"],
  ])("is refused in the body %s", async (body, named) => {
    await expectBad("/status", body, named);
  });
});

describe("an account's plan", () => {
  it.each([
    ['{"plan":"gold"}', "pro"],
    ['{"plan":"Pro"}', "pro"],
    ['{"plan":"toString"}', "pro"],
    ['{"plan":""}', "pro"],
    ['{"plan":5}', "pro"],
    ["{}", "plan"],
    ['{"plan":"pro","until":"soon"}', "until"],
    ['{"plan":"pro","until":"2099-02-30T00:00:00Z"}', "until"],
    ['{"plan":"pro","until":4073414400}', "until"],
    ['{"plan":"pro","price":1}', "price"],
  ])("is refused in the body %s", async (body, named) => {
    await expectBad("/plan", body, named);
  });
});
