/**
 * One JSON line for each thing an operator may want to find later.
 *
 * Secrets and request bodies never go in: the caller passes names, ids and reasons. A token that somebody put into a
 * path by mistake is cut out.
 */
const TOKEN = /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g;

export function log(event: string, facts: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ event, ...facts }).replaceAll(TOKEN, "[token]"));
}
