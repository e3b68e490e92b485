/** Proves the newcomer's way: in a fresh clone, `npm start` and every command it prints do what they say. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bash, freePort, isFree, killGroup, makeClone, npm, root, shell } from "./support/clone.ts";

const isCheckout = spawnSync("git", ["ls-files", "--error-unmatch", "package.json"], { cwd: root }).status === 0;
const missing = [
  ...["curl", "bash"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0),
  ...(isCheckout ? [] : ["git checkout"]),
];
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

let clone: string;
let port: number;
let originPort: number;
let running: Started | undefined;

type Started = { readonly npm: ChildProcess; readonly said: () => string; readonly token: string };

beforeAll(async () => {
  if (missing.length > 0) return;
  [port, originPort] = [await freePort(), await freePort()];
  clone = makeClone(originPort);
});
afterAll(() => {
  if (running?.npm.pid !== undefined) killGroup(running.npm.pid, "SIGKILL");
  if (missing.length === 0) rmSync(clone, { recursive: true, force: true });
});

const title = missing.length > 0 ? `npm start (skipped: there is no ${missing.join(", no ")} here)` : "npm start";
describe.skipIf(missing.length > 0)(title, { timeout: START_TIMEOUT_MS + STOP_TIMEOUT_MS }, () => {
  it("is told by check-config which secrets are missing before it made them", async () => {
    const { code, said } = await npm(clone, ["run", "-s", "check-config"]);
    expect(code).toBe(1);
    expect(said).toContain("secret FAREBOX_ADMIN_TOKEN is missing");
    expect(said).toContain("secret FAREBOX_SIGNING_KEY is missing");
  });

  it("makes the secrets, readable by nobody else, and starts", async () => {
    running = await start();
    expect(running.said()).toContain("Made .dev.vars");
    expect(statSync(join(clone, ".dev.vars")).mode & 0o777).toBe(0o600);
    expect(running.said()).toContain(`http://localhost:${port}`);
    expect(await available()).toBe(10_000);
  });

  it("prints commands that are all tested here", () => {
    expect(printed().map(({ comment }) => comment.split(/[:,(]/)[0])).toEqual([
      "402",
      "200",
      "the balance",
      "where the credits went",
      "401",
      "the origin fails",
      "the origin takes too long",
      "a stream",
      "what the origin received",
      "send this twice",
      "a token that may spend 1500 credits in its life",
      "as the operator",
    ]);
  });

  it("refuses a call without a token with 402 and the price", async () => {
    const { status, body, cost } = await run("402");
    expect([status, cost]).toEqual([402, 0]);
    expect(JSON.parse(body)).toMatchObject({ code: "payment_required", price: 500 });
  });

  it("answers a paid call, and exactly its price goes", async () => {
    const { status, headers, body, cost } = await run("200");
    expect([status, cost]).toEqual([200, 500]);
    expect(headers).toMatch(/^credits-charged: 500\r?$/im);
    expect(headers).toMatch(/^credits-remaining: 9500\r?$/im);
    expect(JSON.parse(body)).toMatchObject({ query: "tea" });
  });

  it("shows the balance and where the credits went", async () => {
    const balance = JSON.parse((await run("the balance")).body);
    expect(balance).toMatchObject({ account: "demo", available: 9500, held: 0, granted: 10_000, captured: 500 });
    const statement = JSON.parse((await run("where the credits went")).body);
    expect(statement.lines.map(({ kind, credits }: Record<string, unknown>) => [kind, credits])).toEqual([
      ["grant", 10_000],
      ["capture", -500],
    ]);
  });

  it("refuses a token nobody signed with 401", async () => {
    const { status, body, cost } = await run("401");
    expect([status, cost, JSON.parse(body).code]).toEqual([401, 0, "invalid_token"]);
  });

  it("passes on the origin's 500 and charges nothing for it", async () => {
    const { status, headers, cost } = await run("the origin fails");
    expect([status, cost]).toEqual([500, 0]);
    expect(headers).toMatch(/^credits-charged: 0\r?$/im);
  });

  it("shows what the origin received: who paid what, and no token", async () => {
    const { body, cost } = await run("what the origin received");
    const { headers, ...received } = JSON.parse(body);
    expect(received).toEqual({ method: "POST", url: "/v1/echo", body: "hello" });
    expect(headers).toMatchObject({ "farebox-account": "demo", "farebox-credits": "1000" });
    expect(headers).not.toHaveProperty("authorization");
    expect(body).not.toContain(running?.token);
    expect(cost).toBe(1000);
  });

  it("charges a call that is sent twice under its key once, and answers it alike", async () => {
    const first = await run("send this twice");
    const again = await run("send this twice");
    expect([first.status, first.cost, again.status, again.cost]).toEqual([200, 500, 200, 0]);
    expect(again.headers).toMatch(/^idempotency-replayed: true\r?$/im);
    expect(again.body).toBe(first.body);
  });

  it("mints a token that spends so much and no more", async () => {
    const { body, cost } = await run("a token that may spend 1500 credits in its life");
    const [, claims = ""] = String(JSON.parse(body).token).split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ sub: "demo", spend_limit: 1500 });
    expect(cost).toBe(0);
  });

  it("grants once, however often the operator's command is sent", async () => {
    const first = await run("as the operator");
    expect(JSON.parse(first.body)).toMatchObject({ account: "demo", id: "topup-1", credits: 5000, replayed: false });
    const again = await run("as the operator");
    expect(JSON.parse(again.body)).toMatchObject({ credits: 5000, replayed: true });
    expect([first.cost, again.cost]).toEqual([-5000, 0]);
  });

  it("streams event by event, and gives up on a slow origin for nothing, at the same time", async () => {
    const before = await available();
    const arrivals: [text: string, at: number][] = [];
    const [stream, slow] = await Promise.all([
      bash(command("a stream"), (text) => arrivals.push([text, Date.now()])),
      bash(command("the origin takes too long")),
    ]);
    expect(stream.match(/^data: \d$/gm)).toEqual(["data: 1", "data: 2", "data: 3", "data: 4", "data: 5"]);
    const at = (event: number): number => arrivals.find(([text]) => text.includes(`data: ${event}`))?.[1] ?? 0;
    // The origin takes three seconds from the second event to the fifth.
    expect(at(5) - at(2)).toBeGreaterThan(2000);
    expect(slow).toMatch(/^HTTP\/1\.1 504 /);
    expect(slow).toMatch(/^credits-charged: 0\r?$/im);
    expect(slow).toContain("origin_timeout");
    expect(before - (await available())).toBe(2000);
  });

  it("does not start twice on one port, and says which to change", async () => {
    const { code, said } = await npm(clone, ["start"], { PORT: String(port) });
    expect(code).not.toBe(0);
    expect(said).toContain(`Port ${port} is in use`);
    expect(said).toMatch(/PORT=\d+ npm start/);
  });

  it("says where to change the port of the demo's origin if that one is taken", async () => {
    const { code, said } = await npm(clone, ["start"], { PORT: String(await freePort()) });
    expect(code).not.toBe(0);
    expect(said).toContain(`Port ${originPort}`);
    expect(said).toContain("farebox.config.ts");
  });

  it.each(["abc", "0", "65536", "80.5"])("refuses PORT=%s by name", async (value) => {
    const { code, said } = await npm(clone, ["start"], { PORT: value });
    expect(code).not.toBe(0);
    expect(said).toContain(`PORT=${value} is not a port`);
  });

  it("stops at Ctrl-C, leaves no port taken, and keeps its state and its secrets for the next start", async () => {
    const before = await available();
    const { token } = running as Started;
    await stop();
    expect([await isFree(port), await isFree(originPort)]).toEqual([true, true]);

    running = await start();
    expect(running.said()).not.toContain("Made .dev.vars");
    expect(await available(token)).toBe(before);
  });

  it("starts from nothing after npm run reset", async () => {
    await stop();
    const secrets = readFileSync(join(clone, ".dev.vars"), "utf8");
    expect((await npm(clone, ["run", "-s", "reset"])).code).toBe(0);
    expect(existsSync(join(clone, ".wrangler/state"))).toBe(false);
    expect(readFileSync(join(clone, ".dev.vars"), "utf8")).toBe(secrets);
    running = await start();
    expect(await available()).toBe(10_000);
    await stop();
  });

  it("is found right by check-config, and wrong once it is", async () => {
    expect(await npm(clone, ["run", "-s", "check-config"])).toMatchObject({ code: 0 });
    const path = join(clone, "farebox.config.ts");
    const config = readFileSync(path, "utf8");
    writeFileSync(path, config.replace('"free"', "0 as never"));
    const { code, said } = await npm(clone, ["run", "-s", "check-config"]);
    writeFileSync(path, config);
    expect(code).toBe(1);
    expect(said).toContain('prices["GET /v1/status"] costs 0');
    expect(said).toContain('"free"');
  });
});

async function start(): Promise<Started> {
  const child = spawn("npm", ["start"], { cwd: clone, env: shell({ PORT: String(port) }), detached: true });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const started = { npm: child, said: () => text, token: "" };
  running = started;
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!text.includes("Ctrl-C stops it")) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`npm start did not start:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { ...started, token: /Bearer (eyJ[\w.-]+)/.exec(text)?.[1] ?? "" };
}

/** As Ctrl-C does: the signal goes to every process of the terminal's group. */
async function stop(): Promise<void> {
  const { npm: child } = running as Started;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  killGroup(child.pid ?? 0, "SIGINT");
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS))]);
  expect(child.exitCode ?? child.signalCode, "it did not stop").not.toBeNull();
  running = undefined;
}

