/** Method and path to one price: the most specific route wins, what has no price is not sold, and doubt is refused. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matches, parsePattern, type Pattern } from "../../src/gate/pattern.ts";
import {
  buildPriceList,
  parseRouteId,
  pricedMethod,
  type PricedMethod,
  type PriceList,
  type Route,
} from "../../src/gate/price.ts";
import { routeOf } from "./routes.ts";

function listOf(prices: Readonly<Record<string, number>>, unlisted?: Route): PriceList {
  return buildPriceList(
    Object.entries(prices).map(([id, price]) => routeOf(id, price)),
    unlisted,
  );
}

/** The route's id, or the kind of refusal. */
function found(list: PriceList, path: string, method: PricedMethod = "GET"): string {
  const route = list.find(method, path);
  return "kind" in route ? route.kind : route.id;
}

const SHOP = listOf({
  "GET /v1/cheap": 1,
  "GET /v1/expensive": 100,
  "POST /v1/expensive": 200,
  "GET /v1/items": 2,
  "GET /v1/items/:id": 5,
  "GET /v1/items/:id{[0-9]+}": 6,
  "GET /v1/items/:id/parts": 7,
  "GET /v1/items/:id/parts/:part?": 8,
  "GET /v1/files/*": 9,
  "GET /v1/files/readme": 10,
  "DELETE /v1/files/*": 11,
  "GET /": 12,
});

describe("the price list", () => {
  it.each([
    ["/v1/cheap", "GET /v1/cheap"],
    ["/v1/items", "GET /v1/items"],
    ["/v1/items/abc", "GET /v1/items/:id"],
    ["/v1/items/123", "GET /v1/items/:id{[0-9]+}"],
    ["/v1/items/123/parts/x", "GET /v1/items/:id/parts/:part?"],
    ["/v1/files/readme", "GET /v1/files/readme"],
    ["/v1/files/a/b/c", "GET /v1/files/*"],
    ["/v1/files", "GET /v1/files/*"],
    ["/v1/files/", "GET /v1/files/*"],
    ["/", "GET /"],
  ])("finds for %s the most specific route, %s", (path, id) => {
    expect(found(SHOP, path)).toBe(id);
  });

  it.each(["/v1", "/v1/cheap/x", "/v1/cheaper", "/v1/items/a/b", "/v2/cheap", "/v1/cheap;x=1/y", "/favicon.ico"])(
    "does not sell %s, which has no price",
    (path) => {
      expect(found(SHOP, path)).toBe("not_for_sale");
    },
  );

  it("names the methods a path is sold under when it is not sold under this one", () => {
    expect(SHOP.find("PUT", "/v1/expensive")).toEqual({ kind: "not_for_sale", soldMethods: ["GET", "POST"] });
    expect(SHOP.find("POST", "/v1/files/a")).toEqual({ kind: "not_for_sale", soldMethods: ["GET", "DELETE"] });
    expect(SHOP.find("GET", "/nowhere")).toEqual({ kind: "not_for_sale", soldMethods: [] });
  });

  it("prices methods apart", () => {
    expect(SHOP.find("POST", "/v1/expensive")).toMatchObject({ credits: 200 });
    expect(SHOP.find("GET", "/v1/expensive")).toMatchObject({ credits: 100 });
  });

  it("sells what it does not list only where the config says at what price, and never a listed route for that", () => {
    const prices = { "GET /v1/expensive": 100 };
    expect(found(listOf(prices), "/other")).toBe("not_for_sale");
    expect(found(listOf(prices, routeOf("*", 3)), "/other")).toBe("*");
    expect(found(listOf(prices, routeOf("*", 3)), "/other", "DELETE")).toBe("*");
    expect(found(listOf(prices, routeOf("*", 3)), "/v1/expensive")).toBe("GET /v1/expensive");
  });

  it("charges the longer of two wildcards where both match", () => {
    expect(SHOP.routes.length).toBe(12);
    for (const ids of [
      ["GET /v1/*", "GET /v1/*/*"],
      ["GET /v1/*/*", "GET /v1/*"],
    ]) {
      const list = listOf(Object.fromEntries(ids.map((id) => [id, id === "GET /v1/*/*" ? 100 : 1])));
      expect(found(list, "/v1/a/b")).toBe("GET /v1/*/*");
      expect(found(list, "/v1")).toBe("GET /v1/*");
    }
  });

  it.each([
    ["/v1/Cheap", "another case"],
    ["/v1/cheap/", "a trailing slash"],
    ["/v1/cheap;x", "a matrix parameter"],
    ["/v1/cheap.", "a trailing dot"],
    ["/v1/cheap%20", "a trailing blank"],
    ["/V1/items/9", "a number an origin would take for one in another case"],
  ])("refuses %s, %s, rather than guess what an origin makes of it", (path) => {
    expect(found(SHOP, path)).toBe("ambiguous");
  });

  it("names the route an ambiguous path could be taken for", () => {
    expect(SHOP.find("GET", "/v1/Expensive")).toEqual({ kind: "ambiguous", other: "GET /v1/expensive" });
  });

  it("does not refuse another spelling that is the same route either way", () => {
    expect(found(SHOP, "/v1/items/ABC")).toBe("GET /v1/items/:id");
    expect(found(SHOP, "/v1/files/A.;B/")).toBe("GET /v1/files/*");
  });

  it("picks the same route whatever the order of the config", () => {
    const segments = ["a", "b", ":x", ":n{[0-9]+}", "*"];
    const pattern = fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 });
    const spelled = pattern.map((parts) => `GET /${parts.map((part, n) => part.replace(/^:\w/, `:p${n}`)).join("/")}`);
    const path = fc.array(fc.constantFrom("a", "b", "c", "1"), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(spelled, { minLength: 2, maxLength: 6 }), path, (ids, parts) => {
        const forward = listOf(Object.fromEntries(ids.map((id) => [id, 1])));
        const backward = listOf(Object.fromEntries(ids.toReversed().map((id) => [id, 1])));
        const wanted = bestOf(ids, parts);
        expect([found(forward, `/${parts.join("/")}`), found(backward, `/${parts.join("/")}`)]).toEqual([
          wanted,
          wanted,
        ]);
      }),
      { numRuns: 5_000 },
    );
  });
});

