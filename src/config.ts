/**
 * What an operator writes in farebox.config.ts. `config/check.ts` says what is wrong with one; docs are in the README.
 */
import type { Credits } from "./credits.ts";

export { usd } from "./credits.ts";

/** A value that is known only at run time: the secret of this name, with an optional text in front of it. */
type SecretValue = { readonly secret: string; readonly prefix?: string };

type OriginOptions = {
  /** Headers of ours to add to every forwarded request, such as the origin's own credentials. */
  readonly headers?: Readonly<Record<string, string | SecretValue>>;
  /** How long the origin may take to begin its answer. Default 30. */
  readonly timeoutSeconds?: number;
};
export type OriginUrl = OriginOptions & {
  readonly url: string;
  /** Allows plain http, an IP address or localhost. For local work. */
  readonly insecure?: true;
};
type OriginBinding = OriginOptions & { readonly binding: string };
/** "route": the Worker sits on a route of the zone and forwards to the zone's own origin. */
type Origin = OriginUrl | OriginBinding | "route";

export type Algorithm =
  | "EdDSA"
  | "ES256"
  | "ES384"
  | "ES512"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "HS256"
  | "HS384"
  | "HS512";

/** A JSON Web Key (RFC 7517), as its issuer publishes it. */
export type Jwk = Readonly<Record<string, unknown>>;

/** Somebody else whose tokens open accounts here. Exactly one of `jwks`, `keys` and `secret`. */
export type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly Algorithm[];
  readonly jwks?: string;
  readonly keys?: readonly Jwk[];
  /** The name of the secret that holds the HMAC key, 32 bytes or more. */
  readonly secret?: string;
  /** Put before `sub` to make the account's id, so that two issuers cannot meet in one account. */
  readonly accountPrefix?: string;
  /** The longest life a token may have. Default and most: 86400. */
  readonly maxLifeSeconds?: number;
};

/** Which of the origin's answers cost credits. */
type ChargeOn = "2xx-3xx" | "2xx-4xx";

type RouteOptions = {
  /** The token's `scope` must contain this. */
  readonly scope?: string;
  readonly timeoutSeconds?: number;
  readonly chargeOn?: ChargeOn;
  /** The origin's own 401 or 402 to hand to the caller instead of turning it into a 502. */
  readonly passOriginStatus?: readonly (401 | 402)[];
  /** Allows a WebSocket upgrade, charged once when the origin accepts it. */
  readonly upgrade?: true;
};
export type Price = Credits | "free" | (RouteOptions & { readonly credits: Credits | "free" });

export type Plan = { readonly includes: readonly string[] };

export type Config = {
  readonly name: string;
  /** Where buyers reach the gate, such as "https://api.example.com". Default: wherever a request came to. */
  readonly publicUrl?: string;
  readonly origin: Origin;
  readonly tokens?: readonly Issuer[];
  /** "METHOD /path" to price. Paths are Hono patterns: /v1/items/:id, /v1/items/:id{[0-9]+}, /v1/files/*. */
  readonly prices: Readonly<Record<string, Price>>;
  readonly plans?: Readonly<Record<string, Plan>>;
  /** What a route without a price costs. Default "deny". */
  readonly unlisted?: "deny" | "free" | Credits;
  readonly chargeOn?: ChargeOn;
  readonly passOriginStatus?: readonly (401 | 402)[];
  /** How long a call's credits stay set aside if nothing is heard of it. Default: time-out + 60. */
  readonly holdTtlSeconds?: number;
  readonly payments?: {
    /** The page where a person adds credits; "{account}" in it becomes the account's id. */
    readonly topUpUrl?: string;
  };
  /** Where a stuck buyer finds help: a URL or a mailto: address. */
  readonly support?: string;
  /** Whose browsers' scripts may read answers. Default: all. */
  readonly cors?: { readonly origins: readonly string[] };
};

export const TIMEOUT_SECONDS_DEFAULT = 30;
export const HOLD_GRACE_SECONDS = 60;
export const OUTSIDE_LIFE_SECONDS_MAX = 86_400;

/** Types the config. It does not throw: a gate with a mistake in its config starts, refuses to serve, and says what to change. */
export function defineConfig(config: Config): Config {
  return config;
}
