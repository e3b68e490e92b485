/**
 * The built Worker on workerd, real KV and real Durable Objects, in front of a recording origin: the gate as a caller
 * meets it, and the four columns every case is judged by: status, origin hits, journal entries, balance delta.
 */
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { Config } from "../../src/config.ts";
import { makeAdminToken, makeSigningKey } from "../../scripts/secrets.ts";
import { BUILT_WORKER } from "./build.ts";
import { startOrigin, type RecordingOrigin } from "./origin.ts";

export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON; fails the test if it is none. */
  json(): any; // oxlint-disable-line typescript/no-explicit-any -- tests look into it
};
export type CallOptions = {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array;
  readonly token?: string;
  /** Gives the answer as soon as its headers are there, to read the stream from. */
  readonly onResponse?: (response: IncomingMessage) => void;
};
export type Seen = {
  readonly reply: Reply;
  readonly status: number;
  readonly hits: number;
  /** Kinds of the journal's new entries. */
  readonly entries: readonly string[];
  /** Change of available. */
  readonly delta: number;
};

export type TestGate = {
  readonly url: string;
  readonly port: number;
  readonly origin: RecordingOrigin;
  readonly adminToken: string;
  readonly signingKey: string;
  readonly miniflare: Miniflare;
  call(path: string, options?: CallOptions): Promise<Reply>;
  /** Sends bytes as they are and returns all that comes back. */
  raw(text: string): Promise<string>;
  admin(method: string, path: string, body?: unknown): Promise<Reply>;
  grant(account: string, credits: number, more?: object): Promise<void>;
  token(account: string, more?: object): Promise<string>;
  account(account: string): Promise<any>; // oxlint-disable-line typescript/no-explicit-any -- tests look into it
  entries(account: string): Promise<any[]>; // oxlint-disable-line typescript/no-explicit-any -- tests look into it
  /** Waits until nothing of the account is held. */
  settled(account: string): Promise<void>;
  /** Makes one call and says what it did, in four columns. */
  see(account: string, path: string, options?: CallOptions): Promise<Seen>;
  close(): Promise<void>;
};

/** The prices most tests use. */
export const PRICES = {
  "GET /v1/cheap": 1,
  "GET /v1/expensive": 100,
  "POST /v1/expensive": 100,
  "GET /v1/items/:id": 5,
} as unknown as Config["prices"];

/** Settings of a gate under test; what is left out is sensible. `bindings` override or (undefined) remove secrets. */
export type GateOptions = {
  readonly config?: Partial<Config> & Record<string, unknown>;
  readonly bindings?: Record<string, string | undefined>;
  readonly origin?: RecordingOrigin;
  readonly persist?: string;
  readonly without?: readonly ("KV" | "ACCOUNTS")[];
  /** More of Miniflare's options for the Worker: serviceBindings, outboundService, a fixed port. */
  readonly worker?: object;
};

export async function startGate(options: GateOptions = {}): Promise<TestGate> {
  const origin = options.origin ?? (await startOrigin());
  const adminToken = options.bindings?.["FAREBOX_ADMIN_TOKEN"] ?? makeAdminToken();
  const signingKey = options.bindings?.["FAREBOX_SIGNING_KEY"] ?? makeSigningKey();
  const config = {
    name: "Test API",
    origin: { url: origin.url, insecure: true, timeoutSeconds: 2 },
    prices: PRICES,
    ...options.config,
  };
  const bindings = Object.fromEntries(
    Object.entries({
      FAREBOX_ADMIN_TOKEN: adminToken,
      FAREBOX_SIGNING_KEY: signingKey,
      ...options.bindings,
      TEST_CONFIG: JSON.stringify(config),
    }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  const without = options.without ?? [];
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      name: "farebox-test",
      modules: true,
      script: readFileSync(BUILT_WORKER, "utf8"),
      compatibilityDate: "2026-10-20",
      bindings,
      kvNamespaces: without.includes("KV") ? [] : ["KV"],
      durableObjects: without.includes("ACCOUNTS") ? {} : { ACCOUNTS: { className: "Account", useSQLite: true } },
      // Past Miniflare's own entry, which would mend paths and headers before the gate sees them.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      ...options.worker,
    }),
    ...(options.persist === undefined ? {} : { resourcePersistencePath: options.persist }),
  });
  const url = (await miniflare.unsafeGetDirectURL("farebox-test")).origin;
  return makeGate({ url, origin, adminToken, signingKey, miniflare, ownsOrigin: options.origin === undefined });
}

