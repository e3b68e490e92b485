/** What the gate works with: made once an isolate from config, secrets and bindings (setup.ts). */
import type { Ledger } from "../ledger/client.ts";
import type { Plan } from "../config.ts";
import { answerDenial, type Shop } from "./answer.ts";
import type { Cors } from "./cors.ts";
import type { Denial } from "./denial.ts";
import { fixedIssuer, type TrustedIssuer } from "./issuer.ts";
import type { BodyRoom } from "./idempotency.ts";
import type { RateLimiter } from "./limit.ts";
import type { OriginServer } from "./origin.ts";
import type { Target } from "./path.ts";
import type { PriceList } from "./price.ts";
import type { Signer } from "./signer.ts";
import type { Entitlement } from "./token.ts";

export type House = {
  readonly shop: Shop;
  readonly cors: Cors;
  readonly prices: PriceList;
  readonly plans: Readonly<Record<string, Plan>>;
  readonly signer: Signer;
  /** Issuers other than the gate itself. */
  readonly outsideIssuers: readonly TrustedIssuer[];
  readonly origin: OriginServer;
  readonly ledger: Ledger;
  readonly kv: KVNamespace;
  readonly adminToken: string;
  readonly bodyRoom: BodyRoom;
  /** Counts refused calls; undefined where the deployment has none. */
  readonly refusalLimiter: RateLimiter | undefined;
};

/** One request on its way through. */
export type Call = {
  readonly request: Request;
  readonly requestId: string;
  readonly target: Target;
  /** Scheme and host where the caller reaches the gate: `publicUrl`, or where the request came to. */
  readonly selfUrl: string;
  /** Keeps work going after the answer has left. */
  readonly waitUntil: (work: Promise<unknown>) => void;
};

/** The longest life of a token the gate mints itself. */
export const OWN_LIFE_SECONDS_MAX = 365 * 86_400;

/** Whose tokens count at this gate: the gate itself, and those the config lists. */
export function trustedIssuers(house: House, selfUrl: string): readonly TrustedIssuer[] {
  const own = {
    issuer: selfUrl,
    audience: selfUrl,
    accountPrefix: "",
    lifeSecondsMax: OWN_LIFE_SECONDS_MAX,
    algorithms: ["EdDSA"] as const,
    isOwn: true as const,
  };
  return [fixedIssuer(own, house.signer.keys), ...house.outsideIssuers];
}

/** The gate's name in Via, by which it knows itself again. */
export function viaOf(house: House): string {
  return `farebox-${house.signer.kid.slice(0, 16)}`;
}

/** Refuses a call. `entitlement`: once somebody is known to have made it. */
export function refuseCall(call: Call, house: House, denial: Denial, entitlement?: Entitlement): Response {
  const { requestId, selfUrl, request, target } = call;
  const asked = { requestId, selfUrl, method: request.method, path: target.path };
  return answerDenial(denial, entitlement ? { ...asked, account: entitlement.account } : asked, house.shop);
}
