/** What the origin receives: the caller's request byte for byte, what the gate says of it, and nothing that passes for either. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type CallOptions, type TestGate } from "../support/gate.ts";
import { header, startOrigin, type Hit } from "../support/origin.ts";

const SECRET = "upstream-secret";
const FORGED = "forged";

let gate: TestGate;
let token: string;
beforeAll(async () => {
  const origin = await startOrigin();
  gate = await startGate({
    origin,
    bindings: { ORIGIN_KEY: SECRET },
    config: {
      prices: {
        "GET /v1/*": 1,
        "POST /v1/*": 1,
        "PUT /v1/*": 1,
        "DELETE /v1/*": 1,
        "GET /free": "free",
      } as unknown as Config["prices"],
      origin: {
        url: origin.url,
        insecure: true,
        timeoutSeconds: 2,
        headers: {
          Authorization: { secret: "ORIGIN_KEY", prefix: "Bearer " },
          "X-Api-Key": { secret: "ORIGIN_KEY" },
          "X-Tier": "gold",
        },
      },
    },
  });
  await gate.grant("sender", 1_000_000);
  token = await gate.token("sender");
});
afterAll(async () => {
  await gate.close();
  await gate.origin.close();
});

/** Makes one paid call and gives back what the origin got. */
async function sent(path: string, options: CallOptions = {}): Promise<Hit | undefined> {
  const { reply: _, ...seen } = await gate.see("sender", path, { token, ...options });
  expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
  return gate.origin.hits.at(-1);
}

/** The same over a socket, for what an HTTP library would not send. */
async function sentRaw(request: string, headers: string, body = ""): Promise<{ answer: string; hits: readonly Hit[] }> {
  const before = gate.origin.hits.length;
  const head = `${request} HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nAuthorization: Bearer ${token}\r\n${headers}Connection: close\r\n\r\n`;
  const answer = await gate.raw(head + body);
  return { answer, hits: gate.origin.hits.slice(before) };
}

