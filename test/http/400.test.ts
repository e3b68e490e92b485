/** What a caller sees whose request could be read in more than one way: refused before it is priced or paid. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DENIED, expectDenial, paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate();
  await gate.grant("p400", 100_000);
  token = await gate.token("p400");
});
afterAll(async () => gate.close());

/** Sends one request as bytes and judges it by the four columns. */
async function seeRaw(head: string): Promise<{ status: number; body: string; hits: number; entries: string[] }> {
  const [hits, entries] = [gate.origin.hits.length, (await gate.entries("p400")).length];
  const answer = await gate.raw(`${head}Connection: close\r\n\r\n`);
  await gate.settled("p400");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]),
    body: answer.slice(answer.indexOf("\r\n\r\n") + 4),
    hits: gate.origin.hits.length - hits,
    entries: (await gate.entries("p400")).slice(entries).map(({ kind }) => kind),
  };
}

describe("400 unusable_path", () => {
  it.each([
    ["an escaped letter", "/v1/%65xpensive"],
    ["a trailing slash", "/v1/expensive/"],
    ["an empty segment at the start", "//v1/expensive"],
    ["a host in the path", "//other.example/v1/expensive"],
    ["an empty segment inside", "/v1//expensive"],
    ["other case", "/V1/Expensive"],
    ["a dot segment", "/v1/./expensive"],
    ["a dot-dot segment", "/v1/cheap/../expensive"],
    ["escaped dots, lower case", "/v1/cheap/%2e%2e/expensive"],
    ["escaped dots, upper case", "/v1/cheap/%2E%2E/expensive"],
    ["a half-escaped dot-dot segment", "/v1/cheap/%2E./expensive"],
    ["an escaped slash, lower case", "/v1%2fexpensive"],
    ["an escaped slash, upper case", "/v1%2Fexpensive"],
    ["an escaped slash at the end", "/v1/expensive%2f"],
    ["an escaped NUL", "/v1/expensive%00"],
    ["an escaped blank at the end", "/v1/expensive%20"],
    ["an escaped no-break space at the end", "/v1/expensive%C2%A0"],
    ["an escaped tab", "/v1/expensive%09"],
    ["an escaped CR LF", "/v1/expensive%0d%0a"],
    ["a percent sign alone", "/v1/expensive%"],
    ["a percent sign before one digit", "/v1/expensive%4"],
    ["bytes that are not UTF-8, lower case", "/v1/expensive%c0"],
    ["bytes that are not UTF-8, upper case", "/v1/expensive%C0"],
    ["an overlong slash", "/v1%C0%AFexpensive"],
    ["an escape that is not hexadecimal", "/v1/expensive%XX"],
    ["the escape of a browser's own making", "/v1/%u0065xpensive"],
    ["a backslash", "/v1\\expensive"],
    ["a backslash dot segment", "/v1/cheap\\..\\expensive"],
    ["an escaped backslash", "/v1%5cexpensive"],
    ["a double escape", "/v1/%2565xpensive"],
    ["a double escape in pieces", "/v1/cheap/%25%32%65%25%32%65/expensive"],
    ["a matrix parameter", "/v1/expensive;a=b"],
    ["an escaped matrix parameter", "/v1/expensive%3Ba=b"],
    ["a dot at the end", "/v1/expensive."],
    ["a character that must be escaped", "/v1/{expensive}"],
  ])("refuses a path with %s: %s", async (_what, path) => {
    await expectDenial(gate, "p400", path, { token }, [400, "unusable_path"]);
  });

  it.each(["GET", "HEAD", "POST", "DELETE"])(
    "refuses such a path for %s alike, with and without a token",
    async (method) => {
      await expectDenial(gate, "p400", "/v1/%65xpensive", { method, token }, [400, "unusable_path"]);
      await expectDenial(gate, "p400", "/v1/%65xpensive", { method }, [400, "unusable_path"]);
    },
  );

  it("refuses the target *, and leads to its own guide all the same", async () => {
    const { body, ...seen } = await seeRaw(
      `GET * HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\n`,
    );
    expect(seen).toEqual({ status: 400, hits: 0, entries: [] });
    expect(JSON.parse(body).type).toBe(`${gate.url}/_farebox/problems/unusable_path`);
  });

  it.each([
    ["without a slash in front", "v1/expensive"],
    ["that starts with its query", "?/v1/expensive"],
    ["with a blank inside", "/v1/expensive /x"],
    ["with a raw tab", "/v1/expensive\t"],
    ["with a raw NUL", "/v1/expensive\0"],
    ["with a raw byte above 0x7f", "/v1/\xe9xpensive"],
  ])("never serves a target %s", async (_what, target) => {
    const seen = await seeRaw(
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\n`,
    );
    expect(seen).toMatchObject({ status: 400, hits: 0, entries: [] });
  });
});

const host = (): string => `GET /v1/cheap HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\n`;

describe("400 bad_request", () => {
  it.each([
    ["two Authorization headers of one token", (good: string) => [`Bearer ${good}`, `Bearer ${good}`]],
    ["a good Authorization header and a bad one", (good: string) => [`Bearer ${good}`, "Bearer bad"]],
    ["a bad Authorization header and a good one", (good: string) => ["Bearer bad", `Bearer ${good}`]],
    ["Bearer and then Basic", (good: string) => [`Bearer ${good}`, "Basic YTpi"]],
    ["Basic and then Bearer", (good: string) => ["Basic YTpi", `Bearer ${good}`]],
    ["a tab after Bearer", (good: string) => [`Bearer\t${good}`]],
    ["a tab after the blank", (good: string) => [`Bearer \t${good}`]],
    ["a second word after the token", (good: string) => [`Bearer ${good} x`]],
    ["a comma after the token", (good: string) => [`Bearer ${good},`]],
    ["a byte after the token that is not UTF-8", (good: string) => [`Bearer ${good}\xe9`]],
  ])("refuses %s", async (_what, values) => {
    const lines = values(token).map((value) => `Authorization: ${value}\r\n`);
    const { body, ...seen } = await seeRaw(host() + lines.join(""));
    expect(seen).toEqual({ status: 400, hits: 0, entries: [] });
    expect(JSON.parse(body)).toMatchObject({ code: "bad_request", retryable: false });
  });

  it.each([
    ["a header name followed by a blank", (good: string) => `Authorization : Bearer ${good}\r\n`],
    ["a folded header", (good: string) => `Authorization: Bearer\r\n ${good}\r\n`],
  ])("never serves %s", async (_what, lines) => {
    expect(await seeRaw(host() + lines(token))).toMatchObject({ status: 400, hits: 0, entries: [] });
  });

  const withBody = { body: "x", headers: { "content-length": "1" } };
  it.each(["GET", "HEAD"])("refuses a %s with a body, which could not be forwarded", async (method) => {
    const reply = await expectDenial(gate, "p400", "/v1/cheap", { ...withBody, method, token }, [400, "bad_request"]);
    if (method === "GET") expect(reply.json().detail).toContain("body");
  });

  it("takes a GET that says Content-Length: 0 for one without a body", async () => {
    const seen = await gate.see("p400", "/v1/cheap", { token, headers: { "content-length": "0" } });
    expect(seen).toMatchObject(paid(1));
  });

  it("adds nothing to the journal and sends nothing on, however often it refuses", async () => {
    const before = await gate.account("p400");
    for (let n = 0; n < 20; n++) await gate.call("/v1/%65xpensive", { token });
    const after = await gate.account("p400");
    expect({ hits: 0, entries: [], delta: after.available - before.available }).toEqual(DENIED);
    expect(after.captured).toBe(before.captured);
  });
});
