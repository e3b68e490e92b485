/** That a call made again under its Idempotency-Key is answered as the first time, and neither charged nor served again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { DENIED, expectDenial, expectNoStore, paid } from "../support/columns.ts";
import { startGate, type CallOptions, type TestGate } from "../support/gate.ts";
import { askAgain, rich, seeWhole, under, type SeenWhole } from "../support/keyed.ts";
import { ok, startOrigin, status, type Answer } from "../support/origin.ts";

const PRICES = {
  "GET /v1/cheap": 1,
  "GET /v1/expensive": 100,
  "POST /v1/expensive": 100,
  "DELETE /v1/expensive": 100,
  "GET /v1/strict": { credits: 100, chargeOn: "2xx-4xx" },
  "GET /v1/hasty": { credits: 100, timeoutSeconds: 1 },
} as unknown as Config["prices"];

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { prices: PRICES } });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

const GZIPPED = gzipSync("the same bytes, packed ".repeat(50), { level: 9 });
const BINARY = Buffer.from(Array.from({ length: 1024 }, (_, n) => (n * 7) % 256));

/** What an answer is, but for what must differ from one time to the next, and how its length was told. */
function lasting({ pairs }: SeenWhole): (readonly [string, string])[] {
  const fleeting = [
    "connection",
    "content-length",
    "credits-remaining",
    "date",
    "idempotency-replayed",
    "keep-alive",
    "original-request-id",
    "request-id",
    "transfer-encoding",
  ];
  return pairs.filter(([name]) => !fleeting.includes(name)).toSorted((a, b) => a[0].localeCompare(b[0]));
}

/** Calls twice under one key and expects one charge of 100, one origin hit, and one answer told twice. */
async function expectReplay(account: string, path: string, options: CallOptions): Promise<SeenWhole> {
  const token = await rich(gate, account);
  const call = under("key", { ...options, token });
  const first = await seeWhole(gate, account, path, call);
  expect(first).toMatchObject({ hits: 1, entries: ["hold", "capture"], delta: -100 });
  expect(first.reply.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "900" });
  expect(first.reply.headers).not.toHaveProperty("idempotency-replayed");
  // In between the balance changes, and the origin would answer otherwise.
  gate.origin.answer = status(500);
  await gate.grant(account, 11);
  for (let n = 0; n < 2; n++) {
    const again = await askAgain(gate, account, path, call);
    expect(again).toMatchObject({ status: first.status, ...DENIED });
    expect(again.bytes.equals(first.bytes)).toBe(true);
    expect(lasting(again)).toEqual(lasting(first));
    expect(again.reply.headers).toMatchObject({
      "idempotency-replayed": "true",
      "original-request-id": first.reply.headers["request-id"],
      "credits-charged": "100",
      "credits-remaining": "911",
    });
    expect(again.reply.headers["request-id"]).toMatch(/^req_/);
    expect(again.reply.headers["request-id"]).not.toBe(first.reply.headers["request-id"]);
    expectNoStore(again.reply);
  }
  expect(await gate.account(account)).toMatchObject({ available: 911, held: 0, captured: 100 });
  return first;
}

