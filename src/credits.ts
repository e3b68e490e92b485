/**
 * Credits: the only number that may be granted, held or charged.
 *
 * A branded safe integer, 0 … 10^15, far below 2^53, so that sums stay exact in JavaScript and in SQLite.
 * One credit is one millionth of a US dollar, which makes a 6-decimal stablecoin amount a number of credits one to one.
 */

declare const brand: unique symbol;
export type Credits = number & { readonly [brand]: "Credits" };

/** The most an account may ever be granted in total. */
export const ACCOUNT_CREDITS_MAX = 1e15;
/** The most one grant, price, hold or refund may carry. */
export const COMMAND_CREDITS_MAX = 1e12;

/** Makes Credits of a number our own code computed. Throws RangeError on anything but an integer 0 … 10^15: that is a bug. */
export function credits(n: number): Credits {
  if (!Number.isSafeInteger(n) || n < 0 || n > ACCOUNT_CREDITS_MAX)
    throw new RangeError(`not a number of credits: ${n}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place a checked number becomes Credits
  return n as Credits;
}

/** Reads Credits from the outside (JSON, config): an integer `min` … 10^12, or undefined. */
export function parseCredits(value: unknown, min = 1): Credits | undefined {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > COMMAND_CREDITS_MAX)
    return undefined;
  return credits(value);
}

/**
 * Credits for an amount of US dollars written in decimal: `usd("0.0005")` is 500.
 * Text, not a number, because 0.1 + 0.2 has no place in a price list. What it cannot read (more than six decimals, a
 * currency sign, more than $1,000,000) gives NaN, which the config's checks name: the gate then starts and says so.
 */
export function usd(amount: string): Credits {
  const parts = typeof amount === "string" ? /^(\d{1,7})(?:\.(\d{1,6}))?$/.exec(amount) : null;
  const value = parts ? Number(parts[1]) * 1_000_000 + Number((parts[2] ?? "").padEnd(6, "0")) : NaN;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- parseCredits refuses it wherever a config is read
  return value <= COMMAND_CREDITS_MAX ? credits(value) : (NaN as Credits);
}

/** Dollars for people: `formatUsd(500)` is "$0.0005". */
export function formatUsd(amount: number): string {
  const micros = String(amount % 1_000_000)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `$${Math.trunc(amount / 1_000_000)}.${micros.padEnd(2, "0")}`;
}
