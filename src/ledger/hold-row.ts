/** A hold as its table has it. */
import type { HoldState } from "./command.ts";
import type { Store } from "./store.ts";

export type HoldRow = {
  id: string;
  credits: number;
  captured: number;
  written_off: number;
  refunded: number;
  state: HoldState;
  route: string;
  ttl_seconds: number;
  parts: string;
  refunded_parts: string;
  expires_at: number;
  resolved_at: number | null;
  /** The token whose spend cap it counts against. */
  capped_jti: string | null;
  idempotency_key: string | null;
  idempotency_digest: string | null;
};

export function findHold(store: Store, id: string): HoldRow | undefined {
  return store.exec<HoldRow>(`SELECT * FROM holds WHERE id = ?1`, id)[0];
}

/** A hold's id is the id of the request it pays for. */
export function about(of: { readonly id: string; readonly route: string }): {
  ref: string;
  requestId: string;
  route: string;
} {
  return { ref: of.id, requestId: of.id, route: of.route };
}
