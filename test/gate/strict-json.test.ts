/** JSON with one reading: what two parsers could read differently is refused, and everything else is what JSON.parse says. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStrictObject } from "../../src/gate/strict-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): unknown => parseStrictObject(bytes(text));

/** A name with every character escaped. */
function escaped(name: string): string {
  return Array.from({ length: name.length }, (_, n) => `\\u${name.charCodeAt(n).toString(16).padStart(4, "0")}`).join(
    "",
  );
}

describe("strict JSON", () => {
  it.each([
    ["two members of one name", '{"a":1,"a":1}'],
    ["two members of one name, apart", '{"a":1,"b":2,"a":3}'],
    ["two members of one name, blanks between name and colon", '{"a":1,"a"\t\n :2}'],
    ["one name in two spellings", String.raw`{"exp":1,"\u0065xp":2}`],
    ["one name in two spellings, in either case of the digits", String.raw`{"\u00e9":1,"\u00E9":2}`],
    ["one name in two spellings, a slash escaped", String.raw`{"a/b":1,"a\/b":2}`],
    ["one name in two spellings, a pair of surrogates", String.raw`{"😀":1,"\ud83d\ude00":2}`],
    ["the empty name twice", '{"":1,"":2}'],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}'],
    ["a repeated name one level down", '{"a":{"b":1,"b":2}}'],
    ["a repeated name in a list", '{"a":[1,{"b":1,"b":2}]}'],
    ["a repeated name many levels down", `${'{"a":['.repeat(50)}{"x":1,"x":2}${"]}".repeat(50)}`],
    ["a repeated name after an object closed", '{"a":{"b":1},"c":[{"b":1}],"a":2}'],
    ["names like quotes and braces, repeated", String.raw`{"\"}{":1,"\"}{":2}`],
    ["a byte order mark", '\uFEFF{"a":1}'],
    ["a list", "[1]"],
    ["null", "null"],
    ["a text", '"a"'],
    ["a number", "1"],
    ["nothing", ""],
    ["two values", "{}{}"],
    ["a trailing comma", '{"a":1,}'],
    ["a comment", '{"a":1}//'],
    ["single quotes", "{'a':1}"],
    ["a bare name", "{a:1}"],
    ["NaN", '{"a":NaN}'],
    ["a leading zero", '{"a":01}'],
    ["a raw line break in a text", '{"a":"\n"}'],
    ["a NUL after it", '{"a":1}\0'],
  ])("refuses %s", (_name, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it.each([
    ["a byte outside UTF-8", [0xff]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["half a pair of surrogates", [0xed, 0xa0, 0x80]],
    ["a cut-off character", [0xe2, 0x82]],
    ["a code point past the last", [0xf4, 0x90, 0x80, 0x80]],
  ])("refuses %s", (_name, middle) => {
    expect(parseStrictObject(Uint8Array.from([...bytes('{"a":"'), ...middle, ...bytes('"}')]))).toBeUndefined();
  });

  it.each([
    "{}",
    ' {"a" : 1 } ',
    '{"a":{"a":{"a":1}}}',
    '{"a":[{"b":1},{"b":2}]}',
    '{"a":"a","b":"b\\":"}',
    '{"a":"{\\"b\\":1,\\"b\\":2}"}',
    '{"a":"x:","b":"x:"}',
    '{"A":1,"a":2}',
    '{"\u00e9":1,"e\u0301":2}',
    '{"n":1e400,"m":-0,"f":1.5,"z":null,"t":true}',
  ])("reads %s as JSON.parse does", (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it("keeps a member called __proto__ apart from the object's own prototype", () => {
    const value = parse('{"__proto__":{"iss":"evil"}}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value["iss"]).toBeUndefined();
  });

  it("reads deep nesting, or refuses it, without failing", () => {
    for (const depth of [10, 1_000, 10_000, 200_000]) {
      const nested = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
      expect(() => parse(nested)).not.toThrow();
      expect(parse(nested.slice(0, -1))).toBeUndefined();
    }
  });

  it("reads a large document in no more than linear time", () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `"${n}":"\\\\"`).join(",");
    const started = performance.now();
    expect(parse(`{${names}}`)).toBeDefined();
    expect(parse(`{${names},"7":1}`)).toBeUndefined();
    expect(parse(`{"a":"${"\\\\".repeat(100_000)}`)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("agrees with JSON.parse on every object whose names are distinct", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()),
        fc.constantFrom(0, 1, "\t"),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          expect(parse(text)).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("refuses every object in which one member is written twice, at whatever depth and in whatever spelling", () => {
    const wrap = fc.array(fc.constantFrom('{"w":#}', "[#]", '[{},"}",#]', '{"a":[],"b":#,"c":{}}'), { maxLength: 5 });
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.jsonValue(),
        fc.boolean(),
        wrap,
        (name, other, spellOut, wraps) => {
          const second = spellOut ? `"${escaped(name)}"` : JSON.stringify(name);
          const twice = `{${JSON.stringify(name)}:${JSON.stringify(other)},${second}:1}`;
          const text = `{"outer":${wraps.reduce((inner, shell) => shell.split("#").join(inner), twice)}}`;
          expect(JSON.parse(text)).toBeDefined();
          expect(parse(text)).toBeUndefined();
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("never accepts what JSON.parse refuses, and never throws", () => {
    const scrap = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      '"a"',
      '"b":',
      "1",
      "\\",
      "\\u0061",
      " ",
      "null",
      "\uFEFF",
    );
    fc.assert(
      fc.property(
        fc.array(scrap, { maxLength: 12 }).map((scraps) => scraps.join("")),
        (text) => {
          const strict = parse(text);
          if (strict !== undefined) expect(strict).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 10_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (junk) => {
        parseStrictObject(junk);
      }),
      { numRuns: 2_000 },
    );
  });
});
