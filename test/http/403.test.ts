/** What a caller sees whose token is good and whose call is not allowed: paying would not help, so it is never 402. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import { gateKey, ownClaims, signClaims } from "../support/jwt.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    ...PRICES,
    "POST /v1/reports": { credits: 20, scope: "reports" },
    "GET /v1/members": { credits: "free", scope: "members:read" },
  } as unknown as typeof PRICES;
  gate = await startGate({
    config: {
      prices,
      plans: { pro: { includes: ["POST /v1/reports"] } },
      payments: { topUpUrl: "https://pay.example/{account}" },
      support: "https://help.example/",
    },
  });
  await gate.grant("scoped", 1000);
});
afterAll(async () => gate.close());

const report = (token: string): { method: string; token: string } => ({ method: "POST", token });
/** A token whose scope claim is this, also where the gate would not mint it. */
const tokenWith = (scope: unknown, more: object = {}): string =>
  signClaims(gateKey(gate), ownClaims(gate, "scoped", { scope, ...more }));

describe("403 insufficient_scope", () => {
  it.each([
    ["no scope", undefined],
    ["an empty scope", ""],
    ["another scope", "other"],
    ["a longer one", "reports2"],
    ["a shorter one", "report"],
    ["other case", "Reports"],
    ["a part of a name", "my:reports"],
    ["it joined to another by a tab", "other\treports"],
    ["it joined to another by a comma", "other,reports"],
    ["everything", "*"],
  ])("refuses a token with %s", async (_what, scope) => {
    const token = tokenWith(scope);
    const reply = await expectDenial(gate, "scoped", "/v1/reports", report(token), [403, "insufficient_scope"]);
    expect(reply.headers["www-authenticate"]).toBe(
      'Bearer realm="Test API", error="insufficient_scope", scope="reports"',
    );
    expect(reply.headers.link).toBeUndefined();
    expect(reply.headers["x-should-retry"]).toBe("false");
    expect(reply.json().detail).toContain('"reports"');
  });

  it.each(["reports", "read reports", "reports read", "a  reports b"])(
    "lets the scope %j in, and charges",
    async (scope) => {
      const seen = await gate.see("scoped", "/v1/reports", report(tokenWith(scope)));
      expect(seen).toMatchObject(paid(20));
    },
  );

  it("is said before want of money, which a top-up would not mend", async () => {
    const token = await gate.token("scoped-poor");
    await expectDenial(gate, "scoped-poor", "/v1/reports", report(token), [403, "insufficient_scope"]);
    const allowed = await gate.token("scoped-poor", { scope: "reports" });
    await expectDenial(gate, "scoped-poor", "/v1/reports", report(allowed), [402, "insufficient_credits"]);
  });

  it("holds on a free route, too", async () => {
    const options = { token: tokenWith("members") };
    await expectDenial(gate, "scoped", "/v1/members", options, [403, "insufficient_scope"]);
    const seen = await gate.see("scoped", "/v1/members", { token: tokenWith("members:read") });
    expect(seen).toMatchObject(FREE);
  });

  it("holds on a route that the token's plan includes", async () => {
    const onPlan = tokenWith(undefined, { entitlements: ["pro"] });
    await expectDenial(gate, "scoped", "/v1/reports", report(onPlan), [403, "insufficient_scope"]);
    const seen = await gate.see("scoped", "/v1/reports", report(tokenWith("reports", { entitlements: ["pro"] })));
    expect(seen).toMatchObject(FREE);
  });

  it("holds for HEAD as for GET", async () => {
    const options = { method: "HEAD", token: tokenWith("members") };
    const reply = await expectDenial(gate, "scoped", "/v1/members", options, [403, "insufficient_scope"]);
    expect(reply.headers["www-authenticate"]).toContain('scope="members:read"');
  });
});

const setStatus = async (account: string, status: string): Promise<number> =>
  (await gate.admin("PUT", `/accounts/${account}/status`, { status })).status;

describe("403 account_suspended", () => {
  it("refuses the very next paid call, offers nothing to pay, and ends with the suspension", async () => {
    await gate.grant("naughty", 1000);
    const token = await gate.token("naughty");
    expect(await gate.see("naughty", "/v1/cheap", { token })).toMatchObject(paid(1));
    await setStatus("naughty", "suspended");
    for (const method of ["GET", "HEAD", "POST"]) {
      const reply = await expectDenial(gate, "naughty", "/v1/expensive", { method, token }, [403, "account_suspended"]);
      expect(reply.headers.link).toBeUndefined();
      expect(reply.headers["www-authenticate"]).toBeUndefined();
      if (method !== "HEAD")
        expect(reply.json().remedy).toEqual([{ rel: "help", href: "https://help.example/", title: "Ask the seller" }]);
    }
    await setStatus("naughty", "active");
    expect(await gate.see("naughty", "/v1/cheap", { token })).toMatchObject(paid(1));
  });

  it("refuses an account without credits, and one never granted any, in the same way", async () => {
    const token = await gate.token("naughty-poor");
    await setStatus("naughty-poor", "suspended");
    await expectDenial(gate, "naughty-poor", "/v1/cheap", { token }, [403, "account_suspended"]);
  });

  it("is not lifted by a top-up", async () => {
    await setStatus("naughty-rich", "suspended");
    await gate.grant("naughty-rich", 1000);
    const token = await gate.token("naughty-rich");
    await expectDenial(gate, "naughty-rich", "/v1/cheap", { token }, [403, "account_suspended"]);
  });

  it("still shows the account its own balance and status", async () => {
    await gate.grant("naughty-seen", 9);
    await setStatus("naughty-seen", "suspended");
    const reply = await gate.call("/_farebox/balance", { token: await gate.token("naughty-seen") });
    expect([reply.status, reply.json()]).toMatchObject([200, { status: "suspended", available: 9 }]);
  });
});
