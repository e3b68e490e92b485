/**
 * Whose tokens count, and the keys they sign with.
 *
 * Keys come from the config, from a secret, or from the issuer's JWKS. A fetched JWKS is kept in KV, so that a fresh
 * isolate need not fetch; it is fetched again when it grows old or a token names an unknown key, the latter at most
 * once in a cool-down, so that made-up key ids cannot make the gate hammer an issuer.
 */
import type { Algorithm, Issuer } from "../config.ts";
import { log } from "../log.ts";
import { fitsKid, isKeySet, loadKeys, type Key } from "./keys.ts";

export type TrustedIssuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly accountPrefix: string;
  readonly lifeSecondsMax: number;
  readonly algorithms: readonly Algorithm[];
  /** It is the gate itself: its clock is ours. */
  readonly isOwn?: true;
  /** The keys a token naming `kid` may be checked with; "unavailable" if the issuer could not be asked. */
  keysFor(kid: string | undefined, now: number): Promise<readonly Key[] | "unavailable">;
};

const JWKS_BYTES_MAX = 65_536;
const FETCH_TIMEOUT_MS = 5_000;
/** Keys older than this are fetched again; those that fail to refresh stay in use. */
const FRESH_MS = 3_600_000;
const COOL_DOWN_MS = 30_000;
/** Between two looks whether another request has fetched the keys. A promise of its would die with it. */
const WAIT_STEP_MS = 20;
const KV_TTL_SECONDS = 7 * 86_400;

/** An issuer whose keys are all known from the start. */
export function fixedIssuer(of: Omit<TrustedIssuer, "keysFor">, keys: readonly Key[]): TrustedIssuer {
  return { ...of, keysFor: async () => keys };
}

/** An issuer that publishes its keys at `url`. */
export function remoteIssuer(of: Omit<TrustedIssuer, "keysFor">, url: string, kv: KVNamespace): TrustedIssuer {
  const cached = `jwks:${url}`;
  let known: { readonly keys: readonly Key[]; readonly at: number } | undefined;
  let triedAt = -Infinity;
  /** Whether the last fetch failed: then a key we lack may well exist. */
  let failed = false;

  /** When the request that is fetching now began; a request that died does not say that it ended. */
  let fetchingSince = -Infinity;
  const isFetching = (now: number): boolean => now - fetchingSince < FETCH_TIMEOUT_MS + WAIT_STEP_MS;

  const load = async (jwks: unknown, at: number): Promise<void> => {
    if (!isKeySet(jwks)) throw new Error("not a JWK Set");
    const { keys, refused } = await loadKeys(jwks, of.algorithms);
    for (const { kid, why } of refused) log("jwks_key_refused", { issuer: of.issuer, kid, why });
    known = { keys, at };
  };
  const unavailable = (error: unknown): void => {
    log("jwks_unavailable", { issuer: of.issuer, why: String(error) });
  };
  const refresh = async (now: number): Promise<void> => {
    fetchingSince = now;
    try {
      const jwks = await fetchJwks(url);
      await load(jwks, now);
      failed = false;
      // A copy: losing it costs another isolate a fetch, and nothing else.
      await kv.put(cached, JSON.stringify({ jwks, at: now }), { expirationTtl: KV_TTL_SECONDS }).catch(unavailable);
    } catch (error) {
      failed = true;
      unavailable(error);
    }
    fetchingSince = -Infinity;
    triedAt = now;
  };
  const recall = async (): Promise<void> => {
    try {
      const kept = await kv.get<{ jwks: unknown; at: number }>(cached, "json");
      if (kept && typeof kept.at === "number") await load(kept.jwks, kept.at);
    } catch (error) {
      log("jwks_cache_unreadable", { issuer: of.issuer, why: String(error) });
    }
  };

  return {
    ...of,
    async keysFor(kid, now) {
      const cool = now - triedAt > COOL_DOWN_MS;
      if (!known && cool) await recall();
      const lacksKey = (): boolean => !known || (kid !== undefined && !known.keys.some((key) => fitsKid(key, kid)));
      // Another request is asking already, and what it learns serves this one too.
      let later = now;
      for (; lacksKey() && isFetching(later); later += WAIT_STEP_MS) await sleep(WAIT_STEP_MS);
      const old = known === undefined || later - known.at > FRESH_MS;
      if ((lacksKey() || old) && later - triedAt > COOL_DOWN_MS && !isFetching(later)) await refresh(later);
      return known && !(lacksKey() && failed) ? known.keys : "unavailable";
    },
  };
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Throws if the issuer does not answer with a JSON document of a sensible size. */
async function fetchJwks(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  if (Number(response.headers.get("content-length") ?? 0) > JWKS_BYTES_MAX) throw new Error("too large");
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > JWKS_BYTES_MAX) throw new Error("too large");
  }
  return JSON.parse(text);
}

/** What the config says of an outside issuer, apart from its keys. */
export function describeIssuer(issuer: Issuer, lifeSecondsMax: number): Omit<TrustedIssuer, "keysFor"> {
  return {
    issuer: issuer.issuer,
    audience: issuer.audience,
    accountPrefix: issuer.accountPrefix ?? "",
    lifeSecondsMax,
    algorithms: issuer.algorithms,
  };
}
