/**
 * Every reason Farebox refuses for, as one closed union, and what each means to a caller.
 *
 * 402 means one thing: you can pay and then it works. A fault of ours, of the origin or of the token is never 402.
 * `private` facts (why a token is bad, what an origin said) go to the log; everything else a caller may read.
 */
import { formatUsd } from "../credits.ts";
import type { Balance } from "../ledger/command.ts";

export type Denial =
  | { readonly code: "unusable_path"; readonly why: string }
  | { readonly code: "bad_request"; readonly why: string }
  | { readonly code: "token_required" }
  | { readonly code: "invalid_token"; readonly reason: string }
  | { readonly code: "token_expired"; readonly expiredAt: number }
  | { readonly code: "token_revoked" }
  | { readonly code: "operator_only" }
  | { readonly code: "payment_required"; readonly price: number }
  | { readonly code: "insufficient_credits"; readonly price: number; readonly usable: number; readonly balance: Balance }
  | { readonly code: "credits_on_hold"; readonly price: number; readonly balance: Balance; readonly retryAfterSeconds: number }
  | { readonly code: "insufficient_scope"; readonly scope: string }
  | { readonly code: "account_suspended" }
  | { readonly code: "not_for_sale"; readonly method: string; readonly soldMethods: readonly string[] }
  | { readonly code: "not_found"; readonly what: string }
  | { readonly code: "method_not_allowed"; readonly method: string; readonly allowed: readonly string[] }
  | { readonly code: "conflict"; readonly what: string }
  | { readonly code: "grant_conflict"; readonly what: string }
  | { readonly code: "rate_limited"; readonly why: string; readonly retryAfterSeconds: number }
  | { readonly code: "upgrade_not_sold" }
  | { readonly code: "origin_unreachable"; readonly reason: string }
  | { readonly code: "origin_timeout"; readonly seconds: number }
  | { readonly code: "origin_payment_required" }
  | { readonly code: "origin_refused_gate" }
  | { readonly code: "loop_detected" }
  | { readonly code: "issuer_unavailable"; readonly issuer: string }
  | { readonly code: "ledger_unavailable"; readonly reason: string }
  | { readonly code: "gate_misconfigured" }
  | { readonly code: "internal_error"; readonly reason: string };
export type Code = Denial["code"];

/** Who can mend it: pay, get another token, change the request, wait, or ask the seller. */
export type Mend = "pay" | "token" | "request" | "wait" | "seller";

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
  unusable_path: { status: 400, title: "Path not in canonical form", retryable: false, mend: "request", about: "The path could be read in more than one way, so it is refused before it is priced. Send the canonical spelling." },
  bad_request: { status: 400, title: "Malformed request", retryable: false, mend: "request", about: "The request is not one the gate can act on. The detail names what to change." },
  token_required: { status: 401, title: "Token required", retryable: false, mend: "token", about: "This resource belongs to an account. Send its token as Authorization: Bearer <token>." },
  invalid_token: { status: 401, title: "Invalid token", retryable: false, mend: "token", about: "The token is not one this gate accepts: malformed, wrongly signed, or for another API. Nothing was charged. Get a new one." },
  token_expired: { status: 401, title: "Token expired", retryable: false, mend: "token", about: "The token was genuine and its time is over. Get a new one; the account's credits are untouched." },
  token_revoked: { status: 401, title: "Token revoked", retryable: false, mend: "token", about: "The token was withdrawn before its time. Get a new one; the account's credits are untouched." },
  operator_only: { status: 401, title: "Operator's token required", retryable: false, mend: "seller", about: "This is the operator's API. It takes the operator's own token and no buyer's." },
  payment_required: { status: 402, title: "Payment required", retryable: false, mend: "pay", about: "The route has a price and the request came with nothing to pay it. Present a token of an account with credits." },
  insufficient_credits: { status: 402, title: "Not enough credits", retryable: false, mend: "pay", about: "The account has fewer credits than the call costs. Add credits and call again." },
  credits_on_hold: { status: 402, title: "Credits held by other calls", retryable: true, mend: "wait", about: "The account has enough credits, but calls still in flight hold them. Wait for those to finish, or add credits." },
  insufficient_scope: { status: 403, title: "Token lacks a scope", retryable: false, mend: "token", about: "The token is valid but does not allow this route. Get one with the scope named in the detail." },
  account_suspended: { status: 403, title: "Account suspended", retryable: false, mend: "seller", about: "The seller has suspended the account. Paying does not help; ask the seller." },
  not_for_sale: { status: 404, title: "Not for sale", retryable: false, mend: "request", about: "The route has no price, so the gate does not forward it. Check method and path against the price list." },
  not_found: { status: 404, title: "Not found", retryable: false, mend: "request", about: "There is nothing here, or nothing this token may see." },
  method_not_allowed: { status: 405, title: "Method not allowed", retryable: false, mend: "request", about: "The method is not one the gate forwards or this resource answers." },
  conflict: { status: 409, title: "Not possible in this state", retryable: false, mend: "request", about: "The command is well formed but does not fit what the account's journal already says." },
  grant_conflict: { status: 409, title: "Id already used for something else", retryable: false, mend: "request", about: "The id was used before with other content. Nothing was changed. Use a new id for a new command." },
  rate_limited: { status: 429, title: "Too many calls", retryable: true, mend: "wait", about: "The account has too many calls in flight. Wait and call again." },
  internal_error: { status: 500, title: "Internal error", retryable: true, mend: "seller", about: "The gate met a bug. Nothing was charged for this call, or what was held for it returns by itself." },
  upgrade_not_sold: { status: 501, title: "Upgrade not offered", retryable: false, mend: "request", about: "The route does not offer WebSocket or other upgrades." },
  origin_unreachable: { status: 502, title: "Origin unreachable", retryable: true, mend: "wait", about: "The server behind the gate could not be reached. Nothing was charged." },
  origin_payment_required: { status: 502, title: "Origin asked the gate for payment", retryable: false, mend: "seller", about: "The server behind the gate wants to be paid by the gate. That is the seller's to mend; paying here does not help. Nothing was charged." },
  origin_refused_gate: { status: 502, title: "Origin refused the gate's credentials", retryable: false, mend: "seller", about: "The server behind the gate did not accept the gate's own credentials. That is the seller's to mend. Nothing was charged." },
  issuer_unavailable: { status: 503, title: "Token issuer unreachable", retryable: true, mend: "wait", about: "The token could not be checked because its issuer's keys cannot be fetched. It was neither accepted nor refused." },
  ledger_unavailable: { status: 503, title: "Ledger unavailable", retryable: true, mend: "wait", about: "The account's ledger did not answer, so nothing is known about its credits. That is neither yes nor no; try again." },
  gate_misconfigured: { status: 503, title: "Gate misconfigured", retryable: false, mend: "seller", about: "The gate's own configuration is wrong, so it serves nothing. Its operator finds what to change at /_farebox/health." },
  origin_timeout: { status: 504, title: "Origin timed out", retryable: true, mend: "wait", about: "The server behind the gate did not begin to answer in time. Nothing was charged." },
  loop_detected: { status: 508, title: "Loop detected", retryable: false, mend: "seller", about: "The gate's origin leads back to the gate. That is the seller's to mend. Nothing was charged." },
};

