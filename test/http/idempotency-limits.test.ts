/** What an Idempotency-Key gives where the answer is long, endless, late or broken off, and where the request is large. */
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { DENIED, expectDenial, paid } from "../support/columns.ts";
import { startGate, type CallOptions, type Reply, type TestGate } from "../support/gate.ts";
import { askAgain, rich, seeWhole, under } from "../support/keyed.ts";
import { ok, type Answer } from "../support/origin.ts";
import { MIB } from "../support/streams.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = { "GET /v1/long": 100, "POST /v1/long": 100, "PUT /v1/long": 100 } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

const KEPT_BYTES_MAX = 65_536;

/** Expects that the key of a charged call answers with its receipt alone. */
async function expectReceipt(account: string, call: CallOptions, first: Reply): Promise<void> {
  const { reply, ...seen } = await askAgain(gate, account, "/v1/long", call);
  expect(seen).toMatchObject({ ...DENIED, status: 409 });
  expect(reply.json()).toMatchObject({
    code: "already_delivered",
    retryable: false,
    receipt: { request_id: first.headers["request-id"], credits_charged: 100 },
    request_id: reply.headers["request-id"],
  });
  expect(reply.headers["content-type"]).toBe("application/problem+json");
  expect(reply.headers["x-should-retry"]).toBe("false");
  expect(reply.headers).not.toHaveProperty("retry-after");
  expect(reply.headers).not.toHaveProperty("idempotency-replayed");
  expect(await gate.account(account)).toMatchObject({ available: 900, held: 0, captured: 100 });
}

function bytesOf(length: number, told: boolean): Answer {
  return (_request, response) => {
    response.writeHead(200, told ? { "content-length": String(length) } : {});
    for (let sent = 0; sent < length; sent += 32_768) response.write("x".repeat(Math.min(32_768, length - sent)));
    response.end();
  };
}

describe("an answer that is too long to keep", () => {
  it.each([true, false])(
    "comes whole, and once: its key gives the receipt alone (Content-Length: %s)",
    async (told) => {
      const account = `too-long-${told}`;
      const call = under("k", { token: await rich(gate, account) });
      gate.origin.answer = bytesOf(KEPT_BYTES_MAX + 1, told);
      const first = await seeWhole(gate, account, "/v1/long", call);
      expect(first).toMatchObject(paid(100));
      expect(first.bytes).toHaveLength(KEPT_BYTES_MAX + 1);
      await expectReceipt(account, call, first.reply);
    },
  );

  it.each([true, false])("begins one byte above 64 KiB (Content-Length: %s)", async (told) => {
    const account = `long-${told}`;
    const call = under("k", { token: await rich(gate, account) });
    gate.origin.answer = bytesOf(KEPT_BYTES_MAX, told);
    expect(await gate.see(account, "/v1/long", call)).toMatchObject(paid(100));
    const again = await askAgain(gate, account, "/v1/long", call);
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.bytes.equals(Buffer.alloc(KEPT_BYTES_MAX, "x"))).toBe(true);
  });

  it("reaches its caller whole although the gate stops keeping it: 8 MiB", async () => {
    const call = under("k", { token: await rich(gate, "huge") });
    const sent = randomBytes(8 * MIB);
    gate.origin.answer = (_request, response) => void response.writeHead(200).end(sent);
    const first = await seeWhole(gate, "huge", "/v1/long", call);
    expect(first).toMatchObject(paid(100));
    expect(first.bytes.equals(sent)).toBe(true);
    await expectReceipt("huge", call, first.reply);
  });

  it("is told to another request under its key as a mismatch, not as delivered", async () => {
    const token = await rich(gate, "long-other");
    gate.origin.answer = bytesOf(KEPT_BYTES_MAX + 1, false);
    await gate.see("long-other", "/v1/long", under("k", { token }));
    const other = under("k", { token, method: "POST" });
    await expectDenial(gate, "long-other", "/v1/long", other, [422, "idempotency_mismatch"]);
  });
});

describe("a stream of events", () => {
  it.each(["text/event-stream", "text/event-stream; charset=utf-8"])(
    "is delivered once, and its key gives the receipt alone, even while it lasts: %s",
    async (type) => {
      const account = `events-${type.length}`;
      const call = under("k", { token: await rich(gate, account) });
      const started = Promise.withResolvers<ServerResponse>();
      gate.origin.answer = (_request, response) => {
        response.writeHead(200, { "content-type": type }).write("data: 1\n\n");
        started.resolve(response);
      };
      const begun = Promise.withResolvers<IncomingMessage>();
      const reply = gate.call("/v1/long", { ...call, onResponse: begun.resolve });
      const response = await begun.promise;
      const head = { headers: response.headers } as Reply;
      await expectReceipt(account, call, head);
      (await started.promise).end("data: 2\n\n");
      expect((await reply).body).toBe("data: 1\n\ndata: 2\n\n");
      await expectReceipt(account, call, head);
    },
  );
});

/** Makes a call and leaves it when `leave` says so. */
async function leaveCall(
  call: CallOptions,
  leave: (response: Promise<IncomingMessage>) => Promise<void>,
): Promise<void> {
  const headers = { ...call.headers, authorization: `Bearer ${call.token}` };
  const options = { host: "127.0.0.1", port: gate.port, path: "/v1/long", headers, agent: false };
  const begun = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest(options, begun.resolve);
  request.on("error", () => undefined);
  request.end();
  await leave(begun.promise);
  request.destroy();
}

