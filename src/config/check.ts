/**
 * What is wrong with a config: one message a mistake, which names the key, the value and the mend.
 *
 * Values of secrets never appear in a message, only their names.
 */
import type { Config, Issuer, OriginUrl } from "../config.ts";
import { HOLD_GRACE_SECONDS, OUTSIDE_LIFE_SECONDS_MAX, TIMEOUT_SECONDS_DEFAULT } from "../config.ts";
import { parseCredits } from "../credits.ts";
import { compareSpecificity, mayOverlap, type Pattern } from "../gate/pattern.ts";
import { parseRouteId } from "../gate/price.ts";

export type Mistake = { readonly key: string; readonly problem: string; readonly mend: string };

const ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512"];
const RESERVED = ["/_farebox", "/.well-known/jwks.json"];
const KEYS = {
  config: ["name", "publicUrl", "origin", "tokens", "prices", "plans", "unlisted", "chargeOn", "passOriginStatus", "holdTtlSeconds", "payments", "support", "cors"],
  originUrl: ["url", "insecure", "headers", "timeoutSeconds"],
  originBinding: ["binding", "headers", "timeoutSeconds"],
  issuer: ["issuer", "audience", "algorithms", "jwks", "keys", "secret", "accountPrefix", "maxLifeSeconds"],
  price: ["credits", "scope", "timeoutSeconds", "chargeOn", "passOriginStatus", "upgrade"],
  plan: ["includes"],
  payments: ["topUpUrl"],
  cors: ["origins"],
};

/** Everything wrong with a config, in the order of its keys; [] for nothing. Takes anything: a config may come from JavaScript. */
export function checkConfig(config: Config): Mistake[] {
  const found: Mistake[] = [];
  const say = (key: string, problem: string, mend: string): void => {
    found.push({ key, problem, mend });
  };
  if (!isRecord(config)) return [{ key: "farebox.config.ts", problem: "does not export a config", mend: "export default defineConfig({ … })" }];
  checkKeys(say, "", config, KEYS.config);
  if (typeof config.name !== "string" || !/^[\x20-\x7e]{1,100}$/.test(config.name) || /["\\]/.test(config.name)) {
    say("name", `is ${show(config.name)}`, "give the API a name of 1 to 100 printable ASCII characters without quotes or backslashes; it is shown to buyers");
  }
  if (config.publicUrl !== undefined && originOf(config.publicUrl) !== config.publicUrl) {
    say("publicUrl", `is ${show(config.publicUrl)}`, 'write scheme and host only, as in "https://api.example.com"');
  }
  checkOrigin(say, config);
  checkIssuers(say, config.tokens);
  checkPrices(say, config.prices);
  checkPlans(say, config.plans, config.prices);
  const { unlisted } = config;
  if (unlisted !== undefined && unlisted !== "deny" && unlisted !== "free" && parseCredits(unlisted) === undefined) {
    say("unlisted", `is ${show(unlisted)}`, 'write "deny", "free" or a price of 1 to 10^12 credits');
  }
  checkCharging(say, "", config);
  checkSeconds(say, "holdTtlSeconds", config.holdTtlSeconds, 1, 86_400);
  if (typeof config.holdTtlSeconds === "number") {
    const timeout = longestTimeout(config);
    if (config.holdTtlSeconds < timeout) say("holdTtlSeconds", `is ${config.holdTtlSeconds}, less than the longest time-out, ${timeout}`, `let a hold outlive its call: at least ${timeout}, better ${timeout + HOLD_GRACE_SECONDS}`);
  }
  checkPayments(say, config);
  if (config.cors !== undefined) checkCors(say, config.cors);
  return found;
}

type Say = (key: string, problem: string, mend: string) => void;

function checkOrigin(say: Say, { origin, publicUrl }: Config): void {
  if (origin === "route") return;
  if (!isRecord(origin)) {
    say("origin", `is ${show(origin)}`, 'write { url: "https://…" }, { binding: "NAME" } or "route"');
    return;
  }
  if (isUrl(origin)) {
    checkKeys(say, "origin.", origin, KEYS.originUrl);
    checkOriginUrl(say, origin, publicUrl);
  } else {
    checkKeys(say, "origin.", origin, KEYS.originBinding);
    if (typeof origin.binding !== "string" || origin.binding === "") say("origin.binding", `is ${show(origin.binding)}`, "name the service binding of wrangler.toml that leads to the origin");
  }
  checkSeconds(say, "origin.timeoutSeconds", origin.timeoutSeconds, 1, 3600);
  for (const [name, value] of Object.entries(origin.headers ?? {})) {
    const key = `origin.headers[${show(name)}]`;
    if (!/^[A-Za-z0-9-]+$/.test(name)) say(key, "is no header name", "use letters, digits and hyphens");
    else if (/^(?:farebox-|payment-|x-forwarded-)/i.test(name)) say(key, "is a header the gate sets itself", "choose another name");
    if (typeof value === "string") {
      if (!/^[\x20-\x7e]*$/.test(value)) say(key, "contains characters other than printable ASCII", "write printable ASCII");
    } else if (!isRecord(value) || typeof value.secret !== "string") say(key, `is ${show(value)}`, 'write text, or { secret: "NAME", prefix: "Bearer " }');
  }
}

function isUrl(origin: Exclude<Config["origin"], "route">): origin is OriginUrl {
  return "url" in origin;
}

function checkOriginUrl(say: Say, origin: OriginUrl, publicUrl: string | undefined): void {
  const key = "origin.url";
  const url = typeof origin.url === "string" ? URL.parse(origin.url) : null;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    say(key, `is ${show(origin.url)}`, 'write an absolute URL, as in "https://origin.example.com"');
    return;
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    say(key, `is ${show(origin.url)}`, "write scheme and host only: paths are forwarded as they are, and credentials go into origin.headers");
  }
  if (origin.insecure !== undefined && origin.insecure !== true) say("origin.insecure", `is ${show(origin.insecure)}`, "write true or leave it out");
  const internal = isInternalHost(url.hostname);
  if (origin.insecure !== true && (url.protocol === "http:" || internal)) {
    say(key, `is ${show(origin.url)}, ${internal ? "an IP address or a local name" : "plain http"}`, "use https and a public name; for local work add insecure: true");
  }
  if (publicUrl !== undefined && url.origin === originOf(publicUrl)) {
    say(key, `is ${show(origin.url)}, this gate itself (publicUrl)`, "name the server behind the gate");
  }
}