describe("what is the gate's to say", () => {
  // oxfmt-ignore
  const names = [
    "farebox-account", "farebox-credits", "farebox-request-id", "farebox-plan", "payment-context", "payment-signature",
    "payment-response", "payment-required", "x-payment", "x-payment-response", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-uri", "forwarded", "x-real-ip",
    "true-client-ip", "x-client-ip", "x-cluster-client-ip", "cf-access-jwt-assertion", "cf-ipcountry", "cf-worker",
    "proxy-authorization", "proxy-connection", "proxy-authenticate", "x-http-method", "x-http-method-override",
    "x-method-override", "x-original-url", "x-rewrite-url", "x-original-uri", "x-override-url", "x-internal-user",
    "x-middleware-subrequest", "proxy", "client-ip", "x-forwarded", "forwarded-for", "x-originating-ip", "x-host",
    "x-original-host", "x-http-host-override", "x-http-verb", "x-original-method", "client-cert", "client-cert-chain",
    "remote-user", "x-remote-user", "x-farebox-account", "settlement-overrides", "http2-settings",
  ];
  // oxfmt-ignore
  const ours = ["farebox-account", "farebox-credits", "farebox-request-id", "payment-context", "x-forwarded-host", "x-forwarded-proto"];

  it.each(names)("takes no %s from the caller, in any spelling", async (name) => {
    const underscored = name.replaceAll("-", "_");
    const spellings = [name.toUpperCase(), underscored, underscored.replace("_", "-")];
    const hit = await sent("/v1/x", { headers: Object.fromEntries(spellings.map((spelling) => [spelling, FORGED])) });
    expect(hit?.headers.filter(([, value]) => value.includes(FORGED))).toEqual([]);
    // Ours is there all the same, once.
    if (ours.includes(name)) expect(header(hit, name)).toBeTypeOf("string");
  });

  it.each(["farebox.account", "payment.context", "x.forwarded.for"])(
    "takes no %s from the caller: PHP reads a dot in a name as an underscore",
    async (name) => {
      const hit = await sent("/v1/x", { headers: { [name]: FORGED } });
      expect(hit?.headers.filter(([, value]) => value === FORGED)).toEqual([]);
    },
  );

  it("takes no hop-by-hop header from the caller, nor one that Connection names", async () => {
    const { hits } = await sentRaw(
      "GET /v1/x",
      "TE: trailers\r\nTrailer: X-A\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nProxy-Connection: keep-alive\r\n" +
        "X-Drop: 1\r\nX-Keep: 1\r\nConnection: X-Drop , HTTP2-Settings,x-tier, Farebox-Account, PAYMENT-CONTEXT, Via\r\n",
    );
    expect(hits).toHaveLength(1);
    const got = new Set(hits[0]?.headers.map(([name]) => name));
    // oxfmt-ignore
    for (const name of ["te", "trailer", "keep-alive", "upgrade", "http2-settings", "proxy-connection", "x-drop"]) expect(got).not.toContain(name);
    for (const name of ["farebox-account", "payment-context", "x-tier", "via", "x-keep"]) expect(got).toContain(name);
    expect(header(hits[0], "connection") ?? "").not.toMatch(/farebox|payment|x-/i);
  });

  it("says who called, what it costs and which request it is", async () => {
    const { reply } = await gate.see("sender", "/v1/x", { token });
    const hit = gate.origin.hits.at(-1);
    expect(header(hit, "farebox-account")).toBe("sender");
    expect(header(hit, "farebox-credits")).toBe("1");
    expect(header(hit, "farebox-request-id")).toBe(reply.headers["request-id"]);
    expect(header(hit, "x-forwarded-host")).toBe(`127.0.0.1:${gate.port}`);
    expect(header(hit, "x-forwarded-proto")).toBe("http");
    expect(header(hit, "host")).toBe(`127.0.0.1:${gate.origin.port}`);
    expect(header(hit, "via")).toMatch(/^1\.1 farebox-[\w-]{16}$/);
  });

  it("says where the caller is in the edge's words alone", async () => {
    // On Cloudflare the edge sets CF-Connecting-IP; a caller cannot.
    const hit = await sent("/v1/x", {
      headers: { "cf-connecting-ip": "203.0.113.7", "x-forwarded-for": `${FORGED}, 198.51.100.1` },
    });
    expect(header(hit, "x-forwarded-for")).toBe("203.0.113.7");
    expect(header(hit, "cf-connecting-ip")).toBeUndefined();
  });

  it("adds the origin's own credentials", async () => {
    const hit = await sent("/v1/x");
    expect(header(hit, "authorization")).toBe(`Bearer ${SECRET}`);
    expect(header(hit, "x-api-key")).toBe(SECRET);
    expect(header(hit, "x-tier")).toBe("gold");
  });

  it.each(["x-tier", "X-TIER", "x_tier", "X_Tier", "x-api-key", "x_api_key", "x_api-key"])(
    "takes no %s from the caller, which origin.headers sets",
    async (name) => {
      const hit = await sent("/v1/x", { headers: { [name]: FORGED } });
      expect(hit?.headers.filter(([, value]) => value === FORGED)).toEqual([]);
      expect(header(hit, "x-api-key")).toBe(SECRET);
      expect(header(hit, "x-tier")).toBe("gold");
    },
  );

  it.each(["ünï cödé/%", "a b", "100%", "<script>", "x,y", "日本"])(
    "spells the account %s so that a header can carry it",
    async (account) => {
      await gate.grant(account, 10);
      const { reply: _, ...seen } = await gate.see(account, "/v1/x", { token: await gate.token(account) });
      expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -1 });
      const value = header(gate.origin.hits.at(-1), "farebox-account") ?? "";
      expect(value).toMatch(/^[\x21-\x7e]+$/);
      expect(decodeURIComponent(value)).toBe(account);
    },
  );
});

