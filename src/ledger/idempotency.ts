/**
 * Idempotency keys: calls under one key are charged once (draft-ietf-httpapi-idempotency-key-header).
 *
 * A key points at the hold of the call that bound it, and what it means follows from that hold: open, the call is in
 * flight; charged, it was delivered. A hold that ends without a charge frees its key. So the key can say nothing that
 * the hold does not. It is bound for a day; the hold itself is known for longer.
 */
import type { Answer, HoldCommand, IdempotencyKey, KeepCommand, Outcomes } from "./command.ts";
import { findHold, type HoldRow } from "./hold-row.ts";
import { accountRow, balanceOf } from "./journal.ts";
import type { Store } from "./store.ts";

const KEY_RETENTION_HOURS = 24;
const KEY_RETENTION_MS = KEY_RETENTION_HOURS * 3_600_000;
/** Kept answers of one account; past it the oldest go, and their keys answer with the receipt alone. */
const ANSWERS_BYTES_MAX = 16 * 1024 * 1024;
/** How long a charged call of which nothing more is heard counts as still being answered: longer than most streams. */
const ANSWERING_MS = 300_000;

/** What a hold is told when its key is taken; undefined if the key is free. */
export function refuseKey(
  store: Store,
  command: { readonly idempotency: IdempotencyKey | null },
  now: number,
): Outcomes["hold"] | undefined {
  if (!command.idempotency) return undefined;
  const { key, digest } = command.idempotency;
  const bound = findBound(store, key, now);
  if (!bound) return undefined;
  if (bound.idempotency_digest !== digest) return { kind: "idempotency_mismatch" };
  if (bound.state === "held") return { kind: "request_in_flight", releaseAt: bound.expires_at };
  const kept = store.exec<AnswerRow>(`SELECT status, headers, body FROM answers WHERE hold_id = ?1`, bound.id)[0];
  const answeredBy = (bound.resolved_at ?? 0) + ANSWERING_MS;
  if (!kept && now < answeredBy) return { kind: "request_in_flight", releaseAt: answeredBy };
  return {
    kind: "already_delivered",
    requestId: bound.id,
    credits: bound.captured,
    answer: kept ? parseAnswer(kept) : null,
    balance: balanceOf(accountRow(store)),
  };
}

/** Points the key at a new hold. */
export function bindKey(store: Store, { id, idempotency }: HoldCommand, now: number): void {
  if (idempotency) point(store, idempotency.key, id, now);
}

/** A call that ended without a charge leaves no key behind. */
export function freeKey(store: Store, { id, idempotency_key: key, captured }: HoldRow): void {
  if (key !== null && captured === 0)
    store.exec(`DELETE FROM idempotency_keys WHERE key = ?1 AND hold_id = ?2`, key, id);
}

/**
 * Whether a late charge of this hold may stand: not if the key has passed on to a call that is being made or was
 * charged, for then it would be the second charge under one key. If it may, the key is this hold's from now on.
 */
export function reclaimKey(store: Store, row: HoldRow, now: number): boolean {
  const key = row.idempotency_key;
  if (key === null) return true;
  const bound = findBound(store, key, now);
  if (bound && bound.id !== row.id) return false;
  point(store, key, row.id, now);
  return true;
}

/** Keeps the first answer it is given of a call, as long as there is a key that could ask for it. */
export function keep(store: Store, { id, answer }: KeepCommand, now: number): Outcomes["keep"] {
  const row = findHold(store, id);
  if (!row) return { kind: "hold_not_found" };
  if (!isDelivered(row)) return { kind: "nothing_charged" };
  const asksFor = row.idempotency_key === null ? undefined : findBound(store, row.idempotency_key, now)?.id;
  if (asksFor !== id) return { kind: "key_passed_on" };
  if (store.exec(`SELECT 1 FROM answers WHERE hold_id = ?1`, id).length > 0) return { kind: "kept" };
  const headers = answer && JSON.stringify(answer.headers);
  const bytes = answer && headers !== null ? answer.body.length + headers.length : 0;
  makeRoom(store, bytes);
  store.exec(
    `INSERT INTO answers (hold_id, status, headers, body, bytes) VALUES (?1, ?2, ?3, ?4, ?5)`,
    id,
    answer && answer.status,
    headers,
    answer && answer.body,
    bytes,
  );
  addBytes(store, bytes);
  return { kind: "kept" };
}

