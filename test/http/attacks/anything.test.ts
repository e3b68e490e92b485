/** Attacks nobody thought of: requests put together at random from what has ever confused a server. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Config } from "../../../src/config.ts";
import { PRICES, startGate, type TestGate } from "../../support/gate.ts";
import { header, type Hit } from "../../support/origin.ts";

const REQUESTS = Number(process.env["REQUESTS"] ?? 2000);
const AT_ONCE = 20;
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

const lines: string[] = [];
let gate: TestGate;
let token: string;
beforeAll(async () => {
  const prices = { ...PRICES, "GET /v1/free": "free", "POST /v1/free": "free", "GET /v1/wild/*": 1 };
  gate = await startGate({
    config: { prices: prices as unknown as Config["prices"], publicUrl: "https://api.example.com" },
    worker: { handleStructuredLogs: ({ message }: { message: string }) => lines.push(message) },
  });
  await gate.grant("anybody", 1_000_000);
  token = await gate.token("anybody");
});
afterAll(async () => gate.close());

/** Numbers from 0 to `n` - 1 that the seed decides (mulberry32). */
let state = SEED;
function random(n: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
function pick(from: readonly string[]): string {
  return from[random(from.length)] ?? "";
}

// oxfmt-ignore
const BITS = ["/", "//", "%", "%2F", "%FF", "%00", "%E0%A4%A", "%C3%A9", "%25", "%2e", "%5c", "..", ".", ";", "?", "#", "&", "=", "'", '"', "\\", "*",
  "@", ":", "[", "]", "{", "}", "|", "^", "`", "<", ">", "+", "~", "!", "$", "\u00e9", "_farebox", "accounts", "tokens", "balance", "problems",
  "health", "grants", "status", "v1", "cheap", "expensive", "free", "wild", "items", "anybody", "limit=", "after=", "cursor=", "x".repeat(300)];
// oxfmt-ignore
const STARTS = ["/", "/v1/cheap", "/v1/", "/_farebox/", "/v1/wild/", "/_farebox/accounts/", "/_farebox/problems/", "/_farebox/statement?", "/v1/free"];
// oxfmt-ignore
const NAMES = ["Authorization", "Cookie", "Range", "Expect", "Via", "Upgrade", "Connection", "Origin", "Content-Length", "Transfer-Encoding",
  "If-None-Match", "X-Forwarded-For", "Accept", "Content-Type", "TE", "Trailer", "Idempotency-Key", "Access-Control-Request-Method",
  "Payment-Context", "Farebox-Account", "Accept-Encoding", "Referer", "Sec-WebSocket-Protocol", "X-HTTP-Method-Override"];
// oxfmt-ignore
const VALUES = ["Bearer a.b.c", "Bearer", "*", "", "0", "1", "-1", "chunked", "websocket", "h2c", "close, x", "bytes=0-", "https://a.example", "null",
  "\xe9", "\xc3\xa9", "a,b", ";", '"', "1.1 x", "x".repeat(5000), "text/html", "a b", "%", "gzip, br", "DELETE"];
// oxfmt-ignore
const METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE"];

function anything(): string {
  let path = pick(STARTS);
  for (let n = random(5); n > 0; n--) path += pick(BITS);
  let head = `${pick(METHODS)} ${path} HTTP/1.1\r\nHost: api.example.com\r\n`;
  const credential = [token, gate.adminToken, undefined][random(3)];
  if (credential !== undefined) head += `Authorization: Bearer ${credential}\r\n`;
  const values = [...VALUES, token, `Bearer ${token}`];
  for (let n = random(4); n > 0; n--) head += `${pick(NAMES)}: ${pick(values)}\r\n`;
  // A chunked body that breaks off is its own matter: see upload.test.ts.
  const body = head.includes(": chunked\r\n") ? "0\r\n\r\n" : pick(["", "{}", "x"]);
  return `${head}Connection: close\r\n\r\n${body}`;
}

/** All that the headers of these told the origin. */
function told(hits: readonly Hit[]): string {
  return JSON.stringify(hits.map(({ headers }) => headers));
}

/** What the route of a hit's path costs. */
function priceOf(url: string): number {
  const path = url.split("?")[0] ?? "";
  if (path === "/v1/free") return 0;
  if (path === "/v1/cheap" || path.startsWith("/v1/wild")) return 1;
  if (path === "/v1/expensive") return 100;
  return path.startsWith("/v1/items/") ? 5 : NaN;
}

it(`${REQUESTS} requests at random are each refused, or served once at their price, and nothing leaks`, async () => {
  const context = `SEED=${SEED}`;
  const before = (await gate.account("anybody")).available;
  for (let n = 0; n < REQUESTS; n += AT_ONCE) {
    const sent = Array.from({ length: AT_ONCE }, anything);
    const answers = await Promise.all(sent.map(async (request) => gate.raw(request)));
    for (const [index, answer] of answers.entries())
      expect(answer, `${context}: ${JSON.stringify(sent[index])}`).not.toMatch(/^HTTP\/1\.1 50[0234]/);
  }
  await gate.settled("anybody");
  const entries = (await gate.entries("anybody")).filter(({ request_id }) => request_id !== undefined);
  const charged = entries.filter(({ kind }) => kind === "capture").map(({ request_id }) => String(request_id));
  const due = gate.origin.hits.filter(({ url }) => priceOf(url) !== 0);
  // Every hit that costs was held and captured once, and nothing else was.
  expect(new Set(due.map((hit) => header(hit, "farebox-request-id"))), context).toEqual(new Set(charged));
  expect(due.length, context).toBe(charged.length);
  expect(entries.filter(({ kind }) => kind === "hold").length, context).toBe(charged.length);
  const spent = due.reduce((sum, { url }) => sum + priceOf(url), 0);
  expect((await gate.account("anybody")).available - before, context).toBe(0 - spent);
  expect(due.length, context).toBeGreaterThan(0);
  // A free route looks at no token, so it knows one in Authorization alone.
  expect(told(due).includes(token), `${context}: the origin of a paid call saw the token`).toBe(false);
  expect(told(gate.origin.hits), context).not.toContain('["authorization"');
  const { d } = JSON.parse(gate.signingKey);
  for (const secret of [gate.adminToken, d])
    expect((told(gate.origin.hits) + lines.join("\n")).includes(secret), `${context}: a secret leaked`).toBe(false);
  expect(lines.join("\n").includes(token), `${context}: the token was logged`).toBe(false);
  expect(
    lines.filter((line) => /internal_error|ledger_fault|_incomplete/.test(line)),
    context,
  ).toEqual([]);
});
