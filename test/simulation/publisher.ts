/**
 * What the object does after its alarm, as src/ledger/account.ts does: it copies the account's standing to KV.
 * KV may refuse, and while it takes its time other turns come in between; in the end the copy must be the account.
 */
import type { CheckedLedger } from "./checked-ledger.ts";
import { demand } from "./law.ts";

const RETRY_MS = 10_000;
/** By then everything but the purge of a month's history is done. */
const DONE_MS = 86_400_000;
const RINGS_MAX = 20;

type Copy = {
  readonly available: number;
  readonly held: number;
  readonly status: string;
  readonly plan: string | null;
  readonly until: number | null;
};

export class Publisher {
  readonly #ledger: CheckedLedger;
  readonly #clock: () => number;
  #copy: Copy | null = null;
  /** A write to KV under way. */
  #under: { readonly version: number; readonly copy: Copy } | null = null;

  constructor(ledger: CheckedLedger, clock: () => number) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** The alarm rang. A write that was under way is done by now. */
  ring(how: number): void {
    this.#complete();
    const now = this.#clock();
    const due = this.#ledger.chores.duePublication(now);
    if (!due) return;
    if (how % 4 === 2) return this.#ledger.chores.postponePublication(now + RETRY_MS);
    this.#under = { version: due.version, copy: this.#standing() };
    if (how % 4 !== 1) this.#complete();
  }

  #standing(): Copy {
    const { books, settings } = this.#ledger;
    const { available, held } = books.facts;
    // A plan that has run out meanwhile: whoever reads the copy sees its time.
    return { available, held, status: settings.status, plan: settings.plan, until: settings.until };
  }

  #complete(): void {
    if (!this.#under) return;
    this.#copy = this.#under.copy;
    this.#ledger.chores.published(this.#under.version, this.#clock());
    this.#under = null;
  }

  /** Rings until nothing is due, and compares. `pass` lets time pass until the clock shows `at`. */
  finish(pass: (at: number) => void): void {
    if (!this.#ledger.books.exist) return;
    for (let n = 0; n < RINGS_MAX; n++) {
      const at = this.#ledger.chores.nextWake();
      if (this.#under === null && (at === null || at > this.#clock() + DONE_MS)) break;
      if (at !== null && at <= this.#clock() + DONE_MS) pass(at);
      this.#ledger.wake();
      this.ring(0);
    }
    if (this.#ledger.turns === 0 || this.#ledger.books.facts.seq === 0) return;
    const [copy, wanted] = [JSON.stringify(this.#copy), JSON.stringify(this.#standing())];
    demand(copy === wanted, "publication", () => `the copy is ${copy}, the account ${wanted}`);
  }
}
