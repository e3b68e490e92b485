/** What a caller sees when the ledger does not answer: neither yes nor no, so nothing is forwarded and nothing asked for. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type GateOptions, type Reply, type TestGate } from "../support/gate.ts";
import { ok, status } from "../support/origin.ts";

const HOLD_SECONDS = 2;
const ACCOUNT = "only";
const prices = {
  "GET /v1/expensive": 100,
  "GET /v1/included": 7,
  "GET /v1/free": "free",
} as unknown as Config["prices"];
const plans = { pro: { includes: ["GET /v1/included"] } };

const persist = mkdtempSync(join(tmpdir(), "farebox-503-"));
let gate: TestGate;
let token: string;
/** The file that the account's object keeps its credits in: taking its lock is a ledger that cannot write. */
let file: DatabaseSync;
let path: string;
beforeAll(async () => {
  gate = await start({});
  await gate.grant(ACCOUNT, 1000);
  token = await gate.token(ACCOUNT, { entitlements: ["pro"] });
  path = findFile();
  file = new DatabaseSync(path);
});
afterAll(async () => {
  try {
    file.close();
    await gate.close();
  } finally {
    rmSync(persist, { recursive: true, force: true });
  }
});

async function start(options: GateOptions): Promise<TestGate> {
  const config = {
    prices,
    plans,
    publicUrl: "https://api.example.com",
    holdTtlSeconds: HOLD_SECONDS,
    ...options.config,
  };
  return startGate({ persist, ...options, config });
}

function findFile(): string {
  const objects = readdirSync(persist, { recursive: true })
    .map(String)
    .filter((name) => /\/[0-9a-f]{64}\.sqlite$/.test(name));
  const [found, ...others] = objects.filter((name) => name.startsWith("do/"));
  if (found === undefined || others.length > 0) throw new Error(`the accounts' files: ${objects.join(" ")}`);
  return join(persist, found);
}

function expectUnavailable(reply: Reply): void {
  expect(reply.status).toBe(503);
  expect(reply.json()).toMatchObject({ code: "ledger_unavailable", status: 503, retryable: true, retry_after: 2 });
  expect(reply.headers).toMatchObject({
    "retry-after": "2",
    "x-should-retry": "true",
    "cache-control": "private, no-store",
  });
  expect(reply.headers).not.toHaveProperty("credits-charged");
  expect(reply.headers).not.toHaveProperty("www-authenticate");
  // Not a word of what broke.
  expect(reply.body).not.toMatch(/sqlite|database|locked|tables|version|stack/i);
}

describe("503, the ledger cannot write", () => {
  it("forwards nothing, charges nothing, asks for no money, and serves the same token when it is back", async () => {
    file.exec("BEGIN IMMEDIATE");
    const { reply, ...seen } = await gate.see(ACCOUNT, "/v1/expensive", { token });
    file.exec("ROLLBACK");
    expect(seen).toEqual({ status: 503, hits: 0, entries: [], delta: 0 });
    expectUnavailable(reply);
    const { reply: _, ...next } = await gate.see(ACCOUNT, "/v1/expensive", { token });
    expect(next).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
  });

  it.each(["/v1/free", "/v1/included"])("goes on serving %s, which costs this account nothing", async (route) => {
    file.exec("BEGIN IMMEDIATE");
    const { reply: _, ...seen } = await gate.see(ACCOUNT, route, { token });
    file.exec("ROLLBACK");
    expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
  });

  it("tells the operator the same of a grant, which can then be sent again", async () => {
    file.exec("BEGIN IMMEDIATE");
    const lost = await gate.admin("PUT", `/accounts/${ACCOUNT}/grants/again`, { credits: 100 });
    file.exec("ROLLBACK");
    expectUnavailable(lost);
    const before = await gate.account(ACCOUNT);
    for (let n = 0; n < 2; n++) await gate.admin("PUT", `/accounts/${ACCOUNT}/grants/again`, { credits: 100 });
    expect((await gate.account(ACCOUNT)).available - before.available).toBe(100);
  });
});

describe("503, the ledger fails in the middle of a call", () => {
  it("hands out what the origin's answer became all the same, charges it once the ledger works again, and gives back what stayed held", async () => {
    const before = await gate.account(ACCOUNT);
    const seen: (string | number | undefined)[][] = [];
    for (const answer of [ok, status(500), status(401)]) {
      gate.origin.answer = async (request, response) => {
        file.exec("BEGIN IMMEDIATE");
        await answer(request, response);
      };
      const reply = await gate.call("/v1/expensive", { token });
      gate.origin.answer = ok;
      // The capture follows the answer.
      await sleep(100);
      file.exec("ROLLBACK");
      seen.push([reply.status, String(reply.headers["credits-charged"])]);
    }
    expect(seen).toEqual([
      [200, "100"],
      [500, "0"],
      [502, "0"],
    ]);
    // The served call's charge is asked for again until the ledger takes it; what the others held returns by itself.
    for (let n = 0; n < HOLD_SECONDS * 40 && (await gate.account(ACCOUNT)).held > 0; n++) await sleep(75);
    const { available, captured } = before;
    expect(await gate.account(ACCOUNT)).toMatchObject({
      held: 0,
      available: available - 100,
      captured: captured + 100,
    });
    const kinds = (await gate.entries(ACCOUNT)).map(({ kind }) => kind);
    expect(kinds.slice(-6).filter((kind) => kind === "hold")).toHaveLength(3);
    expect(kinds.slice(-6).filter((kind) => kind === "expire")).toHaveLength(2);
    expect(kinds.slice(-6)).toContain("capture");
  });
});

describe("503, the ledger is of a later version than the code", () => {
  it("refuses to read or write it, and leaves it as it is", async () => {
    const { adminToken, signingKey } = gate;
    await gate.settled(ACCOUNT);
    await gate.close();
    file.exec("UPDATE schema_version SET version = version + 1");
    const before = file.prepare("SELECT * FROM entries").all();
    file.close();
    gate = await start({ bindings: { FAREBOX_ADMIN_TOKEN: adminToken, FAREBOX_SIGNING_KEY: signingKey } });

    expectUnavailable(await gate.call("/v1/expensive", { token }));
    expectUnavailable(await gate.call("/_farebox/balance", { token }));
    expectUnavailable(await gate.admin("GET", `/accounts/${ACCOUNT}`));
    expectUnavailable(await gate.admin("PUT", `/accounts/${ACCOUNT}/grants/g2`, { credits: 100 }));
    expect(gate.origin.hits).toEqual([]);
    expect((await gate.call("/v1/free")).status).toBe(200);
    expect((await gate.call("/v1/included", { token })).status).toBe(200);
    // Another account's tables are none of its business.
    await gate.grant("another", 100);
    const { reply: _, ...seen } = await gate.see("another", "/v1/expensive", { token: await gate.token("another") });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });

    file = new DatabaseSync(path);
    expect(file.prepare("SELECT * FROM entries").all()).toEqual(before);
  });
});
