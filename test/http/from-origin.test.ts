/** What the caller receives of the origin's answer: its bytes and its headers, without what is not the origin's to say. */
import type { OutgoingHttpHeaders } from "node:http";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type CallOptions, type Seen, type TestGate } from "../support/gate.ts";
import { ok, type Answer } from "../support/origin.ts";
import { startRawOrigin, type RawOrigin } from "../support/raw-origin.ts";

const FORGED = "forged";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate({
    config: { prices: { "GET /v1/*": 1, "GET /free": "free" } as unknown as Config["prices"] },
  });
  await gate.grant("reader", 1_000_000);
  token = await gate.token("reader");
});
afterAll(async () => gate.close());

/** An origin that answers so. */
function says(headers: OutgoingHttpHeaders, body: string | Buffer = ""): Answer {
  return (_, response) => {
    response.writeHead(200, headers).end(body);
  };
}

/** Makes one paid call to an origin that answers so. */
async function received(answer: Answer, options: CallOptions = {}): Promise<Seen & { readonly bytes: Buffer }> {
  gate.origin.answer = answer;
  const chunks: Buffer[] = [];
  const seen = await gate.see("reader", "/v1/x", {
    token,
    ...options,
    onResponse: (response) => response.on("data", (chunk: Buffer) => chunks.push(chunk)),
  });
  gate.origin.answer = ok;
  expect(seen).toMatchObject({ hits: 1, entries: ["hold", "capture"], delta: -1 });
  return { ...seen, bytes: Buffer.concat(chunks) };
}

describe("headers of the origin's answer", () => {
  // oxfmt-ignore
  const names = [
    "Credits-Charged", "Credits-Remaining", "Credits-Anything", "Farebox-Account", "Payment-Context", "Payment-Receipt",
    "Payment-Required", "Payment-Response", "X-Payment-Response", "Settlement-Overrides", "Request-Id", "Proxy-Authenticate",
    "Proxy-Status", "Keep-Alive", "Upgrade", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers", "Vary", "Cache-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control",
    "Surrogate-Control", "Expires", "Pragma", "Age",
  ];
  it.each(names)("does not hand on %s, in any spelling", async (name) => {
    for (const spelling of [name, name.toLowerCase(), name.replaceAll("-", "_")]) {
      const { reply } = await received(says({ [spelling]: FORGED, "X-Kept": "yes" }));
      expect(JSON.stringify(reply.headers)).not.toContain(FORGED);
      expect(reply.headers["x-kept"]).toBe("yes");
      expect(reply.headers["credits-charged"]).toBe("1");
      expect(reply.headers["request-id"]).toMatch(/^req_/);
    }
  });

  it("does not hand on what its Connection names", async () => {
    const { reply } = await received(
      says({ Connection: "close, X-Hop,Set-Cookie", "X-Hop": "1", "Set-Cookie": "a=b", "X-Kept": "yes" }),
    );
    expect(reply.headers).not.toHaveProperty("x-hop");
    expect(reply.headers).not.toHaveProperty("set-cookie");
    expect(reply.headers["x-kept"]).toBe("yes");
  });

  it("cannot have the receipt removed by naming it in Connection", async () => {
    const { reply } = await received(says({ Connection: "close, Credits-Charged, Cache-Control, Request-Id" }));
    expect(reply.headers).toMatchObject({ "credits-charged": "1", "cache-control": "private, no-store" });
    expect(reply.headers["request-id"]).toMatch(/^req_/);
  });

  it("keeps everything else, one by one where there are several", async () => {
    const headers = {
      "content-type": "application/json; charset=utf-8",
      "content-disposition": "attachment; filename*=UTF-8''caf%C3%A9",
      "content-language": "de",
      "content-range": "bytes 0-1/9",
      "accept-ranges": "bytes",
      etag: 'W/"v1"',
      "last-modified": "Mon, 23 Nov 2026 00:00:00 GMT",
      link: '</next>; rel="next"',
      "retry-after": "3",
      "x-ratelimit-remaining": "7",
      "strict-transport-security": "max-age=1",
      x_under_score: "z",
    };
    const cookies = ["a=1; Path=/; Expires=Mon, 23 Nov 2026 00:00:00 GMT", "b=2; HttpOnly", "c=3"];
    const { reply } = await received(says({ ...headers, "set-cookie": cookies }, "{}"));
    expect(reply.headers).toMatchObject({ ...headers, "set-cookie": cookies });
  });

  it("says nothing of the gate's own but the receipt", async () => {
    const { reply } = await received(ok);
    const { date: _, connection: __, ...rest } = reply.headers;
    // oxfmt-ignore
    expect(Object.keys(rest).sort()).toEqual([
      "access-control-allow-origin", "access-control-expose-headers", "cache-control", "cdn-cache-control",
      "cloudflare-cdn-cache-control", "content-type", "credits-charged", "credits-remaining", "request-id", "transfer-encoding",
    ]);
  });
});

