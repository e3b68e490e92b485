/** What the gate writes down of a call: its id and what became of it; never a token, a secret, a body or a query. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok, status, type Answer } from "../support/origin.ts";

const SECRET = "UPSTREAM-SECRET";

const hangUp: Answer = (_, response) => {
  response.destroy();
};

const lines: string[] = [];
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({
    bindings: { ORIGIN_KEY: SECRET },
    config: {
      prices: {
        "GET /v1/cheap": 1,
        "POST /v1/cheap": 1,
        "GET /v1/expensive": 100,
        "GET /v1/free": "free",
      } as unknown as Config["prices"],
    },
    worker: { handleStructuredLogs: ({ message }: { message: string }) => lines.push(message) },
  });
});
afterAll(async () => gate.close());

it("keeps tokens, secrets, bodies and queries out of its log, and puts the request's id in", async () => {
  await gate.grant("logged", 10);
  const token = await gate.token("logged");
  const [header = "", payload = "", signature = ""] = token.split(".");
  const forged = `${header}.${payload}.${"A".repeat(signature.length)}`;
  const ids: unknown[] = [];
  const refused = async (path: string, options: Parameters<TestGate["call"]>[1]): Promise<void> => {
    ids.push((await gate.call(path, options)).headers["request-id"]);
  };
  await gate.call("/v1/cheap?q=QUERY", { method: "POST", token, body: "BODY" });
  await refused("/v1/expensive?q=QUERY", { token });
  await refused("/v1/cheap?q=QUERY", { token: forged });
  await refused(`/v1/cheap?access_token=${token}`, {});
  await refused("/v1/none?q=QUERY", { token, headers: { cookie: `s=${token}` } });
  await refused("/_farebox/accounts?q=QUERY", { token });
  await gate.admin("PUT", "/accounts/logged/grants/g", "BODY");
  for (const answer of [status(401, {}, "BODY"), status(402), hangUp]) {
    gate.origin.answer = answer;
    await refused("/v1/cheap?q=QUERY", { token, method: "POST", body: "BODY" });
  }
  gate.origin.answer = ok;
  await gate.settled("logged");

  const log = lines.join("\n");
  for (const id of ids) expect(log).toContain(String(id));
  const secrets = [
    token,
    signature,
    payload,
    "A".repeat(signature.length),
    gate.adminToken,
    JSON.parse(gate.signingKey).d,
    SECRET,
  ];
  for (const secret of [...secrets, "QUERY", "BODY", "access_token", "Bearer"]) expect(log).not.toContain(secret);
});
