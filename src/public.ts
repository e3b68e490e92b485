/** What anybody may ask the gate: whether it is ready, what things cost, what its answers mean, and its public keys. */
import type { Config } from "./config.ts";
import type { Mistake } from "./config/say.ts";
import type { Code } from "./gate/denial.ts";
import { isCode, MEANINGS } from "./gate/meaning.ts";
import { refuseHere, type FareboxContext } from "./resource.ts";

/** GET /_farebox/health. Names what is wrong, never a value of config or secret: those are in the log and in npm run check-config. */
export function describeHealth(mistakes: readonly Mistake[]): object {
  if (mistakes.length === 0) return { status: "ready" };
  return {
    status: "misconfigured",
    mistakes: mistakes.map(({ key, mend }) => ({ key, mend })),
    hint: "npm run check-config says more",
  };
}

/** GET /.well-known/jwks.json: what origins check PAYMENT-CONTEXT with, and anybody our tokens (RFC 7517). */
export function showKeys(c: FareboxContext): Response {
  return c.json(c.env.house.signer.jwks, 200, { "Content-Type": "application/jwk-set+json" });
}

/** What one credit is worth (see credits.ts). */
const CREDIT_USD = "0.000001";

/** GET /_farebox/prices: the price list and the ways to pay. */
export function describePrices(config: Config): object {
  return {
    name: config.name,
    credit: { usd: CREDIT_USD },
    prices: Object.entries(config.prices).map(([id, price]) => {
      const [method, path] = id.split(" ");
      const { credits, scope } = typeof price === "object" ? price : { credits: price, scope: undefined };
      return { method, path, credits: credits === "free" ? 0 : credits, ...(scope === undefined ? {} : { scope }) };
    }),
    unlisted: config.unlisted ?? "deny",
    plans: Object.entries(config.plans ?? {}).map(([name, { includes }]) => ({ name, includes })),
    payments:
      config.payments?.topUpUrl === undefined
        ? []
        : [{ rel: "payment", href: config.payments.topUpUrl.replaceAll("{account}", ""), title: "Add credits" }],
  };
}

/** GET /_farebox/problems: every code the gate refuses with. */
export function listProblems(c: FareboxContext): Response {
  return c.json({
    problems: Object.keys(MEANINGS)
      .filter(isCode)
      .map((code) => describeProblem(c, code)),
  });
}

/** GET /_farebox/problems/{code}: where a problem's `type` leads. */
export function showProblem(c: FareboxContext): Response {
  const code = c.req.param("code") ?? "";
  return isCode(code) ? c.json(describeProblem(c, code)) : refuseHere(c, { code: "not_found", what: "problem" });
}

function describeProblem(c: FareboxContext, code: Code): object {
  const { status, title, retryable, about } = MEANINGS[code];
  return { type: `${c.env.call.selfUrl}/_farebox/problems/${code}`, code, status, title, retryable, about };
}
