/** Checks `prices` and `plans`: every route has one price, and no two rules claim one path. */
import type { Config } from "../config.ts";
import { parseCredits } from "../credits.ts";
import { mayOverlap, type Pattern } from "../gate/pattern.ts";
import { parseRouteId } from "../gate/price.ts";
import { checkCharging, checkKeys, checkSeconds, isRecord, show, type Say } from "./say.ts";

/** The gate's own paths. */
const RESERVED = ["/_farebox", "/.well-known/jwks.json"];
const PRICE_KEYS = ["credits", "scope", "timeoutSeconds", "chargeOn", "passOriginStatus", "upgrade"];

export function checkPrices(say: Say, prices: Config["prices"]): void {
  if (!isRecord(prices)) {
    say("prices", `is ${show(prices)}`, 'write { "GET /v1/search": usd("0.0005"), … }');
    return;
  }
  const seen: { id: string; method: string; pattern: Pattern }[] = [];
  for (const [id, price] of Object.entries(prices)) {
    const key = `prices[${show(id)}]`;
    const parsed = parseRouteId(id);
    if (typeof parsed === "string") say(key, "is no route", parsed);
    else {
      const path = id.slice(id.indexOf(" ") + 1);
      if (RESERVED.some((reserved) => path === reserved || path.startsWith(`${reserved}/`)))
        say(key, "is a path of the gate's own", "choose a path outside /_farebox/ and /.well-known/jwks.json");
      for (const pattern of parsed.patterns) {
        const twin = seen.find(
          (other) => other.id !== id && other.method === parsed.method && mayOverlap(other.pattern, pattern),
        );
        if (twin)
          say(
            key,
            `and ${show(twin.id)} are equally specific and could match the same path`,
            "make one of them more specific, or merge them",
          );
        seen.push({ id, method: parsed.method, pattern });
      }
    }
    checkPrice(say, key, price);
  }
}

function checkPrice(say: Say, key: string, price: unknown): void {
  const options = isRecord(price) ? price : {};
  const amount = isRecord(price) ? price["credits"] : price;
  if (amount !== "free" && parseCredits(amount) === undefined) {
    if (Number.isNaN(amount))
      say(
        key,
        "costs what usd() cannot read",
        'write 1 to 10^12 credits, or dollars as text with at most six decimals, as in usd("0.0005")',
      );
    else {
      const mend = amount === 0 ? 'write "free" if it is free' : 'write 1 to 10^12 credits, usd("0.0005"), or "free"';
      say(key, `costs ${show(amount)}`, mend);
    }
  }
  checkKeys(say, `${key}.`, options, PRICE_KEYS);
  const { scope, timeoutSeconds, upgrade } = options;
  if (scope !== undefined && (typeof scope !== "string" || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)))
    say(`${key}.scope`, `is ${show(scope)}`, "write one scope, without blanks or quotes");
  if (upgrade !== undefined && upgrade !== true)
    say(`${key}.upgrade`, `is ${show(upgrade)}`, "write true or leave it out");
  checkSeconds(say, `${key}.timeoutSeconds`, timeoutSeconds, 1, 3600);
  checkCharging(say, `${key}.`, options);
}

export function checkPlans(say: Say, plans: Config["plans"], prices: Config["prices"]): void {
  if (plans === undefined) return;
  if (!isRecord(plans)) {
    say("plans", `is ${show(plans)}`, 'write { pro: { includes: ["GET /v1/search"] } }');
    return;
  }
  for (const [name, plan] of Object.entries(plans)) {
    const key = `plans[${show(name)}]`;
    if (!/^[A-Za-z0-9._:~-]{1,128}$/.test(name))
      say(key, "is no plan name", "use 1 to 128 letters, digits and . _ : ~ -");
    const includes: unknown = isRecord(plan) ? plan.includes : undefined;
    if (!isRecord(plan) || !Array.isArray(includes)) {
      say(key, `is ${show(plan)}`, 'write { includes: ["GET /v1/search"] }');
      continue;
    }
    checkKeys(say, `${key}.`, plan, ["includes"]);
    for (const route of includes) {
      if (typeof route !== "string" || !isRecord(prices) || !Object.hasOwn(prices, route))
        say(`${key}.includes`, `names ${show(route)}, which has no price`, "write the route exactly as in prices");
    }
  }
}
