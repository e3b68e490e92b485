/** The rules under trial, as the simulation calls them: the real ones, or, to try the simulation, broken ones. */
import type { Command, Outcome, Query, Readings } from "../../src/ledger/command.ts";
import {
  apply,
  duePublication,
  nextWake,
  open,
  postponePublication,
  published,
  read,
  wake,
} from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/ledger/store.ts";

export type Rules = {
  readonly apply: (store: Store, command: Command, now: number) => Outcome;
  readonly read: (store: Store, query: Query, now: number) => Readings[Query["read"]];
  readonly wake: (store: Store, now: number, batch: number) => void;
  readonly open: (store: Store) => void;
  readonly nextWake: (store: Store) => number | null;
  readonly duePublication: (store: Store, now: number) => { readonly version: number } | undefined;
  readonly published: (store: Store, version: number, now: number) => void;
  readonly postponePublication: (store: Store, at: number) => void;
};

export const REAL_RULES: Rules = {
  apply,
  read,
  wake,
  open,
  nextWake,
  duePublication,
  published,
  postponePublication,
};
