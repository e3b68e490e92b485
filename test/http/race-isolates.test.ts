/** That one balance stays one balance when calls come through several isolates at the same moment. */
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { BUILT_WORKER } from "../support/build.ts";
import { PRICES } from "../support/gate.ts";
import { startOrigin, type RecordingOrigin } from "../support/origin.ts";

const ISOLATES = 8;
const adminToken = makeAdminToken();
let miniflare: Miniflare;
let origin: RecordingOrigin;
let urls: string[];

beforeAll(async () => {
  origin = await startOrigin();
  const config = {
    name: "Test API",
    publicUrl: "https://api.example.com",
    prices: PRICES,
    plans: { pro: { includes: ["GET /v1/items/:id"] } },
    origin: { url: origin.url, insecure: true },
  };
  const bindings = {
    FAREBOX_ADMIN_TOKEN: adminToken,
    FAREBOX_SIGNING_KEY: makeSigningKey(),
    TEST_CONFIG: JSON.stringify(config),
  };
  const script = readFileSync(BUILT_WORKER, "utf8");
  // Workers of their own over one namespace of account objects and one of KV, as isolates of one Worker are.
  const workers = Array.from({ length: ISOLATES }, (_, n) => ({
    name: `isolate-${n}`,
    modules: true as const,
    script,
    compatibilityDate: "2026-10-20",
    bindings,
    kvNamespaces: { KV: "shared" },
    durableObjects: {
      ACCOUNTS: n === 0 ? { className: "Account", useSQLite: true } : { className: "Account", scriptName: "isolate-0" },
    },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  }));
  miniflare = new Miniflare(convertV4MiniflareOptions({ workers }));
  urls = await Promise.all(workers.map(async ({ name }) => (await miniflare.unsafeGetDirectURL(name)).origin));
});
afterAll(async () => {
  await miniflare.dispose();
  await origin.close();
});

/** Makes the nth call, through the isolate whose turn it is. */
async function call(n: number, path: string, token: string, init: RequestInit = {}): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${urls[n % ISOLATES]}${path}`, { ...init, headers });
  await response.arrayBuffer();
  return response.status;
}
async function operate(n: number, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${urls[n % ISOLATES]}/_farebox${path}`, { method, headers, ...sent });
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status}`);
  return response.json();
}
async function buyer(account: string, credits: number): Promise<string> {
  await operate(0, "PUT", `/accounts/${account}/grants/g`, { credits });
  return String((await operate(1, "POST", `/accounts/${account}/tokens`))["token"]);
}
const together = async <T>(count: number, each: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, n) => each(n)));
const expectBalance = async (account: string, balance: object): Promise<void> => {
  const read = async (n: number): Promise<unknown> => operate(n, "GET", `/accounts/${account}`);
  await expect.poll(async () => read(0), { timeout: 3000 }).toMatchObject({ held: 0 });
  for (const view of await together(ISOLATES, read)) expect(view).toMatchObject({ ...balance, held: 0 });
};

describe("through several isolates", () => {
  it("40 calls of price 1 on a balance of 5 reach the origin exactly 5 times", async () => {
    const token = await buyer("spread", 5);
    const before = origin.hits.length;
    const statuses = await together(40, async (n) => call(n, "/v1/cheap", token));
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 402)).toHaveLength(35);
    expect(origin.hits.length - before).toBe(5);
    await expectBalance("spread", { available: 0, captured: 5 });
  });

  it("a call of price 100 on a balance of 100 is served once", async () => {
    const token = await buyer("single", 100);
    const statuses = await together(ISOLATES, async (n) => call(n, "/v1/expensive", token));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    await expectBalance("single", { available: 0, captured: 100 });
  });

  it("a token that one isolate withdraws pays at none from then on", async () => {
    const token = await buyer("withdrawn", 1000);
    expect(await together(ISOLATES, async (n) => call(n, "/v1/cheap", token))).toEqual(Array(ISOLATES).fill(200));
    await operate(3, "DELETE", "/accounts/withdrawn/tokens");
    expect(await together(ISOLATES, async (n) => call(n, "/v1/cheap", token))).toEqual(Array(ISOLATES).fill(401));
    await expectBalance("withdrawn", { available: 1000 - ISOLATES });
  });

  it("a top-up at one isolate pays at every other at once", async () => {
    const token = await buyer("refilled", 1);
    expect(await call(0, "/v1/items/1", token)).toBe(402);
    await operate(5, "PUT", "/accounts/refilled/grants/more", { credits: 5 * ISOLATES });
    expect(await together(ISOLATES, async (n) => call(n, "/v1/items/1", token))).toEqual(Array(ISOLATES).fill(200));
    await expectBalance("refilled", { available: 1, captured: 5 * ISOLATES });
  });

  it("a plan set at one isolate charges at none from then on", async () => {
    const token = await buyer("joined", 100);
    await operate(6, "PUT", "/accounts/joined/plan", { plan: "pro" });
    expect(await together(ISOLATES, async (n) => call(n, "/v1/items/1", token))).toEqual(Array(ISOLATES).fill(200));
    await expectBalance("joined", { available: 100, captured: 0 });
  });
});
