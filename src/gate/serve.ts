/**
 * Serving an admitted call: forward it, then charge it or give its credits back, then hand over the answer.
 * Once credits are set aside, only the origin's answer decides what the call costs.
 */
import { log } from "../log.ts";
import type { Hold } from "./admit.ts";
import type { Denial } from "./denial.ts";
import { headersToCaller } from "./headers.ts";
import { refuseCall, viaOf, type Call, type House } from "./house.ts";
import { keyForOrigin, splitAnswer } from "./idempotency.ts";
import { forward, judgeStatus, type OriginOutcome } from "./origin.ts";
import type { Route } from "./price.ts";
import { setReceipt } from "./receipt.ts";
import type { Entitlement } from "./token.ts";

/** What a caller is let in on. Without a hold the call costs nothing; without an entitlement nobody was asked for. */
export type Admission = {
  readonly route: Route;
  readonly token: string | undefined;
  readonly entitlement: Entitlement | undefined;
  readonly hold: Hold | undefined;
};

export async function serve(call: Call, house: House, admission: Admission): Promise<Response> {
  const { route, token, entitlement, hold } = admission;
  try {
    const ours = await describeCall(call, house, admission);
    const outcome = await forward(house.origin, {
      request: call.request,
      target: call.target,
      route,
      token,
      ours,
      via: viaOf(house),
    });
    const verdict = outcome.kind === "answered" ? judgeStatus(outcome.response.status, route) : outcome.kind;
    if (outcome.kind === "answered" && verdict === "charge") {
      const answer = passOn(call, house, outcome.response, hold, true);
      if (!hold) return answer;
      const captured = captureHold(call, house, hold);
      call.waitUntil(captured);
      return hold.isKeyed ? keepAnswer(call, house, hold, answer, captured) : answer;
    }
    // Before the caller hears of it, so that the credits are there when it calls again.
    if (hold) await voidHold(call, house, hold);
    if (outcome.kind === "answered" && verdict === "free") return passOn(call, house, outcome.response, hold, false);
    const refusal = refuseCall(call, house, denyOutcome(call, outcome, verdict), entitlement);
    setReceipt(refusal.headers, { charged: 0, remaining: hold && hold.availableAfter + hold.credits });
    return refusal;
  } catch (error) {
    if (hold) await voidHold(call, house, hold);
    throw error;
  }
}

function denyOutcome(call: Call, outcome: OriginOutcome, verdict: string): Denial {
  if (outcome.kind === "timed_out") return { code: "origin_timeout", seconds: outcome.seconds };
  if (outcome.kind === "unreachable") return { code: "origin_unreachable", reason: outcome.reason };
  // What the origin says there is for the seller, so it goes nowhere near the buyer.
  call.waitUntil(outcome.response.body?.cancel() ?? Promise.resolve());
  return { code: verdict === "origin_payment_required" ? "origin_payment_required" : "origin_refused_gate" };
}

/** The origin's answer with the receipt on it. */
function passOn(call: Call, house: House, response: Response, hold: Hold | undefined, charge: boolean): Response {
  const headers = headersToCaller(response.headers);
  moveLinks(headers, call, house);
  const charged = charge && hold ? hold.credits : 0;
  setReceipt(headers, { charged, remaining: hold && hold.availableAfter + hold.credits - charged });
  const { status, statusText, webSocket } = response;
  const body = NULL_BODY_STATUSES.includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers, webSocket, encodeBody: "manual" });
}

/** Statuses whose answers have no content (Fetch standard, null body status). */
const NULL_BODY_STATUSES = [101, 204, 205, 304];

/** A link to the origin's own name, by whatever scheme, would lead the caller around the gate. */
function moveLinks(headers: Headers, { selfUrl }: Call, { origin }: House): void {
  if (origin.base === undefined) return;
  const { host } = new URL(origin.base);
  for (const name of ["location", "content-location"]) {
    const link = headers.get(name);
    // What names no host stays with the host the caller used.
    if (link === null || !/^(?:[a-z][a-z0-9+.-]*:|[\\/]{2})/i.test(link)) continue;
    const url = URL.parse(link, origin.base);
    if (url?.host === host) headers.set(name, selfUrl + url.pathname + url.search + url.hash);
  }
}

async function captureHold({ requestId }: Call, { ledger }: House, { account, credits }: Hold): Promise<void> {
  const outcome = await ledger.apply(account, { op: "capture", id: requestId, credits, final: true });
  if (outcome.kind !== "captured" || outcome.writtenOff > 0)
    log("capture_incomplete", { request_id: requestId, account, credits, outcome });
}

/** Keeps the answer under the call's idempotency key while it passes. What is kept is of a call that was charged. */
function keepAnswer(
  call: Call,
  { ledger }: House,
  { account }: Hold,
  response: Response,
  captured: Promise<void>,
): Response {
  const { answer, kept } = splitAnswer(response);
  const keep = async (): Promise<void> => {
    await captured;
    await ledger.apply(account, { op: "keep", id: call.requestId, answer: await kept });
  };
  call.waitUntil(keep());
  return answer;
}

async function voidHold({ requestId }: Call, { ledger }: House, { account }: Hold): Promise<void> {
  const outcome = await ledger.apply(account, { op: "void", id: requestId });
  if (outcome.kind !== "voided") log("void_incomplete", { request_id: requestId, account, outcome });
}

const CONTEXT_LIFE_SECONDS = 120;

/** What the origin may know, signed: who called, what it is charged if the answer costs, and that it came through this gate. */
async function describeCall(
  { request, selfUrl, target, requestId }: Call,
  { signer }: House,
  { entitlement, hold }: Admission,
): Promise<[string, string][]> {
  const amount = hold?.credits ?? 0;
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: selfUrl,
    aud: selfUrl + target.path + target.query,
    iat,
    nbf: iat,
    exp: iat + CONTEXT_LIFE_SECONDS,
    amount,
    request_id: requestId,
  };
  const context = await signer.sign(
    "payment-context+jwt",
    entitlement ? { ...claims, sub: entitlement.account } : claims,
  );
  const headers: [string, string][] = [
    ["Farebox-Request-Id", requestId],
    ["Farebox-Credits", String(amount)],
    ["PAYMENT-CONTEXT", context],
  ];
  if (entitlement) headers.push(["Farebox-Account", formatAccount(entitlement.account)]);
  const key = request.headers.get("idempotency-key");
  if (entitlement && key !== null) headers.push(["Idempotency-Key", await keyForOrigin(entitlement.account, key)]);
  return headers;
}

/** An account id as a header value: as it is, but for what a header cannot carry and "%", which are percent-encoded. */
function formatAccount(account: string): string {
  return account.replace(/[^\x21-\x24\x26-\x7e]/gu, encodeURIComponent);
}
