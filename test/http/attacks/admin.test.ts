/** Attacks on the operator's door: tokens that claim to be the operator's, numbers that are none, and changes without a trace. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSigningKey } from "../../../scripts/secrets.ts";
import { expectNoStore } from "../../support/columns.ts";
import { startGate, type Reply, type Seen, type TestGate } from "../../support/gate.ts";
import { gateKey, nowSeconds, ownClaims, signClaims } from "../../support/jwt.ts";

const lines: string[] = [];
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({
    config: { plans: { pro: { includes: ["GET /v1/cheap"] } } },
    worker: { handleStructuredLogs: ({ message }: { message: string }) => lines.push(message) },
  });
  await gate.admin("PUT", "/accounts/target/grants/g", { credits: 77_777 });
});
afterAll(async () => gate.close());

/** An operator's command, with what it did to the account in the four columns. */
async function operate(account: string, method: string, rest: string, body?: object | string): Promise<Seen> {
  return gate.see(account, `/_farebox/accounts/${account}${rest}`, {
    method,
    token: gate.adminToken,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}
const nothing = (code: number): object => ({ status: code, hits: 0, entries: [], delta: 0 });

const claims = (more: object): Record<string, unknown> => ownClaims(gate, "operator", { ...more });

describe("a token that claims to be the operator's", () => {
  it.each<[string, () => string]>([
    ["by its scope", () => signClaims(gateKey(gate), claims({ scope: "admin operator farebox:admin *" }))],
    ["by its subject", () => signClaims(gateKey(gate), claims({ sub: "FAREBOX_ADMIN_TOKEN" }))],
    ["by its role", () => signClaims(gateKey(gate), claims({ admin: true, role: "operator", roles: ["admin"] }))],
    ["for the operator's audience", () => signClaims(gateKey(gate), claims({ aud: `${gate.url}/_farebox` }))],
    [
      "once, but has expired",
      () => signClaims(gateKey(gate), claims({ scope: "admin", iat: 1, exp: nowSeconds() - 90 })),
    ],
    [
      "signed by a stranger",
      () => signClaims(gateKey({ ...gate, signingKey: makeSigningKey() }), claims({ scope: "admin" })),
    ],
    [
      "and is the gate's statement to its origin",
      () => gate.origin.hits[0]?.headers.find(([n]) => n === "payment-context")?.[1] ?? "x",
    ],
  ])("%s opens nothing and changes nothing", async (_how, make) => {
    const token = make();
    const commands: [string, string, string?][] = [
      ["GET", ""],
      ["GET", "/entries"],
      ["PUT", "/grants/forged", '{"credits":1}'],
      ["DELETE", "/grants/g"],
      ["PUT", "/refunds/forged", '{"request_id":"req_1"}'],
      ["POST", "/tokens"],
      ["DELETE", "/tokens"],
      ["PUT", "/status", '{"status":"suspended"}'],
      ["PUT", "/plan", '{"plan":"pro"}'],
    ];
    for (const [method, rest, body] of commands) {
      const options = { method, token, ...(body === undefined ? {} : { body }) };
      const { reply, ...seen } = await gate.see("target", `/_farebox/accounts/target${rest}`, options);
      expect(seen).toEqual(nothing(401));
      expect(reply.json().code).toBe("operator_only");
      expect(reply.body).not.toContain("77777");
      expectNoStore(reply);
    }
    expect(await gate.account("target")).toMatchObject({ status: "active", plan: null, available: 77_777 });
  });
});

describe("a grant", () => {
  it("sent again under its id adds nothing, and with other content is a conflict that changes nothing", async () => {
    expect(await operate("twice", "PUT", "/grants/g", { credits: 5 })).toMatchObject({
      status: 200,
      hits: 0,
      entries: ["grant"],
      delta: 5,
    });
    expect(await operate("twice", "PUT", "/grants/g", { credits: 5 })).toMatchObject(nothing(200));
    for (const other of [{ credits: 6 }, { credits: 4 }, { credits: 5, kind: "promotional" }]) {
      const { reply, ...seen } = await operate("twice", "PUT", "/grants/g", other);
      expect(seen).toEqual(nothing(409));
      expectNoStore(reply);
    }
  });

  // oxfmt-ignore
  it.each(["-1", "0", "-0", "0.5", "1e21", "1e400", '"5"', "1e12.5", "9007199254740993", "1000000000001", "0x5", "5n", "+5", "05", "NaN", "null", "[5]"])(
    "of %s credits is refused, and nothing is written",
    async (credits) => {
      await operate("numbers", "PUT", "/status", { status: "active" });
      const { reply, ...seen } = await operate("numbers", "PUT", "/grants/g", `{"credits":${credits}}`);
      expect(seen).toEqual(nothing(400));
      expectNoStore(reply);
    },
  );

  it("beyond what an account may ever hold is refused, also in pieces, and never wraps around", async () => {
    for (let n = 0; n < 1000; n += 50) {
      const batch = Array.from({ length: 50 }, async (_, i) =>
        gate.admin("PUT", `/accounts/full/grants/g${n + i}`, { credits: 1e12 }),
      );
      for (const { status } of await Promise.all(batch)) expect(status).toBe(200);
    }
    for (const credits of [1, 1e12]) {
      const { reply, ...seen } = await operate("full", "PUT", `/grants/over-${credits}`, { credits });
      expect(seen).toEqual(nothing(400));
      expectNoStore(reply);
    }
    // Nor does a refund make room for more than was ever granted.
    const paid = await gate.call("/v1/expensive", { token: await gate.token("full") });
    await gate.settled("full");
    const body = { request_id: paid.headers["request-id"] };
    expect(await operate("full", "PUT", "/refunds/r", body)).toMatchObject(nothing(400));
    expect(await gate.account("full")).toMatchObject({ granted: 1e15, available: 1e15 - 100, captured: 100 });
  });
});

describe("every change an operator makes", () => {
  it("leaves its trace: an entry where credits move, and always a line of the log with who asked for what", async () => {
    await gate.grant("traced", 500);
    const paid = await gate.call("/v1/expensive", { token: await gate.token("traced") });
    await gate.settled("traced");
    const changes: [string, string, object | undefined, string[]][] = [
      ["PUT", "/grants/g", { credits: 7 }, ["grant"]],
      ["DELETE", "/grants/g", undefined, ["reverse"]],
      ["PUT", "/refunds/r", { request_id: paid.headers["request-id"], credits: 9 }, ["refund"]],
      ["PUT", "/plan", { plan: "pro" }, []],
      ["PUT", "/status", { status: "suspended" }, []],
      ["PUT", "/status", { status: "active" }, []],
      ["POST", "/tokens", undefined, []],
      ["DELETE", "/tokens", undefined, []],
    ];
    for (const [method, rest, body, entries] of changes) {
      const { reply, ...seen } = await operate("traced", method, rest, body);
      expect(seen).toMatchObject({ status: 200, hits: 0, entries });
      await expect
        .poll(() => logged(reply), { timeout: 3000 })
        .toMatchObject([{ event: "operator", method, path: `/_farebox/accounts/traced${rest}`, status: 200 }]);
    }
    expect((await gate.account("traced")).available).toBe(500 - 100 + 9);
  });
});

/** The log's lines about a request. */
function logged({ headers }: Reply): unknown[] {
  const mine = lines.filter((line) => line.includes(String(headers["request-id"])));
  return mine.map((line) => JSON.parse(line));
}

describe("another account", () => {
  it("cannot be told from one nobody knows by guessing its id, with a buyer's token or without", async () => {
    const buyer = await gate.token("curious");
    const problems: unknown[] = [];
    for (const account of ["target", "nobody"]) {
      for (const rest of ["", "/entries", "/grants/g", "/balance"]) {
        for (const options of [{}, { token: buyer }]) {
          const { reply, ...seen } = await gate.see("target", `/_farebox/accounts/${account}${rest}`, options);
          expect(seen).toEqual(nothing(401));
          expectNoStore(reply);
          const { request_id: _, ...problem } = reply.json();
          problems.push(problem);
        }
      }
      for (const path of [`/_farebox/balance/${account}`, `/_farebox/statement/${account}`])
        expect(await gate.see("target", path, { token: buyer })).toMatchObject(nothing(404));
    }
    expect(new Set(problems.map((problem) => JSON.stringify(problem))).size).toBe(1);
  });
});
