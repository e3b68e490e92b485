/**
 * Two versions side by side, as in the minutes after a deploy or a roll-back: today's gate, version 1's client, and the
 * accounts' objects of either version, over one namespace of objects and one of KV.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import type { Config } from "../../src/config.ts";
import type { Command, Query } from "../../src/ledger/command.ts";
import { BUILT_WORKER } from "../support/build.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import { startOrigin } from "../support/origin.ts";

/** What version 1's client was told, or could not find out: `unavailable`. */
export type Told = { readonly kind: string } & Record<string, unknown>;
export type Pair = {
  readonly gate: TestGate;
  /** Sends a command, or asks a question, as a Worker of version 1 does. */
  old(account: string, said: Command | Query): Promise<Told>;
  close(): Promise<void>;
};

const bindings = { FAREBOX_ADMIN_TOKEN: makeAdminToken(), FAREBOX_SIGNING_KEY: makeSigningKey() };
const here = (name: string): string => join(import.meta.dirname, name);
const modulesOf = (main: string, ...names: string[]): object[] => [
  { type: "ESModule", path: here("main.js"), contents: main },
  ...names.map((name) => ({ type: "ESModule", path: here(name), contents: readFileSync(here(name), "utf8") })),
];
const OBJECTS: Readonly<Record<1 | 2, () => object>> = {
  1: () => ({
    modules: modulesOf(
      `export { Account } from "./account-1.js";\nexport default { fetch: () => new Response(null, { status: 404 }) };`,
      "account-1.js",
      "ledger-1.js",
    ),
    modulesRoot: import.meta.dirname,
  }),
  2: () => ({ modules: true, script: readFileSync(BUILT_WORKER, "utf8") }),
};
const OLD_CLIENT = `
  import { connectLedger } from "./ledger-1.js";
  export default {
    async fetch(request, { ACCOUNTS }) {
      const [account, said] = await request.json();
      const ledger = connectLedger(ACCOUNTS);
      return Response.json(await ("op" in said ? ledger.apply(account, said) : ledger.read(account, said)));
    },
  };`;

/** Starts them with objects of storage and RPC version `objects`. `persist`: where the objects keep their tables. */
export async function startPair(objects: 1 | 2, persist: string): Promise<Pair> {
  const origin = await startOrigin();
  const config: Partial<Config> & Record<string, unknown> = {
    name: "Test API",
    publicUrl: "https://api.example.com",
    prices: PRICES,
    plans: { pro: { includes: ["GET /v1/items/:id"] } },
    origin: { url: origin.url, insecure: true, timeoutSeconds: 2 },
  };
  const common = {
    compatibilityDate: "2026-10-20",
    kvNamespaces: { KV: "shared" },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const elsewhere = { ACCOUNTS: { className: "Account", scriptName: "objects" } };
  const workers = [
    {
      ...common,
      ...OBJECTS[2](),
      name: "farebox-test",
      bindings: { ...bindings, TEST_CONFIG: JSON.stringify(config) },
      durableObjects: elsewhere,
    },
    {
      ...common,
      ...OBJECTS[objects](),
      name: "objects",
      durableObjects: { ACCOUNTS: { className: "Account", useSQLite: true } },
    },
    {
      ...common,
      name: "client-1",
      modules: modulesOf(OLD_CLIENT, "ledger-1.js"),
      modulesRoot: import.meta.dirname,
      durableObjects: elsewhere,
    },
  ];
  const gate = await startGate({ origin, bindings, persist, worker: { workers } });
  const client = await gate.miniflare.unsafeGetDirectURL("client-1");
  return {
    gate,
    async old(account, said) {
      const response = await fetch(client, { method: "POST", body: JSON.stringify([account, said]) });
      return (await response.json()) as Told;
    },
    async close() {
      await gate.close();
      await origin.close();
    },
  };
}

/** The tables that the objects left in `persist`, of which there is one account's. */
export function fileIn(persist: string): string {
  const files = readdirSync(persist, { recursive: true, encoding: "utf8" });
  const [found, ...others] = files.filter((name) => /^do\/.*\/[0-9a-f]{64}\.sqlite$/.test(name));
  if (found === undefined || others.length > 0) throw new Error(`not one account's tables: ${files.join(" ")}`);
  return join(persist, found);
}
