/** The types of ledger-1.js, as far as tests use it: those of today, of which version 1 reads what it knew. */
import type { Command, Op, Outcomes, Query, Readings } from "../../src/ledger/command.ts";
import type { Store } from "../../src/ledger/store.ts";

export function open(store: Store): void;
export function apply(store: Store, command: Command, now: number): Outcomes[Op];
export function read<Q extends Query>(store: Store, query: Q, now: number): Readings[Q["read"]];
export function wake(store: Store, now: number): void;
