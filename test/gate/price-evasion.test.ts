/**
 * No spelling of a path is a way around its price: the gate refuses it, or charges what every server behind it would
 * serve is worth, however loosely that server reads.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkConfig } from "../../src/config/check.ts";
import { credits } from "../../src/credits.ts";
import { parseTarget } from "../../src/gate/path.ts";
import { buildPriceList, type PriceList } from "../../src/gate/price.ts";
import { lookedUp, READERS, type Reader } from "./origin-model.ts";
import { routeOf } from "./routes.ts";

/** What the shop's server serves, dearest claim first, and what each is worth. */
const RESOURCES = [
  { path: variants("^/v1/expensive$"), id: "GET /v1/expensive", credits: 100 },
  { path: variants("^/v1/Reports$"), id: "GET /v1/Reports", credits: 50 },
  { path: variants("^/v1/folder/$"), id: "GET /v1/folder/", credits: 40 },
  { path: variants("^/v1/boxes/[^/]+/$"), id: "GET /v1/boxes/:id/", credits: 30 },
  { path: variants("^/v1/Users/[^/]+$"), id: "GET /v1/Users/:id", credits: 20 },
  { path: variants("^/v1/cheap$"), id: "GET /v1/cheap", credits: 2 },
  { path: variants("^/v1/items/[^/]+$"), id: "GET /v1/items/:id", credits: 5 },
  { path: variants("^/v1(?:/.*)?$"), id: "GET /v1/*", credits: 1 },
];

/** A route as it is, in any case, without its trailing slash, and both. */
function variants(source: string): RegExp[] {
  return [source, source.replace(/\/\$$/, "$")].flatMap((text) => [new RegExp(text, "s"), new RegExp(text, "is")]);
}

const withWildcard = buildPriceList(
  RESOURCES.map(({ id, credits: price }) => routeOf(id, price)),
  undefined,
);
const unlistedFree = buildPriceList(
  RESOURCES.slice(0, -1).map(({ id, credits: price }) => routeOf(id, price)),
  routeOf("*", 0),
);

/** What the gate charges for a path as sent; undefined if it refuses it. */
function charged(prices: PriceList, path: string): number | undefined {
  const target = parseTarget(`https://gate.example${path}`);
  if ("why" in target) return undefined;
  const found = prices.find("GET", target.path);
  return "kind" in found ? undefined : found.credits;
}

/** What a server serves under a path: its own routes are subject to its habits too. `otherwise`: what the rest is worth. */
function worth(path: string, reader: Reader, otherwise: number | undefined): number | undefined {
  const served = lookedUp(path, reader);
  const kind = (reader.includes("foldCase") ? 1 : 0) + (reader.includes("trailing") ? 2 : 0);
  const sold = otherwise === undefined ? RESOURCES : RESOURCES.slice(0, -1);
  return sold.find(({ path: readings }) => readings[kind]?.test(served))?.credits ?? otherwise;
}

/** A server that a path would cheat, or that would cheat its caller; undefined if there is none. */
function cheated(prices: PriceList, path: string, otherwise?: number): string | undefined {
  const price = charged(prices, path);
  const reader = price === undefined ? undefined : READERS.find((known) => worth(path, known, otherwise) !== price);
  return reader && `${path} costs ${price}; a server that does [${reader.join(", ")}] serves ${lookedUp(path, reader)}`;
}