function printed(): { comment: string; line: string }[] {
  const found = (running?.said() ?? "").matchAll(/^# (.+)\n(curl .+)$/gm);
  return [...found].map(([, comment = "", line = ""]) => ({ comment, line }));
}

/** The printed command under the comment that begins so. */
function command(beginning: string): string {
  const found = printed().filter(({ comment }) => comment.startsWith(beginning));
  expect(found).toHaveLength(1);
  return found[0]?.line ?? "";
}

/** Runs a printed command: what it printed, taken apart, and what it cost. */
async function run(beginning: string): Promise<{ status: number; headers: string; body: string; cost: number }> {
  const before = await available();
  const text = await bash(command(beginning));
  const cut = text.startsWith("HTTP/") ? text.indexOf("\r\n\r\n") + 4 : 0;
  const headers = text.slice(0, cut);
  return {
    status: Number(/^HTTP\/[\d.]+ (\d{3})/.exec(headers)?.[1] ?? 0),
    headers,
    body: text.slice(cut),
    cost: before - (await available()),
  };
}

/** What the account has, once nothing of it is held any more. */
async function available(token = running?.token): Promise<number> {
  for (let n = 0; n < 100; n++) {
    const response = await fetch(`http://localhost:${port}/_farebox/balance`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const balance = (await response.json()) as { available: number; held: number };
    if (balance.held === 0) return balance.available;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("credits are still on hold after 5 s");
}
