/**
 * One JSON line for each thing an operator may want to find later.
 *
 * Tokens, secrets and request bodies never go in: the caller passes names, ids and reasons.
 */
export function log(event: string, facts: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ event, ...facts }));
}
