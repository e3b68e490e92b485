/** Attacks on the length of an answer: piece by piece, for nothing, or for longer than its credits were set aside. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { paid } from "../../support/columns.ts";
import { startGate, type TestGate } from "../../support/gate.ts";
import { ok, type Answer } from "../../support/origin.ts";
import { answerOf, begin, kindsOf, nextChunk } from "../../support/streams.ts";

const FILE = "QWERTYUIOP";
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { holdTtlSeconds: 2 } });
});
afterAll(async () => gate.close());
afterEach(() => {
  gate.origin.answer = ok;
});

/** An origin that serves ranges of a file of ten bytes (RFC 9110 section 14), several at once too. */
const ranges: Answer = (request, response) => {
  const asked = /^bytes=(.+)$/.exec(request.headers.range ?? "")?.[1]?.split(",");
  if (!asked) return void response.end(FILE);
  const parts = asked.map((part) => /^\s*(\d+)-(\d*)\s*$/.exec(part)).map((found) => found && slice(found));
  if (parts.some((part) => !part))
    return void response.writeHead(416, { "content-range": `bytes */${FILE.length}` }).end();
  if (parts.length === 1) return void response.writeHead(206, { "content-range": "bytes" }).end(parts[0]);
  const type = { "content-type": "multipart/byteranges; boundary=B" };
  response.writeHead(206, type).end(parts.map((part) => `--B\r\n\r\n${part}\r\n`).join("") + "--B--\r\n");
};
function slice([, first, last]: RegExpExecArray): string {
  return FILE.slice(Number(first), last === "" ? undefined : Number(last) + 1);
}

describe("a range", () => {
  it("of one byte costs what all of it costs, a thousand times over", async () => {
    gate.origin.answer = ranges;
    await gate.grant("bytes", 1000);
    const token = await gate.token("bytes");
    const hits = gate.origin.hits.length;
    const statuses = new Map<number, number>();
    for (let n = 0; n < 1040; n += 40) {
      const calls = Array.from({ length: 40 }, async () =>
        gate.call("/v1/cheap", { token, headers: { range: "bytes=0-0" } }),
      );
      for (const reply of await Promise.all(calls)) {
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
        if (reply.status === 206) expect([reply.body, reply.headers["credits-charged"]]).toEqual(["Q", "1"]);
        else expect(reply.headers).not.toHaveProperty("credits-charged");
      }
    }
    await gate.settled("bytes");
    expect(Object.fromEntries(statuses)).toEqual({ 206: 1000, 402: 40 });
    expect(gate.origin.hits.length - hits).toBe(1000);
    expect(await gate.account("bytes")).toMatchObject({ available: 0, held: 0, captured: 1000 });
    expect(await gate.entries("bytes")).toHaveLength(1 + 2 * 1000);
  });

  it.each([
    ["several at once", "bytes=0-1,3-4", 206, -100],
    ["overlapping", "bytes=0-,0-,0-,0-", 206, -100],
    ["all of it", "bytes=0-", 206, -100],
    ["beyond its end", "bytes=99-", 416, 0],
    ["that is none", "bytes=x", 416, 0],
    ["backwards", "bytes=--1", 416, 0],
    ["in another unit", "lines=1-2", 200, -100],
    ["that is empty", "", 200, -100],
  ])("(%s) gives no byte of it for nothing: %s", async (what, range, code, delta) => {
    gate.origin.answer = ranges;
    const account = `range-${what.replaceAll(" ", "-")}`;
    await gate.grant(account, 500);
    const headers = { range, "if-range": '"v1"' };
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account), headers });
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", delta === 0 ? "void" : "capture"], delta });
    if (delta === 0) expect(reply.body).toBe("");
    const unpaid = await gate.see(account, "/v1/expensive", { headers });
    expect(unpaid).toMatchObject({ status: 402, hits: 0, entries: [], delta: 0 });
    expect(unpaid.reply.body).not.toContain(FILE.slice(0, 2));
  });
});

/** Lets the test decide when the origin says what. */
async function script(account: string): Promise<{ origin: ServerResponse; call: ReturnType<typeof begin> }> {
  const started = Promise.withResolvers<ServerResponse>();
  gate.origin.answer = (_, response) => {
    started.resolve(response);
  };
  const call = begin(gate, account, "GET", "/v1/expensive");
  (await call).end();
  return { origin: await started.promise, call };
}

describe("a stream", () => {
  it("reaches its caller as the origin sends it: half of its events within 50 ms, none kept back", async () => {
    const { origin, call } = await script("prompt");
    origin.writeHead(200, { "content-type": "text/event-stream" }).write("data: 0\n\n");
    const response = await answerOf(await call);
    await nextChunk(response);
    const waits: number[] = [];
    for (let n = 1; n <= 9; n++) {
      const chunk = nextChunk(response);
      const sent = performance.now();
      origin.write(`data: ${n}\n\n`);
      expect(await chunk).toBe(`data: ${n}\n\n`);
      waits.push(performance.now() - sent);
    }
    origin.end();
    await once(response, "end");
    expect(waits.sort((a, b) => a - b)[4]).toBeLessThan(50);
    expect(await kindsOf(gate, "prompt")).toEqual(["hold", "capture"]);
  });

  it("that lasts longer than credits are ever set aside is not cut, not charged again, and not free at its end", async () => {
    const { origin, call } = await script("long");
    origin.writeHead(200).write("begin");
    const response = await answerOf(await call);
    expect(await nextChunk(response)).toBe("begin");
    // Charged when it began: there is no hold left to run out.
    expect(await kindsOf(gate, "long")).toEqual(["hold", "capture"]);
    for (let second = 0; second < 6; second++) {
      await sleep(1000);
      const chunk = nextChunk(response);
      origin.write(`${second}`);
      expect(await chunk).toBe(`${second}`);
    }
    origin.end();
    await once(response, "end");
    expect(response.complete).toBe(true);
    expect(await kindsOf(gate, "long")).toEqual(["hold", "capture"]);
    expect(await gate.account("long")).toMatchObject({ available: 400, held: 0, captured: 100 });
  });

  it("holds up no other call of the account while it lasts", async () => {
    const { origin, call } = await script("besides");
    origin.writeHead(200).write("begin");
    const response = await answerOf(await call);
    await nextChunk(response);
    gate.origin.answer = ok;
    const { reply: _, ...seen } = await gate.see("besides", "/v1/cheap", { token: await gate.token("besides") });
    expect(seen).toEqual(paid(1));
    origin.end();
  });
});