// oxfmt-ignore
const CASES = [
  ["price-1", ["/v1/%65xpensive", "/v1/%45xpensive"]],
  ["price-2", ["/v1/expensive/", "/v1/expensive/.", "/v1/folder", "/v1/boxes/7"]],
  ["price-3", ["//v1/expensive", "///v1/expensive", "/;/v1/expensive"]],
  ["price-4", ["/v1//expensive", "/v1/;/expensive"]],
  ["price-5", ["/V1/Expensive", "/v1/EXPENSIVE", "/v1/reports", "/v1/REPORTS", "/v1/users/7", "/v1/USERS/7", "/v1/expen%C5%BFive"]],
  ["price-6", ["/v1/./expensive", "/v1/.;/expensive", "/v1/.%3Bx/expensive"]],
  ["price-7", ["/v1/cheap/../expensive", "/v1/cheap/%2e%2e/expensive", "/v1/cheap/%2E./expensive", "/v1/cheap/..;/expensive", "/v1/cheap/..;a=b/expensive", "/v1/cheap/..%3B/expensive", "/v1/cheap/..%20/expensive"]],
  ["price-8", ["/v1%2fexpensive", "/v1%2Fexpensive"]],
  ["price-9", ["/v1/expensive%2f", "/v1/expensive%2F"]],
  ["price-10", ["/v1/expensive%00", "/v1/expensive%20", "/v1/%20expensive", "/v1/expensive%09", "/v1/expensive%0d%0a", "/v1/expensive."]],
  ["price-11", ["/v1/expensive%", "/v1/expensive%c0", "/v1/expensive%XX", "/v1/expensive%u0065", "/v1/%u0065xpensive"]],
  ["price-12", ["/v1\\expensive", "/v1/cheap\\..\\expensive", "/v1%5cexpensive", "/v1%5Cexpensive", "/v1/cheap%5C..%5Cexpensive"]],
  ["price-13", ["/v1/%2565xpensive", "/v1/%252565xpensive"]],
  ["look-alikes", ["/v1/%EF%BD%85xpensive", "/v1%EF%BC%8Fexpensive", "/v1/cheap/%EF%BC%8E%EF%BC%8E/expensive", "/v1/cheap/%E2%80%A5/expensive", "/v1/cheap%EF%BC%8F..%EF%BC%8Fexpensive", "/v1/cheap%EF%BC%BC..%EF%BC%BCexpensive", "/v1/expensive%EF%BC%9Bx"]],
  ["matrix parameters", ["/v1/expensive;x", "/v1;a=1/expensive;b=2", "/v1/expensive%3Bx"]],
] as const;
const EVASIONS = CASES.flatMap(([id, paths]) => paths.map((path) => [id, path] as const));

describe("a path in another spelling", () => {
  it.each(EVASIONS)("%s: %s is refused, or costs what it is worth", (_id, path) => {
    expect(cheated(withWildcard, path)).toBeUndefined();
    expect(cheated(unlistedFree, path, 0)).toBeUndefined();
  });

  it.each([
    ["/v1/expensive", 100],
    ["/v1/cheap", 2],
    ["/v1/items/7", 5],
    ["/v1/other/thing", 1],
    ["/v1", 1],
  ])("in its one spelling %s costs %i", (path, price) => {
    expect(charged(withWildcard, path)).toBe(price);
    expect(cheated(withWildcard, path)).toBeUndefined();
  });

  it("cheats no server, whatever it is made of", () => {
    // oxfmt-ignore
    const segment = fc.constantFrom("v1", "V1", "expensive", "Expensive", "expensive;a", "expensive.", "expensive%20", "%65xpensive", "cheap", "CHEAP", "items", "7", "folder", "boxes", "Users", "users", "Reports", "other", "", ".", "..", "..;", ".;", ";", "..;x=1", "..%3B", ".%20", "%2E%2E", "a%5Cb", "...");
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => ["", "v1", ...segments].join("/"));
    let sold = 0;
    fc.assert(
      fc.property(path, (text) => {
        if (charged(withWildcard, text) !== undefined) sold += 1;
        expect(cheated(withWildcard, text)).toBeUndefined();
        expect(cheated(unlistedFree, text, 0)).toBeUndefined();
      }),
      { numRuns: 1_500 },
    );
    expect(sold).toBeGreaterThan(100);
  });
});

describe("two routes that differ only in what a loose server overlooks", () => {
  it.each([
    ["case", "GET /v1/report", "GET /v1/Report"],
    ["a trailing slash", "GET /v1/report", "GET /v1/report/"],
    ["a matrix parameter", "GET /v1/report", "GET /v1/report;full"],
  ])("are a mistake in the config, or never sold at the lower price: %s", (_name, plain, other) => {
    for (const ids of [[plain, other] as const, [other, plain] as const]) {
      for (const cheap of ids) {
        const prices = Object.fromEntries(ids.map((id) => [id, credits(id === cheap ? 1 : 100)]));
        if (checkConfig({ name: "Shop", origin: "route", prices }).length > 0) continue;
        const list = buildPriceList(
          ids.map((id) => routeOf(id, prices[id] ?? 0)),
          undefined,
        );
        expect(list.find("GET", cheap.slice("GET ".length))).toMatchObject({ kind: "ambiguous" });
      }
    }
  });
});

describe("a path that ends in what some server drops", () => {
  it.each(["%3F", "%3Fa=b", "%23", "%E2%80%8B", "%C2%AD"])("is not sold as another: /v1/expensive%s", (ending) => {
    expect(charged(withWildcard, `/v1/expensive${ending}`)).toBeUndefined();
    expect(charged(unlistedFree, `/v1/expensive${ending}`)).toBeUndefined();
  });
});