describe("a call made again under its key gets the same answer", () => {
  it.each<[string, Answer, CallOptions]>([
    ["text", status(200, { "content-type": "text/plain", etag: '"1"' }, "hello"), {}],
    ["gzip", status(200, { "content-encoding": "gzip" }, GZIPPED as never), { headers: { "accept-encoding": "gzip" } }],
    ["binary", status(201, { "content-type": "application/octet-stream" }, BINARY as never), {}],
    ["empty", status(200), {}],
    ["no content", status(204), { method: "DELETE" }],
    ["not modified", status(304, { etag: '"1"' }), { headers: { "if-none-match": '"1"' } }],
    ["a range", status(206, { "content-range": "bytes 0-4/9" }, "hello"), { headers: { range: "bytes=0-4" } }],
    ["a redirect", status(303, { location: "https://other.example/next?a=%20b" }), { method: "POST", body: "x" }],
    ["several cookies", status(200, { "set-cookie": ["a=1; Path=/", "b=2", "a=3"] as never }, "ok"), {}],
    ["to a head", status(200, { "content-length": "5", "x-seen": "1" }), { method: "HEAD" }],
    ["chunked", chunked(["one ", "two ", "three"], 20), { method: "POST", body: "x" }],
    ["of 64 KiB", chunked(["x".repeat(65_000), "y".repeat(536)]), {}],
  ])("%s", async (name, answer, options) => {
    gate.origin.answer = answer;
    const first = await expectReplay(`same ${name}`, "/v1/expensive", options);
    if (name === "gzip") expect(first.bytes.equals(GZIPPED)).toBe(true);
    if (name === "binary") expect(first.bytes.equals(BINARY)).toBe(true);
    if (name === "of 64 KiB") expect(first.bytes).toHaveLength(65_536);
    if (name === "several cookies") expect(first.reply.headers["set-cookie"]).toHaveLength(3);
  });

  it("with the redirect that leads back through the gate, not around it", async () => {
    gate.origin.answer = status(302, { location: `${gate.origin.url}/v1/next` });
    const { reply } = await expectReplay("same inner redirect", "/v1/expensive", {});
    expect(reply.headers.location).toBe(`${gate.url}/v1/next`);
  });

  it("for a 4xx that the route charges for", async () => {
    gate.origin.answer = status(404, { "content-type": "application/json" }, '{"no":"such thing"}');
    const { reply } = await expectReplay("same 404", "/v1/strict", {});
    expect([reply.status, reply.json()]).toEqual([404, { no: "such thing" }]);
  });

  it("whatever the origin says of keys: that is the gate's to say", async () => {
    gate.origin.answer = status(200, { "idempotency-replayed": "true", "original-request-id": "req_origin" }, "ok");
    const { reply } = await expectReplay("same claims", "/v1/expensive", {});
    expect(reply.headers).not.toHaveProperty("original-request-id");
  });

  it("when the account is empty by then", async () => {
    const token = await rich(gate, "spent", 100);
    const first = await seeWhole(gate, "spent", "/v1/expensive", under("key", { token }));
    const again = await askAgain(gate, "spent", "/v1/expensive", under("key", { token }));
    expect(again).toMatchObject({ ...DENIED, status: 200, bytes: first.bytes });
    expect(again.reply.headers["credits-remaining"]).toBe("0");
  });

  it("with another token of its account, as its key is the account's", async () => {
    const token = await rich(gate, "two tokens");
    expect(await gate.see("two tokens", "/v1/expensive", under("key", { token }))).toMatchObject(paid(100));
    const other = await gate.token("two tokens");
    const again = await askAgain(gate, "two tokens", "/v1/expensive", under("key", { token: other }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.reply.headers["idempotency-replayed"]).toBe("true");
  });
});

function chunked(parts: readonly string[], pauseMs = 0): Answer {
  return async (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    for (const part of parts) {
      response.write(part);
      await sleep(pauseMs);
    }
    response.end();
  };
}

describe("20 calls at the same moment under one key", () => {
  it.each([0, 60])("reach the origin once and are charged once (origin takes %d ms)", async (ms) => {
    const account = `parallel ${ms}`;
    const token = await rich(gate, account);
    gate.origin.answer = async (_request, response) => {
      await sleep(ms);
      response.end("once");
    };
    const hits = gate.origin.hits.length;
    const replies = await Promise.all(
      Array.from({ length: 20 }, async () => gate.call("/v1/expensive", under("key", { token }))),
    );
    await gate.settled(account);
    expect(gate.origin.hits.length - hits).toBe(1);
    expect((await gate.entries(account)).map(({ kind }) => kind)).toEqual(["grant", "hold", "capture"]);
    expect(await gate.account(account)).toMatchObject({ available: 900, held: 0, captured: 100 });
    const served = replies.filter((reply) => reply.status === 200 && !reply.headers["idempotency-replayed"]);
    expect(served).toHaveLength(1);
    for (const reply of replies.filter((one) => one !== served[0])) {
      if (reply.status === 200) expect(reply.body).toBe("once");
      else expect([reply.status, reply.json().code]).toEqual([409, "request_in_flight"]);
    }
    const again = await askAgain(gate, account, "/v1/expensive", under("key", { token }));
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.reply.headers["original-request-id"]).toBe(served[0]?.headers["request-id"]);
  });
});