describe("the buyer's token", () => {
  const hidden: [name: string, value: (token: string) => string][] = [
    ["cookie", (value) => `a=b; session=${value}; c=d`],
    ["x-auth-token", (value) => value],
    ["x-authorization", (value) => `Bearer ${value}`],
    ["authorization_", (value) => `Bearer ${value}`],
    ["referer", (value) => `https://app.example/?access_token=${value}`],
    ["sec-websocket-protocol", (value) => `bearer, ${value}`],
    ["x-quoted", (value) => `"${value}"`],
  ];
  it.each(hidden)("does not reach the origin in %s", async (name, write) => {
    const hit = await sent("/v1/x", { headers: { [name]: write(token) } });
    expect(JSON.stringify(hit)).not.toContain(token);
  });

  it.each(["Bearer", "bearer", "BEARER"])("does not reach the origin of a free route as %s", async (scheme) => {
    const headers = { authorization: `${scheme} ${token}`, "x-token": token };
    const { reply: _, ...seen } = await gate.see("sender", "/free", { headers });
    expect(seen).toEqual({ status: 200, hits: 1, entries: [], delta: 0 });
    expect(JSON.stringify(gate.origin.hits.at(-1))).not.toContain(token);
  });

  it("leaves other cookies alone", async () => {
    expect(header(await sent("/v1/x", { headers: { cookie: "a=b; c=d" } }), "cookie")).toBe("a=b; c=d");
  });
});

describe("what is the caller's to say", () => {
  // oxfmt-ignore
  const queries = [
    "?", "??", "?a=1&a=2&&b=", "?a+b=c%20d", "?%zz&%", "?a=%27&b=%2F%2f", "?a=|^`{}[]", "?a=\\b", "?/../x//y", "?a=1;b=2", "?a=%C3%A9%ff", "?access=!$*(),@:~-._",
  ];
  it.each(queries)("forwards the query %s byte for byte", async (query) => {
    const { answer, hits } = await sentRaw(`GET /v1/x${query}`, "");
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(hits.map(({ url }) => url)).toEqual([`/v1/x${query}`]);
  });

  it("forwards an apostrophe as %27, as a browser would have sent it: the platform parses what it fetches", async () => {
    const { hits } = await sentRaw("GET /v1/x?$filter=name%20eq%20'b'", "");
    expect(hits.map(({ url }) => url)).toEqual(["/v1/x?$filter=name%20eq%20%27b%27"]);
  });

  it("forwards headers that mean nothing to it, as they are", async () => {
    const headers = {
      accept: "application/json;q=0.9, */*;q=0.1",
      "accept-encoding": "gzip;q=0.5",
      "accept-language": "de",
      "content-type": "application/json; charset=utf-8",
      "user-agent": "curl/8",
      "x-anything": "a, b",
      x_under_score: "c",
      "x-long": "y".repeat(8192),
    };
    const hit = await sent("/v1/x", { method: "POST", headers, body: "{}" });
    for (const [name, value] of Object.entries(headers)) expect(header(hit, name)).toBe(value);
  });

  it.each([
    ["UTF-8", "caf\u00c3\u00a9 \u00e2\u0082\u00ac"],
    ["Latin-1", "caf\u00e9"],
  ])("forwards a %s header value whole, or refuses it", async (_, value) => {
    const { answer, hits } = await sentRaw("GET /v1/x", `X-Name: ${value}\r\n`);
    if (hits.length === 0) expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    else expect(header(hits[0], "x-name")).toBe(value);
  });

  it("adds no Accept-Encoding for a caller that sent none", async () => {
    expect(header(await sent("/v1/x"), "accept-encoding")).toBeUndefined();
  });

  it.each(["GET", "HEAD"])("refuses a %s with a body, before it is paid for", async (method) => {
    for (const framing of ["Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"]) {
      const before = await gate.account("sender");
      const { answer, hits } = await sentRaw(
        `${method} /v1/x`,
        framing,
        framing.startsWith("C") ? "hi" : "2\r\nhi\r\n0\r\n\r\n",
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(hits).toEqual([]);
      expect(await gate.account("sender")).toMatchObject({ available: before.available, held: 0 });
    }
  });

  it("takes a GET that says its body is empty", async () => {
    const hit = await sent("/v1/x", { headers: { "content-length": "0" } });
    expect(hit).toMatchObject({ method: "GET", body: "" });
  });
});
