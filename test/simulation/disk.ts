/**
 * The disk under the ledger: one in-memory database, wiped between histories, that can be told to break down at the
 * nth statement of a turn or at its commit.
 */
import { apply } from "../../src/ledger/ledger.ts";
import type { Row, SqlValue, Store } from "../../src/ledger/store.ts";
import { memoryStore } from "../support/store.ts";
import { START } from "./contents.ts";

export class Breakdown extends Error {}

export class Disk {
  readonly #make: () => Store;
  #base: Store;
  #tables: readonly string[] = [];
  /** Statements until the breakdown; a commit counts as one. */
  #left = Infinity;
  /** What the rules see. */
  readonly store: Store = {
    exec: <R extends Row>(query: string, ...bindings: readonly SqlValue[]): R[] => {
      this.#step();
      return this.#base.exec<R>(query, ...bindings);
    },
    transaction: (block) =>
      this.#base.transaction(() => {
        const result = block();
        this.#step();
        return result;
      }),
  };

  /** `make`: a new store, with nothing in it. */
  constructor(make: () => Store = memoryStore) {
    this.#make = make;
    this.#base = make();
  }

  #step(): void {
    this.#left -= 1;
    if (this.#left === 0) throw new Breakdown("the disk broke down");
  }

  /** The nth statement from now breaks down; Infinity: none does. */
  breakAt(n: number): void {
    this.#left = n;
  }

  /** What the checks see: no breakdowns. */
  rows<R extends Row>(query: string, ...bindings: readonly SqlValue[]): R[] {
    return this.#base.exec<R>(query, ...bindings);
  }

  /** A new account: with its tables made, or one that nobody ever wrote to. */
  reset(stranger: boolean): void {
    this.#left = Infinity;
    if (stranger) {
      this.#base = this.#make();
      this.#tables = [];
      return;
    }
    if (this.#tables.length === 0) {
      this.#base = this.#make();
      apply(this.#base, { op: "status", status: "active" }, START);
      const found = this.rows<{ name: string }>(
        `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_version'`,
      );
      this.#tables = found.map(({ name }) => name);
    }
    this.#base.transaction(() => {
      for (const name of this.#tables) this.rows(`DELETE FROM ${name}`);
      this.rows(`INSERT INTO account (id) VALUES (1)`);
    });
  }
}
