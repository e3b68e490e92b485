/** The public facts of a denial, in words for people and numbers for programs. */
import { formatUsd } from "../credits.ts";
import type { Balance } from "../ledger/command.ts";
import type { Denial } from "./denial.ts";
import { MEANINGS } from "./meaning.ts";

/** How long to wait where the cause gives no better number. */
const RETRY_AFTER_SECONDS = {
  origin_unreachable: 5,
  origin_timeout: 5,
  issuer_unavailable: 30,
  ledger_unavailable: 2,
  internal_error: 5,
} as const;

/** What a denial tells a caller beyond its meaning. */
export type Facts = {
  readonly detail: string;
  readonly price?: number;
  readonly balance?: Balance;
  readonly shortfall?: number;
  readonly retryAfterSeconds?: number;
  readonly allow?: readonly string[];
  readonly scope?: string;
  /** Of a call that was charged before. */
  readonly receipt?: { readonly request_id: string; readonly credits_charged: number };
};

/** The public facts of a denial. */
// oxlint-disable-next-line max-lines-per-function -- one arm a code
export function describeDenial(denial: Denial): Facts {
  switch (denial.code) {
    case "unusable_path":
      return { detail: `The path is not in canonical form: ${denial.why}.` };
    case "bad_request":
      return { detail: denial.why };
    case "token_expired":
      return {
        detail: `The token expired at ${formatSeconds(denial.expiredAt)}. Nothing was charged. Get a new token.`,
      };
    case "payment_required":
      return {
        detail: `This call costs ${formatPrice(denial.price)} and came without a token. Send a token of an account with credits as Authorization: Bearer <token>.`,
        price: denial.price,
      };
    case "insufficient_credits": {
      const { price, usable, balance } = denial;
      const limit = usable < balance.available ? `, ${usable} of them for this route` : "";
      return {
        detail: `This call costs ${formatPrice(price)}; ${balance.available} are available${limit}. Add credits and call again.`,
        price,
        balance,
        shortfall: price - usable,
      };
    }
    case "credits_on_hold": {
      const { price, balance, retryAfterSeconds } = denial;
      return {
        detail: `This call costs ${formatPrice(price)}; ${balance.available} are available and ${balance.held} are held by calls in flight. Try again when those have finished.`,
        price,
        balance,
        retryAfterSeconds,
      };
    }
    case "insufficient_scope":
      return { detail: `The token lacks the scope "${denial.scope}", which this route requires.`, scope: denial.scope };
    case "spend_limit_reached": {
      const { price, limit, spent } = denial;
      return {
        detail: `This call costs ${formatPrice(price)}; the token may spend ${limit} in its life, and its calls were charged or hold ${spent} of them. Adding credits does not help; get a token with a higher limit.`,
        price,
      };
    }
    case "request_in_flight":
      return {
        detail: `${MEANINGS[denial.code].about} At ${formatSeconds(Math.ceil(denial.overBy / 1000))} it will be known at the latest.`,
        retryAfterSeconds: denial.retryAfterSeconds,
      };
    case "already_delivered": {
      const { requestId, charged } = denial;
      return {
        detail: `The call with this Idempotency-Key was served as ${requestId} and charged ${charged}. Its answer is not here to be told again, and nothing was charged now. A new key makes a new call, which is charged.`,
        receipt: { request_id: requestId, credits_charged: charged },
      };
    }
    case "content_too_large":
      return {
        detail: `A request with an Idempotency-Key may carry at most ${denial.bytesMax} bytes. Send less, or send it without the key.`,
      };
    case "not_for_sale":
      return {
        detail:
          denial.soldMethods.length > 0
            ? `${denial.method} is not sold at this path; ${denial.soldMethods.join(", ")} ${denial.soldMethods.length > 1 ? "are" : "is"}.`
            : "Nothing is sold at this path. The price list is at /_farebox/prices.",
      };
    case "not_found":
      return { detail: `There is no such ${denial.what}.` };
    case "method_not_allowed":
      return {
        detail: `${denial.method} is not allowed here; ${denial.allowed.join(", ")} ${denial.allowed.length > 1 ? "are" : "is"}.`,
        allow: denial.allowed,
      };
    case "conflict":
    case "grant_conflict":
      return { detail: denial.what };
    case "rate_limited":
      return {
        ...(denial.cause && describeDenial(denial.cause)),
        detail: denial.why,
        retryAfterSeconds: denial.retryAfterSeconds,
      };
    case "origin_timeout":
      return {
        detail: `The origin did not begin to answer within ${denial.seconds} s. Nothing was charged.`,
        retryAfterSeconds: RETRY_AFTER_SECONDS.origin_timeout,
      };
    case "invalid_token":
      return { detail: denial.why ?? MEANINGS[denial.code].about };
    case "token_required":
    case "token_revoked":
    case "operator_only":
    case "account_suspended":
    case "upgrade_not_sold":
    case "gate_misconfigured":
    case "loop_detected":
    case "idempotency_mismatch":
    case "origin_payment_required":
    case "origin_refused_gate":
      return { detail: MEANINGS[denial.code].about };
    case "origin_unreachable":
    case "issuer_unavailable":
    case "ledger_unavailable":
    case "internal_error":
      return { detail: MEANINGS[denial.code].about, retryAfterSeconds: RETRY_AFTER_SECONDS[denial.code] };
  }
}

function formatPrice(price: number): string {
  return `${price} ${price === 1 ? "credit" : "credits"} (${formatUsd(price)})`;
}

function formatSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}
