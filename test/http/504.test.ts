/** What a caller sees when the origin takes too long to begin: nothing is charged, and what it says later changes nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type CallOptions, type Reply, type TestGate } from "../support/gate.ts";
import type { Answer } from "../support/origin.ts";

const TIMEOUT_MS = 1000;

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/patient/:name": { credits: 100, timeoutSeconds: 3 },
    "GET /v1/hasty/:name": { credits: 100, timeoutSeconds: 1 },
    "POST /v1/hasty/:name": { credits: 100, timeoutSeconds: 1 },
    "GET /v1/free/:name": { credits: "free", timeoutSeconds: 1 },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices } });
  gate.origin.answer = async (request, response) => answers.get(request.url ?? "")?.(request, response);
});
afterAll(async () => gate.close());

/** What the origin does with each path, so that the waits of all tests can run at once. */
const answers = new Map<string, Answer>();

const never: Answer = () => undefined;
const late: Answer = async (_, response) => {
  await sleep(TIMEOUT_MS + 500);
  response.writeHead(200).end("late");
};
const slow: Answer = async (_, response) => {
  response.writeHead(200).write("begin ");
  await sleep(TIMEOUT_MS + 500);
  response.end("end");
};

async function call(account: string, path: string, answer: Answer, options: CallOptions = {}): Promise<Reply> {
  answers.set(path, answer);
  await gate.grant(account, 100);
  return gate.call(path, { token: await gate.token(account), ...options });
}

/** Hits, kinds of journal entries after the grant, and what is available of the 100 credits granted. */
async function outcomeOf(account: string, path: string): Promise<unknown> {
  await gate.settled(account);
  const kinds = (await gate.entries(account)).map(({ kind }) => String(kind)).slice(1);
  const { available } = await gate.account(account);
  return { hits: gate.origin.hits.filter(({ url }) => url === path).length, kinds, available };
}

describe.concurrent("504", () => {
  it("charges nothing, has the credits back at once, and ignores what the origin says later", async () => {
    const events: string[] = [];
    const reply = await call("late", "/v1/hasty/late", async (request, response) => {
      response.once("close", () => events.push("let go"));
      await late(request, response);
      events.push("answered");
    });
    answers.set("/v1/hasty/retry", (_, response) => {
      response.end();
    });
    // Exactly enough credits: this passes only if the first call's are available again by now.
    const retry = await gate.call("/v1/hasty/retry", { token: await gate.token("late") });
    expect([reply.status, retry.status]).toEqual([504, 200]);
    expect(reply.json()).toMatchObject({ code: "origin_timeout", status: 504, retryable: true, retry_after: 5 });
    expect(reply.headers).toMatchObject({
      "credits-charged": "0",
      "credits-remaining": "100",
      "retry-after": "5",
      "x-should-retry": "true",
      "cache-control": "private, no-store",
    });
    // It lets go of the origin, which answers all the same.
    while (!events.includes("answered")) await sleep(50);
    await sleep(200);
    expect(events).toEqual(["let go", "answered"]);
    expect(await outcomeOf("late", "/v1/hasty/late")).toEqual({
      hits: 1,
      kinds: ["hold", "void", "hold", "capture"],
      available: 0,
    });
  });

  it.each([
    ["/v1/patient/own", 200, ["hold", "capture"], 0],
    ["/v1/hasty/own", 504, ["hold", "void"], 100],
  ])("gives a route its own time-out: %s", async (path, code, kinds, available) => {
    const reply = await call(path.slice(4), path, late);
    expect(reply.status).toBe(code);
    expect(await outcomeOf(path.slice(4), path)).toEqual({ hits: 1, kinds, available });
  });

  it("does not cut an answer that has begun, however long it takes", async () => {
    const reply = await call("slow-body", "/v1/hasty/slow", slow);
    expect([reply.status, reply.body]).toEqual([200, "begin end"]);
    const wanted = { hits: 1, kinds: ["hold", "capture"], available: 0 };
    expect(await outcomeOf("slow-body", "/v1/hasty/slow")).toEqual(wanted);
  });

  it("times out a free route too, without a word about credits left", async () => {
    const reply = await call("nobody", "/v1/free/never", never);
    expect(reply.status).toBe(504);
    expect(reply.headers["credits-charged"]).toBe("0");
    expect(reply.headers).not.toHaveProperty("credits-remaining");
    expect(await outcomeOf("nobody", "/v1/free/never")).toEqual({ hits: 1, kinds: [], available: 100 });
  });

  it("holds credits no longer than the time-out for a caller that never ends its body", async () => {
    await gate.grant("slow-loris", 100);
    const token = await gate.token("slow-loris");
    answers.set("/v1/hasty/loris", (request, response) => {
      request.on("end", () => response.end());
    });
    const answer = await gate.raw(
      `POST /v1/hasty/loris HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 10\r\n\r\nx`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
    const wanted = { hits: 1, kinds: ["hold", "void"], available: 100 };
    expect(await outcomeOf("slow-loris", "/v1/hasty/loris")).toEqual(wanted);
  });
});
