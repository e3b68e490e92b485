/** What a caller sees who asks for something that is not for sale: no price is never free. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate();
  await gate.grant("p404", 1000);
  token = await gate.token("p404");
});
afterAll(async () => gate.close());

describe("404 not_for_sale", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/v1"],
    ["GET", "/v1/none"],
    ["GET", "/v1/cheap/more"],
    ["GET", "/v1/cheapest"],
    ["GET", "/v1/chea"],
    ["GET", "/cheap"],
    ["GET", "/v1/items"],
    ["GET", "/v1/items/1/2"],
    ["GET", "/v1/none?path=/v1/cheap"],
    ["GET", "/.well-known/openid-configuration"],
    ["GET", "/.well-known/jwks.json2"],
    ["GET", "/_fareboxes/health"],
    ["HEAD", "/v1/none"],
    ["POST", "/v1/cheap"],
    ["PUT", "/v1/expensive"],
    ["PATCH", "/v1/expensive"],
    ["DELETE", "/v1/items/1"],
  ])("refuses %s %s, with a token and without", async (method, path) => {
    const reply = await expectDenial(gate, "p404", path, { method, token }, [404, "not_for_sale"]);
    await expectDenial(gate, "p404", path, { method }, [404, "not_for_sale"]);
    expect(reply.headers["www-authenticate"]).toBeUndefined();
    expect(reply.headers.link).toBeUndefined();
    expect(reply.headers["x-should-retry"]).toBe("false");
  });

  it("names the methods that are sold at the path, and leads to the price list", async () => {
    const reply = await expectDenial(gate, "p404", "/v1/expensive", { method: "DELETE" }, [404, "not_for_sale"]);
    expect(reply.json().detail).toBe("DELETE is not sold at this path; GET, POST are.");
    const { href } = reply.json().remedy.find(({ rel }: { rel: string }) => rel === "prices");
    expect(href).toBe(`${gate.url}/_farebox/prices`);
    const prices = await gate.call(new URL(href).pathname);
    expect(prices.json().prices).toContainEqual({ method: "GET", path: "/v1/expensive", credits: 100 });
  });

  it("is the answer to a WebSocket upgrade where there is nothing", async () => {
    const headers = { connection: "upgrade", upgrade: "websocket" };
    await expectDenial(gate, "p404", "/v1/none", { token, headers }, [404, "not_for_sale"]);
  });
});

describe("404 not_found", () => {
  it.each([
    "/_farebox",
    "/_farebox/",
    "/_farebox/none",
    "/_farebox/health/",
    "/_farebox/Health",
    "/_farebox/%68ealth",
    "/_farebox//health",
    "/_farebox/../v1/expensive",
    "/_farebox/..%2fv1%2fexpensive",
    "/_farebox/balance/more",
    "/_farebox/problems/none",
    "/_farebox/problems/constructor",
  ])("never forwards %s, a path of the gate's own", async (path) => {
    await expectDenial(gate, "p404", path, { token }, [404, "not_found"]);
  });

  it.each(["POST", "PUT", "DELETE", "HEAD"])("never forwards a %s to a path of the gate's own", async (method) => {
    await expectDenial(gate, "p404", "/_farebox/none", { method, token }, [404, "not_found"]);
  });
});
