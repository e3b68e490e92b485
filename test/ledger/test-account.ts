/** An account's ledger for tests of its rules: its books are checked after every step. */
import type { AccountView, Command, Entry, Op, Outcomes } from "../../src/ledger/command.ts";
import { apply, open, read } from "../../src/ledger/ledger.ts";
import { only, type Store } from "../../src/ledger/store.ts";
import { NOW } from "../support/command.ts";
import { memoryStore } from "../support/store.ts";
import { expectSoundBooks } from "./books.ts";

export type TestAccount = {
  readonly store: Store;
  apply<K extends Op>(command: Extract<Command, { op: K }>, now?: number): Outcomes[K];
  /** The exact state; fails the test if the account was never written to. */
  view(now?: number): AccountView;
  entries(now?: number): readonly Entry[];
};

/** An account on which `first` was carried out at NOW. */
export function openAccount(...first: readonly Command[]): TestAccount {
  const store = memoryStore();
  open(store);
  const account: TestAccount = {
    store,
    apply(command, now = NOW) {
      const outcome = apply(store, command, now);
      expectSoundBooks(store);
      return outcome;
    },
    view: (now = NOW) => present(read(store, { read: "account" }, now)),
    entries: (now = NOW) => present(read(store, { read: "entries", after: 0, limit: 1_000_000 }, now)).entries,
  };
  for (const command of first) account.apply(command);
  return account;
}

function present<T>(value: T | null): T {
  return only(value === null ? [] : [value]);
}
