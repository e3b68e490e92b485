/** One builder a command, with what a test does not care about filled in. */
import { credits } from "../../src/credits.ts";
import type {
  CaptureCommand,
  GrantCommand,
  HoldCommand,
  KeepCommand,
  RefundCommand,
  ReverseCommand,
  VoidCommand,
} from "../../src/ledger/command.ts";

/** A fixed moment; tests move on from it by adding. */
export const NOW = Date.UTC(2026, 10, 23);
export const SECOND = 1000;
export const DAY = 86_400 * SECOND;

export function grantOf(amount: number, more: Partial<GrantCommand> = {}): GrantCommand {
  return {
    op: "grant",
    id: "g1",
    credits: credits(amount),
    kind: "bought",
    priority: 50,
    expiresAt: null,
    routes: null,
    ...more,
  };
}

export function holdOf(amount: number, more: Partial<HoldCommand> = {}): HoldCommand {
  const token = { jti: "t1", issuedAt: NOW / SECOND };
  return {
    op: "hold",
    id: "h1",
    credits: credits(amount),
    ttlSeconds: 90,
    route: "GET /v1/search",
    includedBy: [],
    token,
    cap: null,
    idempotency: null,
    ...more,
  };
}

export function captureOf(amount: number, more: Partial<CaptureCommand> = {}): CaptureCommand {
  return { op: "capture", id: "h1", credits: credits(amount), final: true, ...more };
}

export function refundOf(amount: number | null, more: Partial<RefundCommand> = {}): RefundCommand {
  return { op: "refund", id: "r1", holdId: "h1", credits: amount === null ? null : credits(amount), ...more };
}

export function keepOf(text: string | null, more: Partial<KeepCommand> = {}): KeepCommand {
  const body = new TextEncoder().encode(text ?? "");
  return { op: "keep", id: "h1", answer: text === null ? null : { status: 200, headers: [], body }, ...more };
}

export function voidOf(id = "h1"): VoidCommand {
  return { op: "void", id };
}

export function reverseOf(id = "g1"): ReverseCommand {
  return { op: "reverse", id };
}
