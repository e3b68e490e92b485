/** What a caller sees when the origin leads back to the gate: one refusal, no endless round, no charge. */
import { request as httpRequest } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { startGate, type TestGate } from "../support/gate.ts";
import { header, ok, startOrigin, type Answer, type RecordingOrigin } from "../support/origin.ts";

const prices = {
  "GET /v1/expensive": 100,
  "POST /v1/expensive": 100,
  "GET /v1/free": "free",
} as unknown as Config["prices"];

describe("508, the origin is the gate", () => {
  let gate: TestGate;
  let origin: RecordingOrigin;
  beforeAll(async () => {
    const port = await freePort();
    origin = await startOrigin();
    gate = await startGate({
      origin,
      config: {
        prices,
        publicUrl: "https://api.example.com",
        origin: { url: `http://127.0.0.1:${port}`, insecure: true },
      },
      worker: { unsafeDirectSockets: [{ host: "127.0.0.1", port }] },
    });
  });
  afterAll(async () => {
    await gate.close();
    await origin.close();
  });

  it.each(["/v1/expensive", "/v1/free"])("refuses %s before a hold", async (path) => {
    await gate.grant("same-host", 500);
    const token = await gate.token("same-host");
    const { reply, ...seen } = await gate.see("same-host", path, { token });
    expect(seen).toEqual({ status: 508, hits: 0, entries: [], delta: 0 });
    expect(reply.json()).toMatchObject({ code: "loop_detected", status: 508, retryable: false });
    expect(reply.headers["cache-control"]).toBe("private, no-store");
  });

  it.each([
    ["/v1/expensive", ["hold", "void"]],
    ["/v1/free", []],
  ])("charges nothing for %s when only the second round shows the loop", async (path, entries) => {
    await gate.grant("other-host", 500);
    const token = await gate.token("other-host");
    // By this name the gate cannot know that its origin's address is its own.
    const headers = { host: `localhost:${gate.port}` };
    const { reply, ...seen } = await gate.see("other-host", path, { token, headers });
    expect(seen).toEqual({ status: 508, hits: 0, entries, delta: 0 });
    expect(reply.headers["credits-charged"]).toBe("0");
    expect(reply.json()).toMatchObject({ code: "loop_detected" });
  });
});

describe("508, the origin is a proxy that leads to the gate", () => {
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startGate({ config: { prices } });
  });
  afterAll(async () => gate.close());

  it.each([
    ["GET", "/v1/expensive", ["hold", "void"]],
    ["POST", "/v1/expensive", ["hold", "void"]],
    ["GET", "/v1/free", []],
  ])("charges nothing for %s %s, and goes round once", async (method, path, entries) => {
    const account = `proxied-${method}${path.replaceAll("/", "-")}`;
    await gate.grant(account, 500);
    gate.origin.answer = proxyTo(gate, () => false);
    const token = await gate.token(account);
    const { reply, ...seen } = await gate.see(account, path, {
      method,
      token,
      ...(method === "POST" ? { body: "x" } : {}),
    });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 508, hits: 1, entries, delta: 0 });
    expect(reply.headers["credits-charged"]).toBe("0");
    expect(reply.json()).toMatchObject({ code: "loop_detected" });
  });

  it("ends the round of a proxy that hides it, because the second time nobody pays", async () => {
    await gate.grant("hidden", 500);
    gate.origin.answer = proxyTo(gate, (name) => name === "via");
    const { reply, ...seen } = await gate.see("hidden", "/v1/expensive", { token: await gate.token("hidden") });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 502, hits: 1, entries: ["hold", "void"], delta: 0 });
    expect(reply.json()).toMatchObject({ code: "origin_payment_required" });
  });

  it("goes by its own name in Via, not by another gate's", async () => {
    await gate.grant("chained", 500);
    const via = "1.1 farebox-0123456789abcdef, 1.0 fred";
    const { reply: _, ...seen } = await gate.see("chained", "/v1/expensive", {
      token: await gate.token("chained"),
      headers: { via },
    });
    expect(seen).toEqual({ status: 200, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(header(gate.origin.hits.at(-1), "via")).toMatch(
      /^1\.1 farebox-0123456789abcdef, 1\.0 fred, 1\.1 farebox-[\w-]{16}$/,
    );
  });
});

/** An answer that is whatever the gate answers to the same request, less the headers to drop. */
function proxyTo(gate: TestGate, drop: (name: string) => boolean): Answer {
  return async (request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !drop(name)));
    headers["host"] = `127.0.0.1:${gate.port}`;
    const onward = httpRequest({
      host: "127.0.0.1",
      port: gate.port,
      method: request.method,
      path: request.url,
      headers,
      agent: false,
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
