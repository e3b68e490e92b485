/** One denial of every code, and what surrounds it when it is answered. */
import type { Asked, Shop } from "../../src/gate/answer.ts";
import type { Code, Denial } from "../../src/gate/denial.ts";

export const SECRET_REASON = "reason-for-the-log-only";

/** Typed so that a code without a sample does not compile. */
const SAMPLES: { readonly [C in Code]: Extract<Denial, { readonly code: C }> } = {
  unusable_path: { code: "unusable_path", why: "it contains a dot segment" },
  bad_request: { code: "bad_request", why: "Send one header." },
  token_required: { code: "token_required" },
  invalid_token: { code: "invalid_token", reason: SECRET_REASON },
  token_expired: { code: "token_expired", expiredAt: 1_795_392_000 },
  token_revoked: { code: "token_revoked" },
  operator_only: { code: "operator_only" },
  payment_required: { code: "payment_required", price: 500 },
  insufficient_credits: { code: "insufficient_credits", price: 500, usable: 20, balance: { available: 20, held: 5 } },
  credits_on_hold: { code: "credits_on_hold", price: 500, balance: { available: 20, held: 500 }, retryAfterSeconds: 7 },
  insufficient_scope: { code: "insufficient_scope", scope: "reports" },
  spend_limit_reached: { code: "spend_limit_reached", price: 500, limit: 1000, spent: 700 },
  account_suspended: { code: "account_suspended" },
  not_for_sale: { code: "not_for_sale", method: "PUT", soldMethods: ["GET", "POST"] },
  not_found: { code: "not_found", what: "account" },
  method_not_allowed: { code: "method_not_allowed", method: "TRACE", allowed: ["GET", "HEAD"] },
  conflict: { code: "conflict", what: "The call was refunded before." },
  grant_conflict: { code: "grant_conflict", what: "The id was used before." },
  request_in_flight: { code: "request_in_flight", retryAfterSeconds: 1, overBy: 1_795_392_000_500 },
  already_delivered: { code: "already_delivered", requestId: "req_0", charged: 500 },
  content_too_large: { code: "content_too_large", bytesMax: 1_048_576 },
  idempotency_mismatch: { code: "idempotency_mismatch" },
  rate_limited: { code: "rate_limited", why: "Too many calls in flight.", retryAfterSeconds: 1 },
  upgrade_not_sold: { code: "upgrade_not_sold" },
  origin_unreachable: { code: "origin_unreachable", reason: SECRET_REASON },
  origin_timeout: { code: "origin_timeout", seconds: 30 },
  origin_payment_required: { code: "origin_payment_required" },
  origin_refused_gate: { code: "origin_refused_gate" },
  loop_detected: { code: "loop_detected" },
  issuer_unavailable: { code: "issuer_unavailable", issuer: SECRET_REASON },
  ledger_unavailable: { code: "ledger_unavailable", reason: SECRET_REASON },
  gate_misconfigured: { code: "gate_misconfigured" },
  internal_error: { code: "internal_error", reason: SECRET_REASON },
};
export const DENIALS: readonly (readonly [Code, Denial])[] = Object.values(SAMPLES).map((denial) => [
  denial.code,
  denial,
]);

export const SHOP: Shop = {
  name: "Example API",
  topUpUrl: "https://pay.example.com/top-up?account={account}",
  support: "mailto:help@example.com",
};
export const ASKED: Asked = {
  requestId: "req_1",
  method: "GET",
  selfUrl: "https://api.example.com",
  account: "alice",
  path: "/v1/search",
};
