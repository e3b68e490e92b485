/**
 * From config, secrets and bindings to what the gate works with, or to all that is wrong with them.
 *
 * Done once an isolate. A gate with a mistake in it serves nothing: it says which, by name and never by value.
 */
import type { Config, Issuer, Price } from "./config.ts";
import { HOLD_GRACE_SECONDS, OUTSIDE_LIFE_SECONDS_MAX, TIMEOUT_SECONDS_DEFAULT } from "./config.ts";
import { checkConfig } from "./config/check.ts";
import type { Mistake } from "./config/say.ts";
import { credits } from "./credits.ts";
import type { House } from "./gate/house.ts";
import { BodyRoom } from "./gate/idempotency.ts";
import { describeIssuer, fixedIssuer, remoteIssuer, type TrustedIssuer } from "./gate/issuer.ts";
import { hmacBytesMin, importHmac, loadKeys } from "./gate/keys.ts";
import type { RateLimiter } from "./gate/limit.ts";
import type { OriginServer } from "./gate/origin.ts";
import { buildPriceList, type Route } from "./gate/price.ts";
import { loadSigner } from "./gate/signer.ts";
import type { Account } from "./ledger/account.ts";
import { connectLedger } from "./ledger/client.ts";

export type Setup =
  | { readonly ok: true; readonly house: House }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

const ADMIN_TOKEN_CHARACTERS_MIN = 32;

export async function setUp(config: Config, env: Readonly<Record<string, unknown>>): Promise<Setup> {
  const mistakes: Mistake[] = [...checkConfig(config)];
  const say = (key: string, problem: string, mend: string): void => {
    mistakes.push({ key, problem, mend });
  };
  const kv = env["KV"];
  if (!hasMethod<KVNamespace>(kv, "get"))
    say(
      "binding KV",
      "is missing",
      'add [[kv_namespaces]] with binding = "KV" to wrangler.toml, in every environment you deploy',
    );
  const accounts = env["ACCOUNTS"];
  if (!hasMethod<DurableObjectNamespace<Account>>(accounts, "getByName"))
    say(
      "binding ACCOUNTS",
      "is missing",
      'add [[durable_objects.bindings]] with name = "ACCOUNTS" and class_name = "Account" to wrangler.toml, in every environment you deploy',
    );
  const adminToken = env["FAREBOX_ADMIN_TOKEN"];
  const adminFault = findAdminTokenFault(adminToken);
  if (adminFault !== undefined)
    say(
      "secret FAREBOX_ADMIN_TOKEN",
      adminFault,
      "set 32 or more random characters: openssl rand -base64 33 | tr -d '\\n' | npx wrangler secret put FAREBOX_ADMIN_TOKEN",
    );
  const signingKey = env["FAREBOX_SIGNING_KEY"];
  const signer = typeof signingKey === "string" && signingKey !== "" ? await loadSigner(signingKey) : "is missing";
  if (typeof signer === "string")
    say(
      "secret FAREBOX_SIGNING_KEY",
      signer,
      "make one with npm run new-key and set it with npx wrangler secret put FAREBOX_SIGNING_KEY",
    );
  // What follows reads the config's values, so it waits until those are right.
  if (checkConfig(config).length > 0) return { ok: false, mistakes };
  const origin = connectOrigin(config, env, say);
  const outsideIssuers: TrustedIssuer[] = [];
  if (hasMethod<KVNamespace>(kv, "get")) {
    for (const [index, issuer] of (config.tokens ?? []).entries()) {
      const trusted = await connectIssuer(issuer, `tokens[${index}]`, env, kv, say);
      if (trusted) outsideIssuers.push(trusted);
    }
  }
  if (
    mistakes.length > 0 ||
    typeof signer === "string" ||
    !hasMethod<KVNamespace>(kv, "get") ||
    !hasMethod<DurableObjectNamespace<Account>>(accounts, "getByName")
  )
    return { ok: false, mistakes };
  const house: House = {
    shop: { name: config.name, topUpUrl: config.payments?.topUpUrl, support: config.support },
    cors: config.cors ?? { origins: ["*"] },
    prices: buildPriceList(
      Object.entries(config.prices).map(([id, price]) => makeRoute(config, id, price)),
      config.unlisted === undefined || config.unlisted === "deny" ? undefined : makeRoute(config, "*", config.unlisted),
    ),
    plans: config.plans ?? {},
    signer,
    outsideIssuers,
    origin,
    ledger: connectLedger(accounts),
    kv,
    adminToken: String(adminToken),
    bodyRoom: new BodyRoom(),
    refusalLimiter: hasMethod<RateLimiter>(env["REFUSALS"], "limit") ? env["REFUSALS"] : undefined,
  };
  return { ok: true, house };
}

type Say = (key: string, problem: string, mend: string) => void;

