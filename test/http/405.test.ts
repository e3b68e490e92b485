/** What a caller sees whose method is not sold anywhere, and that OPTIONS is the gate's to answer. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, expectNoStore } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate({ config: { unlisted: "free" } });
  await gate.grant("p405", 1000);
  token = await gate.token("p405");
});
afterAll(async () => gate.close());

const SOLD = "HEAD, OPTIONS, GET, POST, PUT, PATCH, DELETE";

describe("405 method_not_allowed", () => {
  // oxfmt-ignore
  it.each([
    "TRACE", "PURGE", "PROPFIND", "PROPPATCH", "QUERY", "SEARCH", "REPORT", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
    "SUBSCRIBE", "MERGE", "NOTIFY",
  ])("refuses %s on a priced route and on one that is free", async (method) => {
    for (const path of ["/v1/cheap", "/v1/unlisted"]) {
      const reply = await expectDenial(gate, "p405", path, { method, token }, [405, "method_not_allowed"]);
      expect(reply.headers.allow).toBe(SOLD);
      expect(reply.json().detail).toContain(method);
      expect(reply.json().retryable).toBe(false);
    }
  });

  // What workerd itself does not take for a method never reaches the gate.
  it.each(["get", "Get", "post", "FOO", "GETT", "GET\t", "M-SEARCH"])(
    "never forwards the method %j",
    async (method) => {
      const answer = await sendRaw(`${method} /v1/cheap`);
      expect(answer).toMatchObject({ hits: 0, entries: 0 });
      expect([400, 405, 501]).toContain(answer.status);
    },
  );

  it.each(["CONNECT /v1/cheap", "CONNECT origin.example:443"])("never opens a tunnel: %s", async (line) => {
    const answer = await sendRaw(line);
    expect(answer).toMatchObject({ hits: 0, entries: 0 });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it.each([
    ["POST", "/_farebox/health", "GET"],
    ["DELETE", "/_farebox/prices", "GET"],
    ["POST", "/_farebox/balance", "GET"],
    ["PUT", "/_farebox/statement", "GET"],
    ["POST", "/_farebox/problems", "GET"],
    ["PATCH", "/_farebox/problems/invalid_token", "GET"],
    ["PUT", "/.well-known/jwks.json", "GET"],
    ["TRACE", "/_farebox/health", "GET"],
  ])("refuses %s %s, a resource of the gate's own, and names what it takes", async (method, path, allowed) => {
    const reply = await expectDenial(gate, "p405", path, { method, token }, [405, "method_not_allowed"]);
    expect(reply.headers.allow?.split(", ")).toContain(allowed);
  });

  it.each([
    ["POST", "/accounts", "GET"],
    ["DELETE", "/accounts/p405", "GET"],
    ["POST", "/accounts/p405/status", "PUT"],
    ["PATCH", "/accounts/p405/grants/x", "PUT, DELETE"],
    ["GET", "/accounts/p405/tokens", "POST, DELETE"],
    ["GET", "/tokens/x", "DELETE"],
  ])("refuses the operator's %s %s, and names what it takes", async (method, path, allowed) => {
    const reply = await gate.admin(method, path);
    expect([reply.status, reply.headers.allow]).toEqual([405, allowed]);
    expectNoStore(reply);
  });
});

/** One request as bytes, and what it did. */
async function sendRaw(line: string): Promise<{ status: number; hits: number; entries: number }> {
  const [hits, entries] = [gate.origin.hits.length, (await gate.entries("p405")).length];
  const host = `127.0.0.1:${gate.port}`;
  const answer = await gate.raw(
    `${line} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
  );
  await gate.settled("p405");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]),
    hits: gate.origin.hits.length - hits,
    entries: (await gate.entries("p405")).length - entries,
  };
}

describe("OPTIONS", () => {
  it.each(["/v1/cheap", "/v1/expensive", "/v1/unlisted", "/_farebox/balance", "/.well-known/jwks.json", "/"])(
    "is answered by the gate at %s: free, 204, never forwarded, never journaled",
    async (path) => {
      for (const options of [{ token }, {}, { token: "bad" }]) {
        const { reply, ...seen } = await gate.see("p405", path, { method: "OPTIONS", ...options });
        expect(seen).toEqual({ status: 204, hits: 0, entries: [], delta: 0 });
        expect(reply.body).toBe("");
        expect(reply.headers.allow).toBe(SOLD);
        expect(reply.headers["access-control-allow-methods"]).toBe(SOLD);
        expect(reply.headers).not.toHaveProperty("credits-charged");
        expectNoStore(reply);
      }
    },
  );

  it("is free however often it is asked, and needs no credits", async () => {
    const poor = await gate.token("p405-poor");
    for (let n = 0; n < 20; n++)
      expect((await gate.call("/v1/expensive", { method: "OPTIONS", token: poor })).status).toBe(204);
    expect((await gate.admin("GET", "/accounts/p405-poor")).status).toBe(404);
  });

  it("is refused where the path is unusable", async () => {
    await expectDenial(gate, "p405", "//v1/cheap", { method: "OPTIONS", token }, [400, "unusable_path"]);
  });
});
