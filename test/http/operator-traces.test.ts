/** Proves what is left behind: nothing on disk by asking about strangers, no secret in any answer or log line. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";

const directory = mkdtempSync(join(tmpdir(), "farebox-traces-"));
/** Everything the Worker logged: Miniflare hands its lines to the console. */
const lines: string[] = [];
let gate: TestGate;
beforeAll(async () => {
  for (const level of ["log", "error"] as const)
    vi.spyOn(console, level).mockImplementation((...words) => void lines.push(words.join(" ")));
  gate = await startGate({ persist: directory });
});
afterAll(async () => {
  await gate.close();
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

describe("asking about an account nobody knows", () => {
  it("makes none, whoever asks and whatever about", async () => {
    await gate.admin("PUT", "/accounts/known/grants/g", { credits: 5 });
    const token = await gate.token("stranger");
    const asked: [number, Reply][] = [
      [404, await gate.admin("GET", "/accounts/stranger")],
      [404, await gate.admin("GET", "/accounts/stranger/entries")],
      [404, await gate.admin("DELETE", "/accounts/stranger/grants/g")],
      [404, await gate.admin("PUT", "/accounts/stranger/refunds/r", { request_id: "req_1" })],
      [400, await gate.admin("PUT", "/accounts/stranger/grants/g", { credits: 0 })],
      [200, await gate.call("/_farebox/balance", { token })],
      [200, await gate.call("/_farebox/statement", { token })],
      [402, await gate.call("/v1/cheap", { token })],
    ];
    for (const [expected, reply] of asked) expect(reply.status).toBe(expected);
    expect((await gate.admin("GET", "/accounts/stranger")).status).toBe(404);
    const listed = async (): Promise<string[]> =>
      (await gate.admin("GET", "/accounts")).json().accounts.map(({ account }: { account: string }) => account);
    await expect.poll(listed, { timeout: 5000 }).toEqual(["known"]);
    // Two objects were asked; one of them has tables.
    expect(tablesOnDisk().filter((count) => count > 0)).toHaveLength(1);
  });
});

/** How many tables each account's file has. */
function tablesOnDisk(): number[] {
  const folder = join(directory, "do/farebox-test-Account");
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const count = `SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`;
  return files.map((name) => {
    const database = new DatabaseSync(join(folder, name), { readOnly: true });
    const { n } = database.prepare(count).get() as { n: number };
    database.close();
    return n;
  });
}

describe("a secret", () => {
  it("is in no answer but the one that hands it out, and in no line of the log", async () => {
    await gate.grant("payer", 1000);
    const minted = (await gate.admin("POST", "/accounts/payer/tokens")).json();
    const token = String(minted.token);
    const altered = `${token.slice(0, -8)}AAAAAAAA`;
    const header = { authorization: `Bearer ${token}` };
    const answers = [
      await gate.call("/v1/cheap", { token }),
      await gate.call("/v1/nothing", { token }),
      await gate.call(`/v1/cheap?token=${token}`),
      await gate.call("/v1/cheap", { token: altered }),
      await gate.call("/v1/cheap", { headers: { authorization: token } }),
      await gate.call("/v1/cheap", { headers: { authorization: `Bearer ${token}, Bearer ${token}` } }),
      await gate.call("/v1/cheap", { headers: { authorization: `Basic ${gate.adminToken}` } }),
      await gate.call("/v1/cheap", { token: gate.adminToken }),
      await gate.call("/_farebox/balance", { token }),
      await gate.call("/_farebox/statement", { token }),
      await gate.call("/_farebox/accounts", { headers: header }),
      await gate.call(`/_farebox/accounts?token=${gate.adminToken}`),
      await gate.call("/_farebox/accounts", { headers: { authorization: `Basic ${gate.adminToken}` } }),
      await gate.admin("GET", "/accounts"),
      await gate.admin("GET", "/accounts/payer"),
      await gate.admin("GET", "/accounts/payer/entries"),
      await gate.admin("PUT", "/accounts/payer/grants/g", `{"credits":"${token}"}`),
      await gate.admin("PUT", "/accounts/payer/refunds/r", { request_id: token }),
      await gate.admin("POST", "/accounts/payer/tokens", { scope: `"${gate.adminToken}"` }),
      await gate.call("/.well-known/jwks.json"),
      await gate.call("/_farebox/health"),
      await gate.call("/_farebox/prices"),
      await gate.admin("DELETE", `/tokens/${minted.jti}`),
      await gate.call("/v1/cheap", { token }),
    ];
    const told = answers.map(({ body, headers }) => body + JSON.stringify(headers)).join("\n");
    const last = answers.at(-1)?.headers["request-id"];
    await expect.poll(() => lines.join("\n"), { timeout: 5000 }).toContain(last);
    const { d } = JSON.parse(gate.signingKey);
    for (const secret of [token, altered, gate.adminToken, d]) {
      expect(told).not.toContain(secret);
      expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    }
  });

  it("stays out of the log when it is put in a path by mistake", async () => {
    const token = await gate.token("clumsy");
    const revoked = await gate.admin("DELETE", `/tokens/${token}`);
    const bought = await gate.call(`/v1/items/${token}`);
    expect([revoked.status, bought.status]).toEqual([400, 402]);
    await expect.poll(() => lines.join("\n"), { timeout: 5000 }).toContain(bought.headers["request-id"]);
    expect(lines.filter((line) => line.includes(token))).toEqual([]);
  });
});

describe("the log", () => {
  it("has one line of JSON for every refusal, by its request's id", async () => {
    const replies = [await gate.call("/v1/cheap"), await gate.admin("GET", "/accounts/nobody")];
    for (const { headers, status } of replies) {
      const mine = (): string[] => lines.filter((line) => line.includes(String(headers["request-id"])));
      await expect.poll(mine, { timeout: 5000 }).toHaveLength(1);
      expect(JSON.parse(mine()[0] ?? "")).toMatchObject({ event: "refused", status });
    }
  });
});
