/** Proves that every account id an operator may write works everywhere, and that none has two spellings. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type TestGate } from "../support/gate.ts";
import { header } from "../support/origin.ts";

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(async () => gate.close());

/** As the path carries it: encodeURIComponent leaves dots alone. */
const encode = (account: string): string => encodeURIComponent(account);

describe("an account's id", () => {
  it.each([
    ["one character", "a"],
    ["a slash", "acme/team-1"],
    ["a blank", "Jane Doe"],
    ["a percent sign", "100%"],
    ["what looks encoded", "a%2Fb"],
    ["a plus sign and an at sign", "jane+api@example.com"],
    ["what means something in a URL", "?a=b&c#d;e:f"],
    ["a backslash and quotes", `a\\b"c'd`],
    ["letters outside ASCII", "Žofie Müller 東京"],
    ["an emoji", "tea🍵"],
    ["three dots", "..."],
    ["the name of a resource", "tokens"],
    ["the name of a property", "__proto__"],
    ["markup", "<script>alert(1)</script>"],
    ["256 characters of ASCII", "x".repeat(256)],
    ["200 characters outside ASCII", "é".repeat(200)],
    ["120 emoji, the most a KV key can hold", "🍵".repeat(120)],
  ])("may contain %s: it is granted credits, gets a token that pays, and is listed", async (_, account) => {
    const path = `/accounts/${encode(account)}`;
    const granted = await gate.admin("PUT", `${path}/grants/g`, { credits: 100 });
    expect([granted.status, granted.json().account]).toEqual([200, account]);

    const minted = (await gate.admin("POST", `${path}/tokens`)).json();
    const seen = await gate.see(account, "/v1/expensive", { token: minted.token });
    expect(seen).toMatchObject({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(decodeURIComponent(header(gate.origin.hits.at(-1), "farebox-account") ?? "")).toBe(account);

    const balance = await gate.call("/_farebox/balance", { token: minted.token });
    expect([balance.status, balance.json().account]).toEqual([200, account]);
    expect((await gate.account(account)).account).toBe(account);
    await expect.poll(async () => listed(), { timeout: 5000 }).toContain(account);

    const revoked = await gate.admin("DELETE", `/tokens/${encode(minted.jti)}`);
    expect([revoked.status, revoked.json().account]).toEqual([200, account]);
    expect(await gate.call("/_farebox/balance", { token: minted.token })).toMatchObject({ status: 401 });
  });

  it.each([
    ["a dot", "."],
    ["two dots", ".."],
    ["an encoded dot", "%2E"],
    ["two encoded dots", "%2e%2e"],
    ["257 characters", "x".repeat(257)],
    ["NUL", "a%00"],
    ["a line break", "a%0D%0A"],
    ["a tab", "%09"],
    ["DEL", "%7F"],
    ["a C1 control", "%C2%85"],
    ["a line separator", "%E2%80%A8"],
    ["a right-to-left override", "%E2%80%AE"],
    ["a byte order mark", "%EF%BB%BFa"],
    ["a noncharacter", "%EF%BF%BE"],
    ["more than 480 bytes", "%F0%9F%8D%B5".repeat(121)],
  ])("may not be %s", async (_, segment) => {
    const reply = await gate.admin("PUT", `/accounts/${segment}/grants/g`, { credits: 5 });
    expect([reply.status, reply.json().code]).toEqual([400, "bad_request"]);
    expect(reply.json().detail).toContain("account's id");
    for (const [method, rest] of [
      ["GET", ""],
      ["GET", "/entries"],
      ["POST", "/tokens"],
      ["DELETE", "/tokens"],
      ["DELETE", "/grants/g"],
      ["PUT", "/status"],
      ["PUT", "/plan"],
      ["PUT", "/refunds/r"],
    ] as const)
      expect((await gate.admin(method, `/accounts/${segment}${rest}`)).status, `${method} ${rest}`).toBe(400);
    expect(gate.origin.hits.filter(({ url }) => url.includes("_farebox"))).toEqual([]);
  });

  it.each([
    ["bytes that are not UTF-8", "%FF"],
    ["Latin-1", "caf%E9"],
    ["an encoded surrogate", "%ED%A0%80"],
    ["an overlong slash", "a%C0%AFb"],
    ["a bare percent sign", "100%"],
    ["a percent sign before other than hexadecimal", "%zz"],
  ])("may not be written as %s, which would be a second spelling of another id", async (_, segment) => {
    const reply = await gate.admin("PUT", `/accounts/${segment}/grants/stray`, { credits: 5 });
    // What a lenient decoder would take it for.
    expect((await gate.entries(segment)).map(({ ref }) => ref)).not.toContain("stray");
    expect(reply.status).toBe(400);
  });

  it("may not be empty", async () => {
    const reply = await gate.admin("PUT", "/accounts//grants/g", { credits: 5 });
    expect([reply.status, reply.json().code]).toEqual([404, "not_found"]);
  });

  it("is told apart by case, by blanks and by Unicode form", async () => {
    const forms = ["Case", "case", "case%20", "caf%C3%A9", "cafe%CC%81"];
    for (const [index, form] of forms.entries())
      await gate.admin("PUT", `/accounts/${form}/grants/g`, { credits: index + 1 });
    const available = forms.map(async (form) => (await gate.admin("GET", `/accounts/${form}`)).json().available);
    expect(await Promise.all(available)).toEqual([1, 2, 3, 4, 5]);
  });
});

async function listed(): Promise<string[]> {
  const { accounts } = (await gate.admin("GET", "/accounts?limit=1000")).json();
  return accounts.map(({ account }: { account: string }) => account);
}