describe("a caller that leaves", () => {
  it("in the middle of the answer gets all of it when it asks again, and pays once", async () => {
    const call = under("k", { token: await rich(gate, "leaves") });
    const closed = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).write("first half, ");
      await closed.promise;
      // Long enough for the gate to notice, at the latest by writing on, that nobody listens.
      for (let n = 0; n < 20; n++) {
        response.write("more, ");
        await sleep(20);
      }
      response.end("and the end");
    };
    const hits = gate.origin.hits.length;
    await leaveCall(call, async (response) => {
      for await (const chunk of await response) {
        expect(String(chunk)).toBe("first half, ");
        break;
      }
    });
    closed.resolve();
    const again = await askAgain(gate, "leaves", "/v1/long", call);
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.reply.body).toBe(`first half, ${"more, ".repeat(20)}and the end`);
    expect(again.reply.headers["content-type"]).toBe("text/plain");
    expect(gate.origin.hits.length - hits).toBe(1);
    expect(await gate.account("leaves")).toMatchObject({ available: 900, held: 0, captured: 100 });
  });

  it("before the answer begins gets it when it asks again, and pays once", async () => {
    const call = under("k", { token: await rich(gate, "leaves early") });
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      asked.resolve();
      await left.promise;
      await sleep(50);
      response.end("x".repeat(60_000));
    };
    await leaveCall(call, async () => asked.promise);
    left.resolve();
    await gate.settled("leaves early");
    const again = await askAgain(gate, "leaves early", "/v1/long", call);
    expect(again).toMatchObject({ ...DENIED, status: 200 });
    expect(again.bytes).toHaveLength(60_000);
    expect(await gate.account("leaves early")).toMatchObject({ available: 900, held: 0, captured: 100 });
  });
});

describe("an answer that the origin breaks off", () => {
  it("stays charged, and its key gives the receipt alone: half an answer is never told for a whole one", async () => {
    const call = under("k", { token: await rich(gate, "breaks") });
    gate.origin.answer = async (_request, response) => {
      response.writeHead(200).write("half");
      await sleep(50);
      response.socket?.destroy();
    };
    let head: Reply | undefined;
    const onResponse = ({ headers }: IncomingMessage): void => {
      head = { headers } as Reply;
    };
    await expect(gate.call("/v1/long", { ...call, onResponse })).rejects.toThrow("aborted");
    await gate.settled("breaks");
    await expectReceipt("breaks", call, head ?? ({ headers: {} } as Reply));
  });
});

describe("a call made again while the first one waits at the origin", () => {
  it("is told to wait, and a different one is refused for good; then the answer is there", async () => {
    const call = under("k", { token: await rich(gate, "waits") });
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    gate.origin.answer = async (_request, response) => {
      asked.resolve();
      await released.promise;
      response.end("at last");
    };
    const first = gate.call("/v1/long", call);
    await asked.promise;
    const [hits, entries] = [gate.origin.hits.length, await gate.entries("waits")];
    const second = await gate.call("/v1/long", call);
    expect([second.status, second.json()]).toMatchObject([
      409,
      { code: "request_in_flight", retryable: true, retry_after: 1 },
    ]);
    expect(second.headers).toMatchObject({ "retry-after": "1", "x-should-retry": "true" });
    const other = await gate.call("/v1/long?other", call);
    expect([other.status, other.json().code]).toEqual([422, "idempotency_mismatch"]);
    expect([gate.origin.hits.length, await gate.entries("waits")]).toEqual([hits, entries]);
    released.resolve();
    expect((await first).body).toBe("at last");
    const again = await askAgain(gate, "waits", "/v1/long", call);
    expect([again.status, again.reply.body]).toEqual([200, "at last"]);
  });
});

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
/** Answers with the digest of what came. */
const echo: Answer = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => response.end(digest(Buffer.concat(chunks))));
};

describe("a request under a key", () => {
  const chunkedHeader = { "transfer-encoding": "chunked" };

  it.each([
    ["its length told", {}, MIB],
    ["in chunks", chunkedHeader, MIB],
    ["of one byte", {}, 1],
    ["of none", {}, 0],
  ])("of up to 1 MiB reaches the origin unchanged: %s", async (how, headers, length) => {
    const account = `up to ${how}`;
    const token = await rich(gate, account);
    const body = randomBytes(length);
    gate.origin.answer = echo;
    const call = under("k", { method: "POST", token, body, headers });
    const seen = await gate.see(account, "/v1/long", call);
    expect(seen).toMatchObject(paid(100));
    expect(seen.reply.body).toBe(digest(body));
    const again = await askAgain(gate, account, "/v1/long", call);
    expect([again.status, again.hits, again.reply.body]).toEqual([200, 0, digest(body)]);
  });

  it.each([
    ["its length told", {}],
    ["in chunks", chunkedHeader],
  ])("of 1 MiB and a byte is refused with 413, charged nothing, and leaves its key free: %s", async (how, headers) => {
    const account = `above ${how}`;
    const token = await rich(gate, account);
    const call = under("k", { method: "PUT", token, body: Buffer.alloc(MIB + 1), headers });
    const reply = await expectDenial(gate, account, "/v1/long", call, [413, "content_too_large"]);
    expect(reply.headers["x-should-retry"]).toBe("false");
    expect(reply.json().detail).toContain(String(MIB));
    const smaller = under("k", { method: "PUT", token, body: "small" });
    expect(await gate.see(account, "/v1/long", smaller)).toMatchObject(paid(100));
  });

  it("that was too large goes through without its key", async () => {
    const token = await rich(gate, "no key");
    const body = randomBytes(MIB + 1);
    gate.origin.answer = echo;
    const seen = await gate.see("no key", "/v1/long", { method: "PUT", token, body });
    expect(seen).toMatchObject(paid(100));
    expect(seen.reply.body).toBe(digest(body));
  });
});
