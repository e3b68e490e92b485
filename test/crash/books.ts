/** A small run of crashes in which everything is as it should be, for tests to doctor. */
import type { AccountFact, ActFact, EntryFact, Facts, HitFact, ReceiptFact } from "./facts.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type Line = Writable<Omit<EntryFact, "seq" | "at" | "balance">>;
/** What a test may change before the journal's sums are made from it, and after. */
export type Draft = {
  lines: Line[];
  calls: Writable<Facts["calls"][number]>[];
  receipts: Writable<ReceiptFact>[];
  hits: Writable<HitFact>[];
  acts: Writable<ActFact>[];
  kills: { how: string; unanswered: Set<number>; justAnswered: Set<number>; frozen: Set<number> }[];
  faults: string[];
  final: boolean;
};
type Entry = Writable<Omit<EntryFact, "balance">> & { balance: Writable<EntryFact["balance"]> };
export type Books = Omit<Facts, "accounts"> & {
  accounts: (Pick<AccountFact, "account" | "earlier"> & { view: Writable<AccountFact["view"]>; entries: Entry[] })[];
};

const T0 = Date.UTC(2026, 10, 1);
const HOLD_SECONDS = 2;
const ACCOUNT = "ada";

export function line(kind: string, amount: number, held: number, id: string, more: Partial<Line> = {}): Line {
  const ofCall = ["hold", "capture", "void", "expire", "write_off"].includes(kind) && id.startsWith("req");
  const about = ofCall ? { requestId: id, route: "GET /v1/cheap" } : { requestId: null, route: null };
  return { kind, amount, held, writtenOff: 0, ref: id, ...about, ...more };
}
const act = (
  kind: ActFact["kind"],
  id: string,
  credits: number | null,
  charge: string | null,
  told: number,
): ActFact => ({
  kind,
  account: ACCOUNT,
  id,
  credits,
  charge,
  expiresAt: null,
  attempts: 2,
  answers: [
    { status: 200, replayed: false, credits: told },
    { status: 200, replayed: true, credits: told },
  ],
});
const hit = (call: number, status: number, more: Partial<HitFact> = {}): HitFact => ({
  call,
  requestId: `req${call}`,
  account: ACCOUNT,
  route: "GET /v1/cheap",
  credits: 5,
  status,
  tookMs: 10,
  done: true,
  ...more,
});
const receipt = (call: number, status: number, charged: number | null, remaining: number | null): ReceiptFact => ({
  call,
  requestId: `req${call}`,
  status,
  charged,
  remaining,
});

/**
 * Call 1 is charged and refunded in part, 2 fails, 3 is served and cut by the kill, 4 is free, 5 is refused, 6 is cut
 * before it reaches the origin, 7 is charged after its hold expired. One grant is taken back.
 */
export function draft(): Draft {
  return {
    lines: [
      line("grant", 100, 0, "g1"),
      line("grant", 30, 0, "g2"),
      line("hold", 0, 5, "req1"),
      line("capture", -5, -5, "req1"),
      line("hold", 0, 5, "req2"),
      line("void", 0, -5, "req2"),
      line("refund", 3, 0, "r1", { requestId: "req1", route: "GET /v1/cheap" }),
      line("hold", 0, 5, "req3"),
      line("hold", 0, 5, "req6"),
      line("expire", 0, -5, "req3"),
      line("expire", 0, -5, "req6"),
      line("hold", 0, 5, "req7"),
      line("expire", 0, -5, "req7"),
      line("capture", -4, 0, "req7"),
      line("write_off", 0, 0, "req7", { writtenOff: 1 }),
      line("reverse", -30, 0, "g2"),
    ],
    calls: [1, 2, 3, 4, 5, 6, 7].map((call) => ({
      call,
      caller: 0,
      account: ACCOUNT,
      route: call === 4 ? "GET /v1/free" : "GET /v1/cheap",
    })),
    receipts: [
      receipt(1, 200, 5, 125),
      receipt(2, 500, 0, 125),
      receipt(3, 200, 5, 123),
      receipt(4, 200, 0, null),
      receipt(5, 402, null, null),
      receipt(7, 200, 5, 123),
    ],
    hits: [
      hit(1, 200),
      hit(2, 500),
      hit(3, 200),
      hit(4, 200, { account: "", route: "GET /v1/free", credits: 0 }),
      hit(7, 200),
    ],
    acts: [
      act("grant", "g1", 100, null, 100),
      act("grant", "g2", 30, null, 30),
      act("refund", "r1", 3, "req1", 3),
      act("reversal", "g2", null, null, 30),
    ],
    kills: [{ how: "under load", unanswered: new Set([6]), justAnswered: new Set([3]), frozen: new Set([7]) }],
    faults: [],
    final: true,
  };
}

/** Makes the journal of its lines, with right sums and a right balance, whatever the lines say. */
export function close({ lines, ...rest }: Draft): Books {
  const balance = { available: 0, held: 0 };
  const entries = lines.map((each, index) => {
    balance.held += each.held;
    balance.available += each.amount - each.held;
    return { ...each, seq: index + 1, at: T0 + index * 10, balance: { ...balance } };
  });
  const total = (...kinds: string[]): number =>
    lines.reduce((sum, { kind, amount }) => sum + (kinds.includes(kind) ? amount : 0), 0);
  const view = {
    ...balance,
    granted: total("grant", "refund"),
    captured: -total("capture"),
    expired: 0 - total("expire"),
    reversed: -total("reverse"),
    writtenOff: lines.reduce((sum, { writtenOff }) => sum + writtenOff, 0),
    asOf: T0 + 60_000,
  };
  return {
    ...rest,
    prices: { "GET /v1/cheap": 5, "GET /v1/free": 0 },
    holdSeconds: HOLD_SECONDS,
    timeoutSeconds: 1,
    accounts: [{ account: ACCOUNT, view, entries, earlier: entries.slice(0, 5).map((entry) => ({ ...entry })) }],
  };
}
