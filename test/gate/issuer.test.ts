/** Outside issuers' keys, fetched from a real server and kept in a real KV: asked seldom, never taken for a "no" when silent. */
import { generateKeyPairSync } from "node:crypto";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { remoteIssuer, type TrustedIssuer } from "../../src/gate/issuer.ts";
import { verifyToken } from "../../src/gate/token.ts";
import { NOW } from "../support/command.ts";
import { startOrigin, status, type Answer, type RecordingOrigin } from "../support/origin.ts";
import { AUDIENCE, ISSUER, makeIssuer, type TestIssuer } from "./tokens.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const COOL_DOWN = 30_000;

let miniflare: Miniflare;
let kv: KVNamespace;
let server: RecordingOrigin;
let signer: TestIssuer;
let path = 0;

beforeAll(async () => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "kv",
      modules: true,
      script: "export default { fetch() { return new Response() } }",
      compatibilityDate: "2026-10-20",
      kvNamespaces: ["KV"],
    }),
  );
  const real: unknown = await miniflare.getKVNamespace("KV");
  kv = real as KVNamespace;
  server = await startOrigin();
  signer = await makeIssuer();
}, 30_000);
afterAll(async () => {
  await server.close();
  await miniflare.dispose();
});
beforeEach(() => {
  path += 1;
  server.hits.length = 0;
  server.answer = publishes([signer.jwk]);
  const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
  return () => spy.mockRestore();
});

const publishes = (keys: readonly object[]): Answer =>
  status(200, { "content-type": "application/json" }, JSON.stringify({ keys }));

/** This test's issuer, as a fresh isolate knows it. */
function isolate(): TrustedIssuer {
  const of = {
    issuer: ISSUER,
    audience: AUDIENCE,
    accountPrefix: "",
    lifeSecondsMax: 86_400,
    algorithms: ["EdDSA"] as const,
  };
  return remoteIssuer(of, `${server.url}/${path}/jwks.json`, kv);
}

/** The key ids it answers with. */
async function kids(issuer: TrustedIssuer, kid: string | undefined = "k1", now = NOW): Promise<unknown> {
  const keys = await issuer.keysFor(kid, now);
  return keys === "unavailable" ? keys : keys.map((key) => key.kid);
}

const another = (kid: string): object => ({
  ...generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }),
  kid,
});

