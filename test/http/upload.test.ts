/** A body reaches the origin as the caller sends it, in bounded memory; broken off, it costs nothing. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok } from "../support/origin.ts";
import { answerOf, begin, kindsOf, MIB, nextChunk, pump } from "../support/streams.ts";

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "POST /v1/upload": { credits: 100, timeoutSeconds: 20 },
    "POST /v1/unread": { credits: 100, timeoutSeconds: 2 },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
});
afterEach(() => {
  gate.origin.answer = ok;
});
afterAll(async () => gate.close());

describe("a body that is uploaded", () => {
  it("reaches the origin while the caller is still sending", async () => {
    const pieces: string[] = [];
    const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    gate.origin.answer = (request, response) => {
      request.on("data", (chunk: Buffer) => arrived[pieces.push(chunk.toString()) - 1]?.resolve());
      request.on("end", () => response.end(pieces.join("|")));
    };
    const call = await begin(gate, "uploads", "POST", "/v1/upload");
    call.write("first");
    await arrived[0]?.promise;
    call.write("second");
    await arrived[1]?.promise;
    call.end("third");
    const response = await answerOf(call);
    expect(await nextChunk(response)).toBe("first|second|third");
    expect(await kindsOf(gate, "uploads")).toEqual(["hold", "capture"]);
  });

  it.each(["with a stated length", "in chunks"])("arrives whole at 20 MiB, sent %s", async (how) => {
    const account = `large-${how.replaceAll(" ", "-")}`;
    const body = randomBytes(20 * MIB);
    const hash = createHash("sha256");
    gate.origin.answer = async (request, response) => {
      for await (const chunk of request) hash.update(chunk as Buffer);
      response.end(`${request.headers["content-length"] ?? "chunked"} ${hash.digest("hex")}`);
    };
    const call = await begin(gate, account, "POST", "/v1/upload");
    if (how === "in chunks") for (let n = 0; n < 20; n++) call.write(body.subarray(n * MIB, (n + 1) * MIB));
    else call.setHeader("content-length", body.length).write(body);
    call.end();
    const response = await answerOf(call);
    const framing = how === "in chunks" ? "chunked" : String(body.length);
    expect(await nextChunk(response)).toBe(`${framing} ${createHash("sha256").update(body).digest("hex")}`);
    expect(await kindsOf(gate, account)).toEqual(["hold", "capture"]);
  });

  it("is held back at the caller while the origin does not read", async () => {
    gate.origin.answer = (request) => {
      request.removeAllListeners("data");
      request.pause();
    };
    const call = await begin(gate, "not-read", "POST", "/v1/unread");
    const sent = pump(call);
    expect(await sent.stuckAt()).toBeLessThan(32 * MIB);
    sent.stop();
    call.destroy();
    expect(await kindsOf(gate, "not-read")).toEqual(["hold", "void"]);
  });

  it("costs nothing when the caller breaks it off", async () => {
    const arrived = Promise.withResolvers<void>();
    gate.origin.answer = (request, response) => {
      request.once("data", () => arrived.resolve());
      request.on("error", () => undefined);
      request.on("end", () => response.end());
    };
    const call = await begin(gate, "breaks-off", "POST", "/v1/upload");
    call.setHeader("content-length", "100").write("half");
    await arrived.promise;
    call.destroy();
    expect(await kindsOf(gate, "breaks-off")).toEqual(["hold", "void"]);
    expect(await gate.account("breaks-off")).toMatchObject({ available: 500, held: 0 });
  });

  it("can be answered before it ends, and costs what that answer costs", async () => {
    gate.origin.answer = (request, response) => {
      request.once("data", () => response.writeHead(413, { connection: "close" }).end("too large"));
    };
    const call = await begin(gate, "too-large", "POST", "/v1/upload");
    call.write("x".repeat(1000));
    const response = await answerOf(call);
    expect(response.statusCode).toBe(413);
    call.destroy();
    expect(await kindsOf(gate, "too-large")).toEqual(["hold", "void"]);
  });

  it("waits for no 100 Continue, and is charged once where one was asked for", async () => {
    gate.origin.answer = (request, response) => {
      request.resume().on("end", () => response.end());
    };
    const call = await begin(gate, "continues", "POST", "/v1/upload");
    call.setHeader("expect", "100-continue").end("body");
    expect((await answerOf(call)).statusCode).toBe(200);
    expect(gate.origin.hits.at(-1)).toMatchObject({ body: "body" });
    expect(gate.origin.hits.at(-1)?.headers.map(([name]) => name)).not.toContain("expect");
    expect(await kindsOf(gate, "continues")).toEqual(["hold", "capture"]);
  });
});
