/** That a call costs the price of what the origin serves for it, however path, method and host are dressed up. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDenial, FREE, paid } from "../support/columns.ts";
import { PRICES, startGate, type TestGate } from "../support/gate.ts";
import { startOrigin, type RecordingOrigin } from "../support/origin.ts";

let origin: RecordingOrigin;
let gate: TestGate;
/** Cheap folders everywhere, and what is not listed is free: where a wrong reading of a path would pay. */
let generous: TestGate;
const tokens = new Map<TestGate, string>();
beforeAll(async () => {
  origin = await startOrigin();
  gate = await startGate({ origin });
  const folders = { ...PRICES, "GET /v1/files/*": 1, "GET /v2/:a/:b/:c": 1, "GET /": 1 } as unknown as typeof PRICES;
  const publicUrl = "https://api.example.com";
  generous = await startGate({ origin, config: { prices: folders, unlisted: "free", publicUrl } });
  for (const each of [gate, generous]) {
    await each.grant("priced", 1_000_000);
    tokens.set(each, await each.token("priced"));
  }
});
afterAll(async () => {
  await Promise.all([gate.close(), generous.close()]);
  await origin.close();
});

const tokenAt = (at: TestGate): string => tokens.get(at) ?? "";

describe("a call", () => {
  it.each([
    ["GET", "/v1/cheap", 1],
    ["GET", "/v1/expensive", 100],
    ["HEAD", "/v1/expensive", 100],
    ["POST", "/v1/expensive", 100],
    ["GET", "/v1/items/7", 5],
    ["HEAD", "/v1/items/7", 5],
    ["GET", "/v1/items/expensive", 5],
    ["GET", "/v1/items/%C3%A9", 5],
    ["GET", "/v1/items/a%20b", 5],
    ["GET", "/v1/items/a;b=c", 5],
    ["GET", "/v1/items/A", 5],
    ["GET", "/v1/cheap?", 1],
    ["GET", "/v1/cheap?next=/v1/../expensive&x=%2e%2e//%00", 1],
    ["GET", "/v1/expensive?free=1#", 100],
  ])("%s %s costs %d, and is forwarded as it was sent", async (method, path, credits) => {
    const seen = await gate.see("priced", path, { method, token: tokenAt(gate) });
    expect(seen).toMatchObject(paid(credits));
    expect(seen.reply.headers["credits-charged"]).toBe(String(credits));
    expect(origin.hits.at(-1)).toMatchObject({ method, url: path.replace(/#$/, "") });
  });
});

/** The path a careless origin serves: decoded, case folded, slashes collapsed, dot segments and matrix parameters gone. */
function serves(path: string): string {
  const kept: string[] = [];
  for (const segment of decodeURIComponent(path).toLowerCase().replaceAll("\\", "/").split("/")) {
    const name = segment.replace(/;.*$/s, "").trim();
    if (name === "..") kept.pop();
    else if (name !== "" && name !== ".") kept.push(name.replace(/\.+$/, ""));
  }
  return `/${kept.join("/")}`;
}
const EXPENSIVE = "/v1/expensive";

describe("a path that a careless origin would read as that of an expensive route", () => {
  it.each([
    "/v1/files/..;/expensive",
    "/v1/files/..;a=b/expensive",
    "/v1/files/..%3B/expensive",
    "/v1/files/..%3Ba=b/expensive",
    "/v1/files/..%20/expensive",
    "/v1/files/a/..;/..;/expensive",
    "/v1/files/..;/Expensive;x",
    "/v2/..;/v1/expensive",
    "/unlisted/..;/v1/expensive",
    "/unlisted/..%3B/v1/expensive",
    "/..;/v1/expensive",
    "/.;/v1/expensive",
    "/;/v1/expensive",
    "/v1/.;/expensive",
    "/v1/;a=b/expensive",
    "/v1;a=b/expensive",
    "/v1/%3B/expensive",
    "/v1/%20/expensive",
    "/V1/expensive",
    "/v1/Expensive",
    "/v1/expensive/",
    "/v1/expensive;",
    "/v1/expensive.",
    "/v1/expensive%20",
    "/v1/expensive%3B",
    "/v1/./expensive",
    "/v1/files/../expensive",
    "//v1/expensive",
    "/v1//expensive",
    "/v1%2Fexpensive",
    "/v1%5Cexpensive",
    "/v1/files/..%2Fexpensive",
    "/v1/%65xpensive",
  ])("%s is refused, or costs as much", async (path) => {
    expect(serves(path)).toBe(EXPENSIVE);
    for (const each of [gate, generous]) {
      const { reply, ...seen } = await each.see("priced", path, { token: tokenAt(each) });
      if (reply.status >= 400) expect(seen).toEqual({ status: reply.status, hits: 0, entries: [], delta: 0 });
      else expect(seen).toMatchObject(paid(100));
    }
  });
});

describe("a method", () => {
  it.each([
    ["X-HTTP-Method-Override", "GET"],
    ["X-HTTP-Method", "GET"],
    ["X-Method-Override", "GET"],
    ["X_HTTP_Method_Override", "GET"],
  ])("is what the request line says, whatever %s says, which the origin never sees", async (name, value) => {
    const options = { method: "POST", token: tokenAt(gate), headers: { [name]: value }, body: "_method=GET" };
    expect(await gate.see("priced", "/v1/expensive", options)).toMatchObject(paid(100));
    const names = origin.hits.at(-1)?.headers.map(([header]) => header.replaceAll("_", "-")) ?? [];
    expect(names).not.toContain(name.toLowerCase().replaceAll("_", "-"));
  });

  it.each([
    ["X-Original-URL", "/v1/expensive"],
    ["X-Rewrite-URL", "/v1/expensive"],
    ["X-Override-URL", "/v1/expensive"],
    ["X-Original-URI", "/v1/expensive"],
    ["X-Forwarded-Uri", "/v1/expensive"],
    ["X-Forwarded-Prefix", "/v1/expensive"],
  ])(
    "and a path are what the request line says, whatever %s says, which the origin never sees",
    async (name, value) => {
      const seen = await gate.see("priced", "/v1/cheap", { token: tokenAt(gate), headers: { [name]: value } });
      expect(seen).toMatchObject(paid(1));
      expect(origin.hits.at(-1)?.headers.map(([header]) => header)).not.toContain(name.toLowerCase());
    },
  );
});

describe("a host", () => {
  it.each([{ host: "other.example" }, { "x-forwarded-host": "other.example" }, { forwarded: "host=other.example" }])(
    "of another's in %j changes no price and no destination",
    async (headers) => {
      const options = { token: tokenAt(generous), headers };
      expect(await generous.see("priced", "/v1/expensive", options)).toMatchObject(paid(100));
      expect(new Map(origin.hits.at(-1)?.headers).get("host")).toBe(`127.0.0.1:${origin.port}`);
      const reply = await expectDenial(generous, "priced", "/v1/expensive", { headers }, [402, "payment_required"]);
      expect(reply.json().price).toBe(100);
    },
  );

  // The runtime hands the Worker the path of an absolute-form target, so this is all that can be seen of one.
  it.each(["http://other.example/v1/expensive", "https://other.example/v1/expensive"])(
    "in an absolute-form target neither: %s",
    async (target) => {
      const [hits, before] = [origin.hits.length, await gate.account("priced")];
      const head = `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\n`;
      const answer = await gate.raw(`${head}Authorization: Bearer ${tokenAt(gate)}\r\nConnection: close\r\n\r\n`);
      await gate.settled("priced");
      const served = answer.startsWith("HTTP/1.1 200") ? 1 : 0;
      expect(origin.hits.length - hits).toBe(served);
      expect((await gate.account("priced")).available - before.available).toBe(-100 * served);
      if (served === 1) expect(origin.hits.at(-1)?.url).toBe("/v1/expensive");
    },
  );
});

describe("what is not listed", () => {
  it("is free where the config says so in words, and only there", async () => {
    const seen = await generous.see("priced", "/v1/unlisted", {});
    expect(seen).toMatchObject(FREE);
    expect(seen.reply.headers["credits-charged"]).toBe("0");
    await expectDenial(gate, "priced", "/v1/unlisted", { token: tokenAt(gate) }, [404, "not_for_sale"]);
  });

  it("does not make another method of a priced path's", async () => {
    expect(await generous.see("priced", "/v1/expensive", { method: "HEAD", token: tokenAt(generous) })).toMatchObject(
      paid(100),
    );
    await expectDenial(generous, "priced", "/v1/expensive", { method: "HEAD" }, [402, "payment_required"]);
  });
});
