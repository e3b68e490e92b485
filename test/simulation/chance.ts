/** Chance from a seed: sfc32, small and fast. The same seed gives the same numbers on every machine, for ever. */

export type Chance = {
  /** 0 … n−1. */
  below(n: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
};

export function chanceFrom(seed: number): Chance {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  // The first numbers of neighbouring seeds are alike.
  for (let n = 0; n < 15; n++) next();
  const below = (n: number): number => Math.floor((next() / 2 ** 32) * n);
  return { below, pick: (from) => from[below(from.length)] ?? from[0] };
}
