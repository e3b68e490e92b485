/** Proves that nothing but the operator's own secret, sent as it should be, reaches the operator's API, under any spelling. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";

let gate: TestGate;
/** A token of the account "target". */
let buyer: string;
beforeAll(async () => {
  // Where everything else is forwarded for nothing, a hole in the gate's own paths would show.
  gate = await startGate({ config: { unlisted: "free", plans: { pro: { includes: ["GET /v1/cheap"] } } } });
  await gate.admin("PUT", "/accounts/target/grants/g", { credits: 77_777 });
  buyer = await gate.token("target");
});
afterAll(async () => gate.close());

const RESOURCES: [path: string, ...methods: string[]][] = [
  ["/accounts", "GET"],
  ["/accounts/target", "GET"],
  ["/accounts/target/entries", "GET"],
  ["/accounts/target/grants/g", "PUT", "DELETE"],
  ["/accounts/target/refunds/r", "PUT"],
  ["/accounts/target/tokens", "POST", "DELETE"],
  ["/accounts/target/status", "PUT"],
  ["/accounts/target/plan", "PUT"],
  ["/tokens/x", "DELETE"],
];
const BODIES: Record<string, string> = {
  "/accounts/target/grants/g": '{"credits":1}',
  "/accounts/target/refunds/r": '{"request_id":"req_1"}',
  "/accounts/target/status": '{"status":"suspended"}',
  "/accounts/target/plan": '{"plan":"pro"}',
};

async function state(): Promise<unknown> {
  const { as_of: _, ...account } = await gate.account("target");
  return { account, entries: await gate.entries("target") };
}
/** The answer without what differs from request to request. */
function problem(reply: Reply | undefined): unknown {
  const { request_id, ...rest } = reply?.json() ?? {};
  expect(request_id).toBe(reply?.headers["request-id"]);
  return rest;
}

describe("the operator's API", () => {
  it.each<[string, () => Record<string, string | string[]>]>([
    ["no token", () => ({})],
    ["an empty header", () => ({ authorization: "" })],
    ["an empty Bearer", () => ({ authorization: "Bearer " })],
    ["a buyer's token", () => ({ authorization: `Bearer ${buyer}` })],
    ["another secret of the same length", () => ({ authorization: `Bearer ${"x".repeat(gate.adminToken.length)}` })],
    ["the secret but for its last character", () => ({ authorization: `Bearer ${gate.adminToken.slice(0, -1)}` })],
    ["the secret and one character more", () => ({ authorization: `Bearer ${gate.adminToken}x` })],
    ["the secret in another case", () => ({ authorization: `Bearer ${swapCase(gate.adminToken)}` })],
    ["the secret without a scheme", () => ({ authorization: gate.adminToken })],
    ["the secret as Basic", () => ({ authorization: `Basic ${btoa(`admin:${gate.adminToken}`)}` })],
    ["the bare secret as Basic", () => ({ authorization: `Basic ${gate.adminToken}` })],
    ["the secret under another scheme", () => ({ authorization: `Token ${gate.adminToken}` })],
    ["the secret in quotes", () => ({ authorization: `Bearer "${gate.adminToken}"` })],
    ["the secret in a second header", () => ({ authorization: ["Bearer wrong", `Bearer ${gate.adminToken}`] })],
    ["the secret before a second header", () => ({ authorization: [`Bearer ${gate.adminToken}`, "Bearer wrong"] })],
    ["the secret in a list", () => ({ authorization: `Bearer wrong, Bearer ${gate.adminToken}` })],
    ["the secret in a cookie", () => ({ cookie: `token=${gate.adminToken}` })],
    ["the secret as Proxy-Authorization", () => ({ "proxy-authorization": `Bearer ${gate.adminToken}` })],
    ["the secret as X-Api-Key", () => ({ "x-api-key": gate.adminToken })],
  ])("answers %s with 401, does nothing and tells nothing", async (_, headers) => {
    const before = await state();
    const answers: Reply[] = [];
    for (const [path, ...methods] of RESOURCES) {
      for (const method of [...methods, "PATCH"]) {
        const body = method === "PUT" ? (BODIES[path] ?? "{}") : method === "POST" ? "{}" : undefined;
        const options = { method, headers: headers(), ...(body === undefined ? {} : { body }) };
        answers.push(await gate.call(`/_farebox${path}`, options));
      }
    }
    for (const reply of answers) {
      expect(reply.status).toBe(401);
      expect(reply.headers["www-authenticate"]).toMatch(/^Bearer realm="[^"]+"$/);
      expect(reply.headers["cache-control"]).toContain("no-store");
      expect(problem(reply)).toEqual(problem(answers[0]));
      expect(reply.body + JSON.stringify(reply.headers)).not.toContain(gate.adminToken);
      expect(reply.body).not.toContain("target");
    }
    expect(problem(answers[0])).toMatchObject({ code: "operator_only", retryable: false });
    expect(await state()).toEqual(before);
    expect(gate.origin.hits).toEqual([]);
  });

  it("does not take the secret from the query", async () => {
    for (const name of ["token", "access_token", "admin_token"])
      expect((await gate.call(`/_farebox/accounts?${name}=${gate.adminToken}`)).status).toBe(401);
  });

  it("tells nobody without the secret which accounts and resources there are", async () => {
    const paths = ["/accounts/target", "/accounts/nobody", "/accounts/target/nothing", "/accounts/%00", "/tokens"];
    const answers = [];
    for (const path of paths) answers.push(problem(await gate.call(`/_farebox${path}`)));
    expect(answers).toEqual(Array(paths.length).fill(answers[0]));
    expect(answers[0]).toMatchObject({ status: 401 });
  });

  it("takes the secret with the scheme in any case, as RFC 9110 has it", async () => {
    const headers = { authorization: `bEaReR ${gate.adminToken}` };
    expect((await gate.call("/_farebox/accounts/target", { headers })).status).toBe(200);
  });

  it("is not the buyer's: the secret opens no account", async () => {
    const { adminToken: token } = gate;
    for (const path of ["/_farebox/balance", "/_farebox/statement", "/v1/cheap"])
      expect((await gate.call(path, { token })).json()).toMatchObject({ status: 401, code: "invalid_token" });
  });
});

