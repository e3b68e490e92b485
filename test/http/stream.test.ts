/** An answer reaches its caller as it comes; whoever leaves in the middle, the call is settled once. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok } from "../support/origin.ts";
import { answerOf, begin, kindsOf, MIB, nextChunk, pump } from "../support/streams.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/events": 100,
    "GET /v1/hasty": { credits: 100, timeoutSeconds: 1 },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
});
afterEach(() => {
  gate.origin.answer = ok;
});
afterAll(async () => gate.close());

/** Lets the test decide when the origin does what. */
function script(): { readonly started: Promise<ServerResponse>; readonly closed: Promise<void> } {
  const started = Promise.withResolvers<ServerResponse>();
  const closed = Promise.withResolvers<void>();
  gate.origin.answer = (_, response) => {
    response.on("close", closed.resolve);
    response.on("error", () => undefined);
    started.resolve(response);
  };
  return { started: started.promise, closed: closed.promise };
}

describe("an answer that streams", () => {
  it("reaches the caller event by event, charged when it begins", async () => {
    const { started } = script();
    const call = (await begin(gate, "events", "GET", "/v1/events")).end();
    const origin = await started;
    origin.writeHead(200, { "content-type": "text/event-stream" });
    origin.write("data: 1\n\n");
    const response = await answerOf(call);
    expect(response.headers).toMatchObject({ "content-type": "text/event-stream", "credits-charged": "100" });
    // The origin writes its second event only after the caller has the first one.
    expect(await nextChunk(response)).toBe("data: 1\n\n");
    expect(await kindsOf(gate, "events")).toEqual(["hold", "capture"]);
    for (const n of [2, 3, 4]) {
      const chunk = nextChunk(response);
      origin.write(`data: ${n}\n\n`);
      expect(await chunk).toBe(`data: ${n}\n\n`);
    }
    origin.end();
    await once(response, "end");
    expect(await kindsOf(gate, "events")).toEqual(["hold", "capture"]);
    expect(await gate.account("events")).toMatchObject({ available: 400, held: 0, captured: 100 });
  });

  it("sends its headers before the first byte of its body", async () => {
    const { started } = script();
    const call = (await begin(gate, "headers-first", "GET", "/v1/events")).end();
    const origin = await started;
    origin.writeHead(200);
    origin.flushHeaders();
    const response = await answerOf(call);
    expect(response.statusCode).toBe(200);
    origin.end("late");
    expect(await nextChunk(response)).toBe("late");
    expect(await kindsOf(gate, "headers-first")).toEqual(["hold", "capture"]);
  });

  it("costs a caller that leaves in the middle once, and is not read on by anybody", async () => {
    const { started, closed } = script();
    const call = (await begin(gate, "leaves", "GET", "/v1/events")).end();
    const origin = await started;
    origin.writeHead(200).write("data: 1\n\n");
    const response = await answerOf(call);
    await nextChunk(response);
    call.destroy();
    // The origin learns of it, at the latest by writing on.
    const writing = setInterval(() => origin.write("data: more\n\n"), 20);
    await closed;
    clearInterval(writing);
    expect(await kindsOf(gate, "leaves")).toEqual(["hold", "capture"]);
    expect(await gate.account("leaves")).toMatchObject({ available: 400, held: 0, captured: 100 });
  });

  it.each([
    ["without its end", (origin: ServerResponse) => origin.writeHead(200).write("half")],
    [
      "short of its length",
      (origin: ServerResponse) => origin.writeHead(200, { "content-length": "100" }).write("half"),
    ],
  ])("stays charged when the origin breaks off %s, and looks broken to the caller", async (how, write) => {
    const account = `breaks-${how.replaceAll(" ", "-")}`;
    const { started } = script();
    const call = (await begin(gate, account, "GET", "/v1/events")).end();
    const origin = await started;
    write(origin);
    const response = await answerOf(call);
    expect(await nextChunk(response)).toBe("half");
    const ended = new Promise((resolve) => response.on("close", resolve));
    origin.socket?.destroy();
    await ended;
    expect(response.complete).toBe(false);
    expect(await kindsOf(gate, account)).toEqual(["hold", "capture"]);
    expect(await gate.account(account)).toMatchObject({ available: 400, held: 0, captured: 100 });
  });

  it("is held back at the origin while the caller does not read", async () => {
    const { started } = script();
    const call = (await begin(gate, "does-not-read", "GET", "/v1/events")).end();
    const origin = await started;
    origin.writeHead(200);
    const sent = pump(origin);
    const response = await answerOf(call);
    response.pause();
    expect(await sent.stuckAt()).toBeLessThan(32 * MIB);
    call.destroy();
    sent.stop();
    expect(await kindsOf(gate, "does-not-read")).toEqual(["hold", "capture"]);
  });
});

describe("a caller that leaves before the origin answers", () => {
  it.each([
    ["costs what the answer costs, once", 200, ["hold", "capture"], 400],
    ["costs nothing where the answer does not", 500, ["hold", "void"], 500],
    ["costs nothing where the origin blames the gate", 401, ["hold", "void"], 500],
  ])("%s", async (what, code, kinds, available) => {
    const account = `early-${what.replaceAll(" ", "-")}`;
    const { started } = script();
    const call = (await begin(gate, account, "GET", "/v1/events")).end();
    const origin = await started;
    call.destroy();
    await sleep(100);
    expect(await gate.account(account)).toMatchObject({ available: 400, held: 100 });
    origin.writeHead(code).end("nobody listens");
    expect(await kindsOf(gate, account)).toEqual(kinds);
    expect(await gate.account(account)).toMatchObject({ available, held: 0 });
  });

  it("costs nothing where the origin never answers", async () => {
    const { started, closed } = script();
    const call = (await begin(gate, "early-never", "GET", "/v1/hasty")).end();
    await started;
    call.destroy();
    await closed;
    expect(await kindsOf(gate, "early-never")).toEqual(["hold", "void"]);
    expect(await gate.account("early-never")).toMatchObject({ available: 500, held: 0 });
  });

  it("leaves no stream running that nobody reads", async () => {
    const { started, closed } = script();
    const call = (await begin(gate, "early-stream", "GET", "/v1/events")).end();
    const origin = await started;
    call.destroy();
    await sleep(100);
    origin.writeHead(200).write("data: 1\n\n");
    const writing = setInterval(() => origin.write("x".repeat(65_536)), 5);
    const ended = await Promise.race([closed.then(() => "closed"), sleep(5000, "still open")]);
    clearInterval(writing);
    origin.destroy();
    expect(await kindsOf(gate, "early-stream")).toEqual(["hold", "capture"]);
    expect(ended).toBe("closed");
  });
});
