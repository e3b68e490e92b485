/** Chance that can be had again: the same seed makes the same choices, though not the same moments. */
export type Chance = {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number; both ends may come. */
  whole(min: number, max: number): number;
  odds(probability: number): boolean;
  pick<const T extends readonly [unknown, ...unknown[]]>(list: T): T[number];
};

/** mulberry32: small, and good enough to choose with. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    odds: (probability) => next() < probability,
    pick: (list) => list[Math.floor(next() * list.length)] ?? list[0],
  };
}
