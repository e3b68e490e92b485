/** Tokens the gate mints, and tokens withdrawn, its own or an outside issuer's. */
import { isAccountId } from "../account-id.ts";
import { OUTSIDE_LIFE_SECONDS_MAX } from "../config.ts";
import { OWN_LIFE_SECONDS_MAX } from "../gate/house.ts";
import { TOKEN_BYTES_MAX } from "../gate/jws.ts";
import { accountOfTokenId, makeTokenId } from "../gate/signer.ts";
import { CLOCK_SKEW_SECONDS, isTokenId } from "../gate/token.ts";
import { writeRevocation } from "../ledger/standing.ts";
import { refuseHere, type FareboxContext } from "../resource.ts";
import { formatTime } from "../wire.ts";
import { readAccount, readBody } from "./input.ts";

const TTL_SECONDS_DEFAULT = 86_400;
const SCOPE_CHARACTERS_MAX = 1024;
const PLANS_MAX = 32;

/** POST /_farebox/accounts/{account}/tokens {scope?, entitlements?, ttl_seconds?} → {token, jti, expires_at} */
export async function postToken(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const body = await readBody(c, ["scope", "entitlements", "ttl_seconds"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!body.ok) return refuseHere(c, body.error);
  const { scope, entitlements, ttl_seconds: ttl = TTL_SECONDS_DEFAULT } = body.value;
  const bad = (why: string): Response => refuseHere(c, { code: "bad_request", why });
  if (
    scope !== undefined &&
    (typeof scope !== "string" ||
      scope.length > SCOPE_CHARACTERS_MAX ||
      !/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope))
  )
    return bad("scope is not a list of scopes separated by single blanks.");
  const { plans, signer } = c.env.house;
  if (
    entitlements !== undefined &&
    (!Array.isArray(entitlements) ||
      entitlements.length > PLANS_MAX ||
      !entitlements.every((plan) => typeof plan === "string" && Object.hasOwn(plans, plan)))
  )
    return bad(`entitlements is not a list of at most ${PLANS_MAX} plans of the config.`);
  if (typeof ttl !== "number" || !Number.isSafeInteger(ttl) || ttl < 1 || ttl > OWN_LIFE_SECONDS_MAX)
    return bad(`ttl_seconds is not a whole number from 1 to ${OWN_LIFE_SECONDS_MAX}.`);

  const { selfUrl } = c.env.call;
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + ttl;
  const jti = makeTokenId(account.value);
  const claims = { iss: selfUrl, aud: selfUrl, sub: account.value, iat, exp, jti };
  const token = await signer.sign("at+jwt", {
    ...claims,
    ...(scope === undefined ? {} : { scope }),
    ...(entitlements === undefined ? {} : { entitlements }),
  });
  if (token.length > TOKEN_BYTES_MAX)
    return bad("The token would be longer than 4 KiB. Give it fewer entitlements or a shorter scope.");
  return c.json({ token, jti, expires_at: formatTime(exp * 1000) });
}

/** DELETE /_farebox/tokens/{jti}?account=: refuses one token from now on. `account` for tokens of outside issuers. */
export async function deleteToken(c: FareboxContext): Promise<Response> {
  const jti = c.req.param("jti") ?? "";
  const own = accountOfTokenId(jti);
  const named = c.req.query("account");
  if (!isTokenId(jti))
    return refuseHere(c, {
      code: "bad_request",
      why: "The jti is not a short printable string, percent-encoded in the path.",
    });
  if (own !== undefined && named !== undefined && own !== named)
    return refuseHere(c, { code: "bad_request", why: "The token belongs to another account than the one named." });
  const account = named ?? own;
  if (account === undefined)
    return refuseHere(c, {
      code: "bad_request",
      why: "This gate did not mint that token. Name its account too: ?account=…",
    });
  if (!isAccountId(account)) return refuseHere(c, { code: "bad_request", why: "account is not an account's id." });

  const now = Date.now();
  const life = own === undefined ? OUTSIDE_LIFE_SECONDS_MAX : OWN_LIFE_SECONDS_MAX;
  const until = now + (life + CLOCK_SKEW_SECONDS) * 1000;
  const outcome = await c.env.house.ledger.apply(account, { op: "revoke", jti, until });
  if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  try {
    await writeRevocation(c.env.house.kv, jti, until, now);
  } catch (error) {
    return refuseHere(c, {
      code: "ledger_unavailable",
      reason: `paid calls refuse the token, but KV did not take the revocation: ${String(error)}`,
    });
  }
  return c.json({ jti, account, revoked: true });
}

/** DELETE /_farebox/accounts/{account}/tokens: refuses every token of the account issued up to this second. */
export async function deleteTokens(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  if (!account.ok) return refuseHere(c, account.error);
  const issuedAt = Math.floor(Date.now() / 1000);
  const outcome = await c.env.house.ledger.apply(account.value, { op: "revoke_all", issuedAt });
  if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  return c.json({ account: account.value, revoked_up_to: formatTime(issuedAt * 1000) });
}
