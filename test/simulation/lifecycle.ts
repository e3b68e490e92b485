/** The life of every hold, watched from outside: held → captured | voided | expired, once, and no charge is ever taken back. */
import type { HoldState } from "../../src/ledger/command.ts";
import type { Books } from "./books.ts";
import type { Disk } from "./disk.ts";
import { demand } from "./law.ts";

export type HoldFacts = {
  id: string;
  credits: number;
  captured: number;
  written_off: number;
  refunded: number;
  state: HoldState;
  expires_at: number;
};
type Seen = { readonly row: HoldFacts; readonly changedAt: number };

const COLUMNS = `SELECT id, credits, captured, written_off, refunded, state, expires_at FROM holds`;

export class Lifecycle {
  readonly #disk: Disk;
  readonly #books: Books;
  readonly #seen = new Map<string, Seen>();

  constructor(disk: Disk, books: Books) {
    this.#disk = disk;
    this.#books = books;
  }

  find(id: string): HoldFacts | undefined {
    return this.#books.exist ? this.#disk.rows<HoldFacts>(`${COLUMNS} WHERE id = ?1`, id)[0] : undefined;
  }

  /** Checks the holds a turn at `now` may have touched. */
  check(ids: Iterable<string>, now: number): void {
    for (const id of ids) {
      const row = this.find(id);
      if (row) this.#compare(row, now);
      else demand(!this.#seen.has(id), "lifecycle", () => `hold ${id} is gone`);
    }
  }

  /** Checks every hold. */
  checkAll(now: number): void {
    if (!this.#books.exist) return;
    const rows = this.#disk.rows<HoldFacts>(COLUMNS);
    demand(rows.length === this.#seen.size, "lifecycle", () => `${rows.length} holds, of ${this.#seen.size} placed`);
    for (const row of rows) this.#compare(row, now);
  }

  #compare(row: HoldFacts, now: number): void {
    const before = this.#seen.get(row.id);
    const was = before?.row;
    const say = (what: string) => () => `${what}: ${JSON.stringify(row)}, before ${JSON.stringify(was)}`;
    if (was) {
      if (was.state === row.state && was.captured === row.captured && was.written_off === row.written_off) {
        demand(row.refunded >= was.refunded && row.refunded <= row.captured, "lifecycle", say("refunded"));
        demand(row.state !== "held" || row.expires_at > now, "lifecycle", say("held past its deadline"));
        return;
      }
      demand(was.state === "held" || was.state === row.state, "lifecycle", say("a finished hold changed its state"));
      demand(was.credits === row.credits && was.expires_at === row.expires_at, "lifecycle", say("its terms changed"));
      const grows = row.captured >= was.captured && row.written_off >= was.written_off;
      demand(grows, "lifecycle", say("what was charged fell"));
      const mayGrow = was.state === "held" || was.state === "expired";
      demand(mayGrow || row.captured === was.captured, "lifecycle", say("charged after its end"));
    }
    demand(row.captured + row.written_off <= row.credits, "lifecycle", say("charged above the hold"));
    demand(row.state === "expired" || row.written_off === 0, "lifecycle", say("written off in time"));
    demand(row.state !== "held" || row.expires_at > now, "lifecycle", say("held past its deadline"));
    const justExpired = row.state === "expired" && was?.state !== "expired";
    demand(!justExpired || row.expires_at <= now, "lifecycle", say("expired before its deadline"));
    const told = this.#books.holds.get(row.id);
    const held = row.state === "held" ? row.credits - row.captured : 0;
    const agrees = told?.held === held && told.captured === row.captured && told.writtenOff === row.written_off;
    demand(agrees, "journal", say(`the journal tells another story, ${JSON.stringify(told)}`));
    // An expiry is as old as its deadline, whenever it was noticed; but for a charge that came late in the same turn.
    const chargedLate = row.written_off > 0 || row.captured > (was?.captured ?? 0);
    this.#seen.set(row.id, { row, changedAt: justExpired && !chargedLate ? row.expires_at : now });
  }

  /** The holds that finished before `cutoff` and may be forgotten. */
  finishedBefore(cutoff: number): string[] {
    return [...this.#seen]
      .filter(([, { row, changedAt }]) => row.state !== "held" && changedAt < cutoff)
      .map(([id]) => id);
  }

  forget(id: string): void {
    this.#seen.delete(id);
    this.#books.holds.delete(id);
  }
}