/** A key that sorts routes from the most specific on. */
function rankOf(id: string): string {
  const parts = id.slice("GET /".length).split("/");
  const ranks = parts.map((part, n) => {
    if (part === "*") return n === parts.length - 1 ? "5" : "3";
    if (!part.startsWith(":")) return "0";
    return part.includes("{") ? "1" : "2";
  });
  return `${ranks.join("")}4`;
}

/** The rule in pattern.ts, another way: of the routes that match, the first in the order of their segments' ranks. */
function bestOf(ids: readonly string[], segments: readonly string[]): string {
  const matching = ids.filter((id) => {
    const [pattern] = parsePattern(id.slice("GET ".length)) as readonly Pattern[];
    return pattern !== undefined && matches(pattern, segments, false);
  });
  return matching.toSorted((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1))[0] ?? "not_for_sale";
}

describe("a method", () => {
  it.each([
    ["GET", "GET"],
    ["HEAD", "GET"],
    ["POST", "POST"],
    ["PUT", "PUT"],
    ["PATCH", "PATCH"],
    ["DELETE", "DELETE"],
  ])("%s is priced as %s", (method, priced) => {
    expect(pricedMethod(method)).toBe(priced);
  });

  it.each(["OPTIONS", "TRACE", "CONNECT", "PURGE", "PROPFIND", "QUERY", "get", "Get", "head", "", "GET "])(
    "%j is not sold",
    (method) => {
      expect(pricedMethod(method)).toBeUndefined();
    },
  );
});

describe("a route's id", () => {
  it.each([
    ["GET", 'write it as "METHOD /path"'],
    ["/v1/a", 'write it as "METHOD /path"'],
    ["GET  /v1/a", 'write it as "METHOD /path"'],
    ["GET /v1/a b", 'write it as "METHOD /path"'],
    ["HEAD /v1/a", "price the GET"],
    ["OPTIONS /v1/a", "cannot be priced"],
    ["get /v1/a", "cannot be priced"],
    ["ALL /v1/a", "cannot be priced"],
    ["GET v1/a", "starts with /"],
  ])("%j is refused: %s", (id, why) => {
    expect(parseRouteId(id)).toEqual(expect.stringContaining(why));
  });

  it("gives its method and its patterns", () => {
    expect(parseRouteId("GET /v1/items/:id?")).toMatchObject({ method: "GET", patterns: { length: 2 } });
  });
});
