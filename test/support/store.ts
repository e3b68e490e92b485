/** The ledger's store over node:sqlite: the rules without a Worker. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Row, SqlValue, Store } from "../../src/ledger/store.ts";

export function memoryStore(): Store {
  const db = new DatabaseSync(":memory:");
  const prepared = new Map<string, StatementSync>();
  const prepare = (query: string): StatementSync => {
    const statement = prepared.get(query) ?? db.prepare(query);
    prepared.set(query, statement);
    return statement;
  };
  return {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => prepare(query).all(...bindings) as R[],
    transaction(block) {
      db.exec("BEGIN");
      try {
        const result = block();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

/** `store`, but its `n`th statement from now throws, as a crash or a full disk would make it. */
export function failingAt(store: Store, n: number): Store {
  let left = n;
  return {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => {
      left -= 1;
      if (left === 0) throw new Error("the disk is full");
      return store.exec<R>(query, ...bindings);
    },
    transaction: (block) => store.transaction(block),
  };
}

/** Everything in the store, tables and rows, to tell whether anything was written. */
export function contentsOf(store: Store): Record<string, Row[]> {
  const tables = store.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`);
  return Object.fromEntries(tables.map(({ name }) => [name, store.exec(`SELECT * FROM "${name}"`)]));
}
