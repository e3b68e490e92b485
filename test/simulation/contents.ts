/**
 * What commands say, made of a small integer each: amounts that just fit, few routes, deadlines that meet.
 * Content 0 is the plainest, so that a shrunk plan reads easily.
 */
import { credits } from "../../src/credits.ts";
import type { Answer, GrantCommand, HoldCommand, RefundCommand, TokenFacts } from "../../src/ledger/command.ts";

/** The true time at which every history begins, in milliseconds. */
export const START = Date.UTC(2026, 10, 23);
export const SECOND = 1000;
export const DAY = 86_400 * SECOND;
/** Longer than any hold lives. */
export const LONGEST_HOLD = 4 * SECOND;

const ROUTES = ["GET /v1/search", "POST /v1/reports"] as const;

/** Reads an integer as digits of mixed radix. */
function digits(content: number): <const T>(...choices: readonly [T, ...T[]]) => T {
  let left = content;
  return (...choices) => {
    const chosen = choices[left % choices.length] ?? choices[0];
    left = Math.floor(left / choices.length);
    return chosen;
  };
}

/** `clock`: how far the ledger's clock is off, so that the deadlines are near by that clock. */
export function grantContent(id: string, content: number, clock: number): GrantCommand {
  const next = digits(content);
  const amount = next(1, 5, 8, 3, 13, 2);
  const seconds = next(null, null, null, null, 1, 2, 3, 4);
  const kind = next("bought", "promotional");
  const routes = next(null, null, null, null, [ROUTES[0]], [ROUTES[1]], [ROUTES[0], ROUTES[1]]);
  return {
    op: "grant",
    id,
    credits: credits(amount),
    kind,
    priority: next(1, 1, 1, 2),
    expiresAt: seconds === null ? null : START + clock + seconds * SECOND,
    routes,
  };
}

export function tokenContent(content: number): TokenFacts {
  const next = digits(content);
  return { jti: next("t1", "t1", "t2", null), issuedAt: next(2, 2, 1) };
}

export function holdContent(id: string, content: number): HoldCommand {
  const next = digits(content);
  const amount = credits(next(1, 2, 3, 4, 5));
  const ttlSeconds = next(1, 2, 3, 4);
  const route = next(ROUTES[0], ROUTES[0], ROUTES[1]);
  const includedBy = next<readonly string[]>([], [], [], ["pro"]);
  const token = tokenContent(next(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  const key = next(null, null, "k1", "k2");
  const digest = next("a", "a", "a", "b");
  const limit = next(null, null, 5, 8, 3);
  return {
    op: "hold",
    id,
    credits: amount,
    ttlSeconds,
    route,
    includedBy,
    token,
    cap:
      limit === null || token.jti === null
        ? null
        : { jti: token.jti, credits: credits(limit), until: START + 900 * DAY },
    idempotency: key === null ? null : { key, digest },
  };
}

/** An answer worth keeping, or one that cannot be kept. */
export function answerContent(content: number): Answer | null {
  const body = new Uint8Array([content % 251]);
  return content % 3 === 2 ? null : { status: 200, headers: [["content-type", "text/plain"]], body };
}

export function refundContent(id: string, holdId: string, content: number): RefundCommand {
  const amount = digits(content)(null, 1, 2, 1, 3, null, 0, 4);
  return { op: "refund", id, holdId, credits: amount === null ? null : credits(amount) };
}