const corsOf = ({ headers }: Reply): string[] =>
  Object.keys(headers).filter((name) => name.startsWith("access-control-"));

describe("scripts in browsers", () => {
  const origin = "https://evil.example";

  it.each(["/accounts", "/accounts/target", "/accounts/target/tokens", "/tokens/x", "/accounts/nobody"])(
    "can read no operator's answer at %s",
    async (path) => {
      for (const token of [gate.adminToken, buyer])
        expect(corsOf(await gate.call(`/_farebox${path}`, { token, headers: { origin } }))).toEqual([]);
      expect(corsOf(await gate.call(`/_farebox${path}`, { headers: { origin } }))).toEqual([]);
    },
  );

  it("are let by no preflight", async () => {
    for (const [path, ...methods] of RESOURCES) {
      for (const method of methods) {
        const headers = {
          origin,
          "access-control-request-method": method,
          "access-control-request-headers": "authorization",
        };
        const reply = await gate.call(`/_farebox${path}`, { method: "OPTIONS", headers });
        expect(corsOf(reply), `${method} ${path}`).toEqual([]);
      }
    }
  });

  it("can read what a buyer may read", async () => {
    const reply = await gate.call("/_farebox/balance", { token: buyer, headers: { origin } });
    expect(reply.headers["access-control-allow-origin"]).toBe("*");
  });
});

describe("a method that a resource does not have", () => {
  const PUBLIC: [string, ...string[]][] = [
    ["/health", "GET"],
    ["/prices", "GET"],
    ["/problems", "GET"],
    ["/problems/not_found", "GET"],
    ["/balance", "GET"],
    ["/statement", "GET"],
  ];
  it.each([...RESOURCES, ...PUBLIC])("is answered 405 at %s, and Allow names those it has", async (path, ...has) => {
    const before = await state();
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"]) {
      if (has.includes(method)) continue;
      const reply = await gate.admin(method, path);
      expect([method, reply.status, reply.json().code]).toEqual([method, 405, "method_not_allowed"]);
      const allowed = String(reply.headers["allow"])
        .split(", ")
        .filter((name) => name !== "HEAD" && name !== "OPTIONS");
      expect(allowed).toEqual(has);
    }
    expect(await state()).toEqual(before);
    expect(gate.origin.hits).toEqual([]);
  });

  it("is answered 405 at the key set", async () => {
    const reply = await gate.call("/.well-known/jwks.json", { method: "POST" });
    expect([reply.status, reply.headers["allow"]]).toEqual([405, "GET"]);
    expect(gate.origin.hits).toEqual([]);
  });
});

describe("a path of the gate's own", () => {
  it.each([
    "/_farebox",
    "/_farebox/",
    "/_farebox/nothing",
    "/_farebox/accounts/",
    "/_farebox/accounts/target/",
    "/_farebox/accounts/target/nothing",
    "/_farebox/accounts//target",
    "/_farebox/accounts/target//entries",
    "/_farebox/accounts;x=1",
    "/_farebox/accounts%2Ftarget",
    "/_farebox/accounts%3F",
    "/_farebox/Accounts/target",
    "/_farebox/%61ccounts/target",
    "/_farebox/./accounts/target",
    "/_farebox/x/../accounts/target",
    "/_farebox//accounts/target",
    "/_farebox/health/",
    "/_farebox/../v1/cheap",
    "/_farebox/%2E%2E/v1/cheap",
    "/_farebox/%2e%2e%2fv1%2fcheap",
    "/%5Ffarebox/accounts/target",
    "/%5ffarebox/accounts/target",
    "/_f%61rebox/accounts/target",
    "//_farebox/accounts/target",
    "/./_farebox/accounts/target",
    "/v1/../_farebox/accounts/target",
    "/_farebox%2Faccounts/target",
    "/_farebox%2faccounts/target",
    "/_farebox\\accounts\\target",
    "\\_farebox\\accounts\\target",
  ])("is not there when spelled %s, with or without the secret, and is not forwarded", async (path) => {
    for (const options of [{}, { token: buyer }, { token: gate.adminToken }]) {
      const reply = await gate.call(path, options);
      expect([400, 401, 404]).toContain(reply.status);
      expect(reply.body).not.toContain("77777");
      expect(gate.origin.hits).toEqual([]);
    }
  });

  it.each([
    "/_Farebox/accounts",
    "/_FAREBOX/accounts/target",
    "/_farebox;x/accounts",
    "/_fareboxes",
    "/x/_farebox/accounts",
  ])("is another's when spelled %s: forwarded like any unlisted path, without the secret", async (path) => {
    const headers = { authorization: `Bearer ${gate.adminToken}` };
    const reply = await gate.call(path, { headers });
    const [hit] = gate.origin.hits.splice(0);
    expect([reply.status, reply.body, hit?.url]).toEqual([200, "ok", path]);
    expect(JSON.stringify(hit)).not.toContain(gate.adminToken);
  });
});

function swapCase(text: string): string {
  return text.replace(/[A-Za-z]/g, (c) => (c < "a" ? c.toLowerCase() : c.toUpperCase()));
}
