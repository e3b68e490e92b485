/** What a caller sees when the origin cannot be reached, or blames the gate: nothing is charged, and it may try again at once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok, startOrigin, status } from "../support/origin.ts";
import { startRawOrigin, type RawOrigin } from "../support/raw-origin.ts";

const WELL = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

describe("502, the origin is down", () => {
  it.each([
    ["nothing listens at its port", async () => closedPort()],
    ["its name does not resolve", async () => "http://origin.invalid"],
  ])("charges nothing when %s", async (_, url) => {
    const gate = await startGate({ config: { origin: { url: await url(), insecure: true, timeoutSeconds: 5 } } });
    try {
      await gate.grant("down", 100);
      const token = await gate.token("down");
      for (let n = 0; n < 3; n++) {
        const { reply, ...seen } = await gate.see("down", "/v1/expensive", { token });
        expect(seen).toEqual({ status: 502, hits: 0, entries: ["hold", "void"], delta: 0 });
        expect(reply.json()).toMatchObject({ code: "origin_unreachable", retryable: true, status: 502 });
        expect(reply.headers).toMatchObject({
          "credits-charged": "0",
          "credits-remaining": "100",
          "retry-after": "5",
          "x-should-retry": "true",
          "cache-control": "private, no-store",
        });
        // Where the origin is, and why it was not reached, is the seller's business.
        expect(reply.body.replaceAll(gate.url, "")).not.toMatch(/127\.0\.0\.1|origin\.invalid|ECONN|refused|DNS/i);
      }
    } finally {
      await gate.close();
    }
  });
});

async function closedPort(): Promise<string> {
  const origin = await startOrigin();
  await origin.close();
  return origin.url;
}

describe("502, the origin's answer is none", () => {
  let origin: RawOrigin;
  let gate: TestGate;
  beforeAll(async () => {
    origin = await startRawOrigin();
    gate = await startGate({ origin });
  });
  afterAll(async () => {
    await gate.close();
    await origin.close();
  });

  it.each([
    ["hangs up without a word", ""],
    ["hangs up in the middle of the head", "HTTP/1.1 200 OK\r\nContent-Le"],
    ["speaks another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    ["sends a header that is none", "HTTP/1.1 200 OK\r\nno header\r\n\r\n"],
    ["sends two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ["answers 099", "HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok"],
    ["answers 600", "HTTP/1.1 600 High\r\nContent-Length: 2\r\n\r\nok"],
    ["answers 999", "HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nok"],
    [
      "switches to a protocol nobody asked for",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
  ])("charges nothing when it %s, and serves the next call with the same credits", async (what, says) => {
    const account = `raw-${what.replaceAll(" ", "-")}`;
    await gate.grant(account, 100);
    const token = await gate.token(account);
    origin.says = says;
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token });
    expect(seen).toEqual({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(reply.json()).toMatchObject({ code: "origin_unreachable", retryable: true });
    expect(reply.headers).toMatchObject({ "credits-charged": "0", "credits-remaining": "100" });

    origin.says = WELL;
    const { reply: _, ...next } = await gate.see(account, "/v1/expensive", { token });
    expect(next).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
  });

  it("has the credits back before the caller hears of it", async () => {
    await gate.grant("at-once", 100);
    const token = await gate.token("at-once");
    for (let n = 0; n < 10; n++) {
      origin.says = "";
      expect((await gate.call("/v1/expensive", { token })).status).toBe(502);
    }
    origin.says = WELL;
    expect((await gate.call("/v1/expensive", { token })).status).toBe(200);
  });

  it.each([
    ["100 Continue", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["102 Processing", "HTTP/1.1 102 Processing\r\n\r\n"],
    ["103 Early Hints", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"],
  ])("waits for the answer behind a %s and charges it once", async (what, first) => {
    const account = `interim-${what.slice(0, 3)}`;
    await gate.grant(account, 500);
    origin.says = first + first + WELL;
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.body).toBe("ok");
    expect(reply.headers).not.toHaveProperty("link");
  });
});

describe("502, the origin asks the gate for credentials or money", () => {
  let gate: TestGate;
  beforeAll(async () => {
    const prices = {
      "GET /v1/expensive": 100,
      "GET /v1/free": "free",
      "GET /v1/passes-401": { credits: 100, passOriginStatus: [401] },
      "GET /v1/passes-402": { credits: 100, passOriginStatus: [402] },
      "GET /v1/passes-and-charges": { credits: 100, passOriginStatus: [401, 402], chargeOn: "2xx-4xx" },
    } as unknown as Config["prices"];
    gate = await startGate({ config: { prices } });
  });
  afterAll(async () => gate.close());

  it.each([
    [401, "origin_refused_gate"],
    [402, "origin_payment_required"],
  ])("turns a %i of the origin into %s, and keeps its words from the buyer", async (code, denial) => {
    const account = `asks-${code}`;
    await gate.grant(account, 500);
    const headers = {
      "www-authenticate": 'Basic realm="upstream"',
      "payment-required": "x402",
      link: "<https://pay.example>; rel=payment",
    };
    gate.origin.answer = status(code, headers, "pay at upstream.example");
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(reply.json()).toMatchObject({ code: denial, status: 502, retryable: false });
    expect(reply.body).not.toContain("upstream");
    for (const name of ["www-authenticate", "payment-required", "link", "retry-after"])
      expect(reply.headers).not.toHaveProperty(name);
    expect(reply.headers).toMatchObject({
      "credits-charged": "0",
      "credits-remaining": "500",
      "x-should-retry": "false",
    });
  });

  it.each([401, 402])("does the same for a %i on a free route", async (code) => {
    gate.origin.answer = status(code);
    const { reply: _, ...seen } = await gate.see("nobody", "/v1/free");
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 502, hits: 1, entries: [], delta: 0 });
  });

  it.each([
    ["/v1/passes-401", 401, 401, 0],
    ["/v1/passes-401", 402, 502, 0],
    ["/v1/passes-402", 402, 402, 0],
    ["/v1/passes-402", 401, 502, 0],
    ["/v1/passes-and-charges", 401, 401, -100],
    ["/v1/passes-and-charges", 402, 402, -100],
  ])("lets passOriginStatus decide: %s, origin %i", async (path, said, wanted, delta) => {
    const account = `passes${path.replaceAll("/", "-")}-${said}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(said, { "www-authenticate": 'Basic realm="x"' }, "its own words");
    const { reply, ...seen } = await gate.see(account, path, { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: wanted, hits: 1, entries: ["hold", delta === 0 ? "void" : "capture"], delta });
    expect(reply.headers["credits-charged"]).toBe(String(-delta));
    expect(reply.body === "its own words").toBe(wanted === said);
    expect(reply.headers["www-authenticate"]).toBe(wanted === said ? 'Basic realm="x"' : undefined);
  });

  it("has the credits back before the caller hears of it", async () => {
    await gate.grant("asks-at-once", 100);
    const token = await gate.token("asks-at-once");
    for (let n = 0; n < 10; n++) {
      gate.origin.answer = status(n % 2 === 0 ? 401 : 402);
      expect((await gate.call("/v1/expensive", { token })).status).toBe(502);
    }
    gate.origin.answer = ok;
    expect((await gate.call("/v1/expensive", { token })).status).toBe(200);
  });
});