/** Drops keys whose day is over, and their answers. */
export function forgetKeys(store: Store, now: number, batch: number): void {
  const old = store.exec<{ key: string; hold_id: string }>(
    `SELECT key, hold_id FROM idempotency_keys WHERE bound_at <= ?1 ORDER BY bound_at LIMIT ?2`,
    now - KEY_RETENTION_MS,
    batch,
  );
  for (const { key, hold_id } of old) {
    dropAnswer(store, hold_id);
    store.exec(`DELETE FROM idempotency_keys WHERE key = ?1`, key);
  }
}

/** When the oldest key is to be dropped; null where there is none. */
export function nextKeyExpiry(store: Store): number | null {
  const oldest = store.exec<{ at: number | null }>(`SELECT MIN(bound_at) AS at FROM idempotency_keys`)[0]?.at ?? null;
  return oldest === null ? null : oldest + KEY_RETENTION_MS;
}

type AnswerRow = { status: number | null; headers: string | null; body: ArrayBuffer | null };

function parseAnswer({ status, headers, body }: AnswerRow): Answer | null {
  if (status === null || headers === null || body === null) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by keep and by nothing else
  return { status, headers: JSON.parse(headers) as Answer["headers"], body: new Uint8Array(body) };
}

/** The hold that a key points at, while the key lives. */
function findBound(store: Store, key: string, now: number): HoldRow | undefined {
  return store.exec<HoldRow>(
    `SELECT h.* FROM idempotency_keys k JOIN holds h ON h.id = k.hold_id WHERE k.key = ?1 AND k.bound_at > ?2`,
    key,
    now - KEY_RETENTION_MS,
  )[0];
}

/** Whether the call is over and was charged, if only in part, or would have been had there been credits left. */
function isDelivered(row: HoldRow): boolean {
  return row.state === "captured" || (row.state !== "held" && row.captured + row.written_off > 0);
}

type KeyRow = { hold_id: string; bound_at: number };

function point(store: Store, key: string, holdId: string, now: number): void {
  const old = store.exec<KeyRow>(`SELECT hold_id, bound_at FROM idempotency_keys WHERE key = ?1`, key)[0];
  if (old && (old.hold_id !== holdId || old.bound_at <= now - KEY_RETENTION_MS)) dropAnswer(store, old.hold_id);
  store.exec(
    `INSERT INTO idempotency_keys (key, hold_id, bound_at) VALUES (?1, ?2, ?3)
     ON CONFLICT (key) DO UPDATE SET hold_id = ?2, bound_at = ?3`,
    key,
    holdId,
    now,
  );
}

function makeRoom(store: Store, bytes: number): void {
  let total = accountRow(store).answer_bytes + bytes;
  while (total > ANSWERS_BYTES_MAX) {
    const oldest = store.exec<{ seq: number; bytes: number }>(
      `SELECT seq, bytes FROM answers INDEXED BY kept_answers WHERE status IS NOT NULL ORDER BY seq LIMIT 1`,
    )[0];
    if (!oldest) return;
    // The row stays: it says that the call was answered, and that the answer is gone.
    store.exec(`UPDATE answers SET status = NULL, headers = NULL, body = NULL, bytes = 0 WHERE seq = ?1`, oldest.seq);
    addBytes(store, -oldest.bytes);
    total -= oldest.bytes;
  }
}

function dropAnswer(store: Store, holdId: string): void {
  const [gone] = store.exec<{ bytes: number }>(`DELETE FROM answers WHERE hold_id = ?1 RETURNING bytes`, holdId);
  if (gone) addBytes(store, -gone.bytes);
}

function addBytes(store: Store, bytes: number): void {
  if (bytes !== 0) store.exec(`UPDATE account SET answer_bytes = answer_bytes + ?1 WHERE id = 1`, bytes);
}
