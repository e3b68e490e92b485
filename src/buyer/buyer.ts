/**
 * What a buyer may ask with its token: the balance, and where credits went.
 */
import { Hono } from "hono";
import { trustedIssuers } from "../gate/house.ts";
import { readBearer, verifyToken, type Entitlement } from "../gate/token.ts";
import type { Denial } from "../gate/denial.ts";
import type { Entry } from "../ledger/command.ts";
import { readLimit, readWhole, refuseHere, resource, type FareboxContext, type FareboxEnv } from "../resource.ts";
import { refuse, ok, type Result } from "../result.ts";
import { emptyAccount, formatBalance, formatTime } from "../wire.ts";

export function buyerRoutes(): Hono<FareboxEnv> {
  const app = new Hono<FareboxEnv>();
  resource(app, "/balance", { GET: getBalance });
  resource(app, "/statement", { GET: getStatement });
  return app;
}

async function getBalance(c: FareboxContext): Promise<Response> {
  const buyer = await knowBuyer(c);
  if (!buyer.ok) return refuseHere(c, buyer.error);
  const { account } = buyer.value;
  const answer = await c.env.house.ledger.read(account, { read: "account" });
  if (answer.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: answer.why });
  return c.json(formatBalance(account, answer.found ?? emptyAccount(Date.now())));
}

const STATEMENT_LINES_MAX = 1000;

/** GET /_farebox/statement?after={seq}&limit= → {account, lines, next}: what changed the balance, call by call. */
async function getStatement(c: FareboxContext): Promise<Response> {
  const buyer = await knowBuyer(c);
  if (!buyer.ok) return refuseHere(c, buyer.error);
  const { account } = buyer.value;
  const after = readWhole(c.req.query("after") ?? "0", 0, Number.MAX_SAFE_INTEGER);
  const limit = readLimit(c, STATEMENT_LINES_MAX);
  if (after === undefined || limit === undefined)
    return refuseHere(c, {
      code: "bad_request",
      why: `after is a sequence number, limit a number from 1 to ${STATEMENT_LINES_MAX}.`,
    });
  const answer = await c.env.house.ledger.read(account, { read: "entries", after, limit });
  if (answer.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: answer.why });
  const { entries, next } = answer.found ?? { entries: [], next: null };
  // Setting credits aside and releasing them moves nothing in or out.
  return c.json({ account, lines: entries.filter((entry) => entry.amount !== 0).map(formatLine), next });
}

function formatLine(entry: Entry): object {
  const { seq, at, kind, amount, ref, route, requestId, balance } = entry;
  return {
    seq,
    at: formatTime(at),
    kind,
    credits: amount,
    ref,
    ...(route === null ? {} : { route }),
    ...(requestId === null ? {} : { request_id: requestId }),
    balance,
  };
}

/** Whose token this is. A revoked one reads nothing; a suspended account still sees its own state. */
async function knowBuyer(c: FareboxContext): Promise<Result<Entitlement, Denial>> {
  const { call, house } = c.env;
  const bearer = readBearer(c.req.raw.headers.get("authorization"));
  if (!bearer.ok) return bearer;
  if (bearer.value === undefined) return refuse({ code: "token_required" });
  const verified = await verifyToken(bearer.value, trustedIssuers(house, call.selfUrl), Date.now());
  if (!verified.ok) return verified;
  const { account, jti, issuedAt } = verified.value;
  const access = await house.ledger.read(account, { read: "access", token: { jti, issuedAt } });
  if (access.kind === "unavailable") return refuse({ code: "ledger_unavailable", reason: access.why });
  return access.found?.revoked === true ? refuse({ code: "token_revoked" }) : ok(verified.value);
}
