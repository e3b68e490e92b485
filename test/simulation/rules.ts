/** The rules under trial, as the simulation calls them: the real ones, or, to try the simulation, broken ones. */
import type { Command, Outcome, Query, Readings } from "../../src/ledger/command.ts";
import { apply, nextWake, open, read, wake } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";

export type Rules = {
  readonly apply: (store: Store, command: Command, now: number) => Outcome;
  readonly read: (store: Store, query: Query, now: number) => Readings[Query["read"]];
  readonly wake: (store: Store, now: number) => void;
  readonly open: (store: Store) => void;
  readonly nextWake: (store: Store) => number | null;
};

export const REAL_RULES: Rules = { apply, read, wake, open, nextWake };
