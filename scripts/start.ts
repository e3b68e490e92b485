/**
 * `npm start`: the gate on this machine, in front of a demo API, with an account that has credits, and the commands
 * that show it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import config from "../farebox.config.ts";
import { startDemoOrigin } from "./demo-origin.ts";
import { ensureDevVars } from "./secrets.ts";

const ACCOUNT = "demo";
const GRANT_CREDITS = 10_000;
const START_TIMEOUT_MS = 60_000;

const root = join(import.meta.dirname, "..");
const port = readPort(process.env["PORT"] ?? "8787");
const gate = `http://localhost:${port}`;

async function main(): Promise<void> {
  if (ensureDevVars(`${root}/.dev.vars`)) console.log("Made .dev.vars with fresh secrets.");
  const adminToken = parseEnv(readFileSync(`${root}/.dev.vars`, "utf8"))["FAREBOX_ADMIN_TOKEN"] ?? "";
  if (!(await isFree(port)))
    stop(`Port ${port} is in use. Choose another one:  PORT=${port < 65_000 ? port + 10 : port - 10} npm start`);
  await startOrigin();

  const wrangler = startWrangler();
  await waitForGate(wrangler);
  await call("PUT", `/_farebox/accounts/${ACCOUNT}/grants/welcome`, adminToken, {
    credits: GRANT_CREDITS,
    kind: "promotional",
  });
  const { token } = await call("POST", `/_farebox/accounts/${ACCOUNT}/tokens`, adminToken, { ttl_seconds: 7 * 86_400 });
  print(String(token), adminToken);
}

/** The demo's origin, unless the config leads to somebody else's. */
async function startOrigin(): Promise<void> {
  const { origin } = config;
  const url = typeof origin === "object" && "url" in origin ? new URL(origin.url) : undefined;
  if (url?.hostname !== "127.0.0.1" || url.port === "") {
    console.log("farebox.config.ts names an origin of its own, so the demo's is not started.");
    return;
  }
  try {
    await startDemoOrigin(Number(url.port));
  } catch {
    stop(`Port ${url.port}, the demo's origin, is in use. Choose another one in farebox.config.ts (origin.url).`);
  }
}

function startWrangler(): ChildProcess {
  const args = [
    "node_modules/wrangler/bin/wrangler.js",
    "dev",
    "--port",
    String(port),
    "--show-interactive-dev-session=false",
    "--log-level",
    "warn",
  ];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  const wrangler = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  wrangler.once("exit", (code) => process.exit(code ?? 1));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => wrangler.kill(signal));
  // npm passes no signal on: when it is gone, so is whoever could stop this.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) wrangler.kill("SIGTERM");
  }, 500).unref();
  return wrangler;
}

/** Until the gate says it is ready; stops with what is wrong if it says so. */
async function waitForGate(wrangler: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await sleep(200);
    const response = await fetch(`${gate}/_farebox/health`).catch(() => undefined);
    if (response?.status === 200) return;
    if (response?.status !== 503) continue;
    console.error(await response.text());
    wrangler.kill();
    stop("The gate is misconfigured: npm run check-config says what to change.");
  }
  wrangler.kill();
  stop(`The gate did not answer within ${START_TIMEOUT_MS / 1000} s.`);
}

async function call(method: string, path: string, adminToken: string, body: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  const response = await fetch(gate + path, { method, headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) stop(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

function print(token: string, adminToken: string): void {
  const auth = `-H "Authorization: Bearer ${token}"`;
  const admin = `-H "Authorization: Bearer ${adminToken}"`;
  console.log(`
Farebox is at ${gate}, in front of a demo API. The account "${ACCOUNT}" was granted ${GRANT_CREDITS} credits (1 credit = $0.000001).
Paste these into another terminal, in any order:

# 402: no token, and the answer says what the call costs
curl -i "${gate}/v1/search?q=tea"

# 200, with a receipt: Credits-Charged: 500, and what remains
curl -i ${auth} "${gate}/v1/search?q=tea"

# the balance
curl -s -w "\\n" ${auth} "${gate}/_farebox/balance"

# where the credits went, call by call
curl -s -w "\\n" ${auth} "${gate}/_farebox/statement"

# 401: a token nobody signed
curl -i -H "Authorization: Bearer not.a.token" "${gate}/v1/search?q=tea"

# the origin fails: its 500 comes through, and the call costs nothing (Credits-Charged: 0)
curl -i ${auth} "${gate}/v1/fail"

# the origin takes too long: 504 after ${typeof config.origin === "object" ? (config.origin.timeoutSeconds ?? 30) : 30} s, and the call costs nothing
curl -i ${auth} "${gate}/v1/slow"

# a stream: every event arrives as the origin writes it
curl -N ${auth} "${gate}/v1/stream"

# what the origin received: no token of yours, and who paid what
curl -s ${auth} -d "hello" "${gate}/v1/echo"

# send this twice: the second time it is the same answer again, and is not charged
curl -i ${auth} -H "Idempotency-Key: once" "${gate}/v1/search?q=once"

# a token that may spend 1500 credits in its life, and no more
curl -s -w "\\n" -X POST ${admin} -d '{"spend_limit":1500}' "${gate}/_farebox/accounts/${ACCOUNT}/tokens"

# as the operator: grant more credits (sending it twice grants once)
curl -s -w "\\n" -X PUT ${admin} -d '{"credits":5000}' "${gate}/_farebox/accounts/${ACCOUNT}/grants/topup-1"

Ctrl-C stops it; the state stays. npm run reset empties it.
`);
}

async function isFree(candidate: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => {
      resolve(false);
    });
    probe.listen(candidate, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

function readPort(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    stop(`PORT=${text} is not a port. Choose a number from 1024 to 65535:  PORT=8797 npm start`);
  return value;
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}

await main();
