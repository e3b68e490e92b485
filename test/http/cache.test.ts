/** No cache, in front of the gate or behind it, may serve a paid answer to somebody else, or a refusal to somebody who paid. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import type { Config } from "../../src/config.ts";
import { startGate, type Reply, type TestGate } from "../support/gate.ts";
import { header, ok, status } from "../support/origin.ts";

const prices = { "GET /v1/cheap": 1, "GET /v1/expensive": 100, "GET /v1/free": "free" } as unknown as Config["prices"];

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate({ config: { prices } });
});
afterAll(async () => gate.close());

function expectNotStored({ headers }: Reply): void {
  expect(headers["cache-control"]).toBe("private, no-store");
  expect(headers["cdn-cache-control"]).toBe("no-store");
  expect(headers["cloudflare-cdn-cache-control"]).toBe("no-store");
  for (const name of ["age", "expires", "pragma", "surrogate-control", "vary"])
    expect(headers).not.toHaveProperty(name);
}

describe("in front of the gate", () => {
  // An answer of the origin that any cache would store, heuristically (RFC 9111 section 4.2.2) or because it is told to.
  const cacheable = {
    "cache-control": "public, max-age=31536000, immutable",
    "cdn-cache-control": "max-age=600",
    "cloudflare-cdn-cache-control": "max-age=600",
    "surrogate-control": "max-age=600",
    "surrogate-key": "all",
    expires: "Thu, 01 Jan 2099 00:00:00 GMT",
    pragma: "cache",
    age: "1",
    vary: "Accept, Cookie",
    etag: '"v1"',
    "last-modified": "Mon, 23 Nov 2020 00:00:00 GMT",
  };
  it.each([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 500])(
    "may not store a %i of the origin",
    async (code) => {
      const account = `stores-${code}`;
      await gate.grant(account, 500);
      const token = await gate.token(account);
      for (const headers of [cacheable, {}]) {
        gate.origin.answer = status(code, headers);
        const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token });
        gate.origin.answer = ok;
        const charged = code < 400;
        expect(seen).toEqual({
          status: code,
          hits: 1,
          entries: ["hold", charged ? "capture" : "void"],
          delta: charged ? -100 : 0,
        });
        expectNotStored(reply);
        expect(reply.headers.etag).toBe("etag" in headers ? headers.etag : undefined);
      }
    },
  );

  it("may not store a refusal, nor an answer of the gate's own", async () => {
    await gate.grant("refused", 1);
    const token = await gate.token("refused");
    const calls: [expected: number, reply: Promise<Reply>][] = [
      [402, gate.call("/v1/expensive")],
      [402, gate.call("/v1/expensive", { token })],
      [401, gate.call("/v1/expensive", { token: "a.b.c" })],
      [404, gate.call("/v1/unlisted")],
      [400, gate.call("/v1//cheap")],
      [405, gate.call("/v1/cheap", { method: "PURGE" })],
      [204, gate.call("/v1/cheap", { method: "OPTIONS" })],
      [200, gate.call("/v1/free")],
      [200, gate.call("/_farebox/health")],
      [200, gate.call("/_farebox/prices")],
      [200, gate.call("/_farebox/balance", { token })],
      [200, gate.call("/.well-known/jwks.json")],
      [200, gate.admin("GET", "/accounts/refused")],
      [401, gate.call("/_farebox/accounts")],
    ];
    for (const [expected, call] of calls) {
      const reply = await call;
      expect(reply.status).toBe(expected);
      expectNotStored(reply);
    }
  });

  it.each([
    ["X-Accel-Expires", "600"],
    ["Edge-Control", "cache-maxage=10m"],
    ["Vercel-CDN-Cache-Control", "max-age=600"],
    ["Netlify-CDN-Cache-Control", "max-age=600"],
  ])("is not told to store by the origin's %s, which comes before Cache-Control there", async (name, value) => {
    await gate.grant("targeted", 100);
    gate.origin.answer = status(200, { [name]: value });
    const { reply, ...seen } = await gate.see("targeted", "/v1/cheap", { token: await gate.token("targeted") });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(reply.headers).not.toHaveProperty(name.toLowerCase());
  });

  it.each([
    { "cache-control": "only-if-cached" },
    { "cache-control": "max-stale=999999, max-age=999999" },
    { "cache-control": "no-cache", pragma: "no-cache" },
    { pragma: "cache" },
    { vary: "*" },
    { "if-none-match": '"v1"' },
    { "if-modified-since": "Thu, 01 Jan 2099 00:00:00 GMT" },
    { age: "1" },
  ])("gains a caller nothing by %o", async (headers) => {
    await gate.grant("asks", 100);
    const { reply, ...seen } = await gate.see("asks", "/v1/cheap", { token: await gate.token("asks"), headers });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expectNotStored(reply);
    const unpaid = await gate.see("asks", "/v1/cheap", { headers });
    expect(unpaid).toMatchObject({ status: 402, hits: 0, entries: [], delta: 0 });
  });

  it("is not switched on in what is deployed", () => {
    const config: object = unstable_readConfig({ config: join(import.meta.dirname, "../../wrangler.toml") });
    expect(config).toMatchObject({ workers_dev: false, preview_urls: false });
    // Workers Cache answers before the Worker runs.
    const { cache } = config as { cache?: { enabled?: boolean } };
    expect(cache?.enabled ?? false).toBe(false);
  });
});

describe("behind the gate", () => {
  it("keeps no answer for another account, or for the same one again", async () => {
    gate.origin.answer = (request, response) => {
      response
        .writeHead(200, { "cache-control": "public, max-age=600" })
        .end(String(request.headers["farebox-account"]));
    };
    for (const account of ["one", "other", "one"]) {
      await gate.grant(account, 100);
      const { reply, ...seen } = await gate.see(account, "/v1/cheap", { token: await gate.token(account) });
      expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
      expect(reply.body).toBe(account);
    }
    gate.origin.answer = ok;
  });

  it("is told by every forwarded call to bypass Cloudflare's cache, whose key knows no account", async () => {
    const { origin } = gate;
    // Where a real edge would read its instructions: the request's cf object, written out by workerd.
    const external = { address: `127.0.0.1:${origin.port}`, http: { cfBlobHeader: "x-cf" } };
    const bound = await startGate({
      origin,
      config: { prices, origin: { binding: "ORIGIN" } },
      worker: { serviceBindings: { ORIGIN: { external } } },
    });
    await bound.grant("edge", 100);
    const { reply: _, ...seen } = await bound.see("edge", "/v1/cheap", { token: await bound.token("edge") });
    await bound.close();
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(JSON.parse(header(origin.hits.at(-1), "x-cf") ?? "{}")).toMatchObject({ cacheLevel: "bypass" });
  });
});