describe("a remote issuer's keys", () => {
  it("verify its tokens, and are asked for once an isolate however many tokens come", async () => {
    const issuer = isolate();
    for (let n = 0; n < 5; n++) {
      expect(await verifyToken(signer.token(), [issuer], NOW + n)).toMatchObject({
        ok: true,
        value: { account: "alice" },
      });
    }
    expect(server.hits.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET /${path}/jwks.json`]);
  });

  it("come from KV where another isolate has fetched them", async () => {
    await kids(isolate());
    server.answer = status(500);
    expect(await kids(isolate())).toEqual(["k1"]);
    expect(server.hits.length).toBe(1);
  });

  it("are asked for again when a token names an unknown key, and found there", async () => {
    const issuer = isolate();
    await kids(issuer);
    server.answer = publishes([signer.jwk, another("k2")]);
    expect(await kids(issuer, "k2", NOW + COOL_DOWN + 1)).toEqual(["k1", "k2"]);
    expect(server.hits.length).toBe(2);
  });

  it("are asked for at most twice a minute, whatever key ids are made up", async () => {
    const issuer = isolate();
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 10; n++) await issuer.keysFor(`made-up-${second}-${n}`, NOW + second * 1000);
    }
    expect(server.hits.length).toBe(2);
  });

  it("are asked for again after an hour, and stay in use if that fails", async () => {
    const issuer = isolate();
    await kids(issuer);
    await kids(issuer, "k1", NOW + HOUR);
    expect(server.hits.length).toBe(1);
    server.answer = status(500);
    expect(await kids(issuer, "k1", NOW + HOUR + 1)).toEqual(["k1"]);
    expect(await kids(issuer, "k1", NOW + HOUR + 2)).toEqual(["k1"]);
    expect(server.hits.length).toBe(2);
    server.answer = publishes([another("k9")]);
    expect(await kids(issuer, "k1", NOW + HOUR + 2 + COOL_DOWN)).toEqual(["k9"]);
  });

  it("are not known to a fresh isolate from a KV entry that is garbage", async () => {
    await kv.put(`jwks:${server.url}/${path}/jwks.json`, "{not json");
    expect(await kids(isolate())).toEqual(["k1"]);
    path += 1;
    await kv.put(`jwks:${server.url}/${path}/jwks.json`, JSON.stringify({ jwks: { keys: "x" }, at: "yesterday" }));
    expect(await kids(isolate())).toEqual(["k1"]);
  });

  it("are asked for by every request that arrives while none is known, and none of them fails", async () => {
    const issuer = isolate();
    const answers = await Promise.all(Array.from({ length: 5 }, () => kids(issuer)));
    expect(answers).toEqual(Array.from({ length: 5 }, () => ["k1"]));
  });

  it("that are weak or given twice are left out, and the others serve", async () => {
    const weak = { kty: "OKP", crv: "Ed25519", x: Buffer.alloc(32).toString("base64url"), kid: "weak" };
    server.answer = publishes([signer.jwk, weak, another("twin"), another("twin")]);
    expect(await kids(isolate())).toEqual(["k1"]);
  });
});

describe("an issuer that cannot be asked", () => {
  it.each<[string, Answer]>([
    ["answers 500", status(500)],
    ["answers 404", status(404, {}, '{"keys":[]}')],
    ["answers with something that is no JSON", status(200, {}, "<html>")],
    ["answers with an empty body", status(200)],
    ["answers with more than 64 KiB", status(200, {}, JSON.stringify({ keys: [], padding: "x".repeat(70_000) }))],
    ["hangs up", (request) => void request.socket.destroy()],
    ["answers with JSON that is no key set", status(200, {}, '{"error":"maintenance"}')],
    ["answers with a key set of another shape", status(200, {}, '{"keys":{}}')],
  ])("is unavailable, which is neither yes nor no: it %s", async (_name, answer) => {
    server.answer = answer;
    const issuer = isolate();
    expect(await kids(issuer)).toBe("unavailable");
    expect(await verifyToken(signer.token(), [issuer], NOW + 1)).toMatchObject({
      error: { code: "issuer_unavailable" },
    });
    server.answer = publishes([signer.jwk]);
    expect(await kids(issuer, "k1", NOW + COOL_DOWN + 1)).toEqual(["k1"]);
  });

  it("is not followed elsewhere", async () => {
    server.answer = (request, response) => {
      if (request.url?.endsWith("/elsewhere")) return publishes([signer.jwk])(request, response);
      response.writeHead(302, { location: "/elsewhere" }).end();
    };
    expect(await kids(isolate())).toBe("unavailable");
    expect(server.hits.map(({ url }) => url)).toEqual([`/${path}/jwks.json`]);
  });

  it.each<[string, Answer]>([
    ["something that is no key set", status(200, {}, '{"error":"maintenance"}')],
    ["a key set of another shape", status(200, {}, '{"keys":null}')],
  ])("does not take away the keys known before by answering with %s", async (_name, answer) => {
    const issuer = isolate();
    await kids(issuer);
    server.answer = answer;
    expect(await kids(issuer, "k1", NOW + HOUR + 1)).toEqual(["k1"]);
    expect(await kids(isolate(), "k1", NOW + HOUR + 2)).toEqual(["k1"]);
  });

  it("does not make a token of its newest key invalid while another request is asking for it", async () => {
    const issuer = isolate();
    await kids(issuer);
    server.answer = (request, response) => {
      setTimeout(() => void publishes([signer.jwk, another("k2")])(request, response), 50);
    };
    const answers = await Promise.all([1, 2].map((n) => kids(issuer, "k2", NOW + COOL_DOWN + n)));
    expect(answers[0]).toEqual(["k1", "k2"]);
    expect([["k1", "k2"], "unavailable"]).toContainEqual(answers[1]);
  });
});

describe("a key that could not be asked for", () => {
  it("is not known to be none, while other keys still verify", async () => {
    await kids(isolate());
    server.answer = status(500);
    const fresh = isolate();
    expect(await kids(fresh, "k2")).toBe("unavailable");
    expect(await kids(fresh, "k1")).toEqual(["k1"]);
  });
});
