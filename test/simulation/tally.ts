/** How often each thing happened, so that a reader sees that nothing was tested in vain. */

export type Tally = Map<string, number>;

export function count(tally: Tally, what: string, times = 1): void {
  tally.set(what, (tally.get(what) ?? 0) + times);
}

export function addTo(tally: Tally, more: Iterable<readonly [string, number]>): void {
  for (const [what, times] of more) count(tally, what, times);
}