describe("the body of the origin's answer", () => {
  const text = Buffer.from("Darjeeling, Assam, Lapsang Souchong. ".repeat(200));
  const everyByte = Buffer.from(Array.from({ length: 1024 }, (_, n) => n % 256));

  it.each([
    ["gzip", gzipSync(text), gunzipSync],
    ["br", brotliCompressSync(text), brotliDecompressSync],
  ] as const)("arrives as the origin encoded it: %s", async (encoding, body, decode) => {
    for (const accept of [encoding, "gzip, deflate, br", "identity", undefined]) {
      const { reply, bytes } = await received(
        says({ "content-encoding": encoding, "content-length": body.length }, body),
        { headers: accept === undefined ? {} : { "accept-encoding": accept } },
      );
      expect(reply.headers["content-encoding"]).toBe(encoding);
      expect(reply.headers["content-length"]).toBe(String(body.length));
      expect(bytes.equals(body)).toBe(true);
      expect(decode(bytes).equals(text)).toBe(true);
    }
  });

  it.each(["zstd", "deflate", "x-unknown", "gzip, br"])(
    "arrives untouched in an encoding the gate need not know: %s",
    async (encoding) => {
      const { reply, bytes } = await received(says({ "content-encoding": encoding }, everyByte));
      expect(reply.headers["content-encoding"]).toBe(encoding);
      expect(bytes.equals(everyByte)).toBe(true);
    },
  );

  it("arrives whole when it was cut into odd pieces", async () => {
    const { bytes } = await received((_, response) => {
      response.writeHead(200);
      for (let n = 0; n < everyByte.length; n += 97) response.write(everyByte.subarray(n, n + 97));
      response.end();
    });
    expect(bytes.equals(everyByte)).toBe(true);
  });

  it("keeps its length where the origin stated one", async () => {
    const { reply } = await received(says({ "content-length": "3" }, "abc"));
    expect(reply.headers["content-length"]).toBe("3");
    expect(reply.headers).not.toHaveProperty("transfer-encoding");
  });
});

describe("an origin of another kind", () => {
  const prices = { "GET /v1/*": 1 } as unknown as Config["prices"];
  const HELLO = "Content-Length: 5\r\n\r\nhello";
  let raw: RawOrigin;
  let before: TestGate;
  beforeAll(async () => {
    raw = await startRawOrigin();
    before = await startGate({ origin: raw, config: { prices } });
  });
  afterAll(async () => {
    await before.close();
    await raw.close();
  });

  it.each([
    ["speaks HTTP/1.0 and hangs up at the end", "HTTP/1.0 200 OK\r\n\r\nhello"],
    [
      "sends length and chunks at once",
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ["says its status in Latin-1", `HTTP/1.1 200 \u00d8k\r\n${HELLO}`],
    ["says its status without words", `HTTP/1.1 200\r\n${HELLO}`],
    ["hides a second answer behind the first", `HTTP/1.1 200 OK\r\n${HELLO}HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\n\r\n`],
  ])("is charged once when it %s", async (what, bytes) => {
    const account = `kind-${what.replaceAll(/\W/g, "-")}`;
    raw.says = bytes;
    await before.grant(account, 10);
    const { reply, ...seen } = await before.see(account, "/v1/x", { token: await before.token(account) });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(reply.body).toBe("hello");
    expect(reply.headers).not.toHaveProperty("x-smuggled");
  });

  it("is reached through a service binding", async () => {
    const { origin } = gate;
    const bound = await startGate({
      origin,
      config: { prices, origin: { binding: "ORIGIN" } },
      worker: { serviceBindings: { ORIGIN: { external: { address: `127.0.0.1:${origin.port}`, http: {} } } } },
    });
    await bound.grant("bound", 10);
    const { reply, ...seen } = await bound.see("bound", "/v1/x?a=b", { token: await bound.token("bound") });
    await bound.close();
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(origin.hits.at(-1)).toMatchObject({ method: "GET", url: "/v1/x?a=b" });
    expect(reply.body).toBe("ok");
  });

  it("is the zone's own when the gate sits on a route", async () => {
    const { origin } = gate;
    const routed = await startGate({ origin, config: { prices, origin: "route" } });
    // The name the caller uses is the zone's: here it leads to the origin, as DNS would for the zone.
    const headers = { host: `127.0.0.1:${origin.port}` };
    await routed.grant("routed", 10);
    const minted = await routed.call("/_farebox/accounts/routed/tokens", {
      method: "POST",
      token: routed.adminToken,
      headers,
    });
    const { reply, ...seen } = await routed.see("routed", "/v1/x?a=b", { token: minted.json().token, headers });
    await routed.close();
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
    expect(origin.hits.at(-1)).toMatchObject({ method: "GET", url: "/v1/x?a=b" });
    expect(reply.body).toBe("ok");
  });
});
