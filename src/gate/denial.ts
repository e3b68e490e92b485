/**
 * Every reason Farebox refuses for, as one closed union.
 *
 * `reason` (why a token is bad, why an origin was not reached) goes to the log; everything else a caller may read.
 * What a code means, whatever the facts, is in meaning.ts; the facts in words are in detail.ts.
 */
import type { Balance } from "../ledger/command.ts";

export type Denial =
  | { readonly code: "unusable_path"; readonly why: string }
  | { readonly code: "bad_request"; readonly why: string }
  | { readonly code: "token_required" }
  | {
      readonly code: "invalid_token";
      readonly reason: string;
      /** Where what is wrong may be said: it tells nothing of keys or claims. */
      readonly why?: string;
    }
  | { readonly code: "token_expired"; readonly expiredAt: number }
  | { readonly code: "token_revoked" }
  | { readonly code: "operator_only" }
  | { readonly code: "payment_required"; readonly price: number }
  | {
      readonly code: "insufficient_credits";
      readonly price: number;
      readonly usable: number;
      readonly balance: Balance;
    }
  | {
      readonly code: "credits_on_hold";
      readonly price: number;
      readonly balance: Balance;
      readonly retryAfterSeconds: number;
    }
  | { readonly code: "insufficient_scope"; readonly scope: string }
  | {
      readonly code: "spend_limit_reached";
      readonly price: number;
      readonly limit: number;
      readonly spent: number;
    }
  | { readonly code: "account_suspended" }
  | { readonly code: "not_for_sale"; readonly method: string; readonly soldMethods: readonly string[] }
  | { readonly code: "not_found"; readonly what: string }
  | { readonly code: "method_not_allowed"; readonly method: string; readonly allowed: readonly string[] }
  | { readonly code: "conflict"; readonly what: string }
  | { readonly code: "grant_conflict"; readonly what: string }
  | {
      readonly code: "request_in_flight";
      readonly retryAfterSeconds: number;
      /** When it will be over at the latest, in milliseconds. */
      readonly overBy: number;
    }
  | { readonly code: "already_delivered"; readonly requestId: string; readonly charged: number }
  | { readonly code: "content_too_large"; readonly bytesMax: number }
  | { readonly code: "idempotency_mismatch" }
  | {
      readonly code: "rate_limited";
      readonly why: string;
      readonly retryAfterSeconds: number;
      /** What the call is refused for besides; then waiting alone does not help. */
      readonly cause?: Denial;
    }
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

/** What only the log may say. */
export function privateReason(denial: Denial): string | undefined {
  if ("reason" in denial) return denial.reason;
  return "issuer" in denial ? denial.issuer : undefined;
}
