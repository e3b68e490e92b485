/** The operator's API: every route behind one secret, none of it readable by a browser's scripts. */
import { Hono, type Next } from "hono";
import { log } from "../log.ts";
import { refuseHere, resource, type FareboxContext, type FareboxEnv } from "../resource.ts";
import { getAccount, getAccounts, getEntries, putPlan, putStatus } from "./accounts.ts";
import { deleteGrant, putGrant, putRefund } from "./grants.ts";
import { deleteToken, deleteTokens, postToken } from "./tokens.ts";

/** Whether a path belongs to the operator: asked before routing, by what decides about CORS. */
export function isOperatorPath(path: string): boolean {
  return /^\/_farebox\/(?:accounts|tokens)(?:\/|$)/.test(path);
}

export function operatorRoutes(): Hono<FareboxEnv> {
  const app = new Hono<FareboxEnv>();
  app.use("/accounts/*", operatorOnly);
  app.use("/tokens/*", operatorOnly);
  resource(app, "/accounts", { GET: getAccounts });
  resource(app, "/accounts/:account", { GET: getAccount });
  resource(app, "/accounts/:account/entries", { GET: getEntries });
  resource(app, "/accounts/:account/status", { PUT: putStatus });
  resource(app, "/accounts/:account/plan", { PUT: putPlan });
  resource(app, "/accounts/:account/grants/:id", { PUT: putGrant, DELETE: deleteGrant });
  resource(app, "/accounts/:account/refunds/:id", { PUT: putRefund });
  resource(app, "/accounts/:account/tokens", { POST: postToken, DELETE: deleteTokens });
  resource(app, "/tokens/:jti", { DELETE: deleteToken });
  return app;
}

async function operatorOnly(c: FareboxContext, next: Next): Promise<Response | undefined> {
  const given = /^Bearer +([\x21-\x7e]+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  if (!(await isSame(given, c.env.house.adminToken))) return refuseHere(c, { code: "operator_only" });
  await next();
  // Who changed what is found here: settings and tokens leave no entry in the journal.
  if (c.req.method !== "GET" && c.req.method !== "HEAD") {
    const { requestId, target } = c.env.call;
    log("operator", { request_id: requestId, method: c.req.method, path: target.path, status: c.res.status });
  }
  return undefined;
}

/** Compares digests of equal length, so that the time taken tells nothing of the secret. */
async function isSame(a: string, b: string): Promise<boolean> {
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}

async function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
