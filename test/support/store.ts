/** The ledger's store over node:sqlite: the rules without a Worker. */
import { DatabaseSync } from "node:sqlite";
import type { Row, SqlValue, Store } from "../../src/ledger/store.ts";

export function memoryStore(): Store {
  const db = new DatabaseSync(":memory:");
  return {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => db.prepare(query).all(...bindings) as R[],
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
