/** Accounts as an operator sees them: the list from KV, which may lag, and one account exactly, from its ledger. */
import { listStandings } from "../ledger/standing.ts";
import { readLimit, readWhole, refuseHere, type FareboxContext } from "../resource.ts";
import { formatAccount, formatEntry, formatTime } from "../wire.ts";
import { readAccount, readBody, readTime } from "./input.ts";

const ACCOUNTS_MAX = 1000;
const ENTRIES_MAX = 1000;

/** GET /_farebox/accounts?cursor=&limit= → {accounts, next} */
export async function getAccounts(c: FareboxContext): Promise<Response> {
  const limit = readLimit(c, ACCOUNTS_MAX);
  if (limit === undefined)
    return refuseHere(c, { code: "bad_request", why: `limit is not a number from 1 to ${ACCOUNTS_MAX}.` });
  const { accounts, next } = await listStandings(c.env.house.kv, limit, c.req.query("cursor"));
  return c.json({
    accounts: accounts.map(({ account, standing }) => ({
      account,
      ...(standing && {
        status: standing.status,
        plan: standing.plan,
        available: standing.available,
        held: standing.held,
        as_of: formatTime(standing.asOf),
      }),
    })),
    next,
  });
}

/** GET /_farebox/accounts/{account} */
export async function getAccount(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  if (!account.ok) return refuseHere(c, account.error);
  const answer = await c.env.house.ledger.read(account.value, { read: "account" });
  if (answer.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: answer.why });
  return answer.found
    ? c.json(formatAccount(account.value, answer.found))
    : refuseHere(c, { code: "not_found", what: "account" });
}

/** GET /_farebox/accounts/{account}/entries?after={seq}&limit= → {entries, next} */
export async function getEntries(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  if (!account.ok) return refuseHere(c, account.error);
  const after = readWhole(c.req.query("after") ?? "0", 0, Number.MAX_SAFE_INTEGER);
  const limit = readLimit(c, ENTRIES_MAX);
  if (after === undefined || limit === undefined)
    return refuseHere(c, {
      code: "bad_request",
      why: `after is a sequence number, limit a number from 1 to ${ENTRIES_MAX}.`,
    });
  const answer = await c.env.house.ledger.read(account.value, { read: "entries", after, limit });
  if (answer.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: answer.why });
  if (!answer.found) return refuseHere(c, { code: "not_found", what: "account" });
  return c.json({ entries: answer.found.entries.map(formatEntry), next: answer.found.next });
}

/** PUT /_farebox/accounts/{account}/status {status: "active" | "suspended"} */
export async function putStatus(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const body = await readBody(c, ["status"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!body.ok) return refuseHere(c, body.error);
  const { status } = body.value;
  if (status !== "active" && status !== "suspended")
    return refuseHere(c, { code: "bad_request", why: "status is neither active nor suspended." });
  const outcome = await c.env.house.ledger.apply(account.value, { op: "status", status });
  if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  return c.json({ account: account.value, status });
}

/** PUT /_farebox/accounts/{account}/plan {plan: name | null, until?} */
export async function putPlan(c: FareboxContext): Promise<Response> {
  const account = readAccount(c);
  const body = await readBody(c, ["plan", "until"]);
  if (!account.ok) return refuseHere(c, account.error);
  if (!body.ok) return refuseHere(c, body.error);
  const { plan } = body.value;
  const { plans, ledger } = c.env.house;
  if (plan !== null && (typeof plan !== "string" || !Object.hasOwn(plans, plan))) {
    return refuseHere(c, {
      code: "bad_request",
      why: `plan is not one of ${Object.keys(plans).join(", ") || "the config's plans, of which there are none"}, or null for none.`,
    });
  }
  const until = readTime(body.value, "until");
  if (!until.ok) return refuseHere(c, until.error);
  const outcome = await ledger.apply(account.value, { op: "plan", plan, until: plan === null ? null : until.value });
  if (outcome.kind === "unavailable") return refuseHere(c, { code: "ledger_unavailable", reason: outcome.why });
  return c.json({
    account: account.value,
    plan,
    until: plan === null || until.value === null ? null : formatTime(until.value),
  });
}
