/** Proves that Credits are whole, never negative and bounded, and that money becomes credits without rounding. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACCOUNT_CREDITS_MAX, COMMAND_CREDITS_MAX, credits, formatUsd, parseCredits, usd } from "../src/credits.ts";

const NOT_CREDITS = [-1, 0.5, NaN, Infinity, -Infinity, 1e15 + 1, 2 ** 53, 1e21, Number.MIN_VALUE];
const each = (...values: unknown[]): [unknown][] => values.map((value) => [value]);

describe("credits", () => {
  it.each([0, 1, 1e12, 1e15])("are made of %d", (n) => {
    expect(credits(n)).toBe(n);
  });

  it.each(each(...NOT_CREDITS, "5", null, undefined, 5n, true, [5]))("are not made of %s", (n) => {
    expect(() => credits(n as number)).toThrow(RangeError);
  });

  it("stay exact in sums of a whole account", () => {
    expect(ACCOUNT_CREDITS_MAX * 2 + 1).toBeLessThan(Number.MAX_SAFE_INTEGER);
    expect(ACCOUNT_CREDITS_MAX).toBe(1e15);
    expect(COMMAND_CREDITS_MAX).toBe(1e12);
  });
});

describe("credits from outside", () => {
  it.each([1, 2, 1e12])("are read from %d", (n) => {
    expect(parseCredits(n)).toBe(n);
  });

  it.each(each(...NOT_CREDITS, 0, -0, 1e12 + 1, "5", "", null, undefined, 5n, true, [5], {}, { valueOf: () => 5 }))(
    "are not read from %s",
    (value) => {
      expect(parseCredits(value)).toBeUndefined();
    },
  );

  it("may be none where the caller says so", () => {
    expect(parseCredits(0, 0)).toBe(0);
    expect(parseCredits(-1, 0)).toBeUndefined();
  });
});

describe("dollars", () => {
  it.each([
    ["0", 0],
    ["0.000001", 1],
    ["0.0005", 500],
    ["0.1", 100_000],
    ["0.10", 100_000],
    ["1", 1_000_000],
    ["1.000000", 1_000_000],
    ["12.345678", 12_345_678],
    ["1000000", 1e12],
    ["0000001", 1_000_000],
  ])("%s are %d credits", (amount, n) => {
    expect(usd(amount)).toBe(n);
  });

  it.each(
    [
      "",
      " ",
      ".",
      ".5",
      "1.",
      "1.0000001",
      "-1",
      "+1",
      "1e3",
      "1,5",
      "1 ",
      " 1",
      "1\n",
      "$1",
      "0x10",
      "NaN",
      "١",
    ].concat(["1000000.000001", "9999999", "10000000", "1_000", "1.2.3"]),
  )("%j are none", (amount) => {
    expect(usd(amount)).toBeNaN();
  });

  it("are not taken as a number: 0.1 + 0.2 has no place in a price list", () => {
    expect(usd((0.1 + 0.2) as unknown as string)).toBeNaN();
  });

  it.each([
    [0, "$0.00"],
    [1, "$0.000001"],
    [500, "$0.0005"],
    [100_000, "$0.10"],
    [1_000_000, "$1.00"],
    [1_500_000, "$1.50"],
    [12_345_678, "$12.345678"],
    [1e12, "$1000000.00"],
    [1e15, "$1000000000.00"],
  ])("of %d credits are written %s", (n, text) => {
    expect(formatUsd(n)).toBe(text);
  });

  it("written for any amount are read back as that amount", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: COMMAND_CREDITS_MAX }), (n) => {
        expect(usd(formatUsd(n).slice(1))).toBe(n);
      }),
    );
  });
});
