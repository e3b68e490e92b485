/** The accounts' objects and KV, for tests that run inside workerd beside the Worker. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Account, Fault } from "../../src/ledger/account.ts";
import { RPC_VERSION, type AccountView, type Command, type Outcome } from "../../src/ledger/command.ts";
import type { Row, SqlValue, Store } from "../../src/ledger/store.ts";

export const { ACCOUNTS, KV } = env as unknown as { ACCOUNTS: DurableObjectNamespace<Account>; KV: KVNamespace };

export const sleep = async (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Carries out one command on the account's object, by a stub of its own. */
export async function send(account: string, command: Command): Promise<Outcome | Fault> {
  return (await ACCOUNTS.getByName(account).apply(RPC_VERSION, command)) as Outcome | Fault;
}

/** The account's exact state. */
export async function viewOf(account: string): Promise<AccountView> {
  return (await ACCOUNTS.getByName(account).read(RPC_VERSION, { read: "account" })) as AccountView;
}

/** Looks into the object's storage without asking the object anything. */
export async function inside<T>(account: string, look: (state: DurableObjectState) => T | Promise<T>): Promise<T> {
  return runInDurableObject(ACCOUNTS.getByName(account), async (_, state) => look(state));
}

/** Changes the object's tables behind its back. */
export async function alter(account: string, statement: string): Promise<void> {
  await inside(account, ({ storage }) => {
    storage.sql.exec(statement);
  });
}

export async function tablesOf(account: string): Promise<unknown[]> {
  return inside(account, ({ storage }) =>
    storage.sql.exec<Row>(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`).toArray(),
  );
}

export async function alarmOf(account: string): Promise<number | null> {
  return inside(account, async ({ storage }) => storage.getAlarm());
}

/** The ledger's store over an object's own SQLite, counting the rows it reads and writes, as they are billed. */
export function countingStore({ storage }: DurableObjectState): {
  store: Store;
  rows: { read: number; written: number };
} {
  const rows = { read: 0, written: 0 };
  const store: Store = {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]) => {
      const cursor = storage.sql.exec<R>(query, ...bindings);
      const found = cursor.toArray();
      rows.read += cursor.rowsRead;
      rows.written += cursor.rowsWritten;
      return found;
    },
    transaction: (block) => storage.transactionSync(block),
  };
  return { store, rows };
}
