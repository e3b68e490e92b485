/**
 * A denial as an HTTP answer: problem+json (RFC 9457), with the headers that programs act on.
 */
import type { Balance } from "../ledger/command.ts";
import { log } from "../log.ts";
import { privateReason, type Code, type Denial } from "./denial.ts";
import { describeDenial, type Facts } from "./detail.ts";
import { MEANINGS } from "./meaning.ts";
import { setNoStore } from "./receipt.ts";

/** What an answer says of the shop: who sells, where to pay, whom to ask. */
export type Shop = {
  readonly name: string;
  readonly topUpUrl: string | undefined;
  readonly support: string | undefined;
};

/** What is known of a request when it is refused. */
export type Asked = {
  readonly requestId: string;
  readonly method: string;
  /** Scheme and host where the caller reaches the gate. */
  readonly selfUrl: string;
  /** Once a token is verified. */
  readonly account?: string;
  readonly path?: string;
};

type Remedy = { readonly rel: string; readonly href: string; readonly title: string };

/** Refuses, and writes the one log line that says why. */
export function answerDenial(denial: Denial, asked: Asked, shop: Shop): Response {
  const meaning = MEANINGS[denial.code];
  const facts = describeDenial(denial);
  const { requestId, account, method, path } = asked;
  const reason = privateReason(denial);
  log("refused", { request_id: requestId, status: meaning.status, code: denial.code, method, path, account, reason });

  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "X-Should-Retry": String(canRetry(denial)),
  });
  setNoStore(headers);
  if (facts.retryAfterSeconds !== undefined) headers.set("Retry-After", String(facts.retryAfterSeconds));
  if (facts.allow) headers.set("Allow", facts.allow.join(", "));
  const challenge = makeChallenge(denial.code, facts, shop);
  if (challenge !== undefined) headers.set("WWW-Authenticate", challenge);
  const cause = denial.code === "rate_limited" ? denial.cause : undefined;
  const remedy = listRemedies((cause ?? denial).code, asked, shop);
  const payment = remedy.find(({ rel }) => rel === "payment");
  if (payment) headers.set("Link", `<${payment.href}>; rel="payment"`);
  const body = method === "HEAD" ? null : JSON.stringify(makeProblem(denial, facts, asked, remedy));
  return new Response(body, { status: meaning.status, headers });
}

type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: Code;
  readonly retryable: boolean;
  readonly retry_after?: number;
  readonly price?: number;
  readonly balance?: Balance;
  readonly shortfall?: number;
  readonly receipt?: Facts["receipt"];
  readonly remedy: readonly Remedy[];
  readonly docs_url: string;
  readonly request_id: string;
};

/** Whether trying again, and nothing else, can help. */
function canRetry(denial: Denial): boolean {
  return MEANINGS[denial.code].retryable && (denial.code !== "rate_limited" || denial.cause === undefined);
}

function makeProblem(denial: Denial, facts: Facts, { requestId, selfUrl }: Asked, remedy: readonly Remedy[]): Problem {
  const { code } = denial;
  const { status, title } = MEANINGS[code];
  const type = `${selfUrl}/_farebox/problems/${code}`;
  return {
    type,
    title,
    status,
    detail: facts.detail,
    code,
    retryable: canRetry(denial),
    ...(facts.retryAfterSeconds === undefined ? {} : { retry_after: facts.retryAfterSeconds }),
    ...(facts.price === undefined ? {} : { price: facts.price }),
    ...(facts.balance === undefined ? {} : { balance: facts.balance }),
    ...(facts.shortfall === undefined ? {} : { shortfall: facts.shortfall }),
    ...(facts.receipt === undefined ? {} : { receipt: facts.receipt }),
    remedy,
    docs_url: type,
    request_id: requestId,
  };
}

/** The Bearer challenge (RFC 6750 section 3), on every 401 and 402 and where a scope is missing. */
function makeChallenge(code: Code, facts: Facts, shop: Shop): string | undefined {
  const { status, title } = MEANINGS[code];
  const realm = `Bearer realm="${shop.name}"`;
  if (code === "operator_only") return `Bearer realm="${shop.name}, operator"`;
  if (code === "insufficient_scope") return `${realm}, error="insufficient_scope", scope="${facts.scope ?? ""}"`;
  if (status === 402 || code === "token_required") return realm;
  return status === 401 ? `${realm}, error="invalid_token", error_description="${title}"` : undefined;
}

function listRemedies(code: Code, { selfUrl, account }: Asked, shop: Shop): Remedy[] {
  const { status, mend } = MEANINGS[code];
  const remedies: Remedy[] = [];
  if (status === 402 && shop.topUpUrl !== undefined) {
    const href = shop.topUpUrl.replaceAll("{account}", encodeURIComponent(account ?? ""));
    remedies.push({ rel: "payment", href, title: "Add credits" });
  }
  if (status === 402 || code === "not_for_sale")
    remedies.push({ rel: "prices", href: `${selfUrl}/_farebox/prices`, title: "Prices and ways to pay" });
  if (mend === "pay" && account !== undefined)
    remedies.push({ rel: "balance", href: `${selfUrl}/_farebox/balance`, title: "Balance" });
  if (code === "gate_misconfigured")
    remedies.push({ rel: "status", href: `${selfUrl}/_farebox/health`, title: "What is wrong" });
  if (shop.support !== undefined) remedies.push({ rel: "help", href: shop.support, title: "Ask the seller" });
  return remedies;
}
