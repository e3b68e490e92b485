/**
 * The journal and the balance row, which only this file writes, and always together.
 *
 * Every change of a balance is a movement of credits from one bucket to another, so the law of conservation
 * (granted = available + held + captured + expired + reversed) holds by construction, and the sum of the journal
 * is the balance row because one call writes both.
 */
import type { AccountStatus, Balance, EntryKind } from "./command.ts";
import { only, type Store } from "./store.ts";

type Bucket = "available" | "held" | "captured" | "expired" | "reversed";

export type Movement = {
  readonly kind: EntryKind;
  readonly credits: number;
  /** "outside": new credits, which grow `granted`. */
  readonly from: Bucket | "outside";
  readonly to: Bucket;
  readonly ref: string;
  readonly requestId?: string;
  readonly route?: string;
  /** 1: a hold opens with it; -1: one ends. */
  readonly opens?: 1 | 0 | -1;
};

/** How long the copy of the balance in KV may lag behind calls; grants and changes of status go out at once. */
const PUBLISH_LAG_MS = 5_000;
/** Workers KV takes one write a second for a key. */
export const PUBLISH_INTERVAL_MS = 1_000;

/** Moves credits and writes the entry that says so. */
export function post(store: Store, now: number, movement: Movement): Balance {
  const { credits, from, to } = movement;
  const change = (bucket: Bucket): number => (to === bucket ? credits : 0) - (from === bucket ? credits : 0);
  const prompt = movement.kind === "grant" || movement.kind === "refund" || movement.kind === "reverse";
  const row = only(
    store.exec<AccountRow>(
      `UPDATE account SET seq = seq + 1, version = version + 1, granted = granted + ?1, available = available + ?2, held = held + ?3,
       captured = captured + ?4, expired = expired + ?5, reversed = reversed + ?6,
       publish_at = MIN(COALESCE(publish_at, ?7), MAX(?8, published_at + ?9)), open_holds = open_holds + ?10
     WHERE id = 1 RETURNING *`,
      from === "outside" ? credits : 0,
      change("available"),
      change("held"),
      change("captured"),
      change("expired"),
      change("reversed"),
      Number.MAX_SAFE_INTEGER,
      prompt ? now : now + PUBLISH_LAG_MS,
      PUBLISH_INTERVAL_MS,
      movement.opens ?? 0,
    ),
  );
  insertEntry(store, now, row, {
    ...movement,
    amount: change("available") + change("held"),
    held: change("held"),
    writtenOff: 0,
  });
  return balanceOf(row);
}

/** Notes credits that were served and can no longer be charged. They never were in the balance, so nothing moves. */
export function writeOff(
  store: Store,
  now: number,
  credits: number,
  about: { ref: string; requestId: string; route: string },
): Balance {
  const row = only(
    store.exec<AccountRow>(
      `UPDATE account SET seq = seq + 1, version = version + 1, written_off = written_off + ?1 WHERE id = 1 RETURNING *`,
      credits,
    ),
  );
  insertEntry(store, now, row, { kind: "write_off", amount: 0, held: 0, writtenOff: credits, ...about });
  return balanceOf(row);
}

/** Notes that the account's standing changed otherwise than in its balance, so that the copy in KV follows at once. */
export function touch(store: Store, now: number): void {
  store.exec(
    `UPDATE account SET version = version + 1, publish_at = MIN(COALESCE(publish_at, ?1), MAX(?2, published_at + ?3)) WHERE id = 1`,
    Number.MAX_SAFE_INTEGER,
    now,
    PUBLISH_INTERVAL_MS,
  );
}

function insertEntry(
  store: Store,
  now: number,
  row: AccountRow,
  entry: {
    kind: EntryKind;
    amount: number;
    held: number;
    writtenOff: number;
    ref: string;
    requestId?: string;
    route?: string;
  },
): void {
  store.exec(
    `INSERT INTO entries (seq, at, kind, amount, held, written_off, ref, request_id, route, balance_available, balance_held)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    row.seq,
    now,
    entry.kind,
    entry.amount,
    entry.held,
    entry.writtenOff,
    entry.ref,
    entry.requestId ?? null,
    entry.route ?? null,
    row.available,
    row.held,
  );
}

export type AccountRow = {
  seq: number;
  version: number;
  granted: number;
  available: number;
  held: number;
  captured: number;
  expired: number;
  reversed: number;
  written_off: number;
  status: AccountStatus;
  plan: string | null;
  plan_until: number | null;
  tokens_revoked_at: number | null;
  publish_at: number | null;
  published_at: number;
  purged_seq: number;
  answer_bytes: number;
  open_holds: number;
};

export function accountRow(store: Store): AccountRow {
  return only(store.exec<AccountRow>(`SELECT * FROM account WHERE id = 1`));
}

export function balanceOf(row: AccountRow): Balance {
  return { available: row.available, held: row.held };
}

/** The plan the account is on at `now`. */
export function activePlan(row: AccountRow, now: number): string | null {
  return row.plan_until !== null && row.plan_until <= now ? null : row.plan;
}
