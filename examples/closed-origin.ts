/**
 * An origin that lets only the gate in: it checks PAYMENT-CONTEXT, which the gate signs for every call it forwards.
 *
 *   npx node examples/closed-origin.ts https://api.example.com 8788
 *
 * The first argument is the gate's public URL, the second the port to listen on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey } from "jose";

/** What the gate says of a call. `account` is missing on a free route, which asks nobody who they are. */
export type PaidCall = { readonly account: string | undefined; readonly credits: number; readonly requestId: string };

const CONTEXT_LIFE_SECONDS = 120;

/**
 * Makes the check for one gate. It gives undefined for a call that did not come through the gate just now, for this
 * very URL and for the first time.
 */
export function makeCheck(
  gate: string,
  keys: JWTVerifyGetKey = createRemoteJWKSet(new URL("/.well-known/jwks.json", gate)),
): (context: string | undefined, target: string) => Promise<PaidCall | undefined> {
  /** Request ids of the last minutes, oldest first: a context that was overheard is of no use twice. */
  const seen = new Map<string, number>();
  return async (context, target) => {
    if (context === undefined) return undefined;
    try {
      const { payload } = await jwtVerify(context, keys, {
        algorithms: ["EdDSA"],
        typ: "payment-context+jwt",
        issuer: gate,
        audience: gate + target,
        requiredClaims: ["exp", "request_id", "amount"],
      });
      const requestId = String(payload["request_id"]);
      const now = Date.now() / 1000;
      for (const [id, at] of seen) if (at < now - 2 * CONTEXT_LIFE_SECONDS) seen.delete(id);
      if (seen.has(requestId)) return undefined;
      seen.set(requestId, now);
      return { account: payload.sub, credits: Number(payload["amount"]), requestId };
    } catch {
      return undefined;
    }
  };
}

if (process.argv[1] === import.meta.filename) {
  const [, , gate = "http://localhost:8787", port = "8788"] = process.argv;
  const check = makeCheck(gate);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const paid = await check(request.headers["payment-context"]?.toString(), request.url ?? "/");
    response.writeHead(paid ? 200 : 403, { "content-type": "application/json" });
    response.end(`${JSON.stringify(paid ?? { error: "not through the gate" })}\n`);
  };
  createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  }).listen(Number(port), "127.0.0.1");
}
