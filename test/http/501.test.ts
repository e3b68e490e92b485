/** What a caller sees when it asks for an upgrade that the route does not sell: a refusal before anything is paid. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";

const WEBSOCKET = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

let gate: TestGate;
beforeAll(async () => {
  const prices = {
    "GET /v1/expensive": 100,
    "GET /v1/included": 5,
    "GET /v1/free": "free",
    "GET /v1/socket": { credits: 100, upgrade: true },
  } as unknown as Config["prices"];
  gate = await startGate({ config: { prices, plans: { pro: { includes: ["GET /v1/included"] } } } });
});
afterAll(async () => gate.close());

describe("501", () => {
  it.each(["/v1/expensive", "/v1/included", "/v1/free"])(
    "refuses a WebSocket on %s, and forwards nothing",
    async (path) => {
      const account = `upgrades${path.replaceAll("/", "-")}`;
      await gate.grant(account, 500);
      const token = await gate.token(account, { entitlements: ["pro"] });
      const { reply, ...seen } = await gate.see(account, path, { token, headers: WEBSOCKET });
      expect(seen).toEqual({ status: 501, hits: 0, entries: [], delta: 0 });
      expect(reply.json()).toMatchObject({ code: "upgrade_not_sold", status: 501, retryable: false });
      expect(reply.headers).toMatchObject({ "cache-control": "private, no-store", "x-should-retry": "false" });
      expect(reply.headers).not.toHaveProperty("credits-charged");
    },
  );

  it.each(["WebSocket", "WEBSOCKET", "websocket"])("knows the upgrade in any case: %s", async (upgrade) => {
    const account = `case-${upgrade}`;
    await gate.grant(account, 500);
    const token = await gate.token(account);
    const { reply: _, ...seen } = await gate.see(account, "/v1/expensive", {
      token,
      headers: { ...WEBSOCKET, upgrade },
    });
    expect(seen).toEqual({ status: 501, hits: 0, entries: [], delta: 0 });
  });

  it.each(["h2c", "websocket, h2c", "h2c, websocket", "TLS/1.3", "websocket/13", "foo"])(
    "never asks the origin for an upgrade to %s, on a route that sells one or does not",
    async (upgrade) => {
      const account = `other-${upgrade.replaceAll(/\W+/g, "-")}`;
      await gate.grant(account, 500);
      const token = await gate.token(account);
      for (const path of ["/v1/expensive", "/v1/socket"]) {
        const seen = await gate.see(account, path, {
          token,
          headers: { connection: "Upgrade, HTTP2-Settings", upgrade, "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA" },
        });
        // Refused, or served as the plain GET it also is, and paid for as such.
        expect([501, 200]).toContain(seen.status);
        const served = seen.status === 200;
        expect(seen).toMatchObject({ hits: served ? 1 : 0, delta: served ? -100 : 0 });
        const names = served ? (gate.origin.hits.at(-1)?.headers.map(([name]) => name) ?? []) : [];
        expect(names.filter((name) => name === "upgrade" || name === "http2-settings")).toEqual([]);
      }
    },
  );
});
