/** Routes for price lists, with what a test does not care about filled in. */
import { credits } from "../../src/credits.ts";
import type { Route } from "../../src/gate/price.ts";

export function routeOf(id: string, price: number, more: Partial<Route> = {}): Route {
  return {
    id,
    credits: credits(price),
    scope: undefined,
    timeoutSeconds: 30,
    holdTtlSeconds: 90,
    chargeOn: "2xx-3xx",
    passOriginStatus: [],
    upgrade: false,
    ...more,
  };
}
