/** The ledger's store over a file: one that a test made, or that a stopped object left. */
import { DatabaseSync } from "node:sqlite";
import type { Row, SqlValue, Store } from "../../src/ledger/store.ts";

export function fileStore(path: string): Store & { close(): void } {
  const db = new DatabaseSync(path);
  return {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => db.prepare(query).all(...bindings) as R[],
    transaction(block) {
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = block();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        db.exec("ROLLBACK");
        throw error;
      }
    },
    close() {
      db.close();
    },
  };
}
