/**
 * What can be asked of an account's ledger, and every answer it can give.
 *
 * Each command that moves credits carries an id made by the caller. Same id and same content give the same answer,
 * marked `replayed`; same id with other content is a `conflict`. A refusal writes nothing and does not use up its id.
 * Where several refusals apply, the answer is the first in the order the command's outcome type lists them.
 * Times are milliseconds since 1970, amounts are credits.
 */
import type { Credits } from "../credits.ts";

/** The version of this page. An object answers its own version and the one before it, because Workers and objects are replaced minutes apart. */
export const RPC_VERSION = 2;

export type GrantCommand = {
  readonly op: "grant";
  readonly id: string;
  readonly credits: Credits;
  readonly kind: "bought" | "promotional";
  /** Lower burns first. */
  readonly priority: number;
  readonly expiresAt: number | null;
  /** The routes these credits may pay for, as the price list writes them; null for all. */
  readonly routes: readonly string[] | null;
};
export type HoldCommand = {
  readonly op: "hold";
  readonly id: string;
  readonly credits: Credits;
  /** A duration, so that the caller's clock does not matter. */
  readonly ttlSeconds: number;
  readonly route: string;
  /** The plans that include this route: an account on one of them is not charged. */
  readonly includedBy: readonly string[];
  /** What a revocation is checked against; `issuedAt` in seconds. */
  readonly token: TokenFacts;
  /** What the token may spend in its life; null for all there is. */
  readonly cap: SpendCap | null;
  /** Ties the call to a key of the caller's: calls with one key are charged once. */
  readonly idempotency: IdempotencyKey | null;
};
export type TokenFacts = { readonly jti: string | null; readonly issuedAt: number };
/** At most `credits` held and charged together under this `jti`, counted until `until`. */
export type SpendCap = { readonly jti: string; readonly credits: Credits; readonly until: number };
/** `digest` stands for the whole request: another one under the same key is a mistake of the caller's. */
export type IdempotencyKey = { readonly key: string; readonly digest: string };
export type CaptureCommand = {
  readonly op: "capture";
  readonly id: string;
  /** What the hold has cost **so far in total**: a lost, repeated or reordered report changes nothing. */
  readonly credits: Credits;
  /** True ends the hold and returns the rest. */
  readonly final: boolean;
};
export type VoidCommand = { readonly op: "void"; readonly id: string };
/** Keeps the answer of a charged call for whoever asks again with its key; null says that it cannot be kept. */
export type KeepCommand = { readonly op: "keep"; readonly id: string; readonly answer: Answer | null };
/** An answer as the caller got it. */
export type Answer = {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
};
export type RefundCommand = {
  readonly op: "refund";
  readonly id: string;
  readonly holdId: string;
  /** null: all that is left of the charge. */
  readonly credits: Credits | null;
};
/** Takes back what is unspent of a grant. The id is the grant's: a grant is reversed once. */
export type ReverseCommand = { readonly op: "reverse"; readonly id: string };
type StatusCommand = { readonly op: "status"; readonly status: AccountStatus };
type PlanCommand = { readonly op: "plan"; readonly plan: string | null; readonly until: number | null };
export type RevokeCommand = { readonly op: "revoke"; readonly jti: string; readonly until: number };
/** Refuses every token issued at or before this second. */
export type RevokeAllCommand = { readonly op: "revoke_all"; readonly issuedAt: number };

export type Command =
  | GrantCommand
  | HoldCommand
  | CaptureCommand
  | VoidCommand
  | KeepCommand
  | RefundCommand
  | ReverseCommand
  | StatusCommand
  | PlanCommand
  | RevokeCommand
  | RevokeAllCommand;

export type AccountStatus = "active" | "suspended";
export type HoldState = "held" | "captured" | "voided" | "expired";
export type Balance = { readonly available: number; readonly held: number };

type Done<Kind extends string, Facts = object> = {
  readonly kind: Kind;
  readonly replayed: boolean;
  readonly balance: Balance;
} & Facts;
/** Settings: saying them twice is harmless. */
type Changed = { readonly kind: "changed" };
type Conflict = { readonly kind: "conflict" };
type HoldNotFound = { readonly kind: "hold_not_found" };
type HoldResolved = { readonly kind: "hold_resolved"; readonly as: HoldState };

export type Insufficient = {
  readonly kind: "insufficient_balance";
  readonly required: number;
  /** What could pay for this route now, and what of it calls in flight hold. */
  readonly usable: Balance;
  /** When the first open hold ends by itself; null when none is open. */
  readonly releaseAt: number | null;
  readonly balance: Balance;
  /** The ledger said so a moment ago and was not asked again (refusals.ts). */
  readonly remembered?: true;
};

