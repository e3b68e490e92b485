/** Attacks past the gate: an origin that checks who sent a call serves nobody who came another way, or came again. */
import { createRemoteJWKSet } from "jose";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCheck } from "../../../examples/closed-origin.ts";
import { makeAdminToken, makeSigningKey } from "../../../scripts/secrets.ts";
import { expectDenial, expectNoStore, paid } from "../../support/columns.ts";
import { startGate, type TestGate } from "../../support/gate.ts";
import { gateKey, nowSeconds, signClaims } from "../../support/jwt.ts";
import { header, ok, startOrigin, type Answer, type Hit, type RecordingOrigin } from "../../support/origin.ts";

const PUBLIC_URL = "https://api.example.com";

/** The sample origin's manners: 403 for whoever did not come through the gate just now. */
function closed(check: ReturnType<typeof makeCheck>): Answer {
  return async (request, response) => {
    const paidCall = await check(request.headers["payment-context"]?.toString(), request.url ?? "/");
    response.writeHead(paidCall ? 200 : 403).end(paidCall ? `served ${paidCall.account ?? "nobody"}` : "closed");
  };
}

/** Goes to the origin itself, around the gate. */
async function direct(to: RecordingOrigin, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: to.port, path, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject).end();
  });
}

const contextOf = (hit: Hit | undefined): string => header(hit, "payment-context") ?? "";

describe("an origin that checks PAYMENT-CONTEXT as the sample does", () => {
  let gate: TestGate;
  let token: string;
  beforeAll(async () => {
    gate = await startGate({ config: { publicUrl: PUBLIC_URL } });
    const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", gate.url));
    gate.origin.answer = closed(makeCheck(PUBLIC_URL, keys));
    await gate.grant("payer", 100_000);
    token = await gate.token("payer");
  });
  afterAll(async () => gate.close());

  it("serves what comes through the gate, and charges it", async () => {
    const { reply, ...seen } = await gate.see("payer", "/v1/expensive?q=1", { token });
    expect(seen).toEqual(paid(100));
    expect(reply.body).toBe("served payer");
  });

  it("refuses whoever goes around the gate, with no statement or with one of their own making", async () => {
    const claims = {
      iss: PUBLIC_URL,
      aud: `${PUBLIC_URL}/v1/expensive`,
      amount: 100,
      request_id: "req_1",
      sub: "payer",
    };
    const time = { iat: nowSeconds(), nbf: nowSeconds(), exp: nowSeconds() + 120 };
    const forger = gateKey({ ...gate, signingKey: makeSigningKey() });
    const typ = "payment-context+jwt";
    const before = await gate.account("payer");
    for (const headers of [
      {},
      { "farebox-account": "payer", "farebox-credits": "100" },
      { authorization: `Bearer ${token}` },
      { "payment-context": token },
      { "payment-context": "a.b.c" },
      { "payment-context": signClaims(forger, { ...claims, ...time }, { typ }) },
      { "payment-context": signClaims(gateKey(gate), { ...claims, ...time }, { typ: "at+jwt" }) },
      { "payment-context": signClaims(gateKey(gate), { ...claims, ...time, iss: "https://other.example" }, { typ }) },
      { "payment-context": signClaims(gateKey(gate), { ...claims, iat: 1, exp: nowSeconds() - 1 }, { typ }) },
      { "payment-context": signClaims(gateKey(gate), { ...claims, ...time, exp: undefined }, { typ }) },
      { "payment-context": signClaims(gateKey(gate), { ...claims, ...time, request_id: undefined }, { typ }) },
    ])
      expect(await direct(gate.origin, "/v1/expensive", headers as Record<string, string>)).toBe(403);
    expect(await gate.account("payer")).toMatchObject({ available: before.available, captured: before.captured });
  });

  it("refuses a statement that was overheard: again, or for another path or query", async () => {
    const seen = await gate.see("payer", "/v1/expensive?q=2", { token });
    expect(seen).toMatchObject(paid(100));
    const overheard = { "payment-context": contextOf(gate.origin.hits.at(-1)) };
    for (const path of ["/v1/expensive?q=2", "/v1/expensive", "/v1/expensive?q=3", "/v1/cheap", "//v1/expensive?q=2"])
      expect(await direct(gate.origin, path, overheard)).toBe(403);
  });

  it("refuses an overheard statement that a caller sends through the gate, which replaces it", async () => {
    await gate.see("payer", "/v1/expensive", { token });
    const overheard = contextOf(gate.origin.hits.at(-1));
    const headers = { "payment-context": overheard, payment_context: overheard, "payment.context": overheard };
    const { reply: denied, ...refused } = await gate.see("payer", "/v1/expensive", { headers });
    expect(refused).toEqual({ status: 402, hits: 0, entries: [], delta: 0 });
    expectNoStore(denied);
    const { reply, ...seen } = await gate.see("payer", "/v1/cheap", { token, headers });
    expect(seen).toEqual(paid(1));
    expect(reply.body).toBe("served payer");
    expect(JSON.stringify(gate.origin.hits.at(-1))).not.toContain(overheard);
  });
});

