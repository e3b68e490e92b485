/** A WebSocket on a route that sells one: charged once, when the origin accepts it, whatever is said on it afterwards. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { header, ok, type Hit, type RecordingOrigin } from "../support/origin.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What the origin does with an upgrade: take it and echo, answer with a status, or nothing. */
type Manners = "echo" | "silent" | number;
type SocketOrigin = RecordingOrigin & { manners: Manners; readonly sockets: Socket[] };

let gate: TestGate;
let origin: SocketOrigin;
beforeAll(async () => {
  origin = await startSocketOrigin();
  const prices = {
    "GET /v1/socket": { credits: 100, upgrade: true, timeoutSeconds: 1 },
    "GET /v1/scoped": { credits: 100, upgrade: true, scope: "live" },
    "GET /v1/plain": 100,
  } as unknown as Config["prices"];
  gate = await startGate({ origin, config: { prices, chargeOn: "2xx-3xx" } });
});
afterEach(() => {
  origin.manners = "echo";
});
afterAll(async () => {
  await gate.close();
  await origin.close();
});

describe("an upgrade that is sold", () => {
  it("opens a socket both can talk on, charges it once, and says so in the 101", async () => {
    await gate.grant("talks", 500);
    const { response, socket } = await open("/v1/socket", await gate.token("talks"));
    expect(response.statusCode).toBe(101);
    expect(response.headers).toMatchObject({ "credits-charged": "100", "credits-remaining": "400" });
    expect(response.headers["sec-websocket-accept"]).toBe(acceptOf(KEY));
    expect(response.headers["request-id"]).toMatch(/^req_/);
    for (const text of ["one", "two", "ü€😀", "x".repeat(200)]) {
      const echoed = readText(socket);
      socket.write(frame(text));
      expect(await echoed).toBe(`echo ${text}`);
    }
    socket.destroy();
    await gate.settled("talks");
    await sleep(100);
    expect((await gate.entries("talks")).map(({ kind }) => kind)).toEqual(["grant", "hold", "capture"]);
    expect(await gate.account("talks")).toMatchObject({ available: 400, held: 0, captured: 100 });
  });

  it("tells the origin who calls, as with any other call, and shows it no token", async () => {
    await gate.grant("known", 500);
    const token = await gate.token("known");
    const headers = {
      "sec-websocket-protocol": `chat, ${token}`,
      "farebox-account": "victim",
      payment_context: "forged",
    };
    const { socket } = await open("/v1/socket?room=1", token, headers);
    socket.destroy();
    const hit = origin.hits.at(-1);
    expect(hit?.url).toBe("/v1/socket?room=1");
    expect(header(hit, "farebox-account")).toBe("known");
    expect(header(hit, "farebox-credits")).toBe("100");
    expect(header(hit, "payment-context")).toMatch(/^ey/);
    expect(header(hit, "upgrade")?.toLowerCase()).toBe("websocket");
    expect(header(hit, "sec-websocket-version")).toBe("13");
    expect(JSON.stringify(hit)).not.toContain(token);
    expect(JSON.stringify(hit)).not.toMatch(/victim|forged/);
    await gate.settled("known");
    expect(await gate.account("known")).toMatchObject({ available: 400, captured: 100 });
  });

  it("passes the end of either side on to the other", async () => {
    await gate.grant("ends", 500);
    const token = await gate.token("ends");
    const first = await open("/v1/socket", token);
    const originEnded = closeOf(origin.sockets.at(-1));
    first.socket.destroy();
    await originEnded;
    const second = await open("/v1/socket", token);
    const callerEnded = closeOf(second.socket);
    origin.sockets.at(-1)?.destroy();
    await callerEnded;
    await gate.settled("ends");
    expect(await gate.account("ends")).toMatchObject({ available: 300, held: 0, captured: 200 });
  });

  it.each([
    [200, -100, "capture", 200],
    [426, 0, "void", 426],
    [403, 0, "void", 403],
    [500, 0, "void", 500],
    [401, 0, "void", 502],
  ])("costs what any other answer costs when the origin says %i instead", async (said, delta, end, wanted) => {
    const account = `declined-${said}`;
    await gate.grant(account, 500);
    origin.manners = said;
    const before = origin.hits.length;
    const { response } = await open("/v1/socket", await gate.token(account));
    await gate.settled(account);
    expect(response.statusCode).toBe(wanted);
    expect(response.headers["credits-charged"]).toBe(String(-delta));
    expect(origin.hits.length - before).toBe(1);
    expect((await gate.entries(account)).map(({ kind }) => kind)).toEqual(["grant", "hold", end]);
    expect(await gate.account(account)).toMatchObject({ available: 500 + delta, held: 0 });
  });

  it("costs nothing when the origin never answers", async () => {
    await gate.grant("silent", 500);
    origin.manners = "silent";
    const { response } = await open("/v1/socket", await gate.token("silent"));
    await gate.settled("silent");
    expect(response.statusCode).toBe(504);
    expect((await gate.entries("silent")).map(({ kind }) => kind)).toEqual(["grant", "hold", "void"]);
  });

  it("serves the same route as a plain GET, at the same price", async () => {
    await gate.grant("plain", 500);
    const { reply: _, ...seen } = await gate.see("plain", "/v1/socket", { token: await gate.token("plain") });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(header(origin.hits.at(-1), "upgrade")).toBeUndefined();
  });

  it("opens exactly as many sockets as are paid for", async () => {
    await gate.grant("crowd", 300);
    const token = await gate.token("crowd");
    const opened = await Promise.all(Array.from({ length: 8 }, async () => open("/v1/socket", token)));
    const statuses = opened.map(({ response }) => String(response.statusCode)).sort();
    for (const { socket } of opened) socket.destroy();
    await gate.settled("crowd");
    expect(statuses).toEqual(["101", "101", "101", "402", "402", "402", "402", "402"]);
    expect(await gate.account("crowd")).toMatchObject({ available: 0, held: 0, captured: 300 });
  });
});