/** The call with this key was charged: its receipt, and its answer where that was kept. */
export type AlreadyDelivered = {
  readonly kind: "already_delivered";
  readonly requestId: string;
  readonly credits: number;
  readonly answer: Answer | null;
  readonly balance: Balance;
};

/** The answers to each command, refusals in order of precedence. */
export type Outcomes = {
  grant: Done<"granted"> | Conflict | { readonly kind: "already_expired" } | { readonly kind: "limit_exceeded" };
  hold:
    | Done<"held", { readonly state: HoldState }>
    | Conflict
    | { readonly kind: "account_suspended" }
    | { readonly kind: "token_revoked" }
    /** The key stands for another request. */
    | { readonly kind: "idempotency_mismatch" }
    /** The call with this key has no outcome yet; it will at `releaseAt` at the latest. */
    | { readonly kind: "request_in_flight"; readonly releaseAt: number }
    | AlreadyDelivered
    /** The account's plan includes the route: nothing is held and nothing will be charged. */
    | { readonly kind: "included"; readonly balance: Balance }
    | { readonly kind: "limit_exceeded" }
    /** `spent`: what the token's calls were charged and hold. */
    | { readonly kind: "spend_limit_reached"; readonly limit: number; readonly spent: number }
    | Insufficient;
  /** `credits`: charged so far; `writtenOff`: what a late report could no longer find. */
  capture:
    | Done<"captured", { readonly credits: number; readonly writtenOff: number }>
    | HoldNotFound
    | { readonly kind: "exceeds_hold"; readonly held: number }
    | HoldResolved;
  void: Done<"voided"> | HoldNotFound | HoldResolved;
  keep:
    | { readonly kind: "kept" }
    | HoldNotFound
    | { readonly kind: "nothing_charged" }
    /** No key asks for this answer: the call never had one, or it stands for another call or for none by now. */
    | { readonly kind: "key_passed_on" };
  refund:
    | Done<"refunded", { readonly credits: number }>
    | Conflict
    | HoldNotFound
    | { readonly kind: "nothing_charged" }
    | { readonly kind: "exceeds_charge"; readonly refundable: number }
    | { readonly kind: "limit_exceeded" };
  reverse:
    | Done<"reversed", { readonly credits: number; readonly spent: number }>
    | { readonly kind: "grant_not_found" };
  status: Changed;
  plan: Changed;
  revoke: Changed;
  revoke_all: Changed;
};
export type Op = keyof Outcomes;
export type Outcome = Outcomes[Op];

/** What can be asked without changing anything. */
export type Query =
  | { readonly read: "account" }
  | { readonly read: "access"; readonly token: TokenFacts }
  | { readonly read: "entries"; readonly after: number; readonly limit: number };

export type GrantView = {
  readonly id: string;
  readonly kind: "bought" | "promotional" | "refund";
  readonly credits: number;
  readonly remaining: number;
  readonly priority: number;
  readonly expiresAt: number | null;
  readonly routes: readonly string[] | null;
  readonly createdAt: number;
};
export type AccountView = Balance & {
  readonly status: AccountStatus;
  readonly plan: string | null;
  readonly planUntil: number | null;
  readonly granted: number;
  readonly captured: number;
  readonly expired: number;
  readonly reversed: number;
  readonly writtenOff: number;
  /** Grows with every change of the balance, the status, the plan or the revocations. */
  readonly version: number;
  readonly tokensRevokedAt: number | null;
  readonly asOf: number;
  /** The grants that still have credits, in the order they burn. */
  readonly grants: readonly GrantView[];
};
export type EntryKind = "grant" | "hold" | "capture" | "void" | "expire" | "refund" | "reverse" | "write_off";
export type Entry = {
  readonly seq: number;
  readonly at: number;
  readonly kind: EntryKind;
  /** Signed change of available + held: over a whole journal these add up to the balance. */
  readonly amount: number;
  /** Signed change of held. */
  readonly held: number;
  /** Only on a write_off: credits that were served and could no longer be charged. */
  readonly writtenOff: number;
  readonly ref: string;
  readonly requestId: string | null;
  readonly route: string | null;
  /** null: one movement. A number: a day's total of so many of a kind and route, whose `ref` is the day. */
  readonly calls: number | null;
  readonly balance: Balance;
};
/** What decides whether an account may use what costs it nothing. */
export type Access = { readonly suspended: boolean; readonly revoked: boolean; readonly plan: string | null };
/** null: the account was never written to. `next`: where to read on, null at the end. */
export type Readings = {
  account: AccountView | null;
  access: Access | null;
  entries: { readonly entries: readonly Entry[]; readonly next: number | null } | null;
};
