/**
 * The gate: a request's way from its price to its receipt.
 *
 *   method → price → token → scope → plan → key → hold → origin → capture or void → receipt
 *
 * A call whose key was charged before has its answer again from the ledger, and goes no further.
 *
 * Its rules. Nothing reaches the origin before it is paid for or known to be free. A charge, and a refusal for want of
 * money, come from the ledger and from nothing else. A call is charged once, when the origin begins an answer that
 * costs; what happens to the body after that, or to the caller, changes nothing. Whatever goes wrong before that
 * costs nothing: the hold is voided, or, if even that cannot be said, expires.
 */
import { refuse, ok, type Result } from "../result.ts";
import { admit } from "./admit.ts";
import type { Denial } from "./denial.ts";
import { hasUnreadableHeader } from "./headers.ts";
import { refuseCall, trustedIssuers, viaOf, type Call, type House } from "./house.ts";
import { limitRefusals } from "./limit.ts";
import { hasBody, isWebSocketUpgrade, leadsBack } from "./origin.ts";
import { pricedMethod, PRICED_METHODS, type Route } from "./price.ts";
import { serve } from "./serve.ts";
import { readBearer, verifyToken } from "./token.ts";

/** Runs to its end even if the caller goes away meanwhile, so that no hold is left to its deadline. */
export async function gate(call: Call, house: House): Promise<Response> {
  const answered = answer(call, house).finally(() => {
    house.bodyRoom.giveBack(call.requestId);
  });
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
  if (!verified.ok) return refuseCall(call, house, await denyToken(call, house, verified.error));
  const entitlement = verified.value;
  if (route.scope !== undefined && !entitlement.scopes.includes(route.scope)) {
    return refuseCall(call, house, { code: "insufficient_scope", scope: route.scope }, entitlement);
  }

  const admitted = await admit(call, house, route, entitlement);
  if (!admitted.ok) return refuseCall(call, house, admitted.error, entitlement);
  if ("replayed" in admitted.value) return admitted.value.replayed;
  const { hold } = admitted.value;
  return serve(admitted.value.call, house, { route, token: bearer.value, entitlement, hold });
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

/**
 * A token that is no good costs no ledger call; whoever sends many of them is told to stop. Not whose token was good
 * once: a program that hears of the expiry gets another.
 */
async function denyToken(call: Call, house: House, denial: Denial): Promise<Denial> {
  if (denial.code !== "invalid_token") return denial;
  const who = `address ${call.request.headers.get("cf-connecting-ip") ?? "unknown"}`;
  const why = "Too many calls with tokens this gate does not accept. Get a valid token, then call again.";
  return limitRefusals(house.refusalLimiter, who, denial, why);
}
