/** That an issuer's published keys are fetched seldom, kept through its outages, and taken in with suspicion. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, paid } from "../support/columns.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { hmacKey, makeKey, nowSeconds, signClaims, type SigningKey } from "../support/jwt.ts";

const API = "https://api.example.com";
const HOUR = 3_600_000;

/** One JWKS endpoint an issuer; what it answers is for the test to say. Without an answer it hangs up. */
const endpoints = new Map<string, (response: ServerResponse) => void>();
const fetched = new Map<string, IncomingHttpHeaders[]>();
let server: Server;
let base: string;
let gate: TestGate;

const ISSUERS = [
  ..."steady burst seeded rotated retired stale outage down gone error redirect huge endless garbage".split(" "),
  ..."notjwks notset emptied poisoned weak twins mixed many leak cold kids".split(" "),
];
beforeAll(async () => {
  server = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    fetched.set(name, [...(fetched.get(name) ?? []), request.headers]);
    const answer = endpoints.get(name);
    if (answer) answer(response);
    else response.destroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokens = ISSUERS.map((name) => ({
    issuer: name,
    audience: API,
    algorithms: ["EdDSA", "ES256", "RS256"] as const,
    jwks: `${base}/${name}`,
  }));
  gate = await startGate({ config: { tokens } });
  await gate.grant("user", 100_000);
});
afterAll(async () => {
  await gate.close();
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

function publish(name: string, ...keys: readonly object[]): void {
  answerWith(name, JSON.stringify({ keys }));
}
function answerWith(name: string, body: string, status = 200, headers: Record<string, string> = {}): void {
  endpoints.set(name, (response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body),
  );
}
const fetches = (name: string): number => fetched.get(name)?.length ?? 0;
/** What an isolate before this one left in KV, `age` milliseconds ago. */
async function seed(name: string, age: number, ...keys: readonly SigningKey[]): Promise<void> {
  const kept = { jwks: { keys: keys.map(({ jwk }) => jwk) }, at: Date.now() - age };
  await (await gate.miniflare.getKVNamespace("KV")).put(`jwks:${base}/${name}`, JSON.stringify(kept));
}
function tokenOf(name: string, key: SigningKey, header: object = {}): string {
  const iat = nowSeconds();
  return signClaims(key, { iss: name, aud: API, sub: "user", iat, exp: iat + 300 }, { ...header });
}
const pay = async (token: string): Promise<unknown> => gate.see("user", "/v1/cheap", { token });
async function expectRefused(token: string): Promise<void> {
  await expectDenial(gate, "user", "/v1/cheap", { token }, [401, "invalid_token"]);
}
async function expectUnknown(token: string): Promise<void> {
  const reply = await expectDenial(gate, "user", "/v1/cheap", { token }, [503, "issuer_unavailable"]);
  expect(reply.json().retryable).toBe(true);
  expect(reply.headers["x-should-retry"]).toBe("true");
  expect(Number(reply.headers["retry-after"])).toBeGreaterThan(0);
  expect(reply.headers["www-authenticate"]).toBeUndefined();
}

describe("an issuer's JWKS", () => {
  it("is fetched once for many tokens, of whatever kind of key", async () => {
    const keys = [makeKey("EdDSA", "a"), makeKey("ES256", "b"), makeKey("RS256", "c")];
    publish("steady", ...keys.map(({ jwk }) => jwk));
    expect(fetches("steady")).toBe(0);
    for (const key of [...keys, ...keys, ...keys]) expect(await pay(tokenOf("steady", key))).toMatchObject(paid(1));
    const token = tokenOf("steady", keys[0] ?? makeKey("EdDSA"));
    const replies = await Promise.all(Array.from({ length: 20 }, async () => gate.call("/v1/cheap", { token })));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    await gate.settled("user");
    expect(fetches("steady")).toBe(1);
  });

  it("is fetched once for the calls that arrive before it was ever fetched, and every one is served", async () => {
    const key = makeKey("EdDSA", "a");
    endpoints.set("burst", (response) => {
      setTimeout(() => response.end(JSON.stringify({ keys: [key.jwk] })), 50);
    });
    const token = tokenOf("burst", key);
    const replies = await Promise.all(Array.from({ length: 10 }, async () => gate.call("/v1/cheap", { token })));
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    await gate.settled("user");
    expect(fetches("burst")).toBe(1);
  });

  it("is not fetched at all while a copy of the last hour is in KV", async () => {
    const key = makeKey("EdDSA", "a");
    await seed("seeded", HOUR - 60_000, key);
    expect(await pay(tokenOf("seeded", key))).toMatchObject(paid(1));
    expect(fetches("seeded")).toBe(0);
  });

  it("is fetched again for a key it did not have, so that a new key counts at once", async () => {
    const [before, after] = [makeKey("EdDSA", "before"), makeKey("EdDSA", "after")];
    await seed("rotated", 0, before);
    publish("rotated", before.jwk, after.jwk);
    expect(await pay(tokenOf("rotated", before))).toMatchObject(paid(1));
    expect(fetches("rotated")).toBe(0);
    expect(await pay(tokenOf("rotated", after))).toMatchObject(paid(1));
    expect(await pay(tokenOf("rotated", before))).toMatchObject(paid(1));
    expect(fetches("rotated")).toBe(1);
  });

  it("ends a key that it no longer has", async () => {
    const [before, after] = [makeKey("EdDSA", "before"), makeKey("EdDSA", "after")];
    await seed("retired", 0, before);
    publish("retired", after.jwk);
    expect(await pay(tokenOf("retired", after))).toMatchObject(paid(1));
    await expectRefused(tokenOf("retired", before));
  });

  it("is fetched again when it is more than an hour old", async () => {
    const [before, after] = [makeKey("EdDSA", "same"), makeKey("EdDSA", "same")];
    await seed("stale", HOUR + 60_000, before);
    publish("stale", after.jwk);
    expect(await pay(tokenOf("stale", after))).toMatchObject(paid(1));
    await expectRefused(tokenOf("stale", before));
    expect(fetches("stale")).toBe(1);
  });

  it("is fetched once a cool-down for keys nobody has, however many are named", async () => {
    const key = makeKey("EdDSA", "a");
    await seed("kids", 0, key);
    publish("kids", key.jwk);
    const forger = makeKey("EdDSA");
    const forged = (n: number): string => tokenOf("kids", forger, { kid: `kid-${n}` });
    const hits = gate.origin.hits.length;
    for (let n = 0; n < 100; n += 20) {
      const calls = Array.from({ length: 20 }, async (_, m) => gate.call("/v1/cheap", { token: forged(n + m) }));
      // 503 while the one fetch is under way, which might find the key; 401 from then on.
      for (const { status } of await Promise.all(calls)) expect(n === 0 ? [401, 503] : [401]).toContain(status);
    }
    expect(gate.origin.hits.length).toBe(hits);
    await expectRefused(forged(100));
    expect(fetches("kids")).toBe(1);
    expect(await pay(tokenOf("kids", key))).toMatchObject(paid(1));
  });

  it("is fetched without anything of the caller's", async () => {
    const key = makeKey("EdDSA", "a");
    publish("leak", key.jwk);
    const headers = { cookie: "a=b", "x-forwarded-for": "203.0.113.7", "user-agent": "caller" };
    await gate.call("/v1/cheap", { token: tokenOf("leak", key), headers });
    await gate.settled("user");
    expect(fetches("leak")).toBe(1);
    const sent = JSON.stringify(fetched.get("leak"));
    for (const secret of ["authorization", "cookie", "203.0.113.7", "caller"]) expect(sent).not.toContain(secret);
  });
});

describe("an issuer that cannot be asked", () => {
  it("makes its tokens neither good nor bad: 503, never 401, and asks it no more for a while", async () => {
    const key = makeKey("EdDSA", "a");
    for (let n = 0; n < 5; n++) await expectUnknown(tokenOf("down", key));
    expect(fetches("down")).toBe(1);
  });

  it.each<[string, string, (name: string) => void]>([
    ["answers 404", "gone", (name) => answerWith(name, "{}", 404)],
    ["answers 500", "error", (name) => answerWith(name, "{}", 500)],
    ["answers what is not JSON", "garbage", (name) => answerWith(name, "<html>maintenance</html>")],
    ["answers JSON that is no JWKS", "notjwks", (name) => answerWith(name, '{"error":"maintenance"}')],
    ["answers a list instead of a JWKS", "notset", (name) => answerWith(name, "[]")],
    [
      "answers more than 64 KiB",
      "huge",
      (name) => answerWith(name, JSON.stringify({ keys: [], x: "x".repeat(70_000) })),
    ],
    [
      "answers more than 101 keys",
      "many",
      (name) => publish(name, ...Array.from({ length: 101 }, (_, n) => makeKey("EdDSA", `k${n}`).jwk)),
    ],
  ])("is one that %s", async (_what, name, set) => {
    set(name);
    await expectUnknown(tokenOf(name, makeKey("EdDSA", "k0")));
  });

  it("is one that answers without end", async () => {
    endpoints.set("endless", (response) => {
      response.write('{"keys":[],"x":"');
      for (let n = 0; n < 20; n++) response.write("x".repeat(10_000));
      response.end('"}');
    });
    await expectUnknown(tokenOf("endless", makeKey("EdDSA", "a")));
  });

  it("is one that redirects, and the redirect is not followed", async () => {
    const key = makeKey("EdDSA", "a");
    publish("elsewhere", key.jwk);
    answerWith("redirect", "", 302, { location: `${base}/elsewhere` });
    await expectUnknown(tokenOf("redirect", key));
    expect(fetches("elsewhere")).toBe(0);
  });

  it("does not end what it published before: its old keys go on counting", async () => {
    const key = makeKey("EdDSA", "a");
    await seed("outage", 24 * HOUR, key);
    for (let n = 0; n < 3; n++) expect(await pay(tokenOf("outage", key))).toMatchObject(paid(1));
    expect(fetches("outage")).toBe(1);
    await expectRefused(tokenOf("outage", makeKey("EdDSA", "a")));
  });

  it("does not end them by answering JSON that is no JWKS either", async () => {
    const key = makeKey("EdDSA", "a");
    await seed("poisoned", 24 * HOUR, key);
    answerWith("poisoned", '{"error":"maintenance"}');
    for (let n = 0; n < 2; n++) expect(await pay(tokenOf("poisoned", key))).toMatchObject(paid(1));
  });

  it("is not made of one whose copy in KV is unreadable", async () => {
    const key = makeKey("EdDSA", "a");
    publish("cold", key.jwk);
    await (await gate.miniflare.getKVNamespace("KV")).put(`jwks:${base}/cold`, "{");
    expect(await pay(tokenOf("cold", key))).toMatchObject(paid(1));
  });
});

describe("a key in a JWKS", () => {
  it("that is weak, meant for something else or ambiguous is left out, and the sound ones still count", async () => {
    const sound = makeKey("EdDSA", "sound");
    const short = makeKey("RS256", "short", 1024);
    const encrypting = makeKey("EdDSA", "encrypting");
    const wrapping = makeKey("EdDSA", "wrapping");
    const otherwise = makeKey("ES256", "otherwise");
    const lazy = makeKey("RS256", "lazy");
    const nothing = makeKey("EdDSA", "nothing");
    publish(
      "weak",
      sound.jwk,
      short.jwk,
      { ...encrypting.jwk, use: "enc" },
      { ...wrapping.jwk, use: undefined, key_ops: ["encrypt"] },
      { ...otherwise.jwk, alg: "ES384" },
      { ...lazy.jwk, e: "AQ" },
      // A point of small order: with it as the key, anybody's signature of zeros verifies.
      { ...nothing.jwk, x: Buffer.alloc(32).toString("base64url") },
    );
    expect(await pay(tokenOf("weak", sound))).toMatchObject(paid(1));
    for (const key of [short, encrypting, wrapping, otherwise, lazy, nothing])
      await expectRefused(tokenOf("weak", key));
    const zeros = `${tokenOf("weak", nothing).split(".").slice(0, 2).join(".")}.${Buffer.alloc(64).toString("base64url")}`;
    await expectRefused(zeros);
    // Only one sound key is left, and a token without a kid is for that one.
    expect(await pay(tokenOf("weak", sound, { kid: undefined }))).toMatchObject(paid(1));
    await expectRefused(tokenOf("weak", encrypting, { kid: undefined }));
  });

  it("that shares its kid with another counts as little as the other", async () => {
    const [one, other, alone] = [makeKey("EdDSA", "twin"), makeKey("ES256", "twin"), makeKey("EdDSA", "alone")];
    publish("twins", one.jwk, other.jwk, alone.jwk);
    expect(await pay(tokenOf("twins", alone))).toMatchObject(paid(1));
    for (const key of [one, other]) await expectRefused(tokenOf("twins", key));
  });

  it("that is secret spoils the set: whoever published it can sign", async () => {
    const [sound, secret] = [
      makeKey("EdDSA", "sound"),
      hmacKey("a secret of more than thirty-two bytes", "HS256", "secret"),
    ];
    publish("mixed", sound.jwk, secret.jwk);
    for (const key of [sound, secret]) await expectRefused(tokenOf("mixed", key));
  });

  it("that is gone with all others ends them all", async () => {
    const key = makeKey("EdDSA", "a");
    await seed("emptied", 24 * HOUR, key);
    publish("emptied");
    await expectRefused(tokenOf("emptied", key));
  });
});
