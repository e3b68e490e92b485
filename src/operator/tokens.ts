/** Tokens the gate mints, and tokens withdrawn, its own or an outside issuer's. */
import { isAccountId } from "../account-id.ts";
import { parseCredits } from "../credits.ts";
import { OWN_LIFE_SECONDS_MAX } from "../gate/house.ts";
import { TOKEN_BYTES_MAX } from "../gate/jws.ts";
import { accountOfTokenId, makeTokenId } from "../gate/signer.ts";
import { CLOCK_SKEW_SECONDS, isTokenId } from "../gate/token.ts";
import { writeRevocation } from "../ledger/standing.ts";
import { refuseHere, type FareboxContext } from "../resource.ts";
import { formatTime } from "../wire.ts";
import { decodeSegment, readAccount, readBody } from "./input.ts";

const TTL_SECONDS_DEFAULT = 86_400;
const SCOPE_CHARACTERS_MAX = 1024;
const PLANS_MAX = 32;

/** POST /_farebox/accounts/{account}/tokens {scope?, entitlements?, ttl_seconds?, spend_limit?} → {token, jti, expires_at} */
export async function postToken(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const body = await readBody(c, ["scope", "entitlements", "ttl_seconds", "spend_limit"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!body.ok) return refuseHere(c, body.error);
  const { scope, entitlements, ttl_seconds: ttl = TTL_SECONDS_DEFAULT, spend_limit } = body.value;
  if (
    scope !== undefined &&
    (typeof scope !== "string" ||
      scope.length > SCOPE_CHARACTERS_MAX ||
      !/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope))
  )
    return bad(c, "scope is not a list of scopes separated by single blanks.");
  const { plans, signer } = c.env.house;
  if (
    entitlements !== undefined &&
    (!Array.isArray(entitlements) ||
      entitlements.length > PLANS_MAX ||
      !entitlements.every((plan) => typeof plan === "string" && Object.hasOwn(plans, plan)))
  )
    return bad(c, `entitlements is not a list of at most ${PLANS_MAX} plans of the config.`);
  if (typeof ttl !== "number" || !Number.isSafeInteger(ttl) || ttl < 1 || ttl > OWN_LIFE_SECONDS_MAX)
    return bad(c, `ttl_seconds is not a whole number from 1 to ${OWN_LIFE_SECONDS_MAX}.`);
  if (spend_limit !== undefined && parseCredits(spend_limit) === undefined)
    return bad(c, "spend_limit is not a number of credits from 1 to 10^12.");

  const { selfUrl } = c.env.call;
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + ttl;
  const jti = makeTokenId(account.value);
  const claims = { iss: selfUrl, aud: selfUrl, sub: account.value, iat, exp, jti };
  const token = await signer.sign("at+jwt", {
    ...claims,
    ...(scope === undefined ? {} : { scope }),
    ...(entitlements === undefined ? {} : { entitlements }),
    ...(spend_limit === undefined ? {} : { spend_limit }),
  });
  if (token.length > TOKEN_BYTES_MAX)
    return bad(c, "The token would be longer than 4 KiB. Give it fewer entitlements or a shorter scope.");
  return c.json({ token, jti, expires_at: formatTime(exp * 1000) });
}

/** DELETE /_farebox/tokens/{jti}?account=: refuses one token from now on. `account` for tokens of outside issuers. */
export async function deleteToken(c: FareboxContext): Promise<Response> {
  const jti = decodeSegment(c, 3);
  if (jti === undefined || !isTokenId(jti))
    return bad(c, "The jti is not a short printable string, percent-encoded in the path.");
  const own = accountOfTokenId(jti);
  const named = c.req.query("account");
  // Another gate's token may be made like ours. Then both accounts refuse it, which harms nobody.
  const accounts = [...new Set([named, own].filter((account) => account !== undefined))];
  const [account] = accounts;
  if (account === undefined) return bad(c, "This gate did not mint that token. Name its account too: ?account=…");
  if (!accounts.every(isAccountId)) return bad(c, "account is not an account's id.");

  const now = Date.now();
  const until = now + (OWN_LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS) * 1000;
  for (const holder of accounts) {
    const outcome = await c.env.house.ledger.apply(holder, { op: "revoke", jti, until });
    if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  }
  try {
    for (const holder of accounts) await writeRevocation(c.env.house.kv, holder, jti, until, now);
  } catch (error) {
    const reason = `paid calls refuse the token, but KV did not take the revocation: ${String(error)}`;
    return refuseHere(c, { code: "ledger_unavailable", reason });
  }
  return c.json({ jti, account, revoked: true });
}

/** DELETE /_farebox/accounts/{account}/tokens: refuses every token of the account issued until now. */
export async function deleteTokens(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  if (!account.ok) return refuseHere(c, account.error);
  const now = Date.now();
  const issuedAt = Math.floor(now / 1000);
  const outcome = await c.env.house.ledger.apply(account.value, { op: "revoke_all", issuedAt });
  if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  // Tokens tell seconds only: answer when this one is over, so that a token minted next is not one of those revoked.
  await new Promise((resolve) => setTimeout(resolve, (issuedAt + 1) * 1000 - now));
  return c.json({ account: account.value, revoked_up_to: formatTime(issuedAt * 1000) });
}

function bad(c: FareboxContext, why: string): Response {
  return refuseHere(c, { code: "bad_request", why });
}
