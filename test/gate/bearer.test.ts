/** The Authorization header holds one bearer token, or the call is told what is wrong with the header. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBearer } from "../../src/gate/token.ts";

const JWT = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJhIn0.c2ln";
/** The token, or the code the header is refused with. */
const read = (header: string | null): unknown => {
  const bearer = readBearer(header);
  return bearer.ok ? { token: bearer.value } : bearer.error.code;
};

describe("the Authorization header", () => {
  it.each([
    ["no header", null, undefined],
    ["an empty header", "", undefined],
    ["a token", `Bearer ${JWT}`, JWT],
    ["a token, the scheme in another case", `bEARER ${JWT}`, JWT],
    ["a token after several blanks", `Bearer   ${JWT}`, JWT],
    ["a token that is empty", "Bearer", ""],
    ["a token that is no JWT", "Bearer abc", "abc"],
  ])("gives the token, or that there is none: %s", (_name, header, token) => {
    expect(read(header)).toEqual({ token });
  });

  it.each([
    ["Basic", `Basic ${JWT}`],
    ["Token", `Token ${JWT}`],
    ["DPoP", `DPoP ${JWT}`],
    ["Bearers", `Bearers ${JWT}`],
    ["no scheme", JWT],
    ["a scheme that is none", `=Bearer ${JWT}`],
    ["a quoted scheme", `"Bearer" ${JWT}`],
    ["Payment", "Payment id=1"],
  ])("of another scheme than Bearer is an invalid token: %s", (_name, header) => {
    expect(read(header)).toBe("invalid_token");
  });

  it.each([
    ["two headers, joined", `Bearer ${JWT}, Bearer ${JWT}`],
    ["two headers, joined without a blank", `Bearer ${JWT},Bearer ${JWT}`],
    ["two headers, the second of another scheme", `Bearer ${JWT}, Basic eDp5`],
    ["two headers, the first of another scheme", `Basic eDp5, Bearer ${JWT}`],
    ["two headers, the first empty", `Bearer , Bearer ${JWT}`],
    ["a tab instead of the blank", `Bearer\t${JWT}`],
    ["a colon", `Bearer: ${JWT}`],
    ["an equals sign", `Bearer=${JWT}`],
    ["a blank in the token", `Bearer ${JWT} x`],
    ["a blank after the token", `Bearer ${JWT} `],
    ["a blank after Bearer and nothing", "Bearer \t"],
    ["a blank that is not ASCII", `Bearer ${JWT}\u00a0`],
  ])("that is malformed is a bad request: %s", (_name, header) => {
    expect(read(header)).toBe("bad_request");
  });

  it("never yields a token with a blank or a comma in it, and never throws", () => {
    const scrap = fc.constantFrom("Bearer", "bearer", " ", "  ", "\t", ",", "=", ":", JWT, "Basic", "é", "\u2028");
    fc.assert(
      fc.property(
        fc.array(scrap, { maxLength: 6 }).map((scraps) => scraps.join("")),
        (header) => {
          const bearer = readBearer(header);
          if (bearer.ok && bearer.value !== undefined) expect(bearer.value).not.toMatch(/[\s,]/);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
