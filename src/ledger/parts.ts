/** The parts of a hold: which credits it drew from which grant, in the order it drew them. */

/** Credits drawn from one grant, by the grant's sequence number. */
export type Part = readonly [grantSeq: number, credits: number];

/** The first `credits` of the parts, and what lies behind them. */
export function splitParts(parts: readonly Part[], credits: number): { first: Part[]; rest: Part[] } {
  const first: Part[] = [];
  const rest: Part[] = [];
  let left = credits;
  for (const [grantSeq, n] of parts) {
    const taken = Math.min(left, n);
    left -= taken;
    if (taken > 0) first.push([grantSeq, taken]);
    if (n > taken) rest.push([grantSeq, n - taken]);
  }
  return { first, rest };
}

/** The parts without those in `gone`, which are taken from the end. */
export function withoutParts(parts: readonly Part[], gone: readonly Part[]): Part[] {
  const due = new Map<number, number>();
  for (const [grantSeq, credits] of gone) due.set(grantSeq, (due.get(grantSeq) ?? 0) + credits);
  const left: Part[] = [];
  for (const [grantSeq, credits] of parts.toReversed()) {
    const taken = Math.min(credits, due.get(grantSeq) ?? 0);
    due.set(grantSeq, (due.get(grantSeq) ?? 0) - taken);
    if (credits > taken) left.unshift([grantSeq, credits - taken]);
  }
  return left;
}

export function sumParts(parts: readonly Part[]): number {
  return parts.reduce((sum, [, credits]) => sum + credits, 0);
}

export function parseParts(text: string): Part[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by formatParts and by nothing else
  return JSON.parse(text) as Part[];
}

export function formatParts(parts: readonly Part[]): string {
  return JSON.stringify(parts);
}
