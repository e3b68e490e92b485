/** What refused tokens leave behind: nothing, neither in the ledger, nor on disk, nor in KV. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type TestGate } from "../support/gate.ts";
import { gateKey, makeKey, ownClaims, signClaims } from "../support/jwt.ts";

let gate: TestGate;
const disk = mkdtempSync(join(tmpdir(), "farebox-traces-"));
beforeAll(async () => {
  gate = await startGate({ persist: disk, config: { plans: { pro: { includes: ["GET /v1/cheap"] } } } });
  await gate.grant("known", 1000);
});
afterAll(async () => {
  await gate.close();
  rmSync(disk, { recursive: true });
});

/** The databases of account objects on disk: an object that was ever asked anything has one. */
function objects(): string[] {
  const files = readdirSync(disk, { recursive: true, encoding: "utf8" });
  return files.filter((name) => /[0-9a-f]{64}\.sqlite$/.test(name) && name.includes("-Account")).sort();
}
/** The tables of an object's database, read from a copy so that nothing of it is touched. */
function tables(name: string): string[] {
  const copy = join(mkdtempSync(join(disk, "copy-")), "db");
  for (const suffix of ["", "-wal"])
    if (existsSync(join(disk, name + suffix))) copyFileSync(join(disk, name + suffix), copy + suffix);
  const db = new DatabaseSync(copy);
  const rows = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  db.close();
  return rows.map((row) => String(row["name"]));
}
async function keysInKv(): Promise<string[]> {
  const kv = await gate.miniflare.getKVNamespace("KV");
  return (await kv.list()).keys.map(({ name }) => name).sort();
}

describe("a token that is not genuine", () => {
  it("wakes no account's object, however many come and whomever they name", async () => {
    await expect.poll(keysInKv, { timeout: 3000 }).toEqual(["standing:known"]);
    const before = objects();
    expect(before).toHaveLength(1);
    const forger = makeKey("EdDSA");
    const expired = { iat: 1_700_000_000, exp: 1_700_000_600 };
    const tokens = Array.from({ length: 100 }, (_, n) => [
      signClaims(forger, ownClaims(gate, `forged-${n}`)),
      signClaims(forger, ownClaims(gate, `forged-${n}`), { kid: `kid-${n}` }),
      signClaims(gateKey(gate), ownClaims(gate, `forged-${n}`, { aud: "https://other.example" })),
      signClaims(gateKey(gate), ownClaims(gate, `forged-${n}`, expired)),
    ]).flat();
    const started = gate.origin.hits.length;
    for (let at = 0; at < tokens.length; at += 20) {
      const replies = await Promise.all(
        tokens.slice(at, at + 20).map(async (token) => gate.call("/v1/expensive", { token })),
      );
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    }
    expect(objects()).toEqual(before);
    expect(await keysInKv()).toEqual(["standing:known"]);
    expect(gate.origin.hits.length).toBe(started);
    expect((await gate.admin("GET", "/accounts/forged-7")).status).toBe(404);
  });

  it("nor does one on a route its account's plan would include, nor one without a token, a price or a usable path", async () => {
    const before = objects();
    const forged = signClaims(makeKey("EdDSA"), ownClaims(gate, "forged-plan", { entitlements: ["pro"] }));
    expect((await gate.call("/v1/cheap", { token: forged })).status).toBe(401);
    expect((await gate.call("/v1/cheap")).status).toBe(402);
    expect((await gate.call("/v1/none", { token: forged })).status).toBe(404);
    expect((await gate.call("/v1//cheap", { token: forged })).status).toBe(400);
    expect(objects()).toEqual(before);
  });
});

describe("a genuine token", () => {
  it("that lacks the route's scope or names no account id wakes no object", async () => {
    const before = objects();
    const nobody = signClaims(gateKey(gate), ownClaims(gate, "x".repeat(257)));
    expect((await gate.call("/v1/expensive", { token: nobody })).status).toBe(401);
    expect(objects()).toEqual(before);
  });

  it("of an account never granted anything is refused by the ledger, which writes nothing for it", async () => {
    const before = objects();
    const token = await gate.token("stranger");
    expect(objects()).toEqual(before);
    for (let n = 0; n < 5; n++) expect((await gate.call("/v1/expensive", { token })).status).toBe(402);
    expect((await gate.call("/_farebox/balance", { token })).json()).toMatchObject({
      account: "stranger",
      available: 0,
    });
    const woken = objects().filter((name) => !before.includes(name));
    expect(woken).toHaveLength(1);
    expect(woken.map(tables)).toEqual([[]]);
    expect(before.flatMap(tables)).toContain("entries");
    expect((await gate.admin("GET", "/accounts/stranger")).status).toBe(404);
    expect((await gate.admin("GET", "/accounts")).json().accounts).toHaveLength(1);
    expect(await keysInKv()).toEqual(["standing:known"]);
  });

  it("of a stranger on a plan is served from KV alone", async () => {
    const before = objects();
    const token = await gate.token("stranger-on-plan", { entitlements: ["pro"] });
    const hits = gate.origin.hits.length;
    expect((await gate.call("/v1/cheap", { token })).status).toBe(200);
    expect(gate.origin.hits.length).toBe(hits + 1);
    expect(objects()).toEqual(before);
    expect(await keysInKv()).toEqual(["standing:known"]);
  });
});
