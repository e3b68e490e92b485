/** However a request is framed, what reaches the origin is one call that was paid for, or nothing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate({ config: { prices: { "GET /v1/*": 1, "POST /v1/*": 1 } as unknown as Config["prices"] } });
  await gate.grant("smuggler", 1000);
  token = await gate.token("smuggler");
});
afterAll(async () => gate.close());

const SECOND = "GET /v1/smuggled HTTP/1.1\r\nHost: x\r\nFarebox-Account: victim\r\n\r\n";

describe("a request with a second one inside", () => {
  it.each([
    [
      "behind a chunked body, with a length too",
      "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
      `0\r\n\r\n${SECOND}`,
    ],
    [
      "behind a length, with chunks too",
      `Transfer-Encoding: chunked\r\nContent-Length: ${5 + SECOND.length}\r\n`,
      `0\r\n\r\n${SECOND}`,
    ],
    ["under an encoding nobody knows", "Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${SECOND}`],
    ["under two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", `0\r\n\r\n${SECOND}`],
    ["under an encoding with a tab", "Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n", `0\r\n\r\n${SECOND}`],
    ["under two lengths", `Content-Length: 0\r\nContent-Length: ${SECOND.length}\r\n`, SECOND],
    ["under a length with a sign", `Content-Length: +${SECOND.length}\r\n`, SECOND],
    ["under a list of lengths", `Content-Length: 0, ${SECOND.length}\r\n`, SECOND],
    ["behind a folded header", "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", `abc${SECOND}`],
    ["behind bare line feeds", "X-A: b\nContent-Length: 0\n", SECOND],
    ["behind a bad chunk size", "Transfer-Encoding: chunked\r\n", `0x3\r\nabc\r\n0\r\n\r\n${SECOND}`],
    ["behind a name with a blank", "Content-Length : 3\r\n", `abc${SECOND}`],
    ["behind a header with a NUL", "X-A: a\0b\r\nContent-Length: 0\r\n", SECOND],
    ["simply behind it", "Content-Length: 3\r\n", `abc${SECOND}`],
  ])("is one paid call or none, with the second %s", async (_, headers, body) => {
    const before = { hits: gate.origin.hits.length, ...(await gate.account("smuggler")) };
    const answer = await gate.raw(
      `POST /v1/first HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\n${headers}Connection: close\r\n\r\n${body}`,
    );
    await gate.settled("smuggler");
    const hits = gate.origin.hits.slice(before.hits);
    expect(hits.map(({ url }) => url)).not.toContain("/v1/smuggled");
    expect(hits.filter((hit) => hit.body.includes("smuggled"))).toEqual([]);
    expect(hits.length).toBeLessThanOrEqual(1);
    const after = await gate.account("smuggler");
    expect(before.available - after.available).toBe(hits.length);
    expect(JSON.stringify(hits)).not.toMatch(/"farebox-account","victim"/);
    expect(answer).toMatch(hits.length === 1 ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 [45]\d\d |^$/);
  });

  it.each([
    "Authorization : Bearer {token}",
    "Authorization\t: Bearer {token}",
    "X-A: b\r\n Authorization: Bearer {token}",
    "\0Authorization: Bearer {token}",
  ])("takes no token from a header that is none: %j", async (line) => {
    const before = { hits: gate.origin.hits.length, ...(await gate.account("smuggler")) };
    const answer = await gate.raw(
      `GET /v1/first HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\n${line.replace("{token}", token)}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 40[02] /);
    expect(gate.origin.hits.length).toBe(before.hits);
    expect(await gate.account("smuggler")).toMatchObject({ available: before.available, held: 0 });
  });

  it("pays for each of two requests on one connection, or serves it not", async () => {
    const before = { hits: gate.origin.hits.length, ...(await gate.account("smuggler")) };
    const one = `GET /v1/a HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const two = `GET /v1/b HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nConnection: close\r\n\r\n`;
    const answer = await gate.raw(one + two);
    await gate.settled("smuggler");
    expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(["200", "402"]);
    expect(gate.origin.hits.slice(before.hits).map(({ url }) => url)).toEqual(["/v1/a"]);
    expect(await gate.account("smuggler")).toMatchObject({ available: before.available - 1 });
  });
});
