/**
 * Every route, in order.
 *
 * A request first gets an id, then its one canonical path. What lies under /_farebox/ and the key set is the gate's
 * own; everything else is for sale, or is not there.
 */
import { Hono } from "hono";
import { buyerRoutes } from "./buyer/buyer.ts";
import type { Config } from "./config.ts";
import { answerDenial } from "./gate/answer.ts";
import { answerOptions, setCors } from "./gate/cors.ts";
import { gate } from "./gate/gate.ts";
import { refuseCall, type Call, type House } from "./gate/house.ts";
import { parseTarget, splitTarget } from "./gate/path.ts";
import { PRICED_METHODS } from "./gate/price.ts";
import { setNoStore } from "./gate/receipt.ts";
import { log } from "./log.ts";
import { isOperatorPath, operatorRoutes } from "./operator/operator.ts";
import { describeHealth, describePrices, listProblems, showKeys, showProblem } from "./public.ts";
import { refuseHere, resource, type FareboxEnv } from "./resource.ts";
import { setUp, type Setup } from "./setup.ts";

type Worker = {
  fetch(request: Request, env: Readonly<Record<string, unknown>>, ctx: ExecutionContext): Promise<Response>;
};

function routes(config: Config): Hono<FareboxEnv> {
  const app = new Hono<FareboxEnv>({ getPath: (request) => splitTarget(request.url).path });
  resource(app, "/.well-known/jwks.json", { GET: showKeys });
  resource(app, "/_farebox/health", { GET: (c) => c.json(describeHealth([])) });
  resource(app, "/_farebox/prices", { GET: (c) => c.json(describePrices(config)) });
  resource(app, "/_farebox/problems", { GET: listProblems });
  resource(app, "/_farebox/problems/:code", { GET: showProblem });
  app.route("/_farebox", buyerRoutes());
  app.route("/_farebox", operatorRoutes());
  app.all("/_farebox/*", (c) => refuseHere(c, { code: "not_found", what: "resource of the gate" }));
  app.all("*", async (c) => gate(c.env.call, c.env.house));
  app.onError((error, c) => refuseHere(c, { code: "internal_error", reason: error.stack ?? String(error) }));
  return app;
}

/** The Worker for a config. */
export function createFarebox(config: Config): Worker {
  const app = routes(config);
  // Once an isolate: imported keys and checked prices serve all its requests.
  let settingUp: Promise<Setup> | undefined;
  return {
    async fetch(request, env, ctx) {
      settingUp ??= setUp(config, env).catch(notSetUp);
      const setup = await settingUp;
      const requestId = `req_${crypto.randomUUID()}`;
      if (!setup.ok) return answerMisconfigured(setup, request, requestId);
      const { house } = setup;
      const selfUrl = config.publicUrl ?? splitTarget(request.url).base;
      const parsed = isOwn(request.url) ? splitTarget(request.url) : parseTarget(request.url);
      const target = "why" in parsed ? splitTarget(request.url) : parsed;
      const call: Call = {
        request,
        requestId,
        selfUrl,
        target,
        waitUntil: (work) => {
          ctx.waitUntil(work);
        },
      };
      if ("why" in parsed)
        return finish(refuseCall(call, house, { code: "unusable_path", why: parsed.why }), call, house);
      if (request.method === "OPTIONS") {
        const methods = ["HEAD", "OPTIONS", ...PRICED_METHODS];
        return finish(answerOptions(methods, !isOperatorPath(target.path)), call, house);
      }
      return finish(await app.fetch(request, { call, house }, ctx), call, house);
    },
  };
}

/** A bug in setting up is one more reason to serve nothing, and to say so. */
function notSetUp(error: unknown): Setup {
  const problem = `could not be set up: ${String(error)}`;
  return {
    ok: false,
    mistakes: [{ key: "farebox.config.ts", problem, mend: "see the log; this is a bug in the gate" }],
  };
}

/** Whether a path is one of the gate's own, spelled as it is: those are never forwarded, so account ids in them may be encoded freely. */
function isOwn(url: string): boolean {
  const { path } = splitTarget(url);
  return path === "/_farebox" || path.startsWith("/_farebox/");
}

/** What every answer carries. The operator's are not for scripts in browsers. */
function finish(response: Response, call: Call, house: House): Response {
  const { headers } = response;
  headers.set("Request-Id", call.requestId);
  setNoStore(headers);
  if (!isOperatorPath(call.target.path)) setCors(headers, house.cors, call.request);
  return response;
}

function answerMisconfigured(
  { mistakes }: Extract<Setup, { ok: false }>,
  request: Request,
  requestId: string,
): Response {
  for (const mistake of mistakes) log("misconfigured", mistake);
  const { base, path } = splitTarget(request.url);
  const asked = { requestId, method: request.method, selfUrl: base, path };
  const response =
    path === "/_farebox/health"
      ? Response.json(describeHealth(mistakes), { status: 503 })
      : answerDenial({ code: "gate_misconfigured" }, asked, NO_SHOP);
  response.headers.set("Request-Id", requestId);
  setNoStore(response.headers);
  setCors(response.headers, { origins: ["*"] }, request);
  return response;
}

/** What a gate says of itself while its config cannot be believed. */
const NO_SHOP = { name: "Farebox", topUpUrl: undefined, support: undefined };
