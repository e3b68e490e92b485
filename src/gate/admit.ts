/**
 * Letting a verified caller in: for nothing where its plan includes the route, else for credits set aside first.
 *
 * KV may wave through what costs nothing. A charge, and a refusal for want of money, come from the ledger.
 */
import type { Credits } from "../credits.ts";
import type { AlreadyDelivered, HoldCommand, IdempotencyKey, Insufficient, TokenFacts } from "../ledger/command.ts";
import { readAccessFromKv } from "../ledger/standing.ts";
import { refuse, ok, type Result } from "../result.ts";
import type { Denial } from "./denial.ts";
import type { Call, House } from "./house.ts";
import { digestCall, readKey, replayAnswer } from "./idempotency.ts";
import { limitRefusals } from "./limit.ts";
import type { Route } from "./price.ts";
import { CLOCK_SKEW_SECONDS, type Entitlement } from "./token.ts";

/** Credits set aside for a call, under the request's id. */
export type Hold = {
  readonly account: string;
  readonly credits: Credits;
  readonly availableAfter: number;
  /** The call has an idempotency key, so its answer is kept. */
  readonly isKeyed: boolean;
};

/** How a call goes on: to the origin, with a hold unless it costs nothing; or to an answer that was paid for before. */
export type Admitted = { readonly call: Call; readonly hold: Hold | undefined } | { readonly replayed: Response };

/** Lets the call in, or says why not. */
export async function admit(
  call: Call,
  house: House,
  route: Route,
  entitlement: Entitlement,
): Promise<Result<Admitted, Denial>> {
  const token = { jti: entitlement.jti, issuedAt: entitlement.issuedAt };
  const includedBy = Object.keys(house.plans).filter((plan) => house.plans[plan]?.includes.includes(route.id));
  if (route.credits === 0 || includedBy.length > 0) {
    const free = await admitFree(house, route, entitlement, token, includedBy);
    if (free !== undefined) return free.ok ? ok({ call, hold: undefined }) : free;
  }
  const keyed = await readKeyed(call, house, route);
  if (!keyed.ok) return keyed;
  const { jti, spendLimit, expiresAt } = entitlement;
  return holdCredits(keyed.value.call, house, entitlement.account, {
    op: "hold",
    id: call.requestId,
    credits: route.credits,
    ttlSeconds: route.holdTtlSeconds,
    route: route.id,
    includedBy,
    token,
    cap:
      jti === null || spendLimit === null
        ? null
        : { jti, credits: spendLimit, until: (expiresAt + CLOCK_SKEW_SECONDS) * 1000 },
    idempotency: keyed.value.idempotency,
  });
}

type Keyed = { readonly call: Call; readonly idempotency: IdempotencyKey | null };

/** The call's idempotency key, and with it the call read whole. On what costs nothing a key is the origin's business alone. */
async function readKeyed(call: Call, house: House, route: Route): Promise<Result<Keyed, Denial>> {
  const key = readKey(call.request.headers.get("idempotency-key"));
  if (!key.ok) return key;
  if (key.value === undefined) return ok({ call, idempotency: null });
  const now = Date.now();
  // By then it is read, held, and answered or timed out.
  if (!house.bodyRoom.take(call, now + (route.timeoutSeconds + route.holdTtlSeconds) * 1000, now)) {
    const why = "Too many requests with an Idempotency-Key are being read at the moment.";
    return refuse({ code: "rate_limited", why, retryAfterSeconds: 1 });
  }
  const digested = await digestCall(call, route.credits, route.timeoutSeconds);
  if (!digested.ok) return digested;
  return ok({ call: digested.value.call, idempotency: { key: key.value, digest: digested.value.digest } });
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
): Promise<Result<Admitted, Denial>> {
  const outcome = await house.ledger.apply(account, command);
  switch (outcome.kind) {
    case "held": {
      // A hold that was resolved while its answer was lost pays for nothing.
      if (outcome.state !== "held")
        return refuse({ code: "ledger_unavailable", reason: `the hold is ${outcome.state} already` });
      const isKeyed = command.idempotency !== null;
      const availableAfter = outcome.balance.available;
      return ok({ call, hold: { account, credits: command.credits, availableAfter, isKeyed } });
    }
    case "included":
      return ok({ call, hold: undefined });
    case "already_delivered":
      return deliverAgain(outcome);
    case "request_in_flight":
      return refuse({ code: outcome.kind, retryAfterSeconds: 1, overBy: outcome.releaseAt });
    case "idempotency_mismatch":
    case "account_suspended":
    case "token_revoked":
      return refuse({ code: outcome.kind });
    case "spend_limit_reached":
      return refuse({ code: outcome.kind, price: command.credits, limit: outcome.limit, spent: outcome.spent });
    case "insufficient_balance":
      return refuse(await denyInsufficient(house, account, outcome));
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

function deliverAgain({ answer, requestId, credits, balance }: AlreadyDelivered): Result<Admitted, Denial> {
  return answer
    ? ok({ replayed: replayAnswer(answer, requestId, balance.available) })
    : refuse({ code: "already_delivered", requestId, charged: credits });
}

async function denyInsufficient(house: House, account: string, outcome: Insufficient): Promise<Denial> {
  const { required, usable, balance, releaseAt } = outcome;
  if (releaseAt !== null && required <= usable.available + usable.held) {
    return {
      code: "credits_on_hold",
      price: required,
      balance,
      retryAfterSeconds: Math.max(1, Math.ceil((releaseAt - Date.now()) / 1000)),
    };
  }
  const denial: Denial = { code: "insufficient_credits", price: required, usable: usable.available, balance };
  const why = "The account has too few credits and goes on calling. Add credits, then call again.";
  return limitRefusals(house.refusalLimiter, `account ${account}`, denial, why);
}
