/**
 * The little of SQLite the ledger needs, so that its rules run unchanged over a Durable Object's storage
 * and over node:sqlite in tests. Everything here is synchronous: that is what makes a command one turn.
 */

/** What a statement can be given. */
export type SqlValue = string | number | null | Uint8Array;
/** A BLOB comes back as an ArrayBuffer or a view of one; `new Uint8Array()` takes either. */
export type Row = Record<string, string | number | null | ArrayBuffer>;

export interface Store {
  /** Runs one statement and returns all its rows. */
  exec<R extends Row>(query: string, ...bindings: readonly SqlValue[]): R[];
  /** Runs `block` atomically: everything it wrote stands, or, if it throws, nothing does. */
  transaction<T>(block: () => T): T;
}

/** The one row a query must have found; none is a bug. */
export function only<R>(rows: readonly R[]): R {
  const row = rows[0];
  if (row === undefined) throw new Error("a row the ledger relies on is missing");
  return row;
}
