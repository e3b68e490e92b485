/** One spelling for every path: what is accepted is what a URL parser leaves as it is, and everything else is refused. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findFault, foldPath, parseTarget, splitTarget } from "../../src/gate/path.ts";

const GATE = "https://gate.example";
const fault = (path: string): string | undefined => {
  const target = parseTarget(GATE + path);
  return "why" in target ? target.why : undefined;
};

/** Pieces that paths, honest and hostile, are made of. */
// oxfmt-ignore
const PIECES = ["/", "//", "/v1", "/expensive", "a", "Z", "0", ".", "..", "...", "/.", "/..", "..;", ";", ";x=1", "%2e", "%2E", "%2f", "%2F", "%5c", "\\", "%", "%2", "%25", "%2565", "%41", "%C3%A9", "%c3%a9", "%C3", "%FF", "%00", "%20", "%0A", "é", "😀", "\ud800", " ", "\t", "\n", "\0", "?", "?q=/../", "#", "#f", "+", ":", "@", "~", "!", "$&'()*,=", "[", "]", "|", "^", "{", "}", "<", ">", "`", '"', "http://evil.example", "user@"];
const pathLike = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(""));

describe("a canonical path", () => {
  it.each([
    "/",
    "/v1/search",
    "/v1/items/42",
    "/v1/items/",
    "/v1/caf%C3%A9",
    "/v1/a%20b",
    "/v1/100%25",
    "/v1/a;b=1,c",
    "/v1/.well-known",
    "/v1/a.b..c",
    "/v1/-._~!$&'()*+,;=:@",
    "/V1/Expensive",
  ])("is kept as it is: %s", (path) => {
    expect(parseTarget(`${GATE}${path}?q=%zz/../`)).toEqual({ path, query: "?q=%zz/../" });
  });

  it.each([
    ["//v1/expensive", "empty segment"],
    ["/v1//expensive", "empty segment"],
    ["/v1/expensive//", "empty segment"],
    ["/v1/./expensive", "dot segment"],
    ["/v1/cheap/../expensive", "dot segment"],
    ["/..", "dot segment"],
    ["/v1/.", "dot segment"],
    ["/v1/%65xpensive", "write e"],
    ["/v1/cheap/%2E%2E/expensive", "write ."],
    ["/v1/cheap/%2E./expensive", "write ."],
    ["/v1/caf%c3%a9", "write %C3"],
    ["/v1%2Fexpensive", "encoded slash"],
    ["/v1/expensive%2F", "encoded slash"],
    ["/v1%5Cexpensive", "encoded slash"],
    ["/v1\\expensive", "must be percent-encoded"],
    ["/v1/expensive%00", "control character"],
    ["/v1/expensive%09", "control character"],
    ["/v1/expensive%0D%0A", "control character"],
    ["/v1/expensive%7F", "control character"],
    ["/v1/expensive%", "two hexadecimal digits"],
    ["/v1/expensive%4", "two hexadecimal digits"],
    ["/v1/expensive%XX", "two hexadecimal digits"],
    ["/v1/expensive%u0065", "two hexadecimal digits"],
    ["/v1/%2565xpensive", "encoded twice"],
    ["/v1/%252E%252E/x", "encoded twice"],
    ["/v1/expensive%C0", "not UTF-8"],
    ["/v1/%C0%AE%C0%AE/x", "not UTF-8"],
    ["/v1/%ED%A0%80", "not UTF-8"],
    ["/v1/café", "must be percent-encoded"],
    ["/v1/a b", "must be percent-encoded"],
    ["/v1/a|b", "must be percent-encoded"],
    ["/v1/[a]", "must be percent-encoded"],
    ["/v1/...", "nothing but dots, blanks or parameters"],
    ["/v1/cheap/..;/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/cheap/..%3Bx/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/cheap/..%20/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/.;/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/;/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/%20/expensive", "nothing but dots, blanks or parameters"],
    ["/v1/a#b", "#"],
    ["/v1/a?q#b", "#"],
    ["", "does not start with /"],
    ["?q=/", "does not start with /"],
  ])("is not %s: %s", (path, why) => {
    expect(fault(path)).toContain(why);
  });

  it("is told with the spelling to send instead", () => {
    expect(fault("/v1/%65xpensive")).toBe("it contains %65: write e");
    expect(fault("/v1/caf%c3%A9")).toBe("it contains %c3: write %C3");
  });

  it("is what a URL parser makes of it: byte for byte, but for an apostrophe in the query", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom("/", "/v1/"), pathLike, (start, rest) => {
        const target = parseTarget(GATE + start + rest);
        if ("why" in target) return;
        accepted += 1;
        const parsed = new URL(GATE + target.path + target.query);
        expect(parsed.origin).toBe(GATE);
        expect(parsed.pathname).toBe(target.path);
        const [path = "", ...query] = (start + rest).split("?");
        const sent = [path, ...query.map((part) => part.replaceAll("'", "%27"))].join("?");
        expect(target.path + target.query).toBe(sent);
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("survives a second check, decoding and joining onto an origin's address", () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const target = parseTarget(GATE + path);
        if ("why" in target) return;
        expect(findFault(target.path)).toBeUndefined();
        expect(() => decodeURIComponent(target.path)).not.toThrow();
        expect(new URL(`https://origin.example${target.path}`).host).toBe("origin.example");
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("parsing a target", () => {
  it("throws for nothing", () => {
    const junk = fc.oneof(pathLike, fc.string({ unit: "binary" }), fc.webUrl(), fc.constant("//"));
    fc.assert(
      fc.property(junk, (text) => {
        for (const url of [text, GATE + text, `http://${text}`]) {
          const target = parseTarget(url);
          if (!("why" in target)) foldPath(target.path);
          splitTarget(url);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ["http://h", { base: "http://h", path: "", query: "" }],
    ["http://h/a?b?c", { base: "http://h", path: "/a", query: "?b?c" }],
    ["http://h?b/c", { base: "http://h", path: "", query: "?b/c" }],
    ["http://h:80/a//b", { base: "http://h:80", path: "/a//b", query: "" }],
    ["http://h\\a", { base: "http://h", path: "\\a", query: "" }],
  ])("cuts %s where a parser would mend", (url, parts) => {
    expect(splitTarget(url)).toEqual(parts);
  });
});

describe("the loosest reading of a path", () => {
  it.each([
    ["/V1/Expensive", "/v1/expensive"],
    ["/v1/expensive/", "/v1/expensive"],
    ["/v1/expensive;a=1", "/v1/expensive"],
    ["/v1;x/expensive", "/v1/expensive"],
    ["/v1/expensive%3Ba", "/v1/expensive"],
    ["/v1/expensive%20", "/v1/expensive"],
    ["/v1/%20expensive", "/v1/expensive"],
    ["/v1/expensive.", "/v1/expensive"],
    ["/v1/expensive..%20.", "/v1/expensive"],
    ["/v1/caf%C3%89", "/v1/café"],
    ["/v1/%E2%84%AAey", "/v1/key"],
    ["/v1/expen%C5%BFive", "/v1/expensive"],
    ["/v1/stra%C3%9Fe", "/v1/strasse"],
    ["/v1/expensive", "/v1/expensive"],
    ["/", "/"],
  ])("of %s is %s", (path, folded) => {
    expect(foldPath(path)).toBe(folded);
  });

  it("changes nothing when it is read again", () => {
    fc.assert(
      fc.property(pathLike, (rest) => {
        const target = parseTarget(`${GATE}/${rest}`);
        const once = "why" in target ? "%" : foldPath(target.path);
        // A decoded "%" is no escape any more, so such a path cannot be read again.
        if (!once.includes("%")) expect(foldPath(once)).toBe(once);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("a path of many dots or blanks", () => {
  it.each(["./", "%20", ".%20"])(
    "of %s is judged in time that grows with its length, not with the square of it",
    (unit) => {
      const cost = (count: number): number => {
        const path = `/v1/items/${unit.replace("/", "").repeat(count)}x`;
        const times = Array.from({ length: 5 }, () => {
          const start = performance.now();
          findFault(path);
          foldPath(path);
          return performance.now() - start;
        });
        return Math.min(...times);
      };
      cost(2000);
      // Sixteen times as long: the square would take 256 times as long.
      expect(cost(32_000) / cost(2000)).toBeLessThan(80);
    },
  );
});