function findAdminTokenFault(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return "is missing";
  if (!/^[\x21-\x7e]+$/.test(value)) return "contains a blank, a line break or a character outside ASCII";
  return value.length < ADMIN_TOKEN_CHARACTERS_MIN
    ? `is shorter than ${ADMIN_TOKEN_CHARACTERS_MIN} characters`
    : undefined;
}

function makeRoute(config: Config, id: string, price: Price): Route {
  const own = typeof price === "object" ? price : { credits: price };
  const originTimeout = config.origin === "route" ? undefined : config.origin.timeoutSeconds;
  const timeoutSeconds = own.timeoutSeconds ?? originTimeout ?? TIMEOUT_SECONDS_DEFAULT;
  return {
    id,
    credits: own.credits === "free" ? credits(0) : own.credits,
    scope: own.scope,
    timeoutSeconds,
    holdTtlSeconds: config.holdTtlSeconds ?? timeoutSeconds + HOLD_GRACE_SECONDS,
    chargeOn: own.chargeOn ?? config.chargeOn ?? "2xx-3xx",
    passOriginStatus: own.passOriginStatus ?? config.passOriginStatus ?? [],
    upgrade: own.upgrade ?? false,
  };
}

function connectOrigin({ origin }: Config, env: Readonly<Record<string, unknown>>, say: Say): OriginServer {
  if (origin === "route") return { base: undefined, headers: [], fetch: (request, init) => fetch(request, init) };
  const headers = Object.entries(origin.headers ?? {}).map(([name, value]): [string, string] => {
    if (typeof value === "string") return [name, value];
    const secret = env[value.secret];
    if (typeof secret !== "string" || !/^[\x20-\x7e]+$/.test(secret)) {
      say(
        `secret ${value.secret}`,
        "is missing, or is not one line of printable ASCII",
        `set it with npx wrangler secret put ${value.secret}: origin.headers[${JSON.stringify(name)}] is made of it`,
      );
      return [name, ""];
    }
    return [name, (value.prefix ?? "") + secret];
  });
  if ("url" in origin)
    return { base: new URL(origin.url).origin, headers, fetch: (request, init) => fetch(request, init) };
  const service = env[origin.binding];
  if (!hasMethod<Fetcher>(service, "fetch")) {
    say(
      `binding ${origin.binding}`,
      "is missing",
      `add [[services]] with binding = ${JSON.stringify(origin.binding)} to wrangler.toml: origin.binding names it`,
    );
    return { base: undefined, headers, fetch: (request, init) => fetch(request, init) };
  }
  return { base: undefined, headers, fetch: (request, init) => service.fetch(request, init) };
}

async function connectIssuer(
  issuer: Issuer,
  key: string,
  env: Readonly<Record<string, unknown>>,
  kv: KVNamespace,
  say: Say,
): Promise<TrustedIssuer | undefined> {
  const described = describeIssuer(issuer, issuer.maxLifeSeconds ?? OUTSIDE_LIFE_SECONDS_MAX);
  if (issuer.jwks !== undefined) return remoteIssuer(described, issuer.jwks, kv);
  if (issuer.keys !== undefined) {
    const { keys, refused } = await loadKeys({ keys: issuer.keys }, issuer.algorithms);
    for (const { kid, why } of refused)
      say(`${key}.keys`, `the key ${JSON.stringify(kid)} cannot be used: ${why}`, "replace the key");
    if (issuer.keys.some((jwk) => jwk["kty"] === "oct" || "d" in jwk))
      say(
        `${key}.keys`,
        "contains a secret key",
        "list public keys only; an HMAC key goes into a secret, named by secret",
      );
    return fixedIssuer(described, keys);
  }
  const [algorithm] = issuer.algorithms;
  const name = issuer.secret ?? "";
  const secret = env[name];
  const bytes = new TextEncoder().encode(typeof secret === "string" ? secret : "");
  const min = algorithm === undefined ? Infinity : hmacBytesMin(algorithm);
  const problem =
    bytes.length === 0
      ? "is missing"
      : bytes.length < min
        ? `is shorter than ${min} bytes`
        : /[\r\n]$/.test(String(secret))
          ? "ends with a line break, which would be part of the key"
          : undefined;
  if (algorithm === undefined || problem !== undefined) {
    say(
      `secret ${name}`,
      problem ?? "is for no algorithm",
      `set it with npx wrangler secret put ${name}: ${key}.secret names it`,
    );
    return undefined;
  }
  return fixedIssuer(described, [{ kid: undefined, alg: algorithm, verify: await importHmac(bytes, algorithm) }]);
}

function hasMethod<T>(value: unknown, name: string): value is T {
  return (
    (typeof value === "object" || typeof value === "function") &&
    value !== null &&
    typeof Reflect.get(value, name) === "function"
  );
}