/** How long to wait where the cause gives no better number. */
const RETRY_AFTER_SECONDS = { origin_unreachable: 5, origin_timeout: 5, issuer_unavailable: 10, ledger_unavailable: 2, internal_error: 5 } as const;

/** What a denial tells a caller beyond its meaning. */
export type Facts = {
  readonly detail: string;
  readonly price?: number;
  readonly balance?: Balance;
  readonly shortfall?: number;
  readonly retryAfterSeconds?: number;
  readonly allow?: readonly string[];
  readonly scope?: string;
};

/** The public facts of a denial. */
export function describeDenial(denial: Denial): Facts {
  switch (denial.code) {
    case "unusable_path":
      return { detail: `The path is not in canonical form: ${denial.why}.` };
    case "bad_request":
      return { detail: denial.why };
    case "token_required":
      return { detail: "Send a token of your account as Authorization: Bearer <token>." };
    case "invalid_token":
      return { detail: "The token is not one this API accepts. Nothing was charged. Get a new token." };
    case "token_expired":
      return { detail: `The token expired at ${formatSeconds(denial.expiredAt)}. Nothing was charged. Get a new token.` };
    case "token_revoked":
      return { detail: "The token was revoked. Nothing was charged. Get a new token." };
    case "operator_only":
      return { detail: "Send the operator's token (FAREBOX_ADMIN_TOKEN) as Authorization: Bearer <token>." };
    case "payment_required":
      return { detail: `This call costs ${formatPrice(denial.price)} and came without a token. Send a token of an account with credits as Authorization: Bearer <token>.`, price: denial.price };
    case "insufficient_credits": {
      const { price, usable, balance } = denial;
      const limit = usable < balance.available ? `, ${usable} of them for this route` : "";
      return { detail: `This call costs ${formatPrice(price)}; ${balance.available} are available${limit}.`, price, balance, shortfall: price - usable };
    }
    case "credits_on_hold": {
      const { price, balance, retryAfterSeconds } = denial;
      return { detail: `This call costs ${formatPrice(price)}; ${balance.available} are available and ${balance.held} are held by calls in flight. Try again when those have finished.`, price, balance, retryAfterSeconds };
    }
    case "insufficient_scope":
      return { detail: `The token lacks the scope "${denial.scope}", which this route requires.`, scope: denial.scope };
    case "account_suspended":
      return { detail: "The account is suspended. Ask the seller; paying does not help." };
    case "not_for_sale":
      return { detail: denial.soldMethods.length > 0 ? `${denial.method} is not sold at this path; ${denial.soldMethods.join(", ")} ${denial.soldMethods.length > 1 ? "are" : "is"}.` : "Nothing is sold at this path. The price list is at /_farebox/prices." };
    case "not_found":
      return { detail: `There is no such ${denial.what}.` };
    case "method_not_allowed":
      return { detail: `${denial.method} is not allowed here; ${denial.allowed.join(", ")} ${denial.allowed.length > 1 ? "are" : "is"}.`, allow: denial.allowed };
    case "conflict":
    case "grant_conflict":
      return { detail: denial.what };
    case "rate_limited":
      return { detail: denial.why, retryAfterSeconds: denial.retryAfterSeconds };
    case "upgrade_not_sold":
      return { detail: "This route does not offer an upgrade of the connection. Send an ordinary request." };
    case "origin_timeout":
      return { detail: `The origin did not begin to answer within ${denial.seconds} s. Nothing was charged.`, retryAfterSeconds: RETRY_AFTER_SECONDS.origin_timeout };
    case "gate_misconfigured":
    case "loop_detected":
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

/** What only the log may say. */
export function privateReason(denial: Denial): string | undefined {
  if ("reason" in denial) return denial.reason;
  return "issuer" in denial ? denial.issuer : undefined;
}

function formatPrice(price: number): string {
  return `${price} ${price === 1 ? "credit" : "credits"} (${formatUsd(price)})`;
}

function formatSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}
