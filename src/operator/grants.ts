/** Credits in, and back: grants, their reversal, refunds. Every command is named by the operator and safe to repeat. */
import { parseCredits } from "../credits.ts";
import type { GrantCommand } from "../ledger/command.ts";
import type { Denial } from "../gate/denial.ts";
import { refuseHere, type FareboxContext } from "../resource.ts";
import { ok, type Result } from "../result.ts";
import { formatTime } from "../wire.ts";
import { bad, readAccount, readBody, readId, readTime, type Input } from "./input.ts";

const GRANT_KINDS = ["bought", "promotional"] as const;
const PRIORITY_MAX = 100;
const PRIORITY_DEFAULT = 50;
const GRANT_ROUTES_MAX = 100;

/** PUT /_farebox/accounts/{account}/grants/{id} {credits, kind?, priority?, expires_at?, routes?} */
export async function putGrant(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const id = readId(c);
  const body = await readBody(c, ["credits", "kind", "priority", "expires_at", "routes"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!id.ok) return refuseHere(c, id.error);
  if (!body.ok) return refuseHere(c, body.error);
  const command = readGrant(c, id.value, body.value);
  if (!command.ok) return refuseHere(c, command.error);

  const outcome = await c.env.house.ledger.apply(account.value, command.value);
  switch (outcome.kind) {
    case "granted": {
      const { credits, kind, priority, expiresAt, routes } = command.value;
      const expires_at = expiresAt === null ? null : formatTime(expiresAt);
      return c.json({
        account: account.value,
        id: id.value,
        credits,
        kind,
        priority,
        expires_at,
        routes,
        replayed: outcome.replayed,
        balance: outcome.balance,
      });
    }
    case "conflict":
      return refuseHere(c, {
        code: "grant_conflict",
        what: `A grant ${id.value} with other content exists. Use a new id for a new grant.`,
      });
    case "already_expired":
      return refuseHere(c, { code: "bad_request", why: "expires_at is in the past." });
    case "limit_exceeded":
      return refuseHere(c, {
        code: "bad_request",
        why: "The account would have been granted more than 10^15 credits in total.",
      });
    case "unavailable":
      return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  }
}

function readGrant(c: FareboxContext, id: string, body: Input): Result<GrantCommand, Denial> {
  const credits = parseCredits(body["credits"]);
  if (credits === undefined) return bad("credits is not a whole number from 1 to 10^12.");
  const kind = GRANT_KINDS.find((known) => known === (body["kind"] ?? "bought"));
  if (!kind) return bad(`kind is not one of ${GRANT_KINDS.join(", ")}.`);
  const priority = body["priority"] ?? PRIORITY_DEFAULT;
  if (typeof priority !== "number" || !Number.isSafeInteger(priority) || priority < 0 || priority > PRIORITY_MAX)
    return bad(`priority is not a whole number from 0 (burns first) to ${PRIORITY_MAX}.`);
  const expiresAt = readTime(body, "expires_at");
  if (!expiresAt.ok) return expiresAt;
  const routes = body["routes"] ?? null;
  if (routes === null) return ok({ op: "grant", id, credits, kind, priority, expiresAt: expiresAt.value, routes });
  const sold = c.env.house.prices.routes.map((route) => route.id);
  if (!Array.isArray(routes) || routes.length === 0 || routes.length > GRANT_ROUTES_MAX)
    return bad("routes is not a list of routes of the price list.");
  const named: unknown[] = routes;
  const stranger = named.find((route) => typeof route !== "string" || !sold.includes(route));
  if (stranger !== undefined) return bad(`routes names ${JSON.stringify(stranger)}, which is not in the price list.`);
  return ok({
    op: "grant",
    id,
    credits,
    kind,
    priority,
    expiresAt: expiresAt.value,
    routes: named.filter((route) => typeof route === "string"),
  });
}

/** DELETE /_farebox/accounts/{account}/grants/{id}: takes back what is unspent of a grant. */
export async function deleteGrant(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const id = readId(c);
  if (!account.ok) return refuseHere(c, account.error);
  if (!id.ok) return refuseHere(c, id.error);
  const outcome = await c.env.house.ledger.apply(account.value, { op: "reverse", id: id.value });
  switch (outcome.kind) {
    case "reversed": {
      const { credits, spent, replayed, balance } = outcome;
      return c.json({ account: account.value, id: id.value, reversed: credits, spent, replayed, balance });
    }
    case "grant_not_found":
      return refuseHere(c, { code: "not_found", what: "grant" });
    case "unavailable":
      return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  }
}

/** PUT /_farebox/accounts/{account}/refunds/{id} {request_id, credits?}: gives back a charge, or a part of it. */
export async function putRefund(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const id = readId(c);
  const body = await readBody(c, ["request_id", "credits"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!id.ok) return refuseHere(c, id.error);
  if (!body.ok) return refuseHere(c, body.error);
  const { request_id: requestId, credits: wanted = null } = body.value;
  const credits = wanted === null ? null : parseCredits(wanted);
  if (typeof requestId !== "string" || requestId === "")
    return refuseHere(c, {
      code: "bad_request",
      why: "request_id is missing: it is the Request-Id of the call to refund.",
    });
  if (credits === undefined)
    return refuseHere(c, { code: "bad_request", why: "credits is not a whole number from 1 to 10^12." });

  const outcome = await c.env.house.ledger.apply(account.value, {
    op: "refund",
    id: id.value,
    holdId: requestId,
    credits,
  });
  switch (outcome.kind) {
    case "refunded":
      return c.json({
        account: account.value,
        id: id.value,
        request_id: requestId,
        credits: outcome.credits,
        replayed: outcome.replayed,
        balance: outcome.balance,
      });
    case "conflict":
      return refuseHere(c, {
        code: "grant_conflict",
        what: `A refund ${id.value} with other content exists. Use a new id for a new refund.`,
      });
    case "hold_not_found":
      return refuseHere(c, { code: "not_found", what: "charge" });
    case "nothing_charged":
      return refuseHere(c, { code: "conflict", what: "That call was not charged, so there is nothing to refund." });
    case "exceeds_charge":
      return refuseHere(c, {
        code: "conflict",
        what: `Refunds of one call cannot exceed its charge; ${outcome.refundable} credits are left to refund.`,
      });
    case "limit_exceeded":
      return refuseHere(c, {
        code: "bad_request",
        why: "The account would have been granted more than 10^15 credits in total.",
      });
    case "unavailable":
      return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  }
}