describe("an upgrade that is not paid for", () => {
  it.each([
    ["no token", "/v1/socket", async () => undefined, 402],
    ["a token in the protocol only", "/v1/socket", async () => undefined, 402],
    ["too few credits", "/v1/socket", async () => gate.token("nobody"), 402],
    ["a token nobody signed", "/v1/socket", async () => "a.b.c", 401],
    ["a token without the scope", "/v1/scoped", async () => gate.token("nobody"), 403],
    ["a route that sells none", "/v1/plain", async () => gate.token("nobody"), 501],
  ])("is refused, with %s, before the origin hears of it", async (what, path, getToken, wanted) => {
    const before = origin.hits.length;
    const headers = what.includes("protocol")
      ? { "sec-websocket-protocol": `bearer, ${await gate.token("nobody")}` }
      : {};
    const { response } = await open(path, await getToken(), headers);
    expect(response.statusCode).toBe(wanted);
    expect(response.headers["cache-control"]).toBe("private, no-store");
    expect(origin.hits.length - before).toBe(0);
    expect(await gate.entries("nobody")).toEqual([]);
  });
});

type Opened = { readonly response: IncomingMessage; readonly socket: Socket };

/** Asks for a WebSocket (RFC 6455 section 4.1). An answer other than 101 is an answer too. */
async function open(path: string, token: string | undefined, more: Record<string, string> = {}): Promise<Opened> {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": KEY,
    "sec-websocket-version": "13",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...more,
  };
  const request = httpRequest({ host: "127.0.0.1", port: gate.port, path, headers, agent: false }).end();
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("upgrade", (response, socket: Socket) => {
      socket.on("error", () => undefined);
      resolve({ response, socket });
    });
    request.on("response", (response) => {
      const { socket } = response;
      response.resume().on("end", () => {
        resolve({ response, socket });
      });
    });
  });
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

async function closeOf(socket: Socket | undefined): Promise<void> {
  if (!socket || socket.destroyed) return;
  // An end without a close frame is an end too.
  await new Promise((resolve) => socket.once("close", resolve).once("end", resolve).resume());
}

/** One text frame (RFC 6455 section 5.2) of less than 64 KiB; a caller's is masked, here with zeros. */
function frame(text: string, masked = true): Buffer {
  const payload = Buffer.from(text);
  const mask = masked ? 0x80 : 0;
  const length =
    payload.length < 126
      ? Buffer.from([mask | payload.length])
      : Buffer.from([mask | 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** The text of a frame that came in one piece; undefined for another kind of frame. */
function parseFrame(bytes: Buffer): string | undefined {
  if (bytes[0] !== 0x81) return undefined;
  const second = bytes[1] ?? 0;
  const long = (second & 127) === 126;
  const start = long ? 4 : 2;
  const length = long ? bytes.readUInt16BE(2) : second & 127;
  const masked = second >= 128;
  const mask = masked ? bytes.subarray(start, start + 4) : Buffer.alloc(4);
  const payload = bytes.subarray(start + (masked ? 4 : 0)).subarray(0, length);
  return Buffer.from(payload.map((byte, n) => byte ^ (mask[n % 4] ?? 0))).toString();
}

async function readText(socket: Socket): Promise<string | undefined> {
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return parseFrame(bytes);
}

async function startSocketOrigin(): Promise<SocketOrigin> {
  const hits: Hit[] = [];
  const note = ({ method = "", url = "", rawHeaders }: IncomingMessage): void => {
    const headers = rawHeaders.flatMap((name, n) =>
      n % 2 === 0 ? [[name.toLowerCase(), rawHeaders[n + 1] ?? ""] as const] : [],
    );
    hits.push({ method, url, headers, body: "" });
  };
  const server = createServer((request, response) => {
    note(request);
    response.end("plain");
  });
  server.on("upgrade", (request, socket: Socket) => {
    note(request);
    socket.on("error", () => undefined);
    started.sockets.push(socket);
    if (started.manners === "silent") return;
    if (started.manners !== "echo") {
      socket.end(`HTTP/1.1 ${started.manners} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    const accept = acceptOf(request.headers["sec-websocket-key"] ?? "");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("data", (bytes) => {
      const text = parseFrame(bytes);
      if (text !== undefined) socket.write(frame(`echo ${text}`, false));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const started: SocketOrigin = {
    url: `http://127.0.0.1:${port}`,
    port,
    hits,
    answer: ok,
    manners: "echo",
    sockets: [],
    close: async () => {
      for (const socket of started.sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return started;
}
