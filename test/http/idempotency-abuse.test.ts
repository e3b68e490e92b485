/** That keys are no way to another account's answers, nor to the gate's memory, nor around the limits on calls in vain. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DENIED, expectDenial, paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { ok, type Answer } from "../support/origin.ts";
import { askAgain, rich, under } from "../support/keyed.ts";

const REFUSALS = { namespace_id: "1001", simple: { limit: 5, period: 10 } };
let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/expensive": 100,
    "POST /v1/expensive": { credits: 100, timeoutSeconds: 1 },
    "POST /v1/slow": { credits: 100, timeoutSeconds: 20 },
    "GET /v1/items/:id": 5,
  };
  gate = await startGate({ config: { prices: prices as never }, worker: { ratelimits: { REFUSALS } } });
});
afterAll(async () => gate.close());

/** An origin that keeps answers by key, as many do. To it every call comes from one client: the gate. */
function memoising(): Answer {
  const kept = new Map<string, string>();
  return (request, response) => {
    const key = String(request.headers["idempotency-key"]);
    kept.set(key, kept.get(key) ?? `made for ${String(request.headers["farebox-account"])}`);
    response.end(kept.get(key));
  };
}

describe("before an origin that keeps answers by key", () => {
  it("one account's key is never another's", async () => {
    gate.origin.answer = memoising();
    for (const account of ["alice", "mallory"]) {
      const seen = await gate.see(account, "/v1/expensive", under("order-1", { token: await rich(gate, account) }));
      expect(seen).toMatchObject(paid(100));
      expect(seen.reply.body).toBe(`made for ${account}`);
    }
    gate.origin.answer = ok;
  });

  it("a call that is made again comes under the key it came under first", async () => {
    const token = await rich(gate, "again");
    const made = memoising();
    gate.origin.answer = async (request, response) => {
      await made(request, { end: () => undefined } as never);
      response.writeHead(500).end();
    };
    await gate.see("again", "/v1/expensive", under("k", { token }));
    gate.origin.answer = made;
    const seen = await gate.see("again", "/v1/expensive", under('"k"', { token }));
    const keys = gate.origin.hits
      .slice(-2)
      .map((hit) => hit.headers.find(([name]) => /^idempotency-key$/i.test(name))?.[1]);
    expect(seen.reply.body).toBe("made for again");
    expect(keys[1]).toBe(`"${keys[0]}"`);
    gate.origin.answer = ok;
  });
});

/** Begins a keyed upload and sends no more than its head and `sent` bytes. */
async function beginUpload(
  path: string,
  token: string,
  key: string,
  length: number,
  sent: number,
): Promise<{ socket: Socket; answer: () => string }> {
  const socket = connect(gate.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString()));
  socket.on("error", () => undefined);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${gate.port}`,
    `Authorization: Bearer ${token}`,
    `Idempotency-Key: ${key}`,
    `Content-Length: ${length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(Buffer.alloc(sent, "a"));
  await sleep(20);
  return { socket, answer: () => answer };
}

describe("a keyed upload", () => {
  it("that stalls is given up at the route's time-out: 400, and nothing was held meanwhile", async () => {
    const token = await rich(gate, "slow");
    const hits = gate.origin.hits.length;
    const upload = await beginUpload("/v1/expensive", token, "k", 100, 10);
    expect(await gate.account("slow")).toMatchObject({ held: 0 });
    await expect.poll(upload.answer, { timeout: 5000 }).toContain("did not arrive within 1 s");
    upload.socket.destroy();
    expect(upload.answer()).toMatch(/^HTTP\/1.1 400 /);
    expect(gate.origin.hits.length).toBe(hits);
    expect((await gate.entries("slow")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("that is malformed is the caller's fault: 400, and nothing is charged", async () => {
    const token = await rich(gate, "broken");
    const head = `POST /v1/expensive HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: k\r\n`;
    const answer = await gate.raw(
      `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\nZZZ\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain("broke off");
    expect((await gate.entries("broken")).map(({ kind }) => kind)).toEqual(["grant"]);
  });

  it("finds room or is told to wait: 40 that stall take no more memory than 24 MiB, and others are served", async () => {
    const token = await rich(gate, "crowd");
    const uploads = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => beginUpload("/v1/slow", token, `k${n}`, 1_048_576, 10)),
    );
    const turnedAway = (): string[] => uploads.map(({ answer }) => answer()).filter((text) => text.endsWith("}"));
    await expect.poll(() => turnedAway().length, { timeout: 10_000 }).toBe(40 - 24);
    expect(turnedAway().filter((text) => !/^HTTP\/1.1 429 /.test(text))).toEqual([]);
    expect(turnedAway()[0]).toContain("Idempotency-Key are being read");
    expect(await gate.see("crowd", "/v1/expensive", { token })).toMatchObject(paid(100));
    expect(await gate.see("crowd", "/v1/expensive", under("no-content", { token }))).toMatchObject(paid(100));
    for (const { socket } of uploads) socket.destroy();
    // All the room is there again, also for one that needs as much as there can be.
    await expect
      .poll(
        async () =>
          (await gate.call("/v1/expensive", under("after", { token, method: "POST", body: "x".repeat(1_000_000) })))
            .status,
        { timeout: 5000 },
      )
      .toBe(200);
  });
});

const storm = async (account: string, callOf: (n: number) => [string, string | undefined]): Promise<number[]> => {
  await gate.grant(account, 1);
  const token = await gate.token(account);
  const statuses: number[] = [];
  for (let n = 0; n < 40; n++) {
    const [path, key] = callOf(n);
    statuses.push((await gate.call(path, key === undefined ? { token } : under(key, { token }))).status);
  }
  return statuses;
};

describe("calls in vain", () => {
  it.each<[string, (n: number) => [string, string | undefined]]>([
    ["of two routes by turns", (n) => [n % 2 === 0 ? "/v1/expensive" : "/v1/items/7", undefined]],
    ["each under a key of its own", (n) => ["/v1/expensive", `k${n}`]],
  ])("%s are told 402 and then to stop, like any", async (what, callOf) => {
    const statuses = await storm(`vain ${what}`, callOf);
    expect(statuses[0]).toBe(402);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([402, 429]));
  });
});

it("HEAD of something long is answered again under its key: there was no content to keep", async () => {
  gate.origin.answer = (_request, response) => void response.writeHead(200, { "content-length": "200000" }).end();
  const token = await rich(gate, "head");
  const call = under("k", { method: "HEAD", token });
  expect(await gate.see("head", "/v1/expensive", call)).toMatchObject(paid(100));
  expect(await askAgain(gate, "head", "/v1/expensive", call)).toMatchObject({ ...DENIED, status: 200 });
  gate.origin.answer = ok;
});

it("a keyed call without credits is refused like any, and its key stays free", async () => {
  const call = under("k", { token: await gate.token("nobody") });
  await expectDenial(gate, "nobody", "/v1/expensive", call, [402, "insufficient_credits"]);
  await gate.grant("nobody", 100);
  expect(await gate.see("nobody", "/v1/expensive", call)).toMatchObject(paid(100));
});
