/** What a caller sees when the origin sends it elsewhere: a 3xx is an answer, and costs what an answer costs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGate, type TestGate } from "../support/gate.ts";
import { header, ok, startOrigin, status, type RecordingOrigin } from "../support/origin.ts";

let gate: TestGate;
let elsewhere: RecordingOrigin;
beforeAll(async () => {
  [gate, elsewhere] = await Promise.all([startGate(), startOrigin()]);
});
afterAll(async () => Promise.all([gate.close(), elsewhere.close()]));

describe("304", () => {
  it("charges a validated answer and keeps its validator", async () => {
    await gate.grant("validates", 500);
    gate.origin.answer = status(304, { etag: '"v1"' });
    const { reply, ...seen } = await gate.see("validates", "/v1/expensive", {
      token: await gate.token("validates"),
      headers: { "if-none-match": '"v1"', "if-modified-since": "Mon, 23 Nov 2026 00:00:00 GMT" },
    });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: 304, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers).toMatchObject({
      etag: '"v1"',
      "credits-charged": "100",
      "cache-control": "private, no-store",
    });
    expect(reply.body).toBe("");
    const hit = gate.origin.hits.at(-1);
    expect(header(hit, "if-none-match")).toBe('"v1"');
    expect(header(hit, "if-modified-since")).toBe("Mon, 23 Nov 2026 00:00:00 GMT");
  });

  it("never turns a validation into a free answer", async () => {
    await gate.grant("asks-often", 300);
    const token = await gate.token("asks-often");
    gate.origin.answer = (request, response) => {
      response.writeHead(request.headers["if-none-match"] === '"v1"' ? 304 : 200, { etag: '"v1"' }).end();
    };
    const headers = { "if-none-match": '"v1"' };
    const statuses: number[] = [];
    const deltas: number[] = [];
    for (const more of [{}, { headers }, { headers }, { headers }, {}]) {
      const seen = await gate.see("asks-often", "/v1/expensive", { token, ...more });
      statuses.push(seen.status);
      deltas.push(seen.delta);
    }
    gate.origin.answer = ok;
    expect(statuses).toEqual([200, 304, 304, 402, 402]);
    expect(deltas).toEqual([-100, -100, -100, 0, 0]);
  });
});

describe("3xx", () => {
  it.each([300, 301, 302, 303, 307, 308])("hands a %i to the caller, charged, and does not follow it", async (code) => {
    const account = `moved-${code}`;
    await gate.grant(account, 500);
    const location = `${elsewhere.url}/v1/other?a=b`;
    gate.origin.answer = status(code, { location }, "moved");
    const { reply, ...seen } = await gate.see(account, "/v1/expensive", { token: await gate.token(account) });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(reply.headers.location).toBe(location);
    expect(reply.body).toBe("moved");
    expect(elsewhere.hits).toEqual([]);
  });

  it.each([307, 308])("does not send a POST's body after a %i", async (code) => {
    const account = `moved-post-${code}`;
    await gate.grant(account, 500);
    gate.origin.answer = status(code, { location: `${elsewhere.url}/v1/other` });
    const token = await gate.token(account);
    const { reply: _, ...seen } = await gate.see(account, "/v1/expensive", { method: "POST", token, body: "private" });
    gate.origin.answer = ok;
    expect(seen).toEqual({ status: code, hits: 1, entries: ["hold", "capture"], delta: -100 });
    expect(elsewhere.hits).toEqual([]);
  });

  describe("when the origin redirects to itself", () => {
    // What the origin says, and where the caller must end up. {origin} and {gate} are their addresses.
    it.each([
      ["http://{origin}/v1/next?a=b#c", "http://{gate}/v1/next?a=b#c"],
      ["http://{origin}", "http://{gate}"],
      ["http://{origin}?a=b", "http://{gate}?a=b"],
      ["//{origin}/v1/next", "http://{gate}/v1/next"],
      ["HTTP://{origin}/v1/next", "http://{gate}/v1/next"],
      ["https://{origin}/v1/next", "http://{gate}/v1/next"],
    ])("sends the caller on to the gate and not around it: %s", async (said, wanted) => {
      expect(hrefOf(await locationOf(said))).toBe(hrefOf(wanted));
    });

    it.each(["/v1/next", "next?x", "http://{origin}0/v1/next", "https://elsewhere.example/?u=http://{origin}/"])(
      "leaves a redirect alone that does not name it: %s",
      async (said) => {
        expect(await locationOf(said)).toBe(said);
      },
    );
  });
});

async function locationOf(said: string): Promise<string | undefined> {
  const address = `127.0.0.1:${gate.origin.port}`;
  await gate.grant("redirected", 5);
  gate.origin.answer = status(302, { location: said.replaceAll("{origin}", address) });
  const token = await gate.token("redirected");
  const { reply, ...seen } = await gate.see("redirected", "/v1/items/1", { token });
  gate.origin.answer = ok;
  expect(seen).toEqual({ status: 302, hits: 1, entries: ["hold", "capture"], delta: -5 });
  return reply.headers.location?.replaceAll(address, "{origin}").replaceAll(`127.0.0.1:${gate.port}`, "{gate}");
}

/** An address in one spelling: "http://a" and "http://a/" are the same. */
function hrefOf(location: string | undefined): string {
  return new URL((location ?? "").replaceAll(/\{(\w+)\}/g, "$1.example")).href;
}
