/**
 * What each code means: status, title, whether trying again can help, who can mend it. One row a code, for ever.
 *
 * 402 means one thing: you can pay and then it works. A fault of ours, of the origin or of the token is never 402.
 */
import type { Code } from "./denial.ts";

/** Who can mend it: pay, get another token, change the request, wait, or ask the seller. */
type Mend = "pay" | "token" | "request" | "wait" | "seller";

type Meaning = {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly mend: Mend;
  /** One sentence for the guide that the problem's `type` leads to. */
  readonly about: string;
};

/** One row a code. Codes are stable for ever. */
export const MEANINGS: { readonly [C in Code]: Meaning } = {
  unusable_path: {
    status: 400,
    title: "Path not in canonical form",
    retryable: false,
    mend: "request",
    about:
      "The path could be read in more than one way, so it is refused before it is priced. Send the canonical spelling.",
  },
  bad_request: {
    status: 400,
    title: "Malformed request",
    retryable: false,
    mend: "request",
    about: "The request is not one the gate can act on. The detail names what to change.",
  },
  token_required: {
    status: 401,
    title: "Token required",
    retryable: false,
    mend: "token",
    about: "This resource belongs to an account. Send its token as Authorization: Bearer <token>.",
  },
  invalid_token: {
    status: 401,
    title: "Invalid token",
    retryable: false,
    mend: "token",
    about:
      "The token is not one this gate accepts: malformed, wrongly signed, or for another API. Nothing was charged. Get a new one.",
  },
  token_expired: {
    status: 401,
    title: "Token expired",
    retryable: false,
    mend: "token",
    about: "The token was genuine and its time is over. Get a new one; the account's credits are untouched.",
  },
  token_revoked: {
    status: 401,
    title: "Token revoked",
    retryable: false,
    mend: "token",
    about: "The token was withdrawn before its time. Get a new one; the account's credits are untouched.",
  },
  operator_only: {
    status: 401,
    title: "Operator's token required",
    retryable: false,
    mend: "seller",
    about: "This is the operator's API. It takes the operator's own token and no buyer's.",
  },
  payment_required: {
    status: 402,
    title: "Payment required",
    retryable: false,
    mend: "pay",
    about:
      "The route has a price and the request came with nothing to pay it. Present a token of an account with credits.",
  },
  insufficient_credits: {
    status: 402,
    title: "Not enough credits",
    retryable: false,
    mend: "pay",
    about: "The account has fewer credits than the call costs. Add credits and call again.",
  },
  credits_on_hold: {
    status: 402,
    title: "Credits held by other calls",
    retryable: true,
    mend: "wait",
    about:
      "The account has enough credits, but calls still in flight hold them. Wait for those to finish, or add credits.",
  },
  insufficient_scope: {
    status: 403,
    title: "Token lacks a scope",
    retryable: false,
    mend: "token",
    about: "The token is valid but does not allow this route. Get one with the scope named in the detail.",
  },
  spend_limit_reached: {
    status: 403,
    title: "Token's spend limit reached",
    retryable: false,
    mend: "token",
    about:
      "The token may spend only so much in its life, and this call would go beyond that. Adding credits does not help; get a new token, or one with a higher limit. If calls of this token are in flight, what they do not use is free again when they end.",
  },
  account_suspended: {
    status: 403,
    title: "Account suspended",
    retryable: false,
    mend: "seller",
    about: "The seller has suspended the account. Paying does not help; ask the seller.",
  },
  not_for_sale: {
    status: 404,
    title: "Not for sale",
    retryable: false,
    mend: "request",
    about: "The route has no price, so the gate does not forward it. Check method and path against the price list.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    retryable: false,
    mend: "request",
    about: "There is nothing here, or nothing this token may see.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    retryable: false,
    mend: "request",
    about: "The method is not one the gate forwards or this resource answers.",
  },
  conflict: {
    status: 409,
    title: "Not possible in this state",
    retryable: false,
    mend: "request",
    about: "The command is well formed but does not fit what the account's journal already says.",
  },
  grant_conflict: {
    status: 409,
    title: "Id already used for something else",
    retryable: false,
    mend: "request",
    about: "The id was used before with other content. Nothing was changed. Use a new id for a new command.",
  },
  request_in_flight: {
    status: 409,
    title: "Call with this key in flight",
    retryable: true,
    mend: "wait",
    about: "A call with this Idempotency-Key is still being answered. Wait and ask again with the same key.",
  },
  already_delivered: {
    status: 409,
    title: "Already delivered",
    retryable: false,
    mend: "request",
    about:
      "The call with this Idempotency-Key was served and charged once. Its answer was too long to keep, a stream, or broke off. Use a new key to call, and pay, again, or ask the seller to refund the call.",
  },
  content_too_large: {
    status: 413,
    title: "Content too large",
    retryable: false,
    mend: "request",
    about:
      "A request with an Idempotency-Key is compared whole, so its content is bounded. Send less, or send it without the key.",
  },
  idempotency_mismatch: {
    status: 422,
    title: "Idempotency-Key used for another request",
    retryable: false,
    mend: "request",
    about:
      "The key stands for a request of other content. Nothing was charged. Use a new key for a new request, or send the first one again unchanged.",
  },
  rate_limited: {
    status: 429,
    title: "Too many calls",
    retryable: true,
    mend: "wait",
    about:
      "The account has too many calls in flight, or goes on calling in vain. Wait; and if the detail names a cause, mend that before you call again.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    retryable: true,
    mend: "seller",
    about: "The gate met a bug. Nothing was charged for this call, or what was held for it returns by itself.",
  },
  upgrade_not_sold: {
    status: 501,
    title: "Upgrade not offered",
    retryable: false,
    mend: "request",
    about: "The route does not offer WebSocket or other upgrades.",
  },
  origin_unreachable: {
    status: 502,
    title: "Origin unreachable",
    retryable: true,
    mend: "wait",
    about: "The server behind the gate could not be reached. Nothing was charged.",
  },
  origin_payment_required: {
    status: 502,
    title: "Origin asked the gate for payment",
    retryable: false,
    mend: "seller",
    about:
      "The server behind the gate wants to be paid by the gate. That is the seller's to mend; paying here does not help. Nothing was charged.",
  },
  origin_refused_gate: {
    status: 502,
    title: "Origin refused the gate's credentials",
    retryable: false,
    mend: "seller",
    about:
      "The server behind the gate did not accept the gate's own credentials. That is the seller's to mend. Nothing was charged.",
  },
  issuer_unavailable: {
    status: 503,
    title: "Token issuer unreachable",
    retryable: true,
    mend: "wait",
    about:
      "The token could not be checked because its issuer's keys cannot be fetched. It was neither accepted nor refused.",
  },
  ledger_unavailable: {
    status: 503,
    title: "Ledger unavailable",
    retryable: true,
    mend: "wait",
    about:
      "The account's ledger did not answer, so nothing is known about its credits. That is neither yes nor no; try again.",
  },
  gate_misconfigured: {
    status: 503,
    title: "Gate misconfigured",
    retryable: false,
    mend: "seller",
    about:
      "The gate's own configuration is wrong, so it serves nothing. Its operator finds what to change at /_farebox/health.",
  },
  origin_timeout: {
    status: 504,
    title: "Origin timed out",
    retryable: true,
    mend: "wait",
    about: "The server behind the gate did not begin to answer in time. Nothing was charged.",
  },
  loop_detected: {
    status: 508,
    title: "Loop detected",
    retryable: false,
    mend: "seller",
    about: "The gate's origin leads back to the gate. That is the seller's to mend. Nothing was charged.",
  },
};

export function isCode(text: string): text is Code {
  return Object.hasOwn(MEANINGS, text);
}
