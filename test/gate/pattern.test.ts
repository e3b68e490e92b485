/** Patterns mean what they mean to Hono's own router, and of two that match the more specific is always the same one. */
import * as fc from "fast-check";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { describe, expect, it } from "vitest";
import {
  compareSpecificity,
  literalPath,
  matches,
  mayOverlap,
  parsePattern,
  type Pattern,
} from "../../src/gate/pattern.ts";

function parsed(text: string): readonly Pattern[] {
  const patterns = parsePattern(text);
  if (typeof patterns === "string") throw new Error(`${text}: ${patterns}`);
  return patterns;
}

function only(text: string): Pattern {
  const [pattern, ...more] = parsed(text);
  if (!pattern || more.length > 0) throw new Error(`${text} is not one pattern`);
  return pattern;
}

const ours = (pattern: string, path: string): boolean =>
  parsed(pattern).some((each) => matches(each, path.slice(1).split("/"), false));

function honos(pattern: string, path: string): boolean {
  const router = new RegExpRouter<string>();
  router.add("GET", pattern, "handler");
  return router.match("GET", path)[0].length > 0;
}

const SEGMENTS = [
  "a",
  "b",
  "v1",
  ":x",
  ":id{[0-9]+}",
  ":word{[a-b]+}",
  ":year{[0-9]{2}}",
  ":either{a|12}",
  "*",
] as const;
const patternText = fc.array(fc.constantFrom(...SEGMENTS), { minLength: 1, maxLength: 4 }).map(spell);
/** Names must differ for Hono; ours may be alike. */
function spell(segments: readonly string[]): string {
  return `/${segments.map((segment, index) => segment.replace(/^:\w+/, (name) => name + index)).join("/")}`;
}
const pathText = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b", "ab", "v1", "1", "12", "a1", "A", ".x", "%C3%A9"), { maxLength: 5 }),
    fc.boolean(),
  )
  .map(([segments, slash]) => (segments.length === 0 ? "/" : `/${segments.join("/")}${slash ? "/" : ""}`));

