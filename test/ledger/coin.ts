/** What the model ledger is made of: coins, the grants they came with, and the holds that took them. */
import type { Command, GrantCommand, GrantView, HoldCommand } from "../../src/ledger/command.ts";

export type Terms = Pick<GrantCommand, "priority" | "expiresAt" | "routes"> & { kind: GrantView["kind"] };
export type Grant = Terms & { id: string; born: number; reversed: boolean };
export type Place = "available" | "held" | "captured" | "expired" | "reversed";
export type Coin = { grant: Grant; place: Place; givenBack: boolean };
export type State = "held" | "captured" | "voided" | "expired";
export type Hold = {
  command: HoldCommand;
  ends: number;
  coins: Coin[];
  charged: Coin[];
  lost: number;
  state: State;
  endedAt: number;
  /** When it last took hold of its idempotency key. */
  boundAt: number;
  /** undefined: nothing is known of its answer; null: it could not be kept. */
  answer: HeldAnswer | null | undefined;
};
export type HeldAnswer = NonNullable<Extract<Command, { op: "keep" }>["answer"]>;
export const DAY = 86_400_000;
export const ANSWERING = 300_000;
/** What a ledger said, or should have said, with as much of it as the model knows. */
export type Answer = { kind: string } & Record<string, unknown>;

export function contentOf({ credits, route, ttlSeconds, cap, idempotency }: HoldCommand): string {
  return JSON.stringify([credits, route, ttlSeconds, cap?.jti, idempotency?.key, idempotency?.digest]);
}

export function isDelivered({ state, charged, lost }: Hold): boolean {
  return state === "captured" || (state !== "held" && charged.length + lost > 0);
}

export function termsOf({ priority, expiresAt, routes }: Omit<Terms, "kind">): string {
  return JSON.stringify([priority, expiresAt, routes]);
}

/** What decides which coin burns first, most significant first. */
export function rankOf({ grant }: Coin): number[] {
  return [grant.priority, grant.expiresAt ?? Infinity, grant.kind === "promotional" ? 0 : 1, grant.born];
}
