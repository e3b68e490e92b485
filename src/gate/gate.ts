/**
 * The gate: a request's way from its price to its receipt.
 *
 *   method → price → token → scope → plan → hold → origin → capture or void → receipt
 *
 * Its rules. Nothing reaches the origin before it is paid for or known to be free. A charge, and a refusal for want of
 * money, come from the ledger and from nothing else. A call is charged once, when the origin begins an answer that
 * costs; what happens to the body after that, or to the caller, changes nothing. Whatever goes wrong before that
 * costs nothing: the hold is voided, or, if even that cannot be said, expires.
 */
import type { HoldCommand, Insufficient, TokenFacts } from "../ledger/command.ts";
import { readAccessFromKv } from "../ledger/standing.ts";
import { refuse, ok, type Result } from "../result.ts";
import type { Denial } from "./denial.ts";
import { hasUnreadableHeader } from "./headers.ts";
import { refuseCall, trustedIssuers, viaOf, type Call, type House } from "./house.ts";
import { hasBody, isWebSocketUpgrade, leadsBack } from "./origin.ts";
import { pricedMethod, PRICED_METHODS, type Route } from "./price.ts";
import { serve, type Hold } from "./serve.ts";
import { readBearer, verifyToken, type Entitlement } from "./token.ts";

/** Runs to its end even if the caller goes away meanwhile, so that no hold is left to its deadline. */
export async function gate(call: Call, house: House): Promise<Response> {
  const answered = answer(call, house);
  call.waitUntil(answered.catch(() => undefined));
  return answered;
}

async function answer(call: Call, house: House): Promise<Response> {
  const priced = findRoute(call, house);
  if (!priced.ok) return refuseCall(call, house, priced.error);
  const route = priced.value;

  const bearer = readBearer(call.request.headers.get("authorization"));
  if (route.credits === 0 && route.scope === undefined) {
    // A free route looks at no token; it only keeps it from the origin.
    return serve(call, house, {
      route,
      token: bearer.ok ? bearer.value : undefined,
      entitlement: undefined,
      hold: undefined,
    });
  }
  if (!bearer.ok) return refuseCall(call, house, bearer.error);
  if (bearer.value === undefined)
    return refuseCall(
      call,
      house,
      route.credits === 0 ? { code: "token_required" } : { code: "payment_required", price: route.credits },
    );

  const verified = await verifyToken(bearer.value, trustedIssuers(house, call.selfUrl), Date.now());
  if (!verified.ok) return refuseCall(call, house, verified.error);
  const entitlement = verified.value;
  if (route.scope !== undefined && !entitlement.scopes.includes(route.scope)) {
    return refuseCall(call, house, { code: "insufficient_scope", scope: route.scope }, entitlement);
  }

  const admitted = await admit(call, house, route, entitlement);
  if (!admitted.ok) return refuseCall(call, house, admitted.error, entitlement);
  return serve(call, house, { route, token: bearer.value, entitlement, hold: admitted.value });
}

function findRoute({ request, target }: Call, house: House): Result<Route, Denial> {
  if (leadsBack(house.origin, request, viaOf(house))) return refuse({ code: "loop_detected" });
  const method = pricedMethod(request.method);
  if (!method)
    return refuse({
      code: "method_not_allowed",
      method: request.method,
      allowed: ["HEAD", "OPTIONS", ...PRICED_METHODS],
    });
  const found = house.prices.find(method, target.path);
  if ("kind" in found) {
    return found.kind === "not_for_sale"
      ? refuse({ code: "not_for_sale", method: request.method, soldMethods: found.soldMethods })
      : refuse({
          code: "unusable_path",
          why: `an origin could take it for ${found.other}, which has a price of its own`,
        });
  }
  if (isWebSocketUpgrade(request) && !found.upgrade) return refuse({ code: "upgrade_not_sold" });
  if (method === "GET" && hasBody(request))
    return refuse({
      code: "bad_request",
      why: `A ${request.method} with a body cannot be forwarded. Send it without one, or with another method.`,
    });
  if (hasUnreadableHeader(request.headers))
    return refuse({ code: "bad_request", why: "A header holds bytes that are not UTF-8. Send ASCII, or UTF-8." });
  return ok(found);
}

/** Lets the call in for nothing, or sets its credits aside, or says why not. */
async function admit(
  call: Call,
  house: House,
  route: Route,
  entitlement: Entitlement,
): Promise<Result<Hold | undefined, Denial>> {
  const token = { jti: entitlement.jti, issuedAt: entitlement.issuedAt };
  const includedBy = Object.keys(house.plans).filter((plan) => house.plans[plan]?.includes.includes(route.id));
  if (route.credits === 0 || includedBy.length > 0) {
    const free = await admitFree(house, route, entitlement, token, includedBy);
    if (free !== undefined) return free;
  }
  return holdCredits(call, house, entitlement.account, {
    op: "hold",
    id: call.requestId,
    credits: route.credits,
    ttlSeconds: route.holdTtlSeconds,
    route: route.id,
    includedBy,
    token,
  });
}

/** For what costs this account nothing, by KV; where KV does not know, by the ledger. undefined: it does cost. */
async function admitFree(
  house: House,
  route: Route,
  { account, plans }: Entitlement,
  token: TokenFacts,
  includedBy: readonly string[],
): Promise<Result<undefined, Denial> | undefined> {
  let access = await readAccessFromKv(house.kv, account, token, Date.now());
  if (!access) {
    const asked = await house.ledger.read(account, { read: "access", token });
    if (asked.kind === "unavailable") return refuse({ code: "ledger_unavailable", reason: asked.why });
    access = asked.found ?? { suspended: false, revoked: false, plan: null };
  }
  const { plan, suspended, revoked } = access;
  const included = includedBy.some((name) => plans.includes(name) || name === plan);
  if (route.credits > 0 && !included) return undefined;
  if (suspended) return refuse({ code: "account_suspended" });
  return revoked ? refuse({ code: "token_revoked" }) : ok(undefined);
}

async function holdCredits(
  call: Call,
  house: House,
  account: string,
  command: HoldCommand,
): Promise<Result<Hold | undefined, Denial>> {
  const outcome = await house.ledger.apply(account, command);
  switch (outcome.kind) {
    case "held":
      // A hold that was resolved while its answer was lost pays for nothing.
      if (outcome.state !== "held")
        return refuse({ code: "ledger_unavailable", reason: `the hold is ${outcome.state} already` });
      return ok({ account, credits: command.credits, availableAfter: outcome.balance.available });
    case "included":
      return ok(undefined);
    case "insufficient_balance":
      return refuse(denyInsufficient(outcome));
    case "account_suspended":
    case "token_revoked":
      return refuse({ code: outcome.kind });
    case "limit_exceeded":
      return refuse({ code: "rate_limited", why: "The account has too many calls in flight.", retryAfterSeconds: 1 });
    case "unavailable":
      // It may have been carried out all the same: take it back if so, or it stays set aside until it expires.
      call.waitUntil(house.ledger.apply(account, { op: "void", id: command.id }));
      return refuse({ code: "ledger_unavailable", reason: outcome.why });
    case "conflict":
      throw new Error(`request id ${command.id} was used before`);
  }
}

function denyInsufficient({ required, usable, balance, releaseAt }: Insufficient): Denial {
  if (releaseAt !== null && required <= usable.available + usable.held) {
    return {
      code: "credits_on_hold",
      price: required,
      balance,
      retryAfterSeconds: Math.max(1, Math.ceil((releaseAt - Date.now()) / 1000)),
    };
  }
  return { code: "insufficient_credits", price: required, usable: usable.available, balance };
}
