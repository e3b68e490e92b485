/**
 * The server behind the gate: forwarding a call, and reading what became of it.
 *
 * Bodies stream both ways and are never looked at. Redirects go to the caller. The time-out is for the beginning of
 * the answer; a stream may then last as long as it likes.
 */
import { headersToOrigin } from "./headers.ts";
import type { Target } from "./path.ts";
import type { Route } from "./price.ts";

export type OriginServer = {
  /** Scheme and host it is called by; undefined: by the name the caller used. */
  readonly base: string | undefined;
  /** Headers of ours, such as the origin's own credentials. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly fetch: (request: Request, init: RequestInit) => Promise<Response>;
};

export type Forward = {
  readonly request: Request;
  readonly target: Target;
  readonly route: Route;
  readonly token: string | undefined;
  /** What the gate says of the call: Farebox-*, PAYMENT-CONTEXT. */
  readonly ours: readonly (readonly [name: string, value: string])[];
  /** The gate's name in Via (RFC 9110 section 7.6.3), by which it knows itself again. */
  readonly via: string;
};

export type OriginOutcome =
  | { readonly kind: "answered"; readonly response: Response }
  | { readonly kind: "timed_out"; readonly seconds: number }
  | { readonly kind: "unreachable"; readonly reason: string };

/** The bytes as the origin encoded them: neither unpacked nor packed on the way. */
const AS_ENCODED: RequestInit = { encodeResponseBody: "manual" };

/** Sends the call on and waits for the beginning of the answer. Never throws for what an origin or a caller can do. */
export async function forward(server: OriginServer, call: Forward): Promise<OriginOutcome> {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort();
  }, call.route.timeoutSeconds * 1000);
  try {
    const response = await server.fetch(makeRequest(server, call, abort.signal), AS_ENCODED);
    return isAnswer(response, call)
      ? { kind: "answered", response }
      : { kind: "unreachable", reason: `answered ${response.status}` };
  } catch (error) {
    return abort.signal.aborted
      ? { kind: "timed_out", seconds: call.route.timeoutSeconds }
      : { kind: "unreachable", reason: String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an answer can be handed on: HTTP has no status above 599, and nobody may switch protocols unasked. */
function isAnswer({ status, webSocket }: Response, { route, request }: Forward): boolean {
  if (status === 101) return webSocket !== null && route.upgrade && isWebSocketUpgrade(request);
  return status >= 200 && status <= 599;
}

function makeRequest(server: OriginServer, call: Forward, signal: AbortSignal): Request {
  const { request, target } = call;
  const headers = headersToOrigin(request.headers, call.token, server.headers);
  const here = new URL(request.url);
  const client = request.headers.get("cf-connecting-ip");
  if (client !== null) headers.set("X-Forwarded-For", client);
  headers.set("X-Forwarded-Host", here.host);
  headers.set("X-Forwarded-Proto", here.protocol.slice(0, -1));
  headers.append("Via", `1.1 ${call.via}`);
  if (call.route.upgrade && isWebSocketUpgrade(request)) headers.set("Upgrade", "websocket");
  for (const [name, value] of server.headers) headers.set(name, value);
  for (const [name, value] of call.ours) headers.set(name, value);
  return new Request((server.base ?? here.origin) + target.path + target.query, {
    method: request.method,
    headers,
    body: hasBody(request) ? request.body : null,
    redirect: "manual",
    // Cloudflare's cache knows the path and not the account.
    cache: "no-store",
    signal,
  });
}

/** Whether forwarding would come back to this gate: it has been here before, or the origin is the very host it came to. */
export function leadsBack(server: OriginServer, request: Request, via: string): boolean {
  return (
    (request.headers.get("via")?.includes(via) ?? false) ||
    (server.base !== undefined && request.url.startsWith(`${server.base}/`))
  );
}

export function isWebSocketUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** A GET or HEAD without content still has a body object when the client said so: Content-Length: 0. */
export function hasBody(request: Request): boolean {
  return request.body !== null && request.headers.get("content-length") !== "0";
}

/** What an origin's status means for the caller's credits. */
export type Verdict = "charge" | "free" | "origin_payment_required" | "origin_refused_gate";

/** An origin that asks *us* for money or credentials never makes the buyer pay, and never looks as if it asked them. */
export function judgeStatus(status: number, route: Route): Verdict {
  if ((status === 401 || status === 402) && !route.passOriginStatus.includes(status)) {
    return status === 402 ? "origin_payment_required" : "origin_refused_gate";
  }
  if (status < 400) return "charge";
  return status < 500 && route.chargeOn === "2xx-4xx" ? "charge" : "free";
}