describe("a pattern", () => {
  it("matches exactly the canonical paths that Hono's router matches", () => {
    let both = 0;
    fc.assert(
      fc.property(patternText, pathText, (pattern, path) => {
        const expected = honos(pattern, path);
        if (expected) both += 1;
        expect(ours(pattern, path)).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
    expect(both).toBeGreaterThan(200);
  });

  it.each([
    ["/", "/"],
    ["/*", "/"],
    ["/*", "/a/b"],
    ["/v1/*", "/v1"],
    ["/v1/*", "/v1/"],
    ["/v1/*", "/v1/a/b"],
    ["/v1/*", "/v1a"],
    ["/v1/*", "/v"],
    ["/a/*/b", "/a/x/b"],
    ["/a/*/b", "/a/x/y/b"],
    ["/a/*/*", "/a/x"],
    ["/a/*/*", "/a"],
    ["/a/:id", "/a/"],
    ["/a/:id", "/a/x/y"],
    ["/:id", "/"],
    ["/a/:id?", "/a"],
    ["/a/:id?", "/a/"],
    ["/a/:id?", "/a/x"],
    ["/:id?", "/"],
    ["/:id?", "/x"],
    ["/a/:id{[0-9]+}?", "/a"],
    ["/a/:id{[0-9]+}?", "/a/7"],
    ["/a/:id{[0-9]+}?", "/a/x"],
    ["/a/:id{[0-9]+}", "/a/12a"],
    ["/a/:id{a|b}", "/a/bx"],
    ["/a/:n{[0-9]{2}}/c", "/a/12/c"],
    ["/A", "/a"],
    ["/a", "/a/"],
    ["/files/:path{[a-z]+}", "/files/a"],
    ["/files/:path{[a-z]+}", "/files/a/b"],
  ])("%s and the path %s are to the gate what they are to Hono", (pattern, path) => {
    expect(ours(pattern, path)).toBe(honos(pattern, path));
  });

  it.each([
    ["/files/:path{.+}", "/files/a/b"],
    ["/files/:path{.+\\.png}", "/files/a/b.png"],
    ["/files/:path{[^.]+}", "/files/a/b"],
    ["/files/:path{[^/]+/x}", "/files/a/x"],
  ])("%s, which to Hono matches the several segments of %s, does so here or is refused", (pattern, path) => {
    expect(honos(pattern, path)).toBe(true);
    expect(typeof parsePattern(pattern) === "string" || ours(pattern, path)).toBe(true);
  });

  it.each([
    ["v1/a", "starts with /"],
    ["", "starts with /"],
    ["/a*", "neither a literal"],
    ["/a/b*c", "neither a literal"],
    ["/{id}", "neither a literal"],
    ["/:", "neither a literal"],
    ["/:a-b", "neither a literal"],
    ["/:a{}", "neither a literal"],
    ["/a?", "neither a literal"],
    ["/:id?/a", "only the last"],
    ["/:id{[}", "not a regular expression"],
    ["/a//b", "not a canonical path"],
    ["/a/../b", "not a canonical path"],
    ["/%61", "not a canonical path"],
    ["/caf%c3%a9", "not a canonical path"],
    ["/a b", "not a canonical path"],
    ["/café", "not a canonical path"],
    ["/a#b", "not a canonical path"],
  ])("%j is refused: %s", (text, why) => {
    expect(parsePattern(text)).toEqual(expect.stringContaining(why));
  });

  it("of nothing but literals is known by its path", () => {
    expect(literalPath(only("/v1/a"))).toBe("/v1/a");
    expect(literalPath(only("/"))).toBe("/");
    expect(literalPath(only("/v1/:x"))).toBeUndefined();
    expect(literalPath(only("/v1/*"))).toBeUndefined();
  });

  it("is parsed or refused with a sentence, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/${text}`),
          patternText,
        ),
        (text) => {
          const patterns = parsePattern(text);
          expect(patterns.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

/** Patterns of one segment more. */
function level(shorter: readonly string[]): string[] {
  return shorter.flatMap((start) => ["/a", "/:x", "/*"].map((segment) => start + segment));
}

describe("of two patterns", () => {
  it.each([
    ["/v1/a", "/v1/:x"],
    ["/v1/a", "/v1/:x{[a-z]+}"],
    ["/v1/a", "/v1/*"],
    ["/v1/a", "/:v/a"],
    ["/v1/:x{[0-9]+}", "/v1/:x"],
    ["/v1/:x{[0-9]+}", "/v1/*"],
    ["/v1/:x", "/v1/*"],
    ["/v1/:x/c", "/v1/:x"],
    ["/v1/:x/c", "/v1/*"],
    ["/v1/:x/:y", "/v1/:x/*"],
    ["/v1/a/:y", "/v1/:x/b"],
    ["/v1/:x", "/v1/:x/*"],
    ["/:x", "/:x/*"],
    ["/v1/*/c", "/v1/*"],
    ["/v1/*/*", "/v1/*"],
    ["/v1/*/*/*", "/v1/*/*"],
    ["/v1/*/*", "/*"],
    ["/v1/*", "/*"],
  ])("%s is more specific than %s", (more, less) => {
    expect(compareSpecificity(only(more), only(less))).toBeLessThan(0);
    expect(compareSpecificity(only(less), only(more))).toBeGreaterThan(0);
  });

  it.each([
    ["/v1/:x", "/v1/:y", true],
    ["/v1/:x{[0-9]+}", "/v1/:x{[a-z]+}", true],
    ["/v1/*", "/v1/*", true],
    ["/v1/:x/a", "/v1/:y/b", false],
    ["/a/:x", "/b/:x", false],
  ])("%s and %s, equally specific, may meet: %s", (a, b, meet) => {
    expect(compareSpecificity(only(a), only(b))).toBe(0);
    expect(mayOverlap(only(a), only(b))).toBe(meet);
  });

  it("which is the more specific does not depend on the order they are compared in", () => {
    const one = level([""]);
    const two = level(one);
    const all = [...one, ...two, ...level(two)].map((text) => ({ text, pattern: only(text) }));
    const sign = new Map(
      all.flatMap((a) =>
        all.map((b) => [`${a.text} ${b.text}`, Math.sign(compareSpecificity(a.pattern, b.pattern))] as const),
      ),
    );
    const before = (a: string, b: string): boolean => (sign.get(`${a} ${b}`) ?? 0) < 0;
    const texts = all.map(({ text }) => text);
    const circles = texts.flatMap((a) =>
      texts
        .filter((b) => before(a, b))
        .flatMap((b) => texts.filter((c) => before(b, c) && !before(a, c)).map((c) => [a, b, c].join(" < "))),
    );
    expect(circles).toEqual([]);
    for (const a of texts) for (const b of texts) expect(before(a, b) && before(b, a)).toBe(false);
  });

  it("that both match a path, one is more specific or they are said to overlap", () => {
    fc.assert(
      fc.property(patternText, patternText, pathText, (a, b, path) => {
        if (!ours(a, path) || !ours(b, path)) return;
        const apart = compareSpecificity(only(a), only(b)) !== 0;
        expect(apart || mayOverlap(only(a), only(b))).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});