type Parts = Pick<TestGate, "url" | "origin" | "adminToken" | "signingKey" | "miniflare"> & {
  readonly ownsOrigin: boolean;
};

export function makeGate({ url, origin, adminToken, signingKey, miniflare, ownsOrigin }: Parts): TestGate {
  const port = Number(new URL(url).port);
  const gate: TestGate = {
    url,
    port,
    origin,
    adminToken,
    signingKey,
    miniflare,
    call: async (path, options = {}) => send(port, path, options),
    raw: async (text) => sendRaw(port, text),
    admin: async (method, path, body) =>
      send(port, `/_farebox${path}`, {
        method,
        token: adminToken,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    async grant(account, credits, more = {}) {
      const id = crypto.randomUUID();
      const path = `/accounts/${encodeURIComponent(account)}/grants/${id}`;
      const reply = await gate.admin("PUT", path, { credits, ...more });
      if (reply.status !== 200) throw new Error(`grant: ${reply.status} ${reply.body}`);
    },
    async token(account, more = {}) {
      const reply = await gate.admin("POST", `/accounts/${encodeURIComponent(account)}/tokens`, more);
      if (reply.status !== 200) throw new Error(`token: ${reply.status} ${reply.body}`);
      return String(reply.json().token);
    },
    async account(account) {
      const reply = await gate.admin("GET", `/accounts/${encodeURIComponent(account)}`);
      return reply.status === 404 ? { available: 0, held: 0, granted: 0, captured: 0 } : reply.json();
    },
    async entries(account) {
      const entries: any[] = []; // oxlint-disable-line typescript/no-explicit-any -- tests look into it
      for (let after = 0; after !== null;) {
        const path = `/accounts/${encodeURIComponent(account)}/entries?limit=1000&after=${after}`;
        const reply = await gate.admin("GET", path);
        if (reply.status === 404) return [];
        entries.push(...reply.json().entries);
        after = reply.json().next;
      }
      return entries;
    },
    async settled(account) {
      for (let n = 0; n < 200; n++) {
        if ((await gate.account(account)).held === 0) return;
        await sleep(10);
      }
      throw new Error(`${account} still has credits on hold after 2 s`);
    },
    async see(account, path, options) {
      const before = {
        hits: origin.hits.length,
        entries: (await gate.entries(account)).length,
        account: await gate.account(account),
      };
      const reply = await gate.call(path, options);
      await gate.settled(account);
      const after = await gate.account(account);
      return {
        reply,
        status: reply.status,
        hits: origin.hits.length - before.hits,
        entries: (await gate.entries(account)).slice(before.entries).map((entry) => entry.kind),
        delta: after.available - before.account.available,
      };
    },
    async close() {
      await miniflare.dispose();
      if (ownsOrigin) await origin.close();
    },
  };
  return gate;
}

async function send(port: number, path: string, options: CallOptions): Promise<Reply> {
  const headers = {
    ...options.headers,
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, path, method: options.method ?? "GET", headers, agent: false },
      (response) => {
        options.onResponse?.(response);
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, json: () => JSON.parse(body) });
        });
      },
    );
    request.on("error", reject);
    request.end(options.body);
  });
}

async function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(text, "latin1")));
    socket.setTimeout(3000, () => socket.destroy());
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(answer);
    });
  });
}