const hangUp: Answer = (request) => void request.socket.destroy();

describe("a call that was not charged leaves its key free: made again, it is served and charged once", () => {
  it.each<[string, Answer, number, string]>([
    ["the origin answered 500", status(500), 500, "/v1/expensive"],
    ["the origin answered 503", status(503), 503, "/v1/expensive"],
    ["the origin answered 404", status(404), 404, "/v1/expensive"],
    ["the origin answered 402", status(402), 502, "/v1/expensive"],
    ["the origin answered 401", status(401), 502, "/v1/expensive"],
    ["the origin hung up", hangUp, 502, "/v1/expensive"],
    ["the origin took too long", () => undefined, 504, "/v1/hasty"],
  ])("after %s", async (what, answer, code, path) => {
    const account = `free ${what}`;
    const call = under("key", { token: await rich(gate, account) });
    gate.origin.answer = answer;
    const failed = await gate.see(account, path, call);
    expect(failed).toMatchObject({ status: code, entries: ["hold", "void"], delta: 0 });
    expect(failed.reply.headers["credits-charged"]).toBe("0");
    gate.origin.answer = ok;
    expect(await gate.see(account, path, call)).toMatchObject(paid(100));
    expect(await askAgain(gate, account, path, call)).toMatchObject({ ...DENIED, status: 200 });
    expect(await gate.account(account)).toMatchObject({ available: 900, captured: 100 });
  });

  it("after it was refused for want of money", async () => {
    const call = under("key", { token: await gate.token("poor") });
    await expectDenial(gate, "poor", "/v1/expensive", call, [402, "insufficient_credits"]);
    await gate.grant("poor", 200);
    expect(await gate.see("poor", "/v1/expensive", call)).toMatchObject(paid(100));
  });

  it("also for another request", async () => {
    const token = await rich(gate, "free for others");
    gate.origin.answer = status(500);
    await gate.see("free for others", "/v1/expensive", under("key", { token }));
    gate.origin.answer = ok;
    expect(await gate.see("free for others", "/v1/cheap", under("key", { token }))).toMatchObject(paid(1));
  });
});

describe("a key lives with the account", () => {
  it("through a restart of the gate, and across a change of price it means another request", async () => {
    const persist = mkdtempSync(join(tmpdir(), "farebox-keys-"));
    const origin = await startOrigin();
    try {
      const during = async <T>(price: number, use: (one: TestGate) => Promise<T>): Promise<T> => {
        const one = await startGate({ persist, origin, config: { prices: { "GET /v1/thing": price } as never } });
        try {
          return await use(one);
        } finally {
          await one.close();
        }
      };
      const first = await during(100, async (one) => {
        const call = under("key", { token: await rich(one, "moved") });
        const seen = await one.see("moved", "/v1/thing", call);
        await askAgain(one, "moved", "/v1/thing", call);
        return seen;
      });
      expect(first).toMatchObject(paid(100));
      await during(101, async (one) => {
        const call = under("key", { token: await one.token("moved") });
        await expectDenial(one, "moved", "/v1/thing", call, [422, "idempotency_mismatch"]);
      });
      await during(100, async (one) => {
        const call = under("key", { token: await one.token("moved") });
        const again = await one.see("moved", "/v1/thing", call);
        expect(again).toMatchObject({ ...DENIED, status: 200 });
        expect(again.reply.headers["original-request-id"]).toBe(first.reply.headers["request-id"]);
      });
    } finally {
      await origin.close();
      rmSync(persist, { recursive: true, force: true });
    }
  });
});