function isInternalHost(host: string): boolean {
  return /^\[|^[\d.]+$|^localhost$|\.localhost$|\.local$|\.internal$/.test(host);
}

function checkIssuers(say: Say, tokens: Config["tokens"]): void {
  if (tokens === undefined) return;
  if (!Array.isArray(tokens)) {
    say("tokens", `is ${show(tokens)}`, "write a list of issuers");
    return;
  }
  const seen = new Set<string>();
  for (const [index, issuer] of (tokens as readonly Issuer[]).entries()) {
    const key = `tokens[${index}]`;
    if (!isRecord(issuer)) {
      say(key, `is ${show(issuer)}`, "write { issuer, audience, algorithms, and one of jwks, keys, secret }");
      continue;
    }
    checkIssuer(say, key, issuer);
    if (seen.has(issuer.issuer)) say(`${key}.issuer`, `is ${show(issuer.issuer)}, listed before`, "list every issuer once");
    seen.add(issuer.issuer);
  }
}

function checkIssuer(say: Say, key: string, issuer: Issuer): void {
  checkKeys(say, `${key}.`, issuer, KEYS.issuer);
  for (const name of ["issuer", "audience"] as const) {
    if (typeof issuer[name] !== "string" || issuer[name] === "") say(`${key}.${name}`, `is ${show(issuer[name])}`, `write the ${name} exactly as its tokens carry it`);
  }
  const { algorithms } = issuer;
  if (!Array.isArray(algorithms) || algorithms.length === 0 || algorithms.some((name) => !ALGORITHMS.includes(name))) {
    say(`${key}.algorithms`, `is ${show(algorithms)}`, `list what its tokens are signed with, out of ${ALGORITHMS.join(", ")}`);
    return;
  }
  const sources = (["jwks", "keys", "secret"] as const).filter((name) => issuer[name] !== undefined);
  if (sources.length !== 1) say(key, `has ${sources.length === 0 ? "no key" : sources.join(" and ")}`, "give exactly one of jwks (a URL), keys (a list) and secret (a name)");
  const symmetric = algorithms.filter((name) => name.startsWith("HS"));
  if (issuer.secret === undefined ? symmetric.length > 0 : symmetric.length !== 1 || algorithms.length !== 1) {
    say(`${key}.algorithms`, `is ${show(algorithms)}`, "an HMAC secret goes with exactly one of HS256, HS384, HS512; public keys go with the others");
  }
  if (issuer.secret !== undefined && !isSecretName(issuer.secret)) say(`${key}.secret`, "is not the name of a secret", 'write the name, as in secret: "AUTH_HMAC_KEY", and set its value with wrangler secret put');
  if (issuer.jwks !== undefined) {
    const url = typeof issuer.jwks === "string" ? URL.parse(issuer.jwks) : null;
    if (!url || (url.protocol !== "https:" && !(url.protocol === "http:" && isInternalHost(url.hostname)))) say(`${key}.jwks`, `is ${show(issuer.jwks)}`, "write an https URL (http only for an IP address or localhost, for local work)");
  }
  if (issuer.keys !== undefined && (!Array.isArray(issuer.keys) || issuer.keys.length === 0)) say(`${key}.keys`, `is ${show(issuer.keys)}`, "list the issuer's public JWKs");
  if (issuer.accountPrefix !== undefined && !/^[\x21-\x7e]{1,64}$/.test(String(issuer.accountPrefix))) say(`${key}.accountPrefix`, `is ${show(issuer.accountPrefix)}`, "write 1 to 64 printable ASCII characters without blanks");
  checkSeconds(say, `${key}.maxLifeSeconds`, issuer.maxLifeSeconds, 60, OUTSIDE_LIFE_SECONDS_MAX);
}

function checkPrices(say: Say, prices: Config["prices"]): void {
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
      if (RESERVED.some((reserved) => path === reserved || path.startsWith(`${reserved}/`))) say(key, "is a path of the gate's own", "choose a path outside /_farebox/ and /.well-known/jwks.json");
      for (const pattern of parsed.patterns) {
        const twin = seen.find((other) => other.id !== id && other.method === parsed.method && compareSpecificity(other.pattern, pattern) === 0 && mayOverlap(other.pattern, pattern));
        if (twin) say(key, `and ${show(twin.id)} are equally specific and could match the same path`, "make one of them more specific, or merge them");
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
    say(key, `costs ${show(amount)}`, amount === 0 ? 'write "free" if it is free' : 'write 1 to 10^12 credits, usd("0.0005"), or "free"');
  }
  checkKeys(say, `${key}.`, options, KEYS.price);
  const { scope, timeoutSeconds, upgrade } = options;
  if (scope !== undefined && (typeof scope !== "string" || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) say(`${key}.scope`, `is ${show(scope)}`, "write one scope, without blanks or quotes");
  if (upgrade !== undefined && upgrade !== true) say(`${key}.upgrade`, `is ${show(upgrade)}`, "write true or leave it out");
  checkSeconds(say, `${key}.timeoutSeconds`, timeoutSeconds, 1, 3600);
  checkCharging(say, `${key}.`, options);
}

function checkPlans(say: Say, plans: Config["plans"], prices: Config["prices"]): void {
  if (plans === undefined) return;
  if (!isRecord(plans)) {
    say("plans", `is ${show(plans)}`, 'write { pro: { includes: ["GET /v1/search"] } }');
    return;
  }
  for (const [name, plan] of Object.entries(plans)) {
    const key = `plans[${show(name)}]`;
    if (!/^[A-Za-z0-9._:~-]{1,128}$/.test(name)) say(key, "is no plan name", "use 1 to 128 letters, digits and . _ : ~ -");
    const includes: unknown = isRecord(plan) ? plan.includes : undefined;
    if (!isRecord(plan) || !Array.isArray(includes)) {
      say(key, `is ${show(plan)}`, 'write { includes: ["GET /v1/search"] }');
      continue;
    }
    checkKeys(say, `${key}.`, plan, KEYS.plan);
    for (const route of includes) {
      if (typeof route !== "string" || !isRecord(prices) || !Object.hasOwn(prices, route)) say(`${key}.includes`, `names ${show(route)}, which has no price`, "write the route exactly as in prices");
    }
  }
}

function checkPayments(say: Say, { payments, support }: Config): void {
  if (payments !== undefined) {
    if (!isRecord(payments)) say("payments", `is ${show(payments)}`, 'write { topUpUrl: "https://…" }');
    else {
      checkKeys(say, "payments.", payments, KEYS.payments);
      // RFC 8288 link targets; the account's id stands in its place while checking.
      if (payments.topUpUrl !== undefined && !isLink(payments.topUpUrl, ["https:"])) say("payments.topUpUrl", `is ${show(payments.topUpUrl)}`, "write an https URL; {account} in it becomes the account's id");
    }
  }
  if (support !== undefined && !isLink(support, ["https:", "mailto:"])) say("support", `is ${show(support)}`, 'write "mailto:help@example.com" or an https URL');
}

function checkCors(say: Say, cors: NonNullable<Config["cors"]>): void {
  if (!isRecord(cors)) {
    say("cors", `is ${show(cors)}`, 'write { origins: ["https://app.example.com"] }');
    return;
  }
  checkKeys(say, "cors.", cors, KEYS.cors);
  const { origins } = cors;
  if (!Array.isArray(origins) || origins.length === 0 || (origins.includes("*") && origins.length > 1) || origins.some((entry) => entry !== "*" && originOf(entry) !== entry)) {
    say("cors.origins", `is ${show(origins)}`, 'write ["*"], or scheme and host of each site, as in ["https://app.example.com"]');
  }
}

function checkCharging(say: Say, prefix: string, options: { readonly chargeOn?: unknown; readonly passOriginStatus?: unknown }): void {
  const { chargeOn, passOriginStatus } = options;
  if (chargeOn !== undefined && chargeOn !== "2xx-3xx" && chargeOn !== "2xx-4xx") say(`${prefix}chargeOn`, `is ${show(chargeOn)}`, 'write "2xx-3xx" or "2xx-4xx"');
  if (passOriginStatus !== undefined && (!Array.isArray(passOriginStatus) || passOriginStatus.some((status) => status !== 401 && status !== 402))) {
    say(`${prefix}passOriginStatus`, `is ${show(passOriginStatus)}`, "list 401, 402 or both; every other status is passed anyway");
  }
}

function checkSeconds(say: Say, key: string, value: unknown, min: number, max: number): void {
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max)) return;
  say(key, `is ${show(value)}`, `write a whole number of seconds, ${min} to ${max}`);
}

function checkKeys(say: Say, prefix: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) say(prefix + key, "is not a known key", `known here: ${known.join(", ")}`);
  }
}

function longestTimeout({ origin, prices }: Config): number {
  const own = isRecord(origin) ? origin.timeoutSeconds : undefined;
  const routes = isRecord(prices) ? Object.values(prices).map((price) => (typeof price === "object" ? price.timeoutSeconds : undefined)) : [];
  return Math.max(...[own ?? TIMEOUT_SECONDS_DEFAULT, ...routes].filter((seconds) => typeof seconds === "number"));
}

export function isSecretName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(value);
}

function isLink(value: unknown, protocols: readonly string[]): boolean {
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value) || /[<>"\\^`|]/.test(value)) return false;
  return protocols.includes(URL.parse(value.replaceAll("{account}", "account"))?.protocol ?? "");
}

function originOf(url: unknown): string | undefined {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  return parsed && parsed.origin !== "null" ? parsed.origin : undefined;
}

function isRecord<T>(value: T): value is T & Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it would be written, cut short. */
function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : value === undefined ? "missing" : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
