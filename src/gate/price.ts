/**
 * The price list: method and path to quote.
 *
 * A route that is not listed is not for sale, unless the config says otherwise; no price is never free. The most
 * specific pattern wins (see pattern.ts). A path that an origin might, reading more loosely than we do, take for a
 * route of another price is refused rather than guessed at.
 */
import type { Credits } from "../credits.ts";
import { foldPath } from "./path.ts";
import {
  compareSpecificity,
  dropTrailingSlash,
  isLoosest,
  literalPath,
  matches,
  parsePattern,
  type Pattern,
} from "./pattern.ts";

/** The methods that can be sold. HEAD is priced as GET; OPTIONS is answered by the gate. */
export const PRICED_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type PricedMethod = (typeof PRICED_METHODS)[number];

export type Route = {
  /** As the price list writes it, "GET /v1/search"; an unlisted route is "*". */
  readonly id: string;
  /** What one call costs; 0 is free. */
  readonly credits: Credits;
  readonly scope: string | undefined;
  readonly timeoutSeconds: number;
  readonly holdTtlSeconds: number;
  readonly chargeOn: "2xx-3xx" | "2xx-4xx";
  readonly passOriginStatus: readonly number[];
  readonly upgrade: boolean;
};
export type PriceList = {
  find(method: PricedMethod, path: string): Route | NotForSale | Ambiguous;
  readonly routes: readonly Route[];
};
type NotForSale = { readonly kind: "not_for_sale"; readonly soldMethods: readonly PricedMethod[] };
/** An origin could read the path as `other`, which is priced apart. */
type Ambiguous = { readonly kind: "ambiguous"; readonly other: string };

type Rule = { readonly pattern: Pattern; readonly route: Route };

/** Which priced method a request's method falls under; undefined for one that is not sold. */
export function pricedMethod(method: string): PricedMethod | undefined {
  return method === "HEAD" ? "GET" : PRICED_METHODS.find((known) => known === method);
}

/** Splits "GET /v1/search" into its parts; a string says what is wrong. */
export function parseRouteId(id: string): { method: PricedMethod; patterns: readonly Pattern[] } | string {
  const [method = "", path = "", ...rest] = id.split(" ");
  if (rest.length > 0 || path === "") return 'write it as "METHOD /path"';
  const priced = PRICED_METHODS.find((known) => known === method);
  if (!priced) {
    if (method === "HEAD") return "HEAD is priced as GET: price the GET";
    return `${method} cannot be priced; ${PRICED_METHODS.join(", ")} can`;
  }
  const patterns = parsePattern(path);
  return typeof patterns === "string" ? patterns : { method: priced, patterns };
}

/** Builds the list from routes whose ids were checked. `unlisted`: what everything else is, if it is sold at all. */
export function buildPriceList(routes: readonly Route[], unlisted: Route | undefined): PriceList {
  const rules = new Map<PricedMethod, Rule[]>();
  /** Routes without parameters, which no pattern can beat, found at once: "GET /v1/search". */
  const literal = new Map<string, Route>();
  const foldedLiteral = new Map<string, Route>();
  /** Whether a path in its loosest spelling could still be another route than the one it matches to the letter. */
  let listFolds = false;
  for (const route of routes) {
    const parsed = parseRouteId(route.id);
    if (typeof parsed === "string") throw new Error(`${route.id}: ${parsed}`);
    for (const pattern of parsed.patterns) {
      listFolds ||= !isLoosest(pattern);
      const path = literalPath(pattern);
      if (path === undefined) rules.set(parsed.method, [...(rules.get(parsed.method) ?? []), { pattern, route }]);
      else {
        literal.set(`${parsed.method} ${path}`, route);
        foldedLiteral.set(`${parsed.method} ${foldPath(path)}`, route);
      }
    }
  }
  for (const list of rules.values()) list.sort((a, b) => compareSpecificity(a.pattern, b.pattern));

  const findIn = (exact: Map<string, Route>, method: PricedMethod, path: string, fold: boolean): Route | undefined => {
    const found = exact.get(`${method} ${path}`);
    const list = rules.get(method);
    if (found || !list) return found;
    const segments = path.slice(1).split("/");
    return list.find(({ pattern }) => matches(fold ? dropTrailingSlash(pattern) : pattern, segments, fold))?.route;
  };
  const sold = (method: PricedMethod, path: string): Route | undefined => findIn(literal, method, path, false);

  return {
    routes,
    find(method, path) {
      const route = sold(method, path);
      const folded = foldPath(path);
      if (folded !== path || listFolds) {
        const other = findIn(foldedLiteral, method, folded, true);
        if (other && other !== route) return { kind: "ambiguous", other: other.id };
      }
      const found = route ?? unlisted;
      return found ?? { kind: "not_for_sale", soldMethods: PRICED_METHODS.filter((known) => sold(known, path)) };
    },
  };
}