describe("while the gate's key is replaced", () => {
  it("the origin takes calls signed with either key, and none signed with the old one once it is gone", async () => {
    const [old, next] = [makeSigningKey(), makeSigningKey()];
    const origin = await startOrigin();
    const start = async (FAREBOX_SIGNING_KEY: string): Promise<TestGate> =>
      startGate({
        origin,
        config: { publicUrl: PUBLIC_URL },
        bindings: { FAREBOX_SIGNING_KEY, FAREBOX_ADMIN_TOKEN: makeAdminToken() },
      });
    // Gates of before and of after the change of keys, and after the old one was taken out.
    const gates = [
      await start(`{"keys":[${old},${next}]}`),
      await start(`{"keys":[${next},${old}]}`),
      await start(next),
    ];
    const codes: number[] = [];
    for (const publishing of gates) {
      const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", publishing.url));
      const check = makeCheck(PUBLIC_URL, keys);
      for (const forwarding of gates) {
        await forwarding.grant("payer", 100);
        const hits = origin.hits.length;
        origin.answer = closed(check);
        const reply = await forwarding.call("/v1/expensive", { token: await forwarding.token("payer") });
        await forwarding.settled("payer");
        expect(origin.hits.length - hits).toBe(1);
        codes.push(reply.status);
      }
    }
    origin.answer = ok;
    for (const gate of gates) await gate.close();
    await origin.close();
    expect(codes).toEqual([200, 200, 200, 200, 200, 200, 403, 200, 200]);
  });
});

describe("what a refused or failed call tells", () => {
  it("is neither a token nor a secret nor a body, in headers or body, whatever the mistake", async () => {
    const gate = await startGate({ bindings: { UPSTREAM: "UPSTREAM-SECRET" } });
    await gate.grant("telling", 1);
    const token = await gate.token("telling");
    const call = { method: "POST", body: "PRIVATE-BODY" };
    const replies = [
      await expectDenial(gate, "telling", "/v1/expensive", { ...call, token }, [402, "insufficient_credits"]),
      await expectDenial(gate, "telling", "/v1/expensive", { ...call, token: `${token}x` }, [401, "invalid_token"]),
      await expectDenial(gate, "telling", `/v1/none?t=${token}`, { ...call, token }, [404, "not_for_sale"]),
      await expectDenial(gate, "telling", `/v1//${token}`, { ...call, token }, [400, "unusable_path"]),
      await expectDenial(gate, "telling", `/v1/%2e/${token}`, { ...call }, [400, "unusable_path"]),
    ];
    gate.origin.answer = (_request, response) => void response.destroy();
    const failed = await gate.see("telling", "/v1/cheap", { token });
    expect(failed).toMatchObject({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
    const told = [...replies, failed.reply].map(({ headers, body }) => JSON.stringify(headers) + body).join("\n");
    const { d } = JSON.parse(gate.signingKey);
    await gate.close();
    for (const secret of [...token.split("."), "PRIVATE-BODY", "UPSTREAM-SECRET", gate.adminToken, d])
      expect(told).not.toContain(secret);
  });
});
