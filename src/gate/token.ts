/**
 * From a bearer token to an entitlement, or to the one reason it is refused.
 *
 * Order: grammar, issuer, key, signature, then claims, so that nothing unsigned is believed. Callers learn only
 * "invalid", or "expired" of a token that was genuine; the exact reason goes to the log.
 */
import { isAccountId } from "../account-id.ts";
import { parseCredits, type Credits } from "../credits.ts";
import { refuse, ok, type Result } from "../result.ts";
import type { Denial } from "./denial.ts";
import type { TrustedIssuer } from "./issuer.ts";
import { parseJws, verifySignature, type Jws } from "./jws.ts";
import type { Key } from "./keys.ts";
import { parseStrictObject } from "./strict-json.ts";

/** What a verified token allows. */
export type Entitlement = {
  readonly account: string;
  readonly scopes: readonly string[];
  readonly plans: readonly string[];
  readonly jti: string | null;
  /** Seconds since 1970, at the earliest: an outside issuer's clock may be ahead of ours, and a revocation must reach that too. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The most its calls may be charged in its life, all together; null for no limit of its own. */
  readonly spendLimit: Credits | null;
};

export const CLOCK_SKEW_SECONDS = 60;
const TYPES = [undefined, "JWT", "at+jwt"];
/** Room for a jti of ours, which carries the account's id. */
const JTI_BYTES_MAX = 700;
const PLANS_MAX = 32;

/** Reads the Authorization header: a token, none, or why it cannot be used. */
export function readBearer(header: string | null): Result<string | undefined, Denial> {
  if (header === null || header === "") return ok(undefined);
  // Two headers arrive joined by a comma, which no token contains.
  if (header.includes(",")) {
    const why =
      "There are two Authorization headers, or a comma in one. Send one, as in Authorization: Bearer <token>.";
    return refuse({ code: "bad_request", why });
  }
  const scheme = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/.exec(header)?.[0] ?? "";
  if (scheme.toLowerCase() !== "bearer") {
    const why = "The Authorization header does not begin with Bearer. Send it as in Authorization: Bearer <token>.";
    return refuse({ code: "invalid_token", reason: "the Authorization scheme is not Bearer", why });
  }
  const rest = header.slice(scheme.length);
  const token = rest.replace(/^ +/, "");
  if (rest !== "" && (!rest.startsWith(" ") || /\s/.test(token)))
    return refuse({
      code: "bad_request",
      why: "The Authorization header is malformed. Send it as in Authorization: Bearer <token>.",
    });
  return ok(token);
}

/** Verifies a token at `now` (milliseconds). */
export async function verifyToken(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: number,
): Promise<Result<Entitlement, Denial>> {
  const jws = parseJws(token);
  if (!jws.ok) return invalid(jws.error);
  if (!TYPES.includes(jws.value.typ)) return invalid("typ is neither JWT nor at+jwt");
  const claims = parseStrictObject(jws.value.payload);
  if (!claims) return invalid("the payload is not a JSON object with distinct members");
  const issuer = issuers.find((known) => known.issuer === claims["iss"]);
  if (!issuer) return invalid("iss is not a trusted issuer");
  const keys = await issuer.keysFor(jws.value.kid, now);
  if (keys === "unavailable") return refuse({ code: "issuer_unavailable", issuer: issuer.issuer });
  const key = chooseKey(keys, jws.value);
  if (!key) return invalid("no key of this issuer fits its kid");
  if (!(await verifySignature(token, jws.value, key))) return invalid("the signature does not verify");
  return readClaims(claims, issuer, Math.floor(now / 1000));
}

function invalid(reason: string): { readonly ok: false; readonly error: Denial } {
  return refuse({ code: "invalid_token", reason });
}

/** The key a token names; a token that names none is for the issuer that has only one. */
function chooseKey(keys: readonly Key[], jws: Jws): Key | undefined {
  const only = keys.length === 1 ? keys[0] : undefined;
  if (jws.kid === undefined) return only;
  return keys.find((key) => key.kid === jws.kid) ?? (only?.kid === undefined ? only : undefined);
}

function readClaims(
  claims: Readonly<Record<string, unknown>>,
  issuer: TrustedIssuer,
  nowSeconds: number,
): Result<Entitlement, Denial> {
  const { aud, sub, exp, iat, nbf, jti, scope, entitlements, spend_limit } = claims;
  const audiences = Array.isArray(aud) ? (aud as unknown[]) : [aud];
  if (!audiences.every((entry) => typeof entry === "string") || !audiences.includes(issuer.audience))
    return invalid("aud is not this API");
  if (typeof sub !== "string" || sub === "" || !isAccountId(issuer.accountPrefix + sub))
    return invalid("sub is not an account id");
  if (!isNumericDate(exp) || !isNumericDate(iat)) return invalid("exp or iat is missing or not an integer");
  if (nbf !== undefined && !isNumericDate(nbf)) return invalid("nbf is not an integer");
  if (exp - iat > issuer.lifeSecondsMax) return invalid(`it lives longer than ${issuer.lifeSecondsMax} s`);
  if (exp <= iat) return invalid("exp is not after iat");
  if (iat > nowSeconds + CLOCK_SKEW_SECONDS) return invalid("iat is in the future");
  if (nbf !== undefined && nbf > nowSeconds + CLOCK_SKEW_SECONDS) return invalid("nbf is in the future");
  if (jti !== undefined && (typeof jti !== "string" || !isTokenId(jti)))
    return invalid("jti is not a short printable string");
  if (scope !== undefined && typeof scope !== "string") return invalid("scope is not a string");
  const plans = entitlements ?? [];
  if (!Array.isArray(plans) || plans.length > PLANS_MAX || !plans.every((plan) => typeof plan === "string"))
    return invalid("entitlements is not a list of plan names");
  const spendLimit = spend_limit === undefined ? null : parseCredits(spend_limit);
  if (spendLimit === undefined) return invalid("spend_limit is not a number of credits from 1 to 10^12");
  if (spendLimit !== null && jti === undefined) return invalid("spend_limit needs a jti to count under");
  if (exp <= nowSeconds - CLOCK_SKEW_SECONDS) return refuse({ code: "token_expired", expiredAt: exp });
  return ok({
    account: issuer.accountPrefix + sub,
    scopes: (scope ?? "").split(" ").filter((entry) => entry !== ""),
    plans,
    jti: jti ?? null,
    issuedAt: issuer.isOwn ? iat : iat - CLOCK_SKEW_SECONDS,
    expiresAt: exp,
    spendLimit,
  });
}

/** Finite by being a safe integer; seconds since 1970 (RFC 7519 section 2). */
function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A jti that can name a revocation. */
export function isTokenId(value: string): boolean {
  return (
    value !== "" &&
    value !== "." &&
    value !== ".." &&
    !/[\p{C}\s]/u.test(value) &&
    new TextEncoder().encode(value).length <= JTI_BYTES_MAX
  );
}
