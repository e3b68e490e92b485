/** Attacks on the price: a target in a strange form, a Host that holds a path, and a price that changes under way. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../../src/config.ts";
import { makeAdminToken, makeSigningKey } from "../../../scripts/secrets.ts";
import { expectDenial, paid } from "../../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../../support/gate.ts";
import { startOrigin } from "../../support/origin.ts";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  const prices = { ...PRICES, "GET /v1/free": "free" } as unknown as Config["prices"];
  gate = await startGate({ config: { prices, publicUrl: "https://api.example.com" } });
  await gate.grant("priced", 100_000);
  token = await gate.token("priced");
});
afterAll(async () => gate.close());

/** What each resource of the origin is worth; the rest of it is worth nothing, and is not for sale. */
const WORTH: Record<string, number> = { "/v1/cheap": 1, "/v1/expensive": 100, "/v1/free": 0 };

/** Sends a request as bytes, and expects it refused, or served once at the price of the path that the origin was asked for. */
async function expectFairOrRefused(head: string): Promise<void> {
  const before = { hits: gate.origin.hits.length, entries: (await gate.entries("priced")).length };
  const { available } = await gate.account("priced");
  const answer = await gate.raw(`${head}Authorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
  await gate.settled("priced");
  const hits = gate.origin.hits.slice(before.hits);
  const entries = (await gate.entries("priced")).slice(before.entries).map(({ kind }) => kind);
  const delta = (await gate.account("priced")).available - available;
  const seen = { hits: hits.length, entries, delta };
  const code = Number(/^HTTP\/1\.[01] (\d+)/.exec(answer)?.[1] ?? 0);
  if (code === 200) {
    const worth = WORTH[hits[0]?.url.split("?")[0] ?? ""];
    expect(seen).toEqual({ hits: 1, entries: worth === 0 ? [] : ["hold", "capture"], delta: 0 - (worth ?? NaN) });
  } else expect(seen).toEqual({ hits: 0, entries: [], delta: 0 });
}

const AT = "Host: api.example.com\r\n";

describe("a target in a form of its own", () => {
  it.each([
    ["absolute, of another host", `GET http://other.example/v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, with somebody in it", `GET http://x:y@api.example.com/v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, of another protocol", `GET ftp://api.example.com/v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, with a path in its query", `GET http://api.example.com?/v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, with a path in its fragment", `GET http://api.example.com/v1/free#/v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, without a host", `GET http:///v1/expensive HTTP/1.1\r\n${AT}`],
    ["absolute, without slashes", `GET http:/v1/expensive HTTP/1.1\r\n${AT}`],
    ["of a file", `GET file:///v1/expensive HTTP/1.1\r\n${AT}`],
    ["of an authority", `GET api.example.com:443 HTTP/1.1\r\n${AT}`],
    ["of nothing", `GET  HTTP/1.1\r\n${AT}`],
    ["*", `GET * HTTP/1.1\r\n${AT}`],
    ["with a fragment", `GET /v1/free#/../expensive HTTP/1.1\r\n${AT}`],
    ["behind empty lines", `\r\n\r\nGET /v1/expensive HTTP/1.1\r\n${AT}`],
    ["of HTTP/1.0", `GET /v1/expensive HTTP/1.0\r\n${AT}`],
    ["of HTTP/1.0 without a host", "GET /v1/expensive HTTP/1.0\r\n"],
    ["of HTTP/0.9", "GET /v1/expensive\r\n"],
    ["of HTTP/2.0 on a connection of HTTP/1.1", `GET /v1/expensive HTTP/2.0\r\n${AT}`],
    ["between tabs", `GET\t/v1/expensive\tHTTP/1.1\r\n${AT}`],
  ])("%s is refused, or costs what the origin is asked for", async (_what, head) => {
    await expectFairOrRefused(head);
  });
});

describe("a Host", () => {
  it.each([
    "api.example.com/v1/free?",
    "api.example.com/v1/free#",
    "api.example.com/v1/free/..",
    "api.example.com\\v1\\free?",
    "api.example.com?/v1/free",
    "api.example.com/v1",
    "/v1/free?",
    "*",
    "[::1]",
    "x@api.example.com",
    "..",
  ])("of %s gets no call at another price than that of the path the origin is asked for", async (host) => {
    await expectFairOrRefused(`GET /v1/expensive HTTP/1.1\r\nHost: ${host}\r\n`);
  });

  it("sent twice gets none either", async () => {
    await expectFairOrRefused(`GET /v1/expensive HTTP/1.1\r\n${AT}Host: api.example.com/v1/free?\r\n`);
    await expectFairOrRefused(`GET /v1/expensive HTTP/1.1\r\nHost: api.example.com/v1/free?\r\n${AT}`);
  });
});

describe("a price that was raised after it was asked for", () => {
  it("is told again before it is paid, and then charged as told", async () => {
    const persist = mkdtempSync(join(tmpdir(), "farebox-quote-"));
    const bindings = { FAREBOX_ADMIN_TOKEN: makeAdminToken(), FAREBOX_SIGNING_KEY: makeSigningKey() };
    const origin = await startOrigin();
    const deploy = async (credits: number): Promise<TestGate> =>
      startGate({
        persist,
        bindings,
        origin,
        config: {
          publicUrl: "https://api.example.com",
          prices: { "GET /v1/report": credits } as unknown as Config["prices"],
        },
      });
    try {
      const before = await deploy(100);
      const buyer = await before.token("quoted");
      const first = await expectDenial(before, "quoted", "/v1/report", { token: buyer }, [402, "insufficient_credits"]);
      expect(first.json()).toMatchObject({ price: 100, shortfall: 100 });
      await before.grant("quoted", first.json().shortfall);
      await before.close();
      const after = await deploy(150);
      const again = await expectDenial(after, "quoted", "/v1/report", { token: buyer }, [402, "insufficient_credits"]);
      expect(again.json()).toMatchObject({ price: 150, shortfall: 50 });
      await after.grant("quoted", again.json().shortfall);
      expect(await after.see("quoted", "/v1/report", { token: buyer })).toMatchObject(paid(again.json().price));
      await after.close();
    } finally {
      await origin.close();
      rmSync(persist, { recursive: true, force: true });
    }
  });

  it("is one and the same in hold, forwarded header, receipt and charge of a call, whatever was quoted before", async () => {
    const unpaid = await gate.call("/v1/expensive");
    const { price } = unpaid.json();
    const seen = await gate.see("priced", "/v1/expensive", { token });
    expect(seen).toMatchObject(paid(price));
    expect(seen.reply.headers["credits-charged"]).toBe(String(price));
    const sent = new Map(gate.origin.hits.at(-1)?.headers);
    expect(sent.get("farebox-credits")).toBe(String(price));
  });
});
