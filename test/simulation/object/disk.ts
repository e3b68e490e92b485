/** The simulation's disk inside workerd, where node:sqlite is only a name: the SQL storage of an object. */
import type { Row, SqlValue, Store } from "../../../src/ledger/store.ts";
import { Disk } from "../disk.ts";

/** The ledger's store over an object's storage, as src/ledger/account.ts makes it. */
export function storeOf(storage: DurableObjectStorage): Store {
  return {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) =>
      storage.sql.exec<R>(query, ...bindings).toArray(),
    transaction: (block) => storage.transactionSync(block),
  };
}

/** A disk whose every new store is this storage, emptied. Two of them on one storage are in each other's way. */
export function diskOn(storage: DurableObjectStorage): Disk {
  return new Disk(() => {
    const store = storeOf(storage);
    const tables = store.exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`);
    for (const { name } of tables) if (!name.startsWith("_cf")) store.exec(`DROP TABLE ${name}`);
    return store;
  });
}
